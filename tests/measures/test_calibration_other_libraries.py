"""The errors of other libraries on data whose probabilities lie on the edges of bins."""

import pytest

from measures.calibration import other_libraries as module
from measures.calibration.forecasts import binary_forecasts
from measures.calibration.other_libraries import other_libraries
from measures.calibration.report import calibration_report
from tests.measures.forecast_cases import bootstrap, d2

EDGES = ([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0], [k / 10 for k in range(11)])


def told(forecasts):
    return [(one["library"].split()[0], one["value"]) for one in other_libraries(forecasts)]


def test_one_upload_has_three_errors_in_five_bins(monkeypatch):
    """scikit-learn prints 0.2273, netcal 1.4.0 and relplot 1.0.3 0.3545, MAPIE 1.6.0 0.3182."""
    monkeypatch.setattr(module, "N_BINS", 5)
    assert dict(told(binary_forecasts(*EDGES))[:4]) == pytest.approx(
        {
            "scikit-learn": 0.22727272727272727,
            "netcal": 0.3545454545454545,
            "relplot": 0.3545454545454545,
            "MAPIE": 0.3181818181818182,
        }
    )


def test_certainty_has_a_bin_of_its_own_in_some():
    """0.525 in relplot and torchmetrics (issue 3510), 0.475 in the others."""
    found = dict(told(binary_forecasts([1, 0], [0.95, 1.0]))[:3])
    assert found == pytest.approx({"scikit-learn": 0.475, "netcal": 0.475, "relplot": 0.525})


def test_single_precision_halves_the_penalty_of_certainty():
    """scikit-learn 1.9.1: 15.942385 for a float32 probability of 0 of what happened."""
    found = other_libraries(binary_forecasts([1], [0.0]))
    assert found[4]["value"] == pytest.approx(15.942385152878742, abs=1e-6)


def test_a_one_sided_test_is_half_of_ours_or_what_is_left():
    found = other_libraries(d2())[-1]
    ours = calibration_report(d2(), bootstrap(n_resamples=10)).tests.spiegelhalter
    assert found["value"] == pytest.approx(ours.p_value / 2)


def test_weights_are_taken_by_none_of_them():
    weighted = binary_forecasts(*EDGES, weights=[2] * 11)
    assert {one["reason"] for one in other_libraries(weighted)} == {"not_applicable"}
    assert other_libraries(binary_forecasts([], [])) == ()


def test_a_report_holds_murphys_terms():
    found = calibration_report(d2(), bootstrap(n_resamples=10)).as_dict()["murphy"]["uniform_10"]
    assert found == pytest.approx(
        {
            "brier": 0.215080655006125,
            "reliability": 0.010765762475486596,
            "resolution": 0.045163596491228065,
            "uncertainty": 0.249975,
            "within_variance": 0.0008311498902875284,
            "within_covariance": 0.0013276608684210539,
        },
        abs=1e-9,
    )

"""The printed cases once more, from an upload to the answer: libraries' figures, to the digit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from measures.calibration.forecasts import BinaryForecasts
from predictions import parameters
from tests.conftest import Trust
from tests.measures.forecast_cases import d1, d2, m1
from tests.predictions.conftest import make_file
from tests.predictions.test_calibration_journeys import measured, rows_of, table, values


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("calibration", "conformal", "ensembles"):
        monkeypatch.setitem(parameters.DEFAULTS[kind], "n_replicates", 60)


def sent(alice: Trust, forecasts: BinaryForecasts, slug: str = "case") -> Any:
    names = [f"i{k:04}" for k in range(forecasts.n)]
    words = ["yes" if y else "no" for y in forecasts.y_true]
    return measured(
        alice,
        alice.dataset(slug),
        make_file("item,label", names, words),
        make_file("item,probability", names, [repr(float(p)) for p in forecasts.y_prob]),
        ["no", "yes"],
    )


# netcal 1.4.0, uncertainty-calibration 0.1.4, relplot 1.0.3, scikit-learn 1.9.1,
# model-diagnostics 1.5.0.
ERRORS = {
    "uniform_10": (0.10241588500000001, 0.07935493500000002),
    "uniform_15": (0.11305619500000003, 0.09660240499999999),
    "quantile_10": (0.10241588500000001, 0.07512248500000002),
    "rms_10": (0.110536872007629, 0.10375819232950523),
    "mce_10": (0.19848390000000002, 0.1834803333333333),
    "mean_bin_10": (0.10221086191729326, 0.07889494211779449),
    "debiased_squared_10": (0.004217146940398878, 2.7458381919343543e-05),
}
SCORES = {
    "brier": (0.164448535006125, 0.215080655006125),
    "log_loss": (0.4923411299139813, 0.6217439157848248),
    "mcb": (0.01976622167675285, 0.016056875637918355),
    "dsc": (0.09531768667062784, 0.050951220631793304),
    "unc": (0.24, 0.24997499999999995),
}


def test_all_too_high_and_too_bold(alice: Trust) -> None:
    for which, forecasts in enumerate((d1(), d2())):
        found = sent(alice, forecasts, f"d{which + 1}")
        errors = {key: found["ece"][key]["value"] for key in ERRORS}
        assert errors == pytest.approx({k: pair[which] for k, pair in ERRORS.items()}, abs=1e-9)
        scores = {key: found["scores"][key]["value"] for key in SCORES}
        assert scores == pytest.approx({k: pair[which] for k, pair in SCORES.items()}, abs=1e-9)
        if which == 0:
            _tests_of_d1(found)
        else:
            _parts_of_d2(alice, found)


def _tests_of_d1(found: Any) -> None:
    """MAPIE 1.6.0, MCGrad 0.1.5, pycaleva 0.8.2, statsmodels 0.15.0, relplot 1.0.3."""
    tests = found["tests"]
    assert tests["spiegelhalter"]["value"] == pytest.approx(-0.2018824355799333, abs=1e-7)
    assert tests["spiegelhalter"]["p_value"] == pytest.approx(0.8400086337323746, abs=1e-7)
    assert tests["kuiper"]["value"] == pytest.approx(0.10511957999999996, abs=1e-7)
    assert tests["kuiper"]["p_value"] == pytest.approx(0.0011022545152785668, abs=1e-7)
    cox = tests["cox"]
    assert cox["test"]["value"] == pytest.approx(13.256698175933735, abs=1e-6)
    assert cox["test"]["p_value"] == pytest.approx(0.0013223443591945533, abs=1e-6)
    assert values(cox, "slope", "intercept", "in_the_large", "observed_expected") == pytest.approx(
        [1.1298514905498434, -0.6620430032269491, -0.6206861183217341, 0.7961531709929912], abs=1e-6
    )
    assert cox["slope"]["se"] == pytest.approx(0.16995002050211339, abs=1e-6)
    assert found["ece"]["smooth"]["value"] == pytest.approx(0.10241568326950073, abs=2e-3)


def _parts_of_d2(alice: Trust, found: Any) -> None:
    """Closed forms, MCGrad 0.1.5, statsmodels 0.15.0, betacal 1.1.0."""
    gaps = found["tests"]["isotonic_gaps"]
    assert gaps == pytest.approx(
        {
            "ici_isotonic": 0.07534297101275916,
            "e50_isotonic": 0.05883542105263159,
            "e90_isotonic": 0.16488103636363635,
            "emax_isotonic": 0.19556633333333331,
        },
        abs=1e-9,
    )
    detectable = found["tests"]["detectable"]
    assert (detectable["sigma"], detectable["five_sigma"]) == pytest.approx(
        (0.028900833897473877, 0.1445041694873694), abs=1e-9
    )
    chance = found["ece_if_calibrated"]["uniform_10"]["value"]
    assert chance == pytest.approx(0.0698441236575, abs=0.01)
    platt = alice.get("datasets/d2/recalibrations/platt.json")["parameters"]
    assert platt == pytest.approx(
        {"slope": 0.596079986744405, "intercept": 0.014373374275173935}, abs=1e-5
    )
    beta = alice.get("datasets/d2/recalibrations/beta.json")["parameters"]
    assert [beta[key] for key in "abc"] == pytest.approx(
        [0.7322191334813306, 0.46692686468970396, 0.25220682541089445], abs=1e-3
    )
    murphy = found["murphy"]["uniform_10"]
    assert murphy["reliability"] == pytest.approx(0.010765762475486596, abs=1e-9)
    assert murphy["resolution"] == pytest.approx(0.045163596491228065, abs=1e-9)


def test_three_classes_too_bold(alice: Trust) -> None:
    """uncertainty-calibration 0.1.4, netcal 1.4.0, scikit-learn 1.9.1."""
    forecasts = m1()
    names, classes = [f"i{k:03}" for k in range(150)], ["a", "b", "c"]
    stated = [[repr(float(p)) for p in column] for column in forecasts.y_prob.T]
    path = alice.dataset("m1")
    found = measured(
        alice,
        path,
        make_file("item,label", names, [classes[y] for y in forecasts.y_true]),
        make_file("item,p_a,p_b,p_c", names, *stated),
        classes,
    )
    assert found["scores"]["accuracy"]["value"] == pytest.approx(0.5333333333333333)
    assert values(found["ece"], "uniform_10", "toplabel_10") == pytest.approx(
        [0.15171803333333328, 0.18384540666666668], abs=1e-9
    )
    fitted = alice.get(f"{path}recalibrations/temperature.json")["parameters"]
    assert fitted["temperature"] == pytest.approx(2.039078160638554, abs=1e-4)


def test_basketball_games(alice: Trust, shared: Path) -> None:
    games = rows_of(shared / "data" / "fcst_538_nba_games" / "forecasts.csv")
    labels = table(
        "item,label",
        ((i, "yes" if float(g["prob1_outcome"]) else "no") for i, g in enumerate(games)),
    )
    stated = table("item,probability", ((i, g["prob1"]) for i, g in enumerate(games)))
    found = measured(alice, alice.dataset("nba"), labels, stated, ["no", "yes"])
    assert values(
        found["scores"], "brier", "brier_skill", "log_loss", "auc", "mcb", "dsc"
    ) == pytest.approx([0.214654, 0.123364, 0.619093, 0.711303, 0.004077, 0.034284], abs=6e-7)
    assert values(found["ece"], "uniform_10", "quantile_10", "uniform_15", "mce_15") == (
        pytest.approx([0.048352, 0.047463, 0.049189, 0.450115], abs=6e-7)
    )
    assert found["tests"]["cox"]["in_the_large"]["ci_high"] < 0


# The README of reliabilitydiag prints EMOS as 0.232, 0.0183, 0.0305, 0.244.
NIAMEY = {
    "EMOS": (0.23202517936819927, 0.018282943343354563, 0.03046853902241428, 0.244210775047259),
    "ENS": (0.2661676742989452, 0.06607222827958617, 0.04411532902789994, 0.244210775047259),
}


def test_rain_in_niamey(alice: Trust, shared: Path) -> None:
    days = rows_of(shared / "data" / "fcst_niamey2016" / "precip_niamey_2016.csv")
    labels = table("item,label", ((d["date"], "rain" if float(d["obs"]) else "dry") for d in days))
    for method, expected in NIAMEY.items():
        stated = table("item,probability", ((d["date"], d[method]) for d in days))
        path = alice.dataset(method.lower())
        found = measured(alice, path, labels, stated, ["dry", "rain"])
        assert values(found["scores"], "brier", "mcb", "dsc", "unc") == pytest.approx(
            expected, abs=1e-6
        )

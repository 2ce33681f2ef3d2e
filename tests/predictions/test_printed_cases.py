"""Each printed case that can be sent as a file: from the upload to the digits of the answer."""

from __future__ import annotations

import csv
import io
import math
import re
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from measures.calibration.forecasts import BinaryForecasts
from predictions import novelty_parameters, parameters
from tests.conftest import Trust, work_off
from tests.measures.forecast_cases import GOLDEN, PLASTIC, d1, d2, fraction, m1
from tests.predictions.conftest import make_file
from tests.predictions.test_calibration_journeys import measured, rows_of, table

DOCS = Path(__file__).resolve().parents[2] / "docs" / "measures" / "calibration.md"


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    for defaults in (*parameters.DEFAULTS.values(), novelty_parameters.DEFAULTS):
        monkeypatch.setitem(defaults, "n_replicates", 20)


def at(found: Any, path: str) -> Any:
    """What lies at a path such as ``ece.uniform_5.value``."""
    return reduce(
        lambda body, key: body[int(key) if key.isdigit() else key], path.split("."), found
    )


def names_of(n: int) -> list[str]:
    return [f"i{k:03}" for k in range(n)]


def asked(alice: Trust, path: str, kind: str, **wanted: Any) -> Any:
    """The result of a run with these parameters."""
    alice.post(f"{path}runs/", {"kind": kind, "parameters": wanted}, expect=202)
    work_off()
    return alice.get(f"{path}{kind}/")


def sent(alice: Trust, y: Any, p: Any, slug: str = "case", n_labelled: int | None = None) -> str:
    """A data set with these binary forecasts, every digit of them; only the first may be known."""
    names, path = names_of(len(p)), alice.dataset(slug)
    words = ["yes" if one else "no" for one in y][:n_labelled]
    labels = make_file("item,label", names[:n_labelled], words)
    stated = make_file("item,probability", names, [repr(float(one)) for one in p])
    measured(alice, path, labels, stated, ["no", "yes"])
    return path


# y, p, parameters of the run, and what lies where in the answer.
SMALL: dict[str, tuple[Any, Any, dict[str, Any], dict[str, Any]]] = {
    # Docstring of calibration_curve, scikit-learn 1.9.1.
    "curve.sklearn_doc": (
        [0, 0, 0, 0, 1, 1, 1, 1, 1],
        [0.1, 0.2, 0.3, 0.4, 0.65, 0.7, 0.8, 0.9, 1.0],
        {"n_bins": 3},
        {
            "curve.bins.0.observed.value": 0.0,
            "curve.bins.1.observed.value": 0.5,
            "curve.bins.2.observed.value": 1.0,
            "curve.bins.0.mean_predicted": 0.2,
            "curve.bins.1.mean_predicted": 0.525,
            "curve.bins.2.mean_predicted": 0.85,
            "curve.bins.0.n": 3,
            "curve.bins.1.n": 2,
            "curve.bins.2.n": 4,
        },
    ),
    # scikit-learn and uncertainty-calibration 0.1.4; netcal gives 0.3545, MAPIE 0.3182.
    "ece.edges_on_boundaries": (
        [0, 1] * 5 + [0],
        [k / 10 for k in range(11)],
        {"n_bins": 5},
        {"ece.uniform_5.value": 0.22727272727272727, "effective_bins.uniform_5": 5},
    ),
    # relplot and torchmetrics, which have a bin too many, give 0.525.
    "ece.p_equal_one": (
        [1, 0],
        [0.95, 1.0],
        {},
        {"ece.uniform_10.value": 0.475, "ece.mce_10.value": 0.475},
    ),
    "ece.single": ([1], [0.3], {}, {"ece.uniform_10.value": 0.7, "ece.uniform_10.n": 1}),
    # scikit-learn clips a float32 at its own epsilon and gives 15.94.
    "scores.log_loss_clip": ([1], [0.0], {}, {"scores.log_loss.value": 36.04365338911715}),
    "tests.spiegelhalter_half": (
        [0, 1, 1, 1],
        [0.5] * 4,
        {},
        {
            "tests.spiegelhalter.value": None,
            "tests.spiegelhalter.p_value": None,
            "tests.spiegelhalter.reason": "no_variation",
        },
    ),
    # Brier (1950), table 1: ten forecasts of rain, P = 0.19.
    "brier.1950": (
        [0, 1, 1, 1, 0, 0, 0, 0, 0, 0],
        [0.7, 0.9, 0.8, 0.4, 0.2, 0.0, 0.0, 0.0, 0.0, 0.1],
        {},
        {"scores.brier_sum.value": 0.19, "scores.brier.value": 0.095},
    ),
    # Never right and always sure.
    "certainly.wrong": (
        [0, 1] * 10,
        [1.0, 0.0] * 10,
        {},
        {
            "scores.brier.value": 1.0,
            "scores.log_loss.value": 36.04365338911715,
            "scores.auc.value": 0.0,
            "ece.uniform_10.value": 1.0,
            "ece.debiased_squared_10.value": 1.0,
            "tests.kuiper.reason": "no_variation",
            "tests.cox.slope.reason": "not_applicable",
        },
    ),
    # What one class leaves undefined is a reason; what it leaves defined is a number.
    "one.class": (
        [1] * 30,
        [0.8] * 30,
        {},
        {
            "scores.auc.reason": "one_class",
            "scores.brier_skill.reason": "one_class",
            "scores.brier.value": 0.04,
            "scores.mcb.value": 0.04,
            "ece.uniform_10.value": 0.2,
            "tests.cox.test.reason": "one_class",
            "tests.cox.observed_expected.value": 1.25,
            "recalibration.recommended": "none",
        },
    ),
}


@pytest.mark.parametrize("name", SMALL)
def test_small_cases(alice: Trust, name: str) -> None:
    y, p, wanted, expected = SMALL[name]
    found = asked(alice, sent(alice, y, p), "calibration", n_replicates=30, **wanted)
    for where, value in expected.items():
        body, _, key = where.rpartition(".")
        assert at(found, body).get(key) == (
            value if value is None or isinstance(value, str) else pytest.approx(value)
        )


# model-diagnostics 1.5.0, pycaleva 0.8.2, scikit-learn 1.9.1; identity checked to 1e-9.
D1 = {
    "scores.log_mcb.value": 0.06354748081328498,
    "scores.log_dsc.value": 0.24421801790855996,
    "scores.log_unc.value": 0.6730116670092563,
    "scores.log_loss.value": 0.4923411299139813,
    "tests.hosmer_lemeshow.value": 13.833691943051832,
    "tests.hosmer_lemeshow.p_value": 0.18071348570527898,
    "tests.hosmer_lemeshow_in_sample.p_value": 0.086204491932006,
    "tests.kuiper.se": 0.10511957999999996 / 3.6372507579855022,
    "tests.cox.in_the_large.se": 0.1762940582474061,
    "effective_bins.uniform_cube_root": 6,
}
D2 = {
    "scores.brier.value": 0.215080655006125,
    "scores.log_loss.value": 0.6217439157848248,
    "scores.brier_skill.value": 0.1395913391094108,
    "scores.log_loss_skill.value": 0.10294842632298995,
    "scores.log_mcb.value": 0.05166599952622131,
    "scores.log_dsc.value": 0.1230192634679752,
    "scores.log_unc.value": 0.6930971797265787,
    "murphy.uniform_10.reliability": 0.010765762475486596,
    "murphy.uniform_10.resolution": 0.045163596491228065,
    "murphy.uniform_10.uncertainty": 0.249975,
    "murphy.uniform_10.within_variance": 0.0008311498902875284,
    "murphy.uniform_10.within_covariance": 0.0013276608684210539,
    "murphy.uniform_10.brier": 0.215080655006125,
}


@pytest.mark.parametrize(("make", "expected"), [(d1, D1), (d2, D2)], ids=["D1", "D2"])
def test_generated_forecasts(alice: Trust, make: Any, expected: dict[str, float]) -> None:
    f: BinaryForecasts = make()
    path = sent(alice, f.y_true, f.y_prob)
    found = asked(
        alice,
        path,
        "calibration",
        n_replicates=500,
        ci_level=0.9,
        n_bins="cube_root",
    )
    for where, value in expected.items():
        # Standard errors and p-values end an iteration.
        assert at(found, where) == pytest.approx(value, abs=1e-9, rel=1e-7), where
    assert len(found["curve"]["bins"]) == 6
    assert found["ece"]["uniform_cube_root"] == found["ece"]["uniform_6"]
    honest = found["tests"]["mcb_if_calibrated"]
    assert honest["ci_low"] < honest["value"] < honest["ci_high"]
    if make is d1:
        assert honest["value"] == pytest.approx(0.015142755648697792, abs=1e-3)
    else:
        # 4,000 resamples of PCG64 seed 0; the upper end at a level of 0.9 is their 95 % quantile.
        chance = found["ece_if_calibrated"]["uniform_10"]
        assert (chance["value"], chance["ci_high"]) == pytest.approx(
            (0.0698441236575, 0.10101979449999998), abs=5e-3
        )
        assert chance["p_value"] == pytest.approx(0.285, abs=0.06)
        # betacal 1.1.0.
        beta = alice.get(f"{path}recalibrations/beta.json")
        assert [applier()["recalibrate"](beta, p) for p in (0.1, 0.5, 0.9)] == pytest.approx(
            [0.20027213555555676, 0.5170734187662016, 0.7773342514076141], abs=1e-3
        )


def test_four_notions_of_several_classes(alice: Trust) -> None:
    """uncertainty-calibration 0.1.4, netcal 1.4.0; temperature by scikit-learn 1.9.1."""
    path = three_classes(alice, 150)
    found = alice.get(f"{path}calibration/")
    expected = {
        "uniform_10": 0.15171803333333328,
        "classwise_10": 0.13995588444444446,
        "toplabel_10": 0.18384540666666668,
        "toplabel_10_mean": 0.18306990515436947,
    }
    told = {key: found["ece"][key]["value"] for key in expected}
    assert told == pytest.approx(expected, abs=1e-9)
    fitted = alice.get(f"{path}recalibrations/temperature.json")
    forecasts = m1()
    rows = [applier()["recalibrate_row"](fitted, row) for row in forecasts.y_prob.tolist()]
    after = [row[y] for row, y in zip(rows, forecasts.y_true.tolist(), strict=True)]
    assert -np.log(after).mean() == pytest.approx(0.9621818636798473, abs=1e-6)


def three_classes(alice: Trust, n_labelled: int, splits: bool = False) -> str:
    """The 150 items of three classes; with splits, of validation and then of test."""
    forecasts, names, classes = m1(), names_of(150), ["a", "b", "c"]
    words = [classes[y] for y in forecasts.y_true][:n_labelled]
    stated = [[repr(float(p)) for p in column] for column in forecasts.y_prob.T]
    path = alice.dataset("m1")
    parity = ["even" if k % 2 == 0 else "odd" for k in range(150)]
    alice.send(path, "items", make_file("item,parity", names, parity))
    split = ["validation"] * 100 + ["test"] * 50 if splits else [""] * 150
    measured(
        alice,
        path,
        make_file("item,label", names[:n_labelled], words),
        make_file("item,p_a,p_b,p_c,split", names, *stated, split),
        classes,
    )
    return path


def applier() -> dict[str, Any]:
    """The functions printed in the documentation, as somebody would paste them."""
    pasted: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)[1:]:
        exec(code, pasted)
    return pasted


# MAPIE 1.6.0 and crepes 0.9.1: threshold, mean size, coverage.
CONFORMAL = {0.1: (0.9125840000000001, 2.26, 0.92), 0.2: (0.851633, 1.94, 0.84)}


@pytest.mark.parametrize("alpha", CONFORMAL)
def test_sets_calibrated_on_the_validation_split(alice: Trust, alpha: float) -> None:
    path = three_classes(alice, 150, splits=True)
    found = asked(alice, path, "conformal", alpha=alpha, calibrate_on="validation", n_replicates=20)
    lac = found["methods"]["lac"]
    got = (lac["threshold"], lac["mean_size"], lac["coverage"]["value"])
    assert got == pytest.approx(CONFORMAL[alpha], abs=1e-9)
    assert (found["n_calibration"], found["n_judged"], lac["coverage"]["n"]) == (100, 50, 50)
    assert lac["n_covered"] == round(50 * CONFORMAL[alpha][2])
    assert "split validation" in found["conventions"]["split"]
    if alpha == 0.1:
        own = [one["lac"]["own"]["threshold"] for one in found["subgroups"]]
        assert own == pytest.approx([0.92421, 0.902639], abs=1e-9)
        assert [one["n"] for one in found["subgroups"]] == [25, 25]


def test_sets_of_items_to_come(alice: Trust) -> None:
    """The same when only the first hundred items have a label: each item has its set."""
    path = three_classes(alice, 100)
    rows = alice.get(f"{path}confidence.json", page_size=150)["results"][100:]
    sets = [row["conformal_set"] for row in rows]
    assert np.mean([len(one) for one in sets]) == pytest.approx(2.26)
    truth = ["abc"[y] for y in m1().y_true[100:]]
    assert np.mean([y in one for y, one in zip(truth, sets, strict=True)]) == pytest.approx(0.92)


def test_without_a_validation_split_no_coverage_is_claimed(alice: Trust) -> None:
    path = three_classes(alice, 150)
    found = asked(alice, path, "conformal", calibrate_on="validation", n_replicates=20)
    lac = found["methods"]["lac"]
    assert (lac["threshold"], lac["coverage"]["reason"]) == (None, "no_data")


def test_venn_abers_of_items_to_come(alice: Trust) -> None:
    """venn-abers 1.5.4: calibrated on the first hundred, asked about the others."""
    f = d2()
    path = sent(alice, f.y_true, f.y_prob, n_labelled=100)
    rows = alice.get(f"{path}confidence.json", page_size=200)["results"][100:]
    pairs = np.array([row["venn_abers"] for row in rows])
    expected = [
        [0.36363636363636365, 0.5],
        [0.0, 0.25],
        [0.6470588235294118, 0.6923076923076923],
    ]
    np.testing.assert_allclose(pairs[:3], expected, atol=1e-15)
    assert (pairs[:, 1] - pairs[:, 0]).mean() == pytest.approx(0.10324537440582994, abs=1e-12)
    fitted = alice.get(f"{path}recalibrations/venn_abers.json")
    merged = [applier()["recalibrate"](fitted, row["probabilities"]["yes"]) for row in rows[:3]]
    assert merged == pytest.approx([0.44, 0.2, 0.6623376623376624], abs=1e-12)


def test_risk_of_answering(alice: Trust) -> None:
    """torch-uncertainty's docstring prints the trapezoid, 0.0833; the mean of risks is 0.1111."""
    found = alice.get(f"{sent(alice, [0, 1, 0], [0.3, 0.4, 0.2])}conformal/")["risk_coverage"]
    told = (found["aurc"]["value"], *(found[k] for k in ("aurc_trapezoid", "oracle", "augrc")))
    assert told == pytest.approx((1 / 9, 1 / 12, 1 / 9, 1 / 9), abs=1e-9)
    assert found["excess"] == pytest.approx(0, abs=1e-12)


def test_disagreement_shared_doubt_and_shared_certainty(alice: Trust) -> None:
    members = [[1.0, 0.5, 0.9], [0.0, 0.5, 0.9]]
    rows = [(n, p, m) for m, one in enumerate(members) for n, p in zip("abc", one, strict=True)]
    path = alice.dataset("members")
    labels = make_file("item,label", "abc", ["yes", "no", "yes"])
    stated = make_file("item,probability,member", *zip(*rows, strict=True))
    measured(alice, path, labels, stated, ["no", "yes"])
    found = alice.get(f"{path}ensembles/items.json")["results"]
    ln2, third = math.log(2), 0.3250829733914482
    expected = {
        "total_entropy": [ln2, ln2, third],
        "aleatoric_entropy": [0, ln2, third],
        "epistemic_entropy": [ln2, 0, 0],
        "variation_ratio": [0.5, 0, 0],
    }
    for key, values in expected.items():
        assert [row[key] for row in found] == pytest.approx(values, abs=1e-12), key
    terms = alice.get(f"{path}ensembles/")["ambiguity"]
    gain = terms["member_brier"]["value"] - terms["ensemble_brier"]["value"]
    assert gain == pytest.approx(terms["diversity"]["value"], abs=1e-15) == 0.25 / 3


# NannyML 0.13.1.
CBPE = {
    "accuracy": 0.76,
    "precision": 0.7666666666666667,
    "recall": 0.8214285714285714,
    "f1": 0.7931034482758621,
    "specificity": 0.6818181818181818,
    "auc": 0.8084415584415585,
}


def test_performance_without_labels(alice: Trust) -> None:
    path = sent(alice, [], [0.9, 0.8, 0.3, 0.2, 0.6], n_labelled=0)
    refused = alice.get(f"{path}expected-performance/")
    assert (refused["reason"], refused["expected"]["accuracy"]["value"]) == ("no_data", None)
    found = asked(alice, path, "expected-performance", assume_calibrated=True, n_replicates=20)
    told = {key: found["expected"][key]["value"] for key in CBPE}
    assert told == pytest.approx(CBPE, abs=1e-9)
    assert "Valid only if the probabilities are calibrated" in found["assumption"]
    assert (found["calibration"]["shown"], found["reason"]) == (False, None)
    assert "calibration_assumed" in found["warnings"]


def test_novelty_of_four_points(alice: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyod 3.6.7 and scikit-learn's neighbours; the smallest p possible is 1 / 61."""
    monkeypatch.setitem(novelty_parameters.DEFAULTS, "methods", ["knn", "mahalanobis"])
    monkeypatch.setitem(novelty_parameters.DEFAULTS, "standardise", False)
    i = np.arange(1, 61)
    reference = np.stack([2 * fraction(i * GOLDEN) - 1, 2 * fraction(i * PLASTIC) - 1], axis=1)
    points = np.concatenate([reference, [[0, 0], [0.9, 0.9], [3, 0], [-5, 5]]])
    names, path = names_of(64), alice.dataset("points")
    out = io.StringIO(newline="")
    csv.writer(out).writerows(
        [
            ["item", "x", "y"],
            *([n, repr(float(x)), repr(float(y))] for n, (x, y) in zip(names, points, strict=True)),
        ]
    )
    alice.send(path, "items", make_file("item,split", names, ["train"] * 60 + ["test"] * 4))
    alice.upload(path, "features", out.getvalue())
    assert alice.get(f"{path}novelty/")["smallest_p"] == pytest.approx(1 / 61)
    rows = alice.get(f"{path}novelty/items.json")["results"]
    expected = {
        "score_knn": [0.303941296464094, 0.39366391302426346, 2.2918942198026793, 6.22103735185765],
        "score_mahalanobis": [
            0.001114454741595462,
            5.039422339360918,
            27.410016701086615,
            152.86505944478552,
        ],
        "p_knn": [0.2786885245901639, 0.16393442622950818, 1 / 61, 1 / 61],
    }
    for key, values in expected.items():
        # Features are kept in 32 bits.
        assert [row[key] for row in rows] == pytest.approx(values, rel=1e-5), key


def test_post_stratified_loss(alice: Trust) -> None:
    """Closed form: shares of 0.8 and 0.2 weighted to a half each."""
    names, path = names_of(10), alice.dataset("strata")
    group = ["a"] * 8 + ["b"] * 2
    alice.post(f"{path}attributes/", {"name": "kind", "of": "item", "kind": "categorical"})
    alice.send(path, "items", make_file("item,kind", names, group))
    alice.post(f"{path}populations/", {"name": "market", "source": "a guess"})
    alice.send(path, "population", "kind,weight\na,0.5\nb,0.5\n", population="market")
    loss = [math.sqrt(0.1 if one == "a" else 0.4) for one in group]
    labels = make_file("item,label", names, ["no"] * 9 + ["yes"])
    stated = [*loss[:9], 1 - loss[9]]
    rows = make_file("item,probability", names, [repr(p) for p in stated])
    raw = measured(alice, path, labels, rows, ["no", "yes"])
    assert raw["scores"]["brier"]["value"] == pytest.approx(0.16, abs=1e-12)
    found = alice.get(f"{path}calibration/", population="market")
    assert found["scores"]["brier"]["value"] == pytest.approx(0.25, abs=1e-12)
    assert found["weighting"]["n_effective"] == pytest.approx(6.4, abs=1e-12)


# model-diagnostics 1.5.0: score, MCB, DSC, UNC.
NIAMEY = {
    "Logistic": (0.2057461718863881, 0.017076057358150015, 0.0555406605190209),
    "EPC": (0.23428175541280358, 0.02234974738105125, 0.032278767015506665),
}


@pytest.mark.parametrize("method", NIAMEY)
def test_rain_in_niamey(alice: Trust, shared: Path, method: str) -> None:
    days = rows_of(shared / "data" / "fcst_niamey2016" / "precip_niamey_2016.csv")
    labels = table("item,label", ((d["date"], "rain" if float(d["obs"]) else "dry") for d in days))
    stated = table("item,probability", ((d["date"], d[method]) for d in days))
    found = measured(alice, alice.dataset("rain"), labels, stated, ["dry", "rain"])
    told = [found["scores"][key]["value"] for key in ("brier", "mcb", "dsc", "unc")]
    assert told == pytest.approx([*NIAMEY[method], 0.244210775047259], abs=1e-6)

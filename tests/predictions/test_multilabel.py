"""Models that give each label of a set a probability of its own, from file to result."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics

from predictions import parameters
from tests.conftest import Trust, work_off
from tests.predictions.conftest import make_file

CLASSES = ["cat", "dog", "fox"]
N = 120
RNG = np.random.default_rng(3)
P = np.round(RNG.random((N, 3)), 3)
Y = RNG.random((N, 3)) < P**1.3
NAMES = [f"photo{k}" for k in range(N)]
SETS = ["|".join(np.array(CLASSES)[row]) or "[]" for row in Y]
PLACES = ["north" if k % 3 else "south" for k in range(N)]


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in parameters.OF_LABELS:
        monkeypatch.setitem(parameters.DEFAULTS[kind], "n_replicates", 60)


def photos(stated: np.ndarray = P) -> str:
    return make_file("item,p_fox,p_cat,p_dog", NAMES, *stated[:, [2, 0, 1]].T)


@pytest.fixture
def album(alice: Trust) -> str:
    path = alice.dataset("album", min_cell=50)
    alice.post(f"{path}questions/", {"name": "seen", "scale": "set", "values": CLASSES})
    alice.post(f"{path}models/", {"name": "net", "question": "seen", "classes": CLASSES})
    alice.send(path, "items", make_file("item,place", NAMES, PLACES))
    alice.send(path, "reference-labels", make_file("item,label", NAMES, SETS))
    return path


@pytest.fixture
def measured(alice: Trust, album: str) -> str:
    upload = alice.upload(album, "predictions", photos())
    assert (upload["state"], upload["rows"]["stored"]) == ("stored", N), upload["problems"]
    return album


def test_scores_of_all_labels_are_those_of_scikit_learn(alice: Trust, measured: str) -> None:
    found = alice.get(f"{measured}calibration/")
    given = P >= 0.5
    told = {key: one["value"] for key, one in found["label_scores"].items()}
    expected = {
        "hamming_loss": metrics.hamming_loss(Y, given),
        "subset_accuracy": metrics.accuracy_score(Y, given),
        "macro_auc": metrics.roc_auc_score(Y, P, average="macro"),
        "macro_ece_10": np.mean([one["ece"]["uniform_10"]["value"] for one in found["labels"]]),
    }
    for average in ("micro", "macro"):
        for name in ("precision", "recall", "f1"):
            score = getattr(metrics, f"{name}_score")
            expected[f"{average}_{name}"] = score(Y, given, average=average)
    assert told == pytest.approx(expected)
    assert all(
        one["ci_low"] <= one["value"] <= one["ci_high"] for one in found["label_scores"].values()
    )
    scores = found["scores"]
    assert scores["brier"]["value"] == pytest.approx(((P - Y) ** 2).mean())
    assert scores["accuracy"]["value"] == pytest.approx(1 - told["hamming_loss"])
    assert scores["auc"]["value"] == pytest.approx(metrics.roc_auc_score(Y, P, average="micro"))
    assert (found["n_items"], found["notion"], found["n_groups"]) == (N, "label", None)
    assert found["base_rates"] == pytest.approx(dict(zip(CLASSES, Y.mean(axis=0), strict=True)))


def test_each_label_is_measured_as_a_model_of_its_own(alice: Trust, measured: str) -> None:
    labels = alice.get(f"{measured}calibration/")["labels"]
    assert [one["class"] for one in labels] == CLASSES
    path = alice.dataset("dogs")
    alice.post(f"{path}questions/", {"name": "dog", "scale": "nominal", "values": ["no", "yes"]})
    alice.post(f"{path}models/", {"name": "net", "question": "dog", "classes": ["no", "yes"]})
    words = ["yes" if one else "no" for one in Y[:, 1]]
    alice.send(path, "reference-labels", make_file("item,label", NAMES, words))
    alice.upload(path, "predictions", make_file("item,probability", NAMES, P[:, 1]))
    alone = alice.get(f"{path}calibration/")
    dog = labels[1]
    for part in ("scores", "ece"):
        values = {key: one["value"] for key, one in dog[part].items()}
        assert values == pytest.approx({key: alone[part][key]["value"] for key in values})
    assert dog["curve"]["bins"] == alone["curve"]["bins"]
    assert dog["tests"]["slope"]["value"] == pytest.approx(alone["tests"]["cox"]["slope"]["value"])
    assert dog["tests"]["test"]["p_adjusted"] >= dog["tests"]["test"]["p_value"]
    rows = alice.get(f"{measured}calibration/labels.json")["results"]
    assert rows == labels


def test_subgroups_count_items_and_small_ones_are_withheld(
    alice: Trust, measured: str, person: Callable[[str], Trust]
) -> None:
    found = alice.get(f"{measured}calibration/")["subgroups"]
    assert {one["attributes"]["place"]: one["n"] for one in found} == {"north": 80, "south": 40}
    south = np.array(PLACES) == "south"
    value = next(one for one in found if one["n"] == 40)["scores"]["brier"]["value"]
    assert value == pytest.approx(((P - Y)[south] ** 2).mean())
    auditor = person("audrey")
    alice.post(f"{measured}members/", {"user": "audrey", "role": "auditor"})
    shown = auditor.get(f"{measured}calibration/")["subgroups"]
    # Of two places the larger is told by the smaller.
    assert {one["attributes"]["place"]: one["n"] for one in shown} == {"north": None, "south": None}
    # Each item is in a bin once a label: so many decisions are of ten items at least.
    alice.patch(measured, {"min_cell": 10})
    for one in auditor.get(f"{measured}calibration/")["subgroups"]:
        sizes = [b["n"] for b in one["curve"]["bins"] if b["n"] is not None]
        assert min([*sizes, *(step["n"] for step in one["curve"]["corp"])]) >= 10 * len(CLASSES)
        assert None in [b["n"] for b in one["curve"]["bins"]]


def test_each_fold_has_the_decisions_of_its_items(alice: Trust, album: str) -> None:
    folds = np.arange(N) % 3
    body = make_file("item,p_cat,p_dog,p_fox,fold", NAMES, *P.T, folds)
    alice.upload(album, "predictions", body)
    found = alice.get(f"{album}calibration/")
    assert [(one["fold"], one["n"], one["n_groups"]) for one in found["folds"]] == [
        (fold, N // 3, None) for fold in range(3)
    ]
    squares = ((P - Y) ** 2).mean(axis=1)
    told = [one["scores"]["brier"]["value"] for one in found["folds"]]
    assert told == pytest.approx([squares[folds == fold].mean() for fold in range(3)])
    assert found["n_groups_in_several_folds"] is None


def test_a_population_weighs_items_with_all_their_labels(alice: Trust, measured: str) -> None:
    alice.post(f"{measured}populations/", {"name": "land", "source": "a guess"})
    weights = "place,weight\nnorth,0.5\nsouth,0.5\n"
    alice.upload(measured, "population", weights, population="land")
    found = alice.get(f"{measured}calibration/", population="land")
    south = np.array(PLACES) == "south"
    squares, wrong = ((P - Y) ** 2).mean(axis=1), ((P >= 0.5) != Y).mean(axis=1)
    halves = [(one[south].mean() + one[~south].mean()) / 2 for one in (squares, wrong)]
    assert found["scores"]["brier"]["value"] == pytest.approx(halves[0])
    assert found["label_scores"]["hamming_loss"]["value"] == pytest.approx(halves[1])
    assert found["weighting"]["n_effective"] == pytest.approx(1 / (0.25 / 40 + 0.25 / 80))
    dog = (P[:, 1] - Y[:, 1]) ** 2
    told = found["labels"][1]["scores"]["brier"]["value"]
    assert told == pytest.approx((dog[south].mean() + dog[~south].mean()) / 2)
    assert {one["attributes"]["place"]: one["n"] for one in found["subgroups"]} == {
        "north": 80,
        "south": 40,
    }
    rows = alice.get(f"{measured}calibration/labels.json", population="land")["results"]
    assert rows == found["labels"]


def test_sets_hold_every_label_of_an_item_as_often_as_promised(alice: Trust, measured: str) -> None:
    found = alice.get(f"{measured}conformal/")
    assert list(found["methods"]) == ["lac"]
    lac = found["methods"]["lac"]
    # By hand: the ceil(121 * 0.9) = 109th smallest of the largest 1 - p of an item's labels.
    scores = np.sort(np.where(Y, 1 - P, 0).max(axis=1))
    assert lac["threshold"] == pytest.approx(scores[108])
    assert lac["coverage"]["ci_low"] < 0.9 < lac["coverage"]["ci_high"]
    assert lac["coverage"]["value"] == lac["n_covered"] / N
    assert [one["n"] for one in found["subgroups"]] == [80, 40]
    assert "every label that they have" in found["conventions"]["coverage"]
    assert found["risk_coverage"]["aurc"]["reason"] == "not_applicable"
    row = alice.get(f"{measured}confidence.json", page_size=1)["results"][0]
    given = [c for c, p in zip(CLASSES, P[0], strict=True) if 1 - p <= lac["threshold"]]
    assert row["conformal_set"] == given
    alice.http.force_login(alice.user)
    assert alice.http.get(f"/{measured}confidence/").status_code == 200


def test_the_order_of_labels_changes_nothing(alice: Trust, measured: str) -> None:
    turned = {"name": "turned", "question": "seen", "classes": ["fox", "cat", "dog"]}
    alice.post(f"{measured}models/", turned)
    alice.upload(measured, "predictions", photos(), model="turned")
    one = alice.get(f"{measured}calibration/", model="net")
    two = alice.get(f"{measured}calibration/", model="turned")
    for part in ("scores", "ece", "label_scores"):
        values = {key: number["value"] for key, number in one[part].items()}
        assert values == pytest.approx({k: number["value"] for k, number in two[part].items()})


def test_logits_of_labels_become_their_own_probabilities(alice: Trust, album: str) -> None:
    inside = np.clip(P, 0.001, 0.999)
    model = {"name": "raw", "question": "seen", "classes": CLASSES, "scores": "logit"}
    alice.post(f"{album}models/", model)
    odds = np.log(inside / (1 - inside))
    header = "item,logit_cat,logit_dog,logit_fox"
    alice.upload(album, "predictions", make_file(header, NAMES, *odds.T), model="raw")
    found = alice.get(f"{album}calibration/", model="raw")
    assert found["scores"]["brier"]["value"] == pytest.approx(((inside - Y) ** 2).mean())


def test_items_show_their_sets_and_calibrated_labels(alice: Trust, measured: str) -> None:
    alice.post(f"{measured}recalibrations/temperature/adopt/")
    row = alice.get(f"{measured}confidence.json", page_size=1)["results"][0]
    assert row["outcome"] == [c for c, held in zip(CLASSES, Y[0], strict=True) if held]
    assert row["probabilities"] == pytest.approx(dict(zip(CLASSES, P[0], strict=True)))
    inverse = alice.get(f"{measured}recalibrations/adopted.json")["parameters"]["inverse"]
    odds = (P[0] / (1 - P[0])) ** inverse
    assert list(row["calibrated"].values()) == pytest.approx((odds / (1 + odds)).tolist())


def test_labels_may_be_weighted_and_thresholds_stated(alice: Trust, album: str) -> None:
    times = np.arange(N) % 3 + 1
    body = make_file("item,p_cat,p_dog,p_fox,weight", NAMES, *P.T, times)
    alice.upload(album, "predictions", body)
    asked = {"kind": "calibration", "parameters": {"threshold": 0.3, "n_replicates": 60}}
    alice.post(f"{album}runs/", asked, expect=202)

    work_off()
    found = alice.get(f"{album}calibration/")
    assert found["threshold"] == 0.3
    value = metrics.hamming_loss(Y, P >= 0.3, sample_weight=times)
    assert found["label_scores"]["hamming_loss"]["value"] == pytest.approx(value)
    squares = ((P - Y) ** 2).mean(axis=1)
    assert found["scores"]["brier"]["value"] == pytest.approx(np.average(squares, weights=times))


def test_what_needs_one_class_an_item_is_refused_in_words(alice: Trust, measured: str) -> None:
    asked = {"kind": "ensembles", "parameters": {"model": "net"}}
    refused = alice.post(f"{measured}runs/", asked, expect=400)
    assert "several labels an item" in refused["detail"]
    for kind in ("ensembles/", "calibration/?against=votes"):
        path, _, query = kind.partition("?")
        asked_for = dict([query.split("=")]) if query else {}
        told = alice.get(f"{measured}{path}", expect=400, **asked_for)
        assert (told["code"], told["errors"][0]["pointer"]) == ("not_applicable", "model")
        assert "there are: calibration, calibration-population" in told["detail"]
    positive = {"name": "x", "question": "seen", "classes": CLASSES, "positive_class": "cat"}
    assert alice.post(f"{measured}models/", positive, expect=400)["code"] == "not_applicable"
    kinds = {run["kind"] for run in alice.get(f"{measured}runs/")["results"]}
    assert "ensembles" not in kinds

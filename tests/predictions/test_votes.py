"""Calibration against the votes of annotators, over REST."""

from __future__ import annotations

import pytest

from tests.conftest import Trust, work_off
from tests.predictions.conftest import (
    ITEMS,
    LABELS,
    STATED,
    make_file,
    make_predictions,
    make_references,
)

#: Three annotators: the third says the opposite on every fifth item.
WHO = ("ann", "bob", "cat")
OTHER = {"yes": "no", "no": "yes"}


def votes_file() -> str:
    rows = ["item,annotator,label"]
    for k, (item, label) in enumerate(zip(ITEMS, LABELS, strict=True)):
        said = [label, label, OTHER[label] if k % 5 == 0 else label]
        rows += [f"{item},{who},{value}" for who, value in zip(WHO, said, strict=True)]
    return "\n".join(rows) + "\n"


@pytest.fixture
def voted(alice: Trust, mail: str) -> str:
    alice.upload(mail, "predictions", make_predictions())
    alice.upload(mail, "labels", votes_file())
    return mail


def test_fractions_of_votes_are_the_outcomes(alice: Trust, voted: str) -> None:
    found = alice.get(f"{voted}calibration/", against="votes")
    assert (found["against"], found["n_items"], found["n_votes"]) == ("votes", 40, 120)
    share = [
        (2 / 3 if k % 5 == 0 else 1) if label == "yes" else (1 / 3 if k % 5 == 0 else 0)
        for k, label in enumerate(LABELS)
    ]
    brier = sum((y - p) ** 2 for y, p in zip(share, STATED, strict=True)) / 40
    assert found["scores"]["brier"]["value"] == pytest.approx(brier)
    # Eight items of 2 : 1, where two further annotators differ twice in three times.
    assert found["label_noise"]["brier_votes_sum"]["value"] == pytest.approx(8 / 40 * 2 / 3)
    assert found["annotator_agreement"]["value"] == pytest.approx(1 - 8 / 40 * 2 / 3)
    noise = found["label_noise"]["brier_votes"]["value"]
    excess = found["scores"]["brier_votes"]["value"] - noise
    assert found["excess"]["brier_votes"]["value"] == pytest.approx(excess)
    assert found["tests"]["cox"]["method"] == "wald_robust"
    for row in found["curve"]["bins"]:
        assert (row["noise"] is None) == (row["n"] == 0)
    assert found["warnings"] == ["out_of_fold_not_stated", "no_reference"]


def test_the_reference_stands_beside_what_noise_explains(alice: Trust, voted: str) -> None:
    assert alice.get(f"{voted}calibration/", against="votes")["noise_band"][0]["explained"] is None
    alice.upload(voted, "reference-labels", make_references())
    found = alice.get(f"{voted}calibration/", against="votes")
    against_labels = alice.get(f"{voted}calibration/", against="consensus")
    assert against_labels == alice.get(f"{voted}calibration/")
    rows = {row["score"]: row for row in found["noise_band"]}
    for key in ("brier", "log_loss", "accuracy"):
        stated = against_labels["scores"][key]["value"]
        assert rows[key]["reference"] == pytest.approx(stated)
        assert rows[key]["low"] < rows[key]["high"]
        assert rows[key]["explained"] is (rows[key]["low"] <= stated <= rows[key]["high"])
    # The majority of the votes is the reference here.
    assert rows["brier"]["majority"] == pytest.approx(rows["brier"]["reference"])
    table = alice.get(f"{voted}calibration/noise_band.json", against="votes")
    assert [row["score"] for row in table["results"]] == list(rows)


def test_votes_are_measured_again_when_labels_come(alice: Trust, voted: str) -> None:
    before = alice.get(f"{voted}calibration/", against="votes")
    alice.send(voted, "items", make_file("item,half", ITEMS, ["first", "second"] * 20))
    alice.send(voted, "labels", f"item,annotator,label\n{ITEMS[0]},dan,yes\n")
    work_off()
    after = alice.get(f"{voted}calibration/", against="votes")
    assert (before["n_votes"], after["n_votes"], after["stale"]) == (120, 121, False)
    asked = {"against": "votes", "attribute": "half", "value": "second"}
    part = alice.get(f"{voted}calibration/", **asked)
    assert (part["against"], part["n_items"]) == ("votes", 20)
    rows = alice.get(f"{voted}calibration/curve.json", **asked)["results"]
    assert sum(one["n"] for one in rows) == 20


def test_three_classes_are_measured_by_confidence(alice: Trust, pets: str) -> None:
    body = "item,p_cat,p_dog,p_fox\na,0.6,0.3,0.1\nb,0.1,0.8,0.1\nc,0.3,0.3,0.4\n"
    alice.upload(pets, "predictions", body)
    labels = "item,annotator,label\na,x,cat\na,y,dog\nb,x,dog\nb,y,dog\nd,x,fox\n"
    alice.upload(pets, "labels", labels)
    found = alice.get(f"{pets}calibration/", against="votes")
    assert (found["n_items"], found["n_without_votes"], found["notion"]) == (2, 1, "confidence")
    assert found["scores"]["accuracy"]["value"] == pytest.approx(0.75)
    one = (0.6 - 0.5) ** 2 + (0.3 - 0.5) ** 2 + 0.01
    two = 0.01 + 0.2**2 + 0.01
    assert found["scores"]["brier_sum"]["value"] == pytest.approx((one + two) / 2)


def test_no_votes_and_wrong_words_are_told(alice: Trust, mail: str) -> None:
    alice.upload(mail, "predictions", make_predictions())
    assert (
        "no calibration-votes" in alice.get(f"{mail}calibration/", 404, against="votes")["detail"]
    )
    refused = alice.get(f"{mail}calibration/", 400, against="gold")
    assert "reference, consensus, votes; it is 'gold'" in refused["detail"]
    alice.post(f"{mail}questions/", {"name": "tone", "scale": "nominal", "values": ["a", "b"]})
    alice.upload(mail, "labels", "item,annotator,label\ni1,ann,a\n", question="tone")
    found = alice.get(f"{mail}calibration/", against="votes")
    assert found["warnings"][0] == "no_votes"
    assert found["scores"]["brier"]["reason"] == "no_data"
    assert found["noise_band"] == []

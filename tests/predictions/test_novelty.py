"""Novelty over REST: what is unlike the reference, for whom, and how sure the model is of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from catalog import exchange
from catalog.models import Dataset
from measures.novelty import novelty
from measures.novelty_shares import novelty_rate
from predictions import novelty_parameters, parameters, vectors
from predictions.models import ItemNovelty
from tests.conftest import Trust, work_off
from tests.predictions.conftest import make_file

N_REFERENCE, N_NEW = 120, 60
ITEMS = [f"i{k:03}" for k in range(N_REFERENCE + N_NEW)]
SPLITS = ["train"] * N_REFERENCE + ["test"] * N_NEW
RNG = np.random.default_rng(5)
VECTORS = RNG.normal(size=(len(ITEMS), 3)).astype(np.float32)
#: The last twenty lie far out; the model is sure of half of them, and wrong about those.
FAR = np.arange(len(ITEMS)) >= len(ITEMS) - 20
VECTORS[FAR] += 8
SITES = ["north" if far else "south" for far in FAR]
STATED = np.where(np.arange(len(ITEMS)) % 2, 0.97, 0.6)
LABELS = ["no" if far else "yes" for far in FAR]


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(novelty_parameters.DEFAULTS, "n_replicates", 50)
    for kind in ("calibration", "conformal", "ensembles"):
        monkeypatch.setitem(parameters.DEFAULTS[kind], "n_replicates", 5)
    # Small enough that the items come in several ranges.
    monkeypatch.setattr(vectors, "CHUNK_NUMBERS", 3 * 7)


def embeddings(items: list[str] = ITEMS, matrix: np.ndarray = VECTORS) -> bytes:
    out = io.BytesIO()
    np.savez(out, item=np.array(items), features=matrix)
    return out.getvalue()


@pytest.fixture
def scans(alice: Trust, mail: str) -> str:
    """Items with a split and a site, their vectors, and a model's word on the new ones."""
    alice.send(mail, "items", make_file("item,split,site", ITEMS, SPLITS, SITES))
    alice.send(mail, "reference-labels", make_file("item,label", ITEMS, LABELS))
    new = slice(N_REFERENCE, None)
    alice.send(mail, "predictions", make_file("item,probability", ITEMS[new], STATED[new]))
    alice.upload(mail, "features", embeddings(), content_type="application/octet-stream")
    return mail


def test_novel_items_are_found_and_those_the_model_is_sure_of_named(
    alice: Trust, scans: str
) -> None:
    found = alice.get(f"{scans}novelty/")
    assert (found["features"], found["model"]) == ("features", "filter")
    assert found["reference"] == found["parameters"]["reference"] == "items.split=train"
    counts = ("n_items", "n_reference", "n_query", "n_split_not_stated", "width")
    assert [found[name] for name in counts] == [180, 120, 60, 0, 3]
    assert found["smallest_p"] == pytest.approx(1 / 121)
    known, new = VECTORS[:N_REFERENCE], VECTORS[N_REFERENCE:]
    for method in ("knn", "mahalanobis"):
        p = novelty(known, new, method=method).p_values
        expected = novelty_rate(p, N_REFERENCE)
        rate = found["methods"][method]["rate"]
        assert rate["value"] == pytest.approx(expected.value)
        assert rate["p_value"] == pytest.approx(expected.p_value)
        assert (rate["n"], rate["ci_method"]) == (60, "wilson")
    corners = found["methods"]["knn"]["quadrants"]
    assert sum(one["share"]["value"] for one in corners.values()) == pytest.approx(1)
    p = novelty(known, new).p_values
    sure_novel = (p <= 0.05) & (STATED[N_REFERENCE:] >= 0.9)
    assert corners["sure_novel"]["share"]["value"] == pytest.approx(sure_novel.mean())
    right = np.array(LABELS[N_REFERENCE:]) == "yes"
    assert corners["sure_novel"]["accuracy"]["value"] == pytest.approx(right[sure_novel].mean())
    assert corners["sure_familiar"]["accuracy"]["value"] == 1
    north, south = (one for one in found["subgroups"] if "site" in one["attributes"])
    assert (north["n"], north["knn"]["value"]) == (20, 1)
    assert north["knn"]["p_adjusted"] >= north["knn"]["p_value"]
    assert south["knn"]["value"] < 0.2
    assert "exchangeable with the reference" in found["conventions"]["p_value"]


def test_every_judged_item_stands_in_a_table_of_pages(alice: Trust, scans: str) -> None:
    answer = alice.http.get(f"/api/v1/{scans}novelty/items.json", {"page_size": 45})
    rows = answer.json()["results"]
    follow = answer["Link"].partition("<")[2].partition(">")[0]
    rest = alice.http.get(follow)
    assert not rest.has_header("Link")
    rows += rest.json()["results"]
    assert [row["item"] for row in rows] == ITEMS[N_REFERENCE:]
    expected = novelty(VECTORS[:N_REFERENCE], VECTORS[N_REFERENCE:])
    np.testing.assert_allclose([row["p_knn"] for row in rows], expected.p_values)
    np.testing.assert_allclose([row["score_knn"] for row in rows], expected.scores)
    assert [row["confidence"] for row in rows] == STATED[N_REFERENCE:].tolist()
    sure = alice.get(f"{scans}novelty/items.json", quadrant="sure_novel")["results"]
    assert {row["quadrant"] for row in sure} == {"sure_novel"}
    assert [row["item"] for row in sure] == [
        row["item"] for row in rows if row["p_knn"] <= 0.05 and row["confidence"] >= 0.9
    ]
    alice.get(f"{scans}novelty/items.json", expect=400, quadrant="sure")
    text = alice.http.get(f"/api/v1/{scans}novelty/items.csv").content.decode()
    assert text.startswith("item,confidence,quadrant,p_knn,score_knn,p_mahalanobis")


def test_the_same_run_gives_the_same_digits_and_an_older_ones_items_go(
    alice: Trust, scans: str
) -> None:
    first = alice.get(f"{scans}novelty/")
    alice.upload(scans, "reference-labels", "item,label\ni000,no\n")
    again = alice.get(f"{scans}novelty/")
    assert again["version"] == first["version"] + 1
    assert again["methods"]["knn"]["rate"] == first["methods"]["knn"]["rate"]
    assert {str(one) for one in ItemNovelty.objects.values_list("run_id", flat=True)} == {
        again["run"]
    }


def test_a_reference_is_stated_and_never_guessed(alice: Trust, mail: str) -> None:
    body = embeddings(ITEMS[:40], VECTORS[:40])
    alice.upload(mail, "features", body, content_type="application/octet-stream")
    found = alice.get(f"{mail}novelty/")
    assert (found["reference"], found["reason"]) == (None, "not_applicable")
    assert found["warnings"] == ["reference_not_stated"]
    assert found["methods"]["knn"]["rate"]["reason"] == "not_applicable"
    assert alice.get(f"{mail}novelty/items.json")["results"] == []
    splits = ["train"] * 30 + [""] * 5 + ["test"] * 5
    rows = make_file("item,probability,split", ITEMS[:40], [0.5] * 40, splits)
    alice.upload(mail, "predictions", rows)
    found = alice.get(f"{mail}novelty/")
    assert found["reference"] == "predictions.split=train"
    assert (found["n_reference"], found["n_query"], found["n_split_not_stated"]) == (30, 10, 5)
    for said, words in (
        ("items.site=x", "no such attribute"),
        ("split=train", "items.ATTRIBUTE=VALUE"),
        (7, "items.ATTRIBUTE=VALUE"),
    ):
        asked = {"kind": "novelty", "parameters": {"reference": said}}
        assert words in alice.post(f"{mail}runs/", asked, expect=400)["detail"]


def run(alice: Trust, path: str, **parameters: Any) -> Any:
    alice.post(f"{path}runs/", {"kind": "novelty", "parameters": parameters}, expect=202)
    work_off()
    return alice.get(f"{path}novelty/")


def test_a_reference_too_small_for_the_threshold_has_no_rate(alice: Trust, scans: str) -> None:
    found = run(alice, scans, novel_below=0.005, methods=["knn"])
    assert list(found["methods"]) == ["knn"]
    assert found["methods"]["knn"]["rate"]["reason"] == "too_few_items"
    corners = found["methods"]["knn"]["quadrants"]
    assert {one["share"]["reason"] for one in corners.values()} == {"too_few_items"}
    assert found["warnings"] == ["reference_too_small"]
    sampled = run(alice, scans, max_reference=50, methods=["knn"])
    assert (sampled["n_reference_available"], sampled["n_reference"]) == (120, 50)
    for wrong in (
        {"k": 0},
        {"methods": ["lof"]},
        {"novel_below": 0.9},
        {"neighbours": 3},
        {"standardise": 1},
    ):
        alice.post(f"{scans}runs/", {"kind": "novelty", "parameters": wrong}, expect=400)


def test_groups_are_judged_and_resampled_together(alice: Trust, mail: str) -> None:
    groups = [f"s{k // 4}" for k in range(len(ITEMS))]
    rows = make_file("item,group,split", ITEMS, groups, SPLITS)
    alice.send(mail, "items", rows)
    alice.upload(mail, "features", embeddings(), content_type="application/octet-stream")
    found = alice.get(f"{mail}novelty/")
    assert (found["model"], found["methods"]["knn"]["quadrants"]) == (None, None)
    rate = found["methods"]["knn"]["rate"]
    assert rate["ci_method"] == "bootstrap_groups"
    own = np.repeat(np.arange(N_REFERENCE // 4), 4)
    p = novelty(VECTORS[:N_REFERENCE], VECTORS[N_REFERENCE:], groups=own).p_values
    assert rate["value"] == pytest.approx((p <= 0.05).mean())
    expected = novelty_rate(p, N_REFERENCE, n_groups=(N_REFERENCE // 4, N_NEW // 4))
    assert rate["p_value"] == pytest.approx(expected.p_value)


def test_auditors_see_no_item_and_no_subgroup_that_tells_a_small_one(
    alice: Trust, scans: str, person: Callable[[str], Trust]
) -> None:
    alice.patch(scans, {"min_cell": 30})
    work_off()
    audit = person("audit")
    alice.post(f"{scans}members/", {"user": "audit", "role": "auditor"})
    found = audit.get(f"{scans}novelty/")
    north, south = (one for one in found["subgroups"] if "site" in one["attributes"])
    # South is large, but all items less those of south are those of north.
    for one in (north, south):
        assert (one["n"], one["knn"]["reason"]) == (None, "suppressed")
    assert audit.get(f"{scans}novelty/quadrants.json")["results"][5]["quadrant"] == "sure_novel"
    audit.get(f"{scans}novelty/items.json", expect=403)
    audit.get(f"{scans}novelty/neighbours.json", expect=404)


def test_other_rooms_are_told_the_vectors(alice: Trust, scans: str) -> None:
    told = exchange.features(Dataset.objects.get())
    assert told is not None
    assert (told.name, told.columns, told.item[-1]) == ("features", ("f0", "f1", "f2"), 179)
    np.testing.assert_array_equal(told.values, VECTORS)
    alice.dataset("empty")
    assert exchange.features(Dataset.objects.get(slug="empty")) is None


def test_a_digit_that_was_never_seen_is_new_and_the_model_sure_of_many(
    alice: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scikit-learn's 1,797 handwritten digits; the model has never seen a nine."""
    from sklearn.datasets import load_digits  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    monkeypatch.setattr(vectors, "CHUNK_NUMBERS", 4_000_000)
    pixels, digit = load_digits(return_X_y=True)
    half = np.arange(len(digit)) % 2 == 0
    train = half & (digit != 9)
    model = LogisticRegression(max_iter=2000, C=100).fit(pixels[train] / 16, digit[train])
    items = [f"d{k:04}" for k in range(len(digit))]
    path = alice.dataset("digits")
    words = [str(one) for one in range(10)]
    alice.post(f"{path}questions/", {"name": "digit", "scale": "nominal", "values": words})
    alice.post(f"{path}models/", {"name": "lr", "question": "digit", "classes": words[:9]})
    used = train | ~half
    kept = [one for one, use in zip(items, used, strict=True) if use]
    split = np.where(train, "train", "test")[used]
    seen = np.where(digit == 9, "nine", "0-8")[used]
    alice.send(path, "items", make_file("item,split,digit", kept, split, seen))
    alice.send(path, "reference-labels", make_file("item,label", kept, digit[used]))
    test = used & ~train
    stated = model.predict_proba(pixels[test] / 16).round(9)
    columns = (np.array(items)[test], *stated.T)
    header = "item," + ",".join(f"p_{word}" for word in words[:9])
    alice.send(path, "predictions", make_file(header, *columns))
    body = embeddings(kept, pixels[used])
    alice.upload(path, "features", body, content_type="application/octet-stream")
    # The light of every pixel has one unit; divided by its spread, a dead one drowns the others.
    found = run(alice, path, methods=["knn"], standardise=False)
    assert (found["n_reference"], found["n_query"]) == (int(train.sum()), int(test.sum()))
    known, nine = (one for one in found["subgroups"] if "digit" in one["attributes"])
    p = novelty(pixels[train], pixels[test], standardise=False).p_values
    unseen = digit[test] == 9
    assert nine["knn"]["value"] == pytest.approx((p[unseen] <= 0.05).mean())
    assert nine["knn"]["value"] > 0.7
    assert nine["knn"]["p_adjusted"] < 1e-6
    # Digits that were seen are exchangeable with the reference: about 0.05.
    assert known["knn"]["value"] == pytest.approx((p[~unseen] <= 0.05).mean())
    assert known["knn"]["value"] < 0.06
    corners = found["methods"]["knn"]["quadrants"]
    right = {name: one["accuracy"]["value"] for name, one in corners.items()}
    assert right["sure_familiar"] > 0.9 > 0.6 > right["sure_novel"]

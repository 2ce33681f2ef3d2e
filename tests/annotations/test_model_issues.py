"""Label issues by a model's out-of-fold predictions, from upload to REST."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.models import Run
from catalog.tasks import work_run
from tests.conftest import Trust
from tests.measures.test_consensus_issues import TABLE, probabilities, stated

VALUES = ["cat", "dog", "fox"]


def labels_file() -> str:
    lines = ["item,annotator,label"]
    for i, row in enumerate(TABLE.split("/")):
        lines += [f"i{i},ann{a},{VALUES[int(v)]}" for a, v in enumerate(row) if v != "."]
    return "\n".join(lines) + "\n"


def predictions_file(prob: Any, first: int = 0) -> str:
    lines = ["item,p_cat,p_dog,p_fox"]
    for i, row in enumerate(np.asarray(prob).tolist(), start=first):
        lines.append(f"i{i}," + ",".join(map(repr, row)))
    return "\n".join(lines) + "\n"


def settle() -> None:
    """Work off uploads and these runs alone: calibration and the others have their own tests."""
    mine = Run.objects.filter(state="waiting", kind__in=("upload", "model-label-issues"))
    while (run := mine.order_by("created_at").first()) is not None:
        work_run(str(run.pk))


def send(alice: Trust, path: str, kind: str, body: str, **query: str) -> None:
    alice.send(path, kind, body, **query)
    settle()


def pets(alice: Trust, **model: Any) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": VALUES})
    fields = {"name": "net", "question": "pet", "classes": VALUES, **model}
    alice.post(f"{path}models/", fields)
    return path


@pytest.fixture
def judged(alice: Trust) -> str:
    """Twelve items of one to four labels, and three without any, all of them predicted."""
    path = pets(alice, out_of_fold=True)
    send(alice, path, "labels", labels_file())
    fresh = stated(20, 3) / stated(20, 3).sum(axis=1, keepdims=True)
    body = predictions_file(probabilities()) + predictions_file(fresh, 12).split("\n", 1)[1]
    send(alice, path, "predictions", body)
    return path


def test_crowdlab_over_rest_is_cleanlabs(alice: Trust, judged: str) -> None:
    """cleanlab 2.9.0 on the same labels and probabilities."""
    found = alice.get(f"{judged}label-issues/", method="crowdlab")
    assert (found["method"], found["model"], found["reason"]) == ("crowdlab", "net:1", None)
    assert (found["n_items"], found["n_labels"], found["n_items_unlabelled"]) == (12, 36, 3)
    worst = found["items"]["rows"][0]
    assert (worst["item"], worst["value"], worst["n_labels"]) == ("i4", "dog", 4)
    assert worst["quality"] == pytest.approx(0.499695, abs=1e-6)
    qualities = {row["item"]: row["quality"] for row in found["items"]["rows"]}
    assert qualities["i1"] == pytest.approx(0.816444, abs=1e-6)
    quality = {row["annotator"]: row["quality"]["value"] for row in found["annotators"]}
    assert quality == pytest.approx(
        {"ann0": 0.795675, "ann1": 0.861963, "ann2": 0.729206, "ann3": 0.643721}, abs=1e-6
    )
    label = found["labels"]["rows"][0]
    assert (label["item"], label["annotator"], label["label"]) == ("i2", "ann3", "cat")
    assert (label["suggested"], label["probability"]) == ("fox", pytest.approx(0.135562, abs=1e-6))


def test_activelab_ranks_items_without_labels_too_and_says_when_to_stop(
    alice: Trust, judged: str
) -> None:
    found = alice.get(f"{judged}label-issues/", method="activelab")
    rows = found["items"]["rows"]
    assert found["items"]["n_items"] == len(rows) == 15
    assert [row["score"] for row in rows] == sorted(row["score"] for row in rows)
    assert {row["item"] for row in rows if not row["n_labels"]} == {"i12", "i13", "i14"}
    plan = found["plan"]
    assert plan["n_more_labels"] == sum(row["more_labels"] for row in rows)
    assert plan["n_settled"] == sum(row["dissent"] > 1 for row in rows)
    assert plan["may_stop"] is (plan["n_open"] == 0) is False
    page = alice.get(f"{judged}label-issues/", method="activelab", page_size="4")
    assert page["items"]["rows"] == rows[:4]
    assert alice.http.get(page["next"]).json()["items"]["rows"] == rows[4:8]
    wanted = {"question": "pet", "model": "net", "margin": 0.001}
    alice.post(f"{judged}runs/", {"kind": "model-label-issues", "parameters": wanted}, expect=202)
    settle()
    assert alice.get(f"{judged}label-issues/", method="activelab")["plan"]["may_stop"] is True


def test_confident_learning_finds_labels_against_a_sure_model(alice: Trust) -> None:
    """Two of twenty labels are turned over; the model, which knows, states 0.8 or more."""
    path = pets(alice, out_of_fold=True)
    true = [i % 3 for i in range(20)]
    given = [(true[i] + 1) % 3 if i in (4, 11) else true[i] for i in range(20)]
    send(
        alice,
        path,
        "labels",
        "item,annotator,label\n"
        + "".join(f"i{i},ann{i % 2},{VALUES[v]}\n" for i, v in enumerate(given)),
    )
    prob = np.full((20, 3), 0.1)
    prob[np.arange(20), true] = 0.8
    prob[11] = [0.05, 0.05, 0.9]
    send(alice, path, "predictions", predictions_file(prob))
    found = alice.get(f"{path}label-issues/", method="confident_learning")
    listed = [
        (r["item"], r["annotator"], r["label"], r["suggested"]) for r in found["labels"]["rows"]
    ]
    assert listed == [("i11", "ann1", "cat", "fox"), ("i4", "ann0", "fox", "dog")]
    assert found["n_issues"]["by_noise_rate"] == 2
    assert found["noise_rate"] == pytest.approx(2 / 20)
    assert (found["n_estimated"], np.sum(found["joint"])) == (2, 20)
    assert np.sum(found["noise_matrix"], axis=1) == pytest.approx([1, 1, 1])
    assert found["labels"]["rows"][0]["self_confidence"] == pytest.approx(0.05)
    assert found["warnings"] == ["single_labels"]
    assert alice.get(f"{path}label-issues/", method="crowdlab")["reason"] == "too_few_annotators"
    table = alice.get(f"{path}label-issues/items.json", method="confident_learning")["results"]
    assert [row["item"] for row in table] == ["i11", "i4"]


def test_reference_labels_are_judged_where_nobody_labelled(alice: Trust) -> None:
    path = pets(alice, out_of_fold=True)
    rows = "".join(f"i{i},{VALUES[i % 3]}\n" for i in range(9))
    send(alice, path, "reference-labels", "item,label\n" + rows)
    prob = np.full((9, 3), 0.1)
    prob[np.arange(9), [0, 1, 2, 0, 1, 2, 0, 1, 0]] = 0.8
    send(alice, path, "predictions", predictions_file(prob))
    found = alice.get(f"{path}label-issues/", method="confident_learning")
    assert found["of"] == "reference"
    assert [(r["item"], r["suggested"]) for r in found["labels"]["rows"]] == [("i8", "cat")]
    assert alice.get(f"{path}label-issues/", method="activelab")["reason"] == "no_data"


def test_nothing_is_guessed_unless_predictions_are_out_of_fold(alice: Trust) -> None:
    path = pets(alice)
    send(alice, path, "labels", labels_file())
    send(alice, path, "predictions", predictions_file(probabilities()))
    for stated_as, said in ((None, "is not stated to be"), (False, "is stated not to be")):
        alice.patch(f"{path}models/net/", {"out_of_fold": stated_as})
        settle()
        for method in ("crowdlab", "confident_learning", "activelab"):
            found = alice.get(f"{path}label-issues/", method=method)
            assert found["reason"] == "not_applicable"
            assert said in found["why"]
            assert "set out_of_fold to true" in found["why"]
            assert found["items"]["rows"] == found["labels"]["rows"] == []
    alice.patch(f"{path}models/net/", {"out_of_fold": True})
    settle()
    assert alice.get(f"{path}label-issues/", method="crowdlab")["reason"] is None


def test_other_predictions_and_other_labels_are_judged_again(alice: Trust, judged: str) -> None:
    first = alice.get(f"{judged}label-issues/", method="crowdlab")
    send(alice, judged, "predictions", predictions_file(probabilities()[::-1]))
    settle()
    second = alice.get(f"{judged}label-issues/", method="crowdlab")
    assert second["version"] > first["version"]
    assert second["model_weight"] != first["model_weight"]
    send(alice, judged, "labels", "item,annotator,label\ni12,ann0,cat\n")
    third = alice.get(f"{judged}label-issues/", method="crowdlab")
    assert (third["n_labels"], third["stale"]) == (37, False)


def test_models_are_named_and_wrong_words_refused(alice: Trust, judged: str) -> None:
    fields = {"question": "pet", "classes": VALUES, "out_of_fold": True}
    alice.post(f"{judged}models/", {"name": "other", **fields})
    send(alice, judged, "predictions", predictions_file(probabilities()), model="other")
    refused = alice.get(f"{judged}label-issues/", 400, method="crowdlab")
    assert "net:1, other:1" in refused["detail"]
    assert (
        alice.get(f"{judged}label-issues/", method="crowdlab", model="other")["model"] == "other:1"
    )
    assert (
        "posterior, crowdlab" in alice.get(f"{judged}label-issues/", 400, method="magic")["detail"]
    )
    assert "add method=crowdlab" in alice.get(f"{judged}label-issues/", 400, model="net")["detail"]
    run = {"kind": "model-label-issues", "parameters": {"question": "pet", "model": "nett"}}
    assert "'nett' is none of them" in alice.post(f"{judged}runs/", run, expect=400)["detail"]


def test_auditors_see_annotators_by_pseudonym_and_no_items(
    alice: Trust, judged: str, person: Callable[[str], Trust]
) -> None:
    auditor = person("audrey")
    alice.post(f"{judged}members/", {"user": "audrey", "role": "auditor"})
    seen = auditor.get(f"{judged}label-issues/", method="crowdlab")
    assert seen["items"]["rows"] == seen["labels"]["rows"] == []
    assert {row["annotator"] for row in seen["annotators"]} == {
        f"annotator {n}" for n in (1, 2, 3, 4)
    }
    assert seen["items"]["n_items"] == 12
    auditor.get(f"{judged}label-issues.csv", 403, method="crowdlab")


def test_images_get_cleanlabs_issues_over_rest(alice: Trust, shared: Path) -> None:
    """The published VGG outputs: cleanlab's confident joint, its four rules and its worst ten."""
    folder = shared / "data" / "pred_cifar10_vgg"
    expected = json.loads((folder / "reference.json").read_text())["cleanlab"]
    body = (folder / "predictions.csv").read_text()
    classes = [str(k) for k in range(10)]
    path = alice.dataset("images")
    alice.post(f"{path}questions/", {"name": "object", "scale": "nominal", "values": classes})
    fields = {"name": "vgg", "question": "object", "classes": classes, "out_of_fold": True}
    alice.post(f"{path}models/", fields)
    labels = (",".join(line.split(",")[:2]) for line in body.splitlines())
    send(alice, path, "reference-labels", "\n".join(labels) + "\n")
    columns = json.dumps({f"p_{k}": f"p{k}" for k in classes})
    send(alice, path, "predictions", body, columns=columns, ignore="label")
    found = alice.get(f"{path}label-issues/", method="confident_learning")
    assert found["joint"] == expected["confident_joint"]
    assert found["noise_rate"] == pytest.approx(expected["est_noise"])
    assert found["n_issues"] == {
        "by_noise_rate": 328,
        "by_class": 328,
        "both": 274,
        "confident": 298,
    }
    worst = [int(row["item"]) for row in found["labels"]["rows"][:10]]
    assert worst == expected["q_self_confidence"][1]

"""Missingness, leakage and diverging subgroups of lesion images, through HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Trust
from tests.coverage.conftest import items
from tests.coverage.test_coverage_journeys import as_csv, rows_of

CANCER = ("BCC", "SCC", "MEL")


@pytest.fixture
def lesions(alice: Trust, shared: Path) -> str:
    rows = rows_of(shared / "data" / "group_padufes20" / "metadata.csv")
    path = alice.dataset("padufes")
    question = {"name": "kind", "scale": "nominal", "values": ["benign", "malignant"]}
    alice.post(f"{path}questions/", question)
    alice.upload(
        path,
        "items",
        as_csv(
            {
                "item": row["img_id"],
                "group": row["patient_id"],
                "sex": row["gender"],
                "smoke": row["smoke"],
                "biopsed": row["biopsed"],
                "split": "test" if at % 5 == 0 else "train",
            }
            for at, row in enumerate(rows)
        ),
    )
    labels = (
        {
            "item": row["img_id"],
            "label": "malignant" if row["diagnostic"] in CANCER else "benign",
        }
        for row in rows
    )
    sent = alice.upload(path, "reference-labels", as_csv(labels), question="kind")
    assert sent["state"] == "stored", sent["problems"]
    return path


def one(rows: list[dict[str, Any]], **known: str) -> dict[str, Any]:
    found = [row for row in rows if all(row.get(k) == v for k, v in known.items())]
    assert len(found) == 1, known
    return found[0]


def test_lesions_without_a_sex_are_all_benign_and_patients_leak(
    alice: Trust, lesions: str, person: Any, shared: Path
) -> None:
    result = alice.get(f"{lesions}coverage/missingness/")
    assert result["n_items"] == 2298
    sex = one(result["attributes"], attribute="sex")
    assert (sex["n_missing"], sex["share"]["value"]) == (804, pytest.approx(804 / 2298))
    assert result["patterns"][0] == {"missing": [], "n": 1494, "share": pytest.approx(1494 / 2298)}
    assert result["patterns"][1]["missing"] == ["sex", "smoke"]
    found = one(result["labels"], attribute="sex")
    assert found["words"] == "All 804 items without sex are benign."
    assert found["verdict"] == "differs"
    malignant = one(found["values"], value="malignant")
    assert malignant["missing"]["value"] == 0
    assert malignant["known"]["value"] == pytest.approx(1089 / 1494)
    # Who was biopsied was asked for sex too.
    assert one(result["subgroups"], attribute="sex", by="biopsed")["verdict"] == "differs"
    # Every fifth image is a fair test set, but no fair split of patients.
    assert one(result["balance"], by="split", attribute="sex")["verdict"] == "no_evidence"
    leak = one(result["leakage"], by="split")
    assert (leak["n_groups"], leak["verdict"]) == (1373, "leaks")
    parts: dict[str, set[bool]] = {}
    for at, row in enumerate(rows_of(shared / "data" / "group_padufes20" / "metadata.csv")):
        parts.setdefault(row["patient_id"], set()).add(at % 5 == 0)
    assert leak["n_groups_in_several"] == sum(len(own) == 2 for own in parts.values())
    assert len(leak["groups"]) == 20
    auditor = person("audrey")
    alice.post(f"{lesions}members/", {"user": "audrey", "role": "auditor"})
    seen = auditor.get(f"{lesions}coverage/missingness/")
    assert one(seen["labels"], attribute="sex")["verdict"] == "differs"
    assert "values" not in one(seen["labels"], attribute="sex")
    assert (seen["patterns"], seen["leakage"][0]["groups"]) == ([], [])


def test_biopsied_lesions_are_malignant_more_often(alice: Trust, lesions: str, person: Any) -> None:
    result = alice.get(f"{lesions}coverage/divergence/")
    assert (result["question"], result["n_items"]) == ("kind", 2298)
    malignant = one(result["labels"], label="malignant")
    assert malignant["rate"] == pytest.approx(1089 / 2298)
    yes = next(r for r in malignant["subgroups"] if r["attributes"] == {"biopsed": "True"})
    assert yes["n"] == 1342
    assert yes["divergence"] == pytest.approx(yes["rate"] - 1089 / 2298)
    assert yes["verdict"] == "differs"
    assert yes["ci_low"] < yes["rate"] < yes["ci_high"]
    split = next(r for r in malignant["subgroups"] if r["attributes"] == {"split": "test"})
    assert split["verdict"] == "no_evidence"
    assert next(iter(malignant["contributions"][0]["attributes"])) == "biopsed"
    for wrong in ({"question": "x"}, {"question": "kind", "max_level": 9}, {"depth": 1}):
        body = {"kind": "divergence", "parameters": wrong}
        alice.post(f"{lesions}runs/", body, expect=400)
    auditor = person("audrey")
    alice.post(f"{lesions}members/", {"user": "audrey", "role": "auditor"})
    seen = one(auditor.get(f"{lesions}coverage/divergence/")["labels"], label="malignant")
    # No lesion that was not biopsied is malignant: fewer than ten, and the rest by subtraction.
    assert {"biopsed": "False"} not in [row["attributes"] for row in seen["subgroups"]]
    assert {"biopsed": "True"} not in [row["attributes"] for row in seen["subgroups"]]
    assert {"split": "test"} in [row["attributes"] for row in seen["subgroups"]]


def test_a_version_is_compared_with_the_one_before(alice: Trust, people: str) -> None:
    first = alice.get(f"{people}coverage/missingness/")
    assert first["drift"] == {"since_version": None, "attributes": []}
    more = items((100, "M,young")).replace("i0_", "j0_")
    assert alice.upload(people, "items", more)["state"] == "stored"
    drift = alice.get(f"{people}coverage/missingness/")["drift"]
    assert drift["since_version"] == first["version"]
    # Women were 70 of 100 and are 70 of 200.
    moved = {row["attribute"]: row["total_variation"] for row in drift["attributes"]}
    assert moved == {"sex": pytest.approx(0.35), "age": pytest.approx(0.1)}
    alice.get(f"{people}coverage/divergence/", expect=400)


def test_subgroups_on_which_annotators_disagree_are_found(alice: Trust, person: Any) -> None:
    path = alice.dataset("rated")
    alice.upload(
        path, "items", items((40, "F,young"), (40, "F,old"), (40, "M,young"), (9, "X,old"))
    )
    alice.post(f"{path}questions/", {"name": "q", "scale": "nominal", "values": ["a", "b"]})
    # Three annotators; about old women one in three says otherwise: 1 of 3 pairs agrees.
    rows = []
    for at, n in enumerate((40, 40, 40, 9)):
        for k in range(n):
            labels = ("a", "a", "b" if at == 1 or k % 8 == 0 else "a")
            rows += [f"i{at}_{k},{who},{x}" for who, x in zip("uvw", labels, strict=True)]
    body = "item,annotator,label\n" + "\n".join(rows) + "\n"
    assert alice.upload(path, "labels", body, question="q")["state"] == "stored"
    agreement = alice.get(f"{path}coverage/divergence/", question="q")["agreement"]
    split = 1 - 2 / 3
    each = [40 * (1 - 5 / 40 * 2 / 3), 40 * split, 40 * (1 - 5 / 40 * 2 / 3), 9 - 2 * 2 / 3]
    mean = sum(each) / 129
    assert (agreement["n_items"], agreement["mean"]) == (129, pytest.approx(mean))
    worst = agreement["subgroups"][0]
    assert worst["attributes"] == {"sex": "F", "age": "old"}
    assert (worst["agreement"], worst["n"]) == (pytest.approx(split), 40)
    assert worst["divergence"] == pytest.approx(split - mean)
    assert worst["verdict"] == "differs"
    score = 0.95 * ((1 - split) / (1 - mean) - 1) - 0.05 * (129 / 40 - 1)
    assert worst["sliceline"] == pytest.approx(score)
    added = {
        next(iter(row["attributes"].items())): row["contribution"]
        for row in agreement["contributions"]
    }
    assert added["age", "old"] < 0 < added["age", "young"]
    auditor = person("audrey")
    alice.post(f"{path}members/", {"user": "audrey", "role": "auditor"})
    seen = auditor.get(f"{path}coverage/divergence/", question="q")["agreement"]
    # Nine items are of sex X: a second value of sex goes with them, and what holds either.
    assert {"sex": "X"} not in [row["attributes"] for row in seen["subgroups"]]
    assert len(seen["subgroups"]) < len(agreement["subgroups"])
    assert seen["contributions"] == []

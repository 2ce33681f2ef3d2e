"""Uncovered patterns through HTTP: the published counts, groups, ranges, unknown values, labels."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Trust, work_off
from tests.coverage.test_coverage_journeys import as_csv

NAMES = "abcdefg"


def spread(cells: Iterable[Iterable[int]], unknown: dict[int, int] | None = None) -> str:
    """An items file with as many items of each combination of codes as its last number says."""
    lines, number = [], 0
    for *codes, n in cells:
        text = ",".join(
            "" if (unknown or {}).get(j) == code else str(code) for j, code in enumerate(codes)
        )
        for _ in range(n):
            lines.append(f"i{number},{text}")
            number += 1
    width = lines[0].count(",")
    return f"item,{','.join(NAMES[:width])}\n" + "\n".join(lines) + "\n"


def declared(alice: Trust, slug: str, cards: list[int]) -> str:
    path = alice.dataset(slug)
    for name, card in zip(NAMES, cards, strict=False):
        attribute = {"name": name, "of": "item", "values": list(map(str, range(card)))}
        alice.post(f"{path}attributes/", attribute)
    return path


def look(alice: Trust, path: str, **parameters: Any) -> dict[str, Any]:
    alice.post(f"{path}runs/", {"kind": "patterns", "parameters": parameters}, expect=202)
    work_off()
    asked = {name: parameters[name] for name in ("of", "question") if name in parameters}
    return alice.get(f"{path}coverage/patterns/", **asked, limit=0)


def published(alice: Trust, path: str, width: int, **query: str) -> list[str]:
    """Patterns in the papers' notation: one digit per attribute, x for any."""
    answer = alice.http.get(f"/api/v1/{path}coverage/patterns.ndjson", query)
    assert answer.status_code == 200, answer.content
    rows = [json.loads(line)["attributes"] for line in answer.content.splitlines()]
    return sorted("".join(row.get(name, "x") for name in NAMES[:width]) for row in rows)


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    path = Path(__file__).resolve().parents[3] / "shared" / "cases" / "coverage.json"
    if not path.is_file():
        pytest.skip("the published cases lie beside the project in ../shared, which is absent here")
    return json.loads(path.read_text())


def one(cases: dict[str, Any], name: str) -> dict[str, Any]:
    return next(case for case in cases["cases"] if case["name"] == name)


def test_compas_has_the_published_patterns_at_every_threshold(
    alice: Trust, cases: dict[str, Any]
) -> None:
    path = declared(alice, "compas", [2, 4, 4, 7])
    assert alice.upload(path, "items", spread(cases["shared"]["compas_cells"]))["state"] == "stored"
    for tau in (3, 10, 60):
        expected = one(cases, f"mup_compas_tau{tau}")["expected"]
        summary = look(alice, path, min_items=tau)["summary"]
        assert (summary["n_patterns"], summary["per_level"]) == (
            expected["n_mups"],
            expected["levels"],
        )
        assert published(alice, path, 4) == sorted(expected["mups"])
    two = look(alice, path, min_items=10, max_level=2)["summary"]
    assert (two["per_level"], two["max_level"]) == ({"2": 19}, 2)


def test_bluenile_has_the_published_patterns(
    alice: Trust, cases: dict[str, Any], shared: Path
) -> None:
    path = declared(alice, "bluenile", [10, 7, 4, 8, 3, 3, 5])
    with gzip.open(shared / "cases" / "bluenile_counts.csv.gz", "rt") as file:
        cells = [[int(x) for x in row] for row in csv.reader(file)]
    assert alice.upload(path, "items", spread(cells))["state"] == "stored"
    for tau in (1,):
        expected = one(cases, f"mup_bluenile_tau{tau}")["expected"]
        summary = look(alice, path, min_items=tau)["summary"]
        assert (summary["n_patterns"], summary["per_level"]) == (
            expected["n_mups"],
            expected["levels"],
        )
        assert digest(published(alice, path, 7)) == expected["sha256"]


def digest(patterns: list[str]) -> str:
    """SHA-256 of the sorted patterns, one a line, as the published digests were made."""
    lines = sorted(",".join(pattern) for pattern in patterns)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_unknown_values_make_an_interval_of_patterns(alice: Trust, cases: dict[str, Any]) -> None:
    path = declared(alice, "compas", [2, 4, 4, 6])
    alice.upload(path, "items", spread(cases["shared"]["compas_cells"], {3: 6}))
    case = one(cases, "mup_compas_missing_interval_tau10")["expected"]
    summary = look(alice, path, min_items=10)["summary"]
    assert (summary["n_certain"], summary["n_patterns"]) == (len(case["definite"]), 58)
    assert published(alice, path, 4, certainty="certain") == sorted(case["definite"])
    assert digest(published(alice, path, 4)) == case["possible_sha256"]


def test_groups_of_values_are_patterns_too(alice: Trust, cases: dict[str, Any]) -> None:
    path = alice.dataset("compas")
    parents = {"0": "4", "1": "4", "2": "5", "3": "5"}
    values = list("0123")
    alice.post(f"{path}attributes/", {"name": "c", "values": values, "parents": parents})
    cells = cases["shared"]["compas_cells"]
    alice.upload(path, "items", spread(cells))
    look(alice, path, min_items=30, attributes=["a", "c", "d"])
    rows = alice.get(f"{path}coverage/patterns/")["patterns"]
    anything = {"a": 2, "c": 6, "d": 7}
    found = [[int(row["attributes"].get(n, any_)) for n, any_ in anything.items()] for row in rows]
    assert sorted(found) == one(cases, "mup_compas_hierarchy_tau30")["expected"]["mups"]


def test_each_label_needs_items_of_its_own(alice: Trust, cases: dict[str, Any]) -> None:
    path = declared(alice, "compas", [2, 4, 4, 7])
    alice.post(f"{path}questions/", {"name": "again", "scale": "nominal", "values": ["0", "1"]})
    cells = cases["shared"]["compas_label_cells"]
    alice.upload(path, "items", spread([*cell[:4], cell[5]] for cell in cells))
    labels = [str(label) for *_, label, n in cells for _ in range(n)]
    rows = as_csv({"item": f"i{i}", "label": label} for i, label in enumerate(labels))
    alice.upload(path, "reference-labels", rows, question="again")
    expected = one(cases, "mup_compas_label_tau10")["expected"]
    result = look(alice, path, min_items=10, question="again")
    assert result["summary"]["per_level"] == expected["levels"]
    assert result["label_attribute"] == "label again"
    lacking = alice.get(
        f"{path}coverage/patterns/", question="again", attribute="label again", limit=1000
    )
    free = expected["n_mups"] - len(lacking["patterns"])
    assert lacking["n_matching"] == len(lacking["patterns"])
    whole = look(alice, path, min_items=10)["summary"]["n_patterns"]
    # Where a subgroup lacks items, so does each of its labels: those patterns name no label.
    assert free == whole == expected["n_mups_label_free"]


def test_printed_examples_come_out(alice: Trust) -> None:
    # Asudeh et al. (2019): Example 1, and the worst case of theorem 1.
    path = declared(alice, "example", [2, 2, 2])
    rows = [[0, 1, 0, 1], [0, 0, 1, 2], [0, 0, 0, 1], [0, 1, 1, 1]]
    alice.upload(path, "items", spread(rows))
    look(alice, path, min_items=1)
    assert published(alice, path, 3) == ["1xx"]
    path = declared(alice, "worst", [2] * 6)
    alice.upload(path, "items", spread([*(int(i == j) for j in range(6)), 1] for i in range(6)))
    assert look(alice, path, min_items=4)["summary"]["per_level"] == {"1": 6, "3": 20}


@pytest.fixture
def scanned(alice: Trust) -> str:
    """Women and men of four bands on two scanners; women from 60 on are few on scanner B."""
    path = alice.dataset("scans")
    bands = ["80+", "0-39", "40-59", "60-79"]
    alice.post(f"{path}attributes/", {"name": "age", "kind": "numeric", "bands": bands})
    few = {("F", 65, "B"): 2, ("F", 85, "B"): 1}
    groups = [(s, a, b) for s in "FM" for a in (20, 50, 65, 85) for b in "AB"]
    rows = [
        {"item": f"{s}{a}{b}{k}", "sex": s, "age": a, "scanner": b}
        for s, a, b in groups
        for k in range(few.get((s, a, b), 40))
    ]
    rows.append({"item": "odd", "sex": "", "age": 70, "scanner": "B"})
    assert alice.upload(path, "items", as_csv(rows))["state"] == "stored"
    return path


def test_neighbouring_bands_are_one_pattern_in_words(alice: Trust, scanned: str) -> None:
    flat = alice.get(f"{scanned}coverage/patterns/")
    assert sorted(row["words"] for row in flat["patterns"]) == [
        "age=60-79 & scanner=B & sex=F: 2 of at least 30; 3 if every unknown value were this one",
        "age=80+ & scanner=B & sex=F: 1 of at least 30",
    ]
    assert look(alice, scanned, ranges=True)["summary"]["n_certain"] == 1
    rows = alice.get(f"{scanned}coverage/patterns/", value="60+")["patterns"]
    assert [(row["words"], row["certain"]) for row in rows] == [
        (
            "age=60+ & scanner=B & sex=F: 3 of at least 30; 4 if every unknown value were this one",
            True,
        )
    ]
    alice.get(f"{scanned}coverage/patterns/", expect=400, limit="many")
    alice.get(f"{scanned}coverage/patterns/", expect=400, of="model")


def test_a_threshold_has_a_reason(alice: Trust, scanned: str) -> None:
    # 14 full groups of 40, three women, one of unknown sex: 564 items.
    by_share = look(alice, scanned, min_share=0.1)["summary"]
    assert (by_share["threshold"], by_share["why"]) == (57, "share 0.1")
    # Wilson's interval at 0.5 is 0.05 to either side from 381 items on (case tau_from_precision).
    precise = look(alice, scanned, half_width=0.05, attributes=["sex"])["summary"]
    assert (precise["threshold"], precise["n_patterns"]) == (381, 2)
    assert look(alice, scanned, half_width=0.05, expected_share=0.9)["summary"]["threshold"] == 141
    for name, wrong in (
        ("min_items", 0),
        ("min_share", 2),
        ("half_width", 0.5),
        ("ranges", ["shoe"]),
        ("max_level", 0),
        ("of", "model"),
        ("question", "none"),
        ("attributes", ["sex", "sex"]),
        ("depth", 1),
    ):
        body = {"kind": "patterns", "parameters": {name: wrong}}
        answer = alice.post(f"{scanned}runs/", body, expect=400)
        assert answer["errors"][0]["pointer"] == f"/parameters/{name}"


def test_annotators_have_patterns_of_their_own(alice: Trust) -> None:
    path = alice.dataset("raters")
    pool = "annotator,gender\n" + "".join(f"a{k},{'F' if k < 3 else 'M'}\n" for k in range(40))
    alice.upload(path, "annotators", pool)
    result = alice.get(f"{path}coverage/patterns/", of="annotator")
    assert [row["words"] for row in result["patterns"]] == ["gender=F: 3 of at least 30"]


def test_auditors_learn_which_subgroups_lack_items_but_not_how_many(
    alice: Trust, scanned: str, person: Any
) -> None:
    auditor = person("audrey")
    alice.post(f"{scanned}members/", {"user": "audrey", "role": "auditor"})
    seen = auditor.get(f"{scanned}coverage/patterns/")
    assert seen["disclosure"] == "min_cell_10"
    assert {row["n"] for row in seen["patterns"]} == {row["words"] for row in seen["patterns"]}
    assert {row["words"] for row in seen["patterns"]} == {None}
    look(alice, scanned, min_items=3)
    hidden = auditor.get(f"{scanned}coverage/patterns/")
    assert (hidden["patterns"], hidden["n_matching"]) == ([], 0)


def test_parents_that_contradict_themselves_are_refused(alice: Trust) -> None:
    path = alice.dataset("places")

    def attribute(**fields: Any) -> dict[str, Any]:
        return {"name": "city", "values": ["Paris", "Lyon"], **fields}

    for parents, said in (
        ({"Paris": "Lyon"}, "'Lyon' is a value and cannot be a group"),
        ({"Rome": "Italy"}, "'Rome' has a parent and is neither a value"),
        ({"Paris": "a", "a": "b", "b": "a"}, "round in a circle: Paris > a > b > a"),
    ):
        answer = alice.post(f"{path}attributes/", attribute(parents=parents), expect=400)
        assert said in answer["errors"][0]["message"]
        assert answer["errors"][0]["pointer"] == "/parents"
    made = alice.post(f"{path}attributes/", attribute(parents={"Paris": "Île-de-France"}))
    assert made["parents"] == {"Paris": "Île-de-France"}
    weight = {"name": "w", "kind": "categorical", "role": "design_weight"}
    answer = alice.post(f"{path}attributes/", weight, expect=400)
    assert answer["errors"][0]["pointer"] == "/role"


def test_a_lattice_too_large_to_be_counted_whole_is_looked_into_three_deep(alice: Trust) -> None:
    path = alice.dataset("wide")
    names = [f"x{j:02}" for j in range(16)]
    rows = [
        {"item": k, **{name: (k >> (j % 6)) & 1 for j, name in enumerate(names)}} for k in range(64)
    ]
    alice.upload(path, "items", as_csv(rows))
    assert alice.get(f"{path}coverage/patterns/")["summary"]["max_level"] == 3
    deeper = look(alice, path, max_level=4, min_items=2)["summary"]
    assert deeper["max_level"] == 4
    # Columns j and j + 6 are equal: each unequal pair of their values is nobody's.
    equal = sum(1 for a in range(16) for b in range(a) if (a - b) % 6 == 0)
    assert deeper["per_level"] == {"2": 2 * equal}

"""Groups of annotators, cells of items, periods and rounds, on data built to have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.annotations.test_agreement_results import asked, crowd, labels_csv
from tests.conftest import Trust

N_ITEMS, N_ANNOTATORS = 60, 24


def two_minded(seed: int = 3) -> list[tuple[str, str, str]]:
    """Even annotators agree on one value, odd ones on the next: two groups with their own minds."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, N_ITEMS)
    return [
        (f"i{i:03}", f"w{a:02}", "abc"[truth[i] + (a % 2 if rng.random() < 0.9 else 0)])
        for i in range(N_ITEMS)
        for a in range(N_ANNOTATORS)
        if (i + a) % 3
    ]


ANNOTATORS = "annotator,side,lot\n" + "".join(
    f"w{a:02},{'even' if a % 2 == 0 else 'odd'},{'x' if a < N_ANNOTATORS // 2 else 'y'}\n"
    for a in range(N_ANNOTATORS)
)
ITEMS = "item,source,length\n" + "".join(
    f"i{i:03},{'web' if i % 2 else 'book'},{'short' if i % 3 else 'long'}\n" for i in range(N_ITEMS)
)


@pytest.fixture
def minded(alice: Trust) -> str:
    path = asked(alice, "minds", two_minded())
    alice.upload(path, "annotators", ANNOTATORS)
    alice.upload(path, "items", ITEMS)
    return path


def rows_by(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [row for row in rows if name in row["attributes"]]


def test_groups_with_minds_of_their_own_stand_out_and_random_ones_do_not(
    alice: Trust, minded: str
) -> None:
    groups = alice.get(f"{minded}agreement/")["groups"]
    sides, lots = rows_by(groups, "side"), rows_by(groups, "lot")
    assert len(sides) == len(lots) == 2
    for row in sides:
        assert row["in_group"]["value"] > row["cross_group"]["value"]
        assert row["association_index"]["value"] is None or row["association_index"]["value"] > 1
        assert row["association_test"]["value"] > 0
        assert row["association_test"]["p_adjusted"] < 0.02
        assert row["association_test"]["n"] == N_ANNOTATORS
    for row in lots:
        assert row["association_test"]["p_value"] > 0.02


def test_in_group_alpha_is_the_subgroups_alpha(alice: Trust, minded: str) -> None:
    result = alice.get(f"{minded}agreement/")
    alone = {
        tuple(row["attributes"].items()): row["coefficients"]["krippendorff_alpha"]["value"]
        for row in result["subgroups"]
    }
    for row in result["groups"]:
        assert row["in_group"]["value"] == pytest.approx(alone[tuple(row["attributes"].items())])


def test_adjusted_p_values_are_never_below_their_own(alice: Trust, minded: str) -> None:
    for row in alice.get(f"{minded}agreement/")["groups"]:
        for name in ("in_group_test", "association_test"):
            assert row[name]["p_adjusted"] >= row[name]["p_value"] - 1e-12


def test_cells_of_two_attributes_split_their_margins(alice: Trust, minded: str) -> None:
    result = alice.get(f"{minded}agreement/")
    cells = result["cells"]
    assert {tuple(cell["attributes"]) for cell in cells} == {("length", "source")}
    assert len(cells) == 4
    web = sum(c["n_labels"] for c in cells if c["attributes"]["source"] == "web")
    margin = next(
        row["n_labels"] for row in result["subgroups"] if row["attributes"] == {"source": "web"}
    )
    assert web == margin


def test_tables_filter_by_attribute_bearer_and_level(alice: Trust, minded: str) -> None:
    def table(name: str, **query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = alice.get(f"{minded}agreement/{name}.json", **query)["results"]
        return rows

    assert {row["of"] for row in table("subgroups", of="annotator")} == {"annotator"}
    assert len(table("subgroups", attribute="side")) == 2
    assert len(table("subgroups", attribute="source")) == 2
    assert len(table("subgroups", attribute="source", level="2")) == 4
    assert len(table("subgroups", level="1")) == len(table("subgroups"))
    assert len(table("groups", attribute="lot")) == 2
    mine = table("pairs", annotator="w05")
    assert len(mine) == N_ANNOTATORS - 1
    assert all("w05" in row["annotators"] for row in mine)


@pytest.mark.parametrize(
    ("table", "query"),
    [
        ("subgroups", {"level": "3"}),
        ("subgroups", {"of": "people"}),
        ("values", {"attribute": "side"}),
        ("periods", {"kind": "month"}),
    ],
)
def test_filters_that_mean_nothing_are_refused(
    alice: Trust, minded: str, table: str, query: dict[str, str]
) -> None:
    answer = alice.http.get(f"/api/v1/{minded}agreement/{table}.csv", query)
    assert answer.status_code == 400
    assert next(iter(query)) in answer.json()["detail"]


def batches(better_from: int) -> list[tuple[Any, ...]]:
    """Four batches, weeks and guidelines; annotators guess until ``better_from``."""
    rng = np.random.default_rng(8)
    truth = rng.integers(0, 3, 80)
    return [
        (
            f"i{i:03}",
            f"w{a}",
            "abc"[truth[i] if i // 20 >= better_from or rng.random() < 0.2 else rng.integers(0, 3)],
            f"2026-01-{5 + 7 * (i // 20):02}T10:00:00Z",
            f"b{i // 20}",
            "v1" if i < 40 else "v2",
        )
        for i in range(80)
        for a in range(3)
    ]


TIMED = "item,annotator,label,labelled_at,batch,guideline_version\n"


def timed(alice: Trust, slug: str, better_from: int) -> Any:
    path = asked(alice, slug, [])
    sent = alice.upload(path, "labels", labels_csv(batches(better_from), TIMED))
    assert sent["state"] == "stored"
    return alice.get(f"{path}agreement/")


def test_a_new_guideline_that_helped_shows_in_batch_week_and_version(alice: Trust) -> None:
    result = timed(alice, "better", 2)
    by_name = {
        (row["kind"], row["period"]): row["coefficients"]["krippendorff_alpha"]["value"]
        for row in result["periods"]
    }
    assert [name for kind, name in by_name if kind == "week"] == [
        "2026-W02",
        "2026-W03",
        "2026-W04",
        "2026-W05",
    ]
    assert by_name["guideline_version", "v2"] == 1
    assert by_name["guideline_version", "v1"] < 0.5
    for kind in ("batch", "week", "guideline_version"):
        assert result["change"][kind]["explained"]["p_value"] < 0.01
    assert result["change"]["week"]["trend"]["value"] < 0
    assert result["change"]["week"]["trend"]["p_value"] < 0.01
    assert result["change"]["guideline_version"]["trend"]["reason"] == "not_applicable"
    assert result["change"]["batch"]["n_periods"] == 4


def test_no_change_is_not_found_where_there_is_none(alice: Trust) -> None:
    result = timed(alice, "steady", 9)
    for kind in ("batch", "week", "guideline_version"):
        assert result["change"][kind]["explained"]["p_value"] > 0.01


def test_labels_without_time_have_no_periods(alice: Trust) -> None:
    result = alice.get(f"{asked(alice, 'timeless', crowd())}agreement/")
    assert (result["periods"], result["change"]) == ([], {})


def test_an_annotator_who_labels_twice_is_compared_with_themselves(alice: Trust) -> None:
    rows = [(f"i{i}", "w0", "ab"[i % 2], r) for i in range(10) for r in (1, 2)]
    rows += [
        (f"i{i}", "w1", "ab"[(i + (r - 1) * (i < 5)) % 2], r) for i in range(10) for r in (1, 2)
    ]
    path = asked(alice, "rounds", [])
    alice.upload(path, "labels", labels_csv(rows, "item,annotator,label,round\n"))
    result = alice.get(f"{path}agreement/")
    selves = {row["annotator"]: row["agreement_with_self"] for row in result["annotators"]}
    assert selves["w0"]["value"] == 1
    assert selves["w1"]["value"] == 0.5
    intra = result["intra_annotator"]
    assert intra["coefficients"]["percent_agreement"]["value"] == pytest.approx(0.75)
    assert (intra["n_items"], intra["n_annotators"], intra["n_labels"]) == (20, 2, 40)


def member(alice: Trust, path: str, person: Callable[[str], Trust], role: str) -> Trust:
    someone = person(role)
    alice.post(f"{path}members/", {"user": role, "role": role})
    return someone


def test_an_auditor_sees_no_small_group_and_no_names(
    alice: Trust, minded: str, person: Callable[[str], Trust]
) -> None:
    auditor = member(alice, minded, person, "auditor")
    alice.patch(minded, {"min_cell": N_ANNOTATORS})
    shown = auditor.get(f"{minded}agreement/")
    assert shown["disclosure"] == f"min_cell_{N_ANNOTATORS}"
    assert shown["groups"]
    for row in shown["groups"]:
        assert row["in_group"]["reason"] == row["cross_group"]["reason"] == "suppressed"
        assert row["association_test"]["p_value"] is None
        assert (row["association_index"]["value"], row["n_annotators"]) == (None, None)
    assert "w05" not in str(shown)
    # The lead sees them all the same.
    assert all(row["n_annotators"] for row in alice.get(f"{minded}agreement/")["groups"])


def test_only_the_lead_asks_for_the_pairs_of_an_annotator(
    alice: Trust, minded: str, person: Callable[[str], Trust]
) -> None:
    auditor = member(alice, minded, person, "auditor")
    auditor.get(f"{minded}agreement/pairs.json")
    refused = auditor.http.get(f"/api/v1/{minded}agreement/pairs.json", {"annotator": "w05"})
    assert refused.status_code == 403
    assert alice.get(f"{minded}agreement/pairs.json", annotator="w05")["results"]


@pytest.mark.parametrize("table", ["agreement/items.csv", "consensus/items.csv"])
def test_a_table_of_items_is_refused_to_an_auditor_with_a_reason(
    alice: Trust, minded: str, person: Callable[[str], Trust], table: str
) -> None:
    auditor = member(alice, minded, person, "auditor")
    refused = auditor.get(f"{minded}{table}", 403)
    assert refused["code"] == "permission_denied"
    assert "auditor" in refused["detail"]
    assert alice.http.get(f"/api/v1/{minded}{table}").status_code == 200


def test_a_second_opinion_names_its_annotators_like_the_pairs(
    alice: Trust, minded: str, person: Callable[[str], Trust]
) -> None:
    readers = {role: member(alice, minded, person, role) for role in ("auditor", "contributor")}
    for reader, first in ((alice, "w"), *((one, "annotator ") for one in readers.values())):
        opinions = reader.get(f"{minded}agreement/")["second_opinion"]
        names = [name for one in opinions for name in one["annotators"] or ()]
        assert names
        assert all(name.startswith(first) for name in names)


def test_a_contributor_sees_the_summary_only(
    alice: Trust, minded: str, person: Callable[[str], Trust]
) -> None:
    shown = member(alice, minded, person, "contributor").get(f"{minded}agreement/")
    assert shown["disclosure"] == "summary"
    assert shown["coefficients"]["krippendorff_alpha"]["value"] is not None
    assert shown["needed"]["coefficients"]
    assert not {"pairs", "annotators", "groups", "cells", "periods", "items"} & set(shown)

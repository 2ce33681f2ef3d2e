"""Agreement through the service: what holds whatever the data, and what is said of thin data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from annotations import parameters
from measures.agreement.distances import WEIGHTS
from tests.conftest import Trust, work_off

VALUES = ["a", "b", "c"]
HEAD = "item,annotator,label\n"


def labels_csv(rows: list[tuple[Any, ...]], head: str = HEAD) -> str:
    return head + "".join(",".join(str(cell) for cell in row) + "\n" for row in rows)


def crowd(n_items: int = 40, n_annotators: int = 4, seed: int = 1) -> list[tuple[str, str, str]]:
    """Labels of everybody for every item; two in three say what is true."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n_items)
    return [
        (
            f"i{i:03}",
            f"w{a}",
            VALUES[truth[i] if rng.random() < 0.67 else rng.integers(0, 3)],
        )
        for i in range(n_items)
        for a in range(n_annotators)
    ]


def asked(alice: Trust, slug: str, rows: list[tuple[Any, ...]], **question: Any) -> str:
    """A data set with one question and these labels."""
    path = alice.dataset(slug)
    fields = {"name": "q", "scale": "nominal", "values": VALUES, **question}
    alice.post(f"{path}questions/", fields)
    if rows:
        head = question.pop("head", HEAD)
        assert alice.upload(path, "labels", labels_csv(rows, head))["state"] == "stored"
    return path


def again(alice: Trust, path: str, **wanted: Any) -> Any:
    """The result of a run with these parameters."""
    alice.post(
        f"{path}runs/", {"kind": "agreement", "parameters": {"question": "q", **wanted}}, 202
    )
    work_off()
    return alice.get(f"{path}agreement/")


def values_of(result: Any) -> dict[str, Any]:
    return {key: number["value"] for key, number in result["coefficients"].items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(
        (a is None and b is None) or a == pytest.approx(b, abs=1e-12)
        for a, b in ((one[key], other[key]) for key in one)
    )


def test_the_order_of_rows_and_the_names_of_people_and_values_change_nothing(alice: Trust) -> None:
    rows = crowd()
    first = values_of(alice.get(f"{asked(alice, 'one', rows)}agreement/"))
    shuffled = [rows[i] for i in np.random.default_rng(5).permutation(len(rows))]
    assert same(first, values_of(alice.get(f"{asked(alice, 'two', shuffled)}agreement/")))
    turned = {"a": "c", "b": "a", "c": "b"}
    renamed = [(f"x{i[::-1]}", {"w0": "z"}.get(a, f"n{a}"), turned[v]) for i, a, v in rows]
    assert same(first, values_of(alice.get(f"{asked(alice, 'three', renamed)}agreement/")))


def test_named_weights_are_computed_on_request_and_unknown_ones_are_refused(alice: Trust) -> None:
    path = asked(alice, "weights", crowd(), scale="ordinal")
    result = again(alice, path, weights=["quadratic", "radical"])
    assert result["parameters"]["weights"] == ["quadratic", "radical"]
    for key in ("gwet_ac2_radical", "fleiss_kappa_quadratic", "conger_kappa_radical"):
        assert -1 <= result["coefficients"][key]["value"] <= 1
    body = {"kind": "agreement", "parameters": {"question": "q", "weights": ["cubic"]}}
    refused = alice.post(f"{path}runs/", body, 400)
    assert refused["errors"][0]["pointer"] == "/parameters/weights"
    assert set(parameters.WEIGHTS) == set(WEIGHTS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resample", "annotators"),
        ("half_width", 0),
        ("half_width", 1.5),
        ("n_permutations", 0),
        ("n_replicates", -1),
        ("ci_level", 95),
        ("weights", "linear"),
    ],
)
def test_wrong_parameters_are_refused_by_name(alice: Trust, name: str, value: Any) -> None:
    path = asked(alice, "wrong", [])
    body = {"kind": "agreement", "parameters": {"question": "q", name: value}}
    refused = alice.post(f"{path}runs/", body, 400)
    assert refused["errors"][0]["pointer"] == f"/parameters/{name}"


DEGENERATE: list[tuple[str, list[tuple[str, str, str]], str]] = [
    ("one-annotator", [(f"i{i}", "w0", "ab"[i % 2]) for i in range(6)], "no_overlap"),
    ("one-label-an-item", [(f"i{i}", f"w{i % 3}", "ab"[i % 2]) for i in range(6)], "no_overlap"),
    ("one-value", [(f"i{i}", f"w{a}", "a") for i in range(6) for a in range(2)], "no_variation"),
    ("one-item", [("i0", "w0", "a"), ("i0", "w1", "b")], "too_few_items"),
    (
        "unanimous-but-for-a-single",
        [(f"i{i}", f"w{a}", "a") for i in range(6) for a in range(2)] + [("lone", "w0", "b")],
        "no_variation",
    ),
]


@pytest.mark.parametrize(
    ("slug", "rows", "reason"), DEGENERATE, ids=lambda x: x if isinstance(x, str) else ""
)
def test_thin_labels_give_a_reason_and_never_a_number(
    alice: Trust, slug: str, rows: list[tuple[str, str, str]], reason: str
) -> None:
    result = alice.get(f"{asked(alice, slug, rows)}agreement/")
    alpha = result["coefficients"]["krippendorff_alpha"]
    assert (alpha["value"], alpha["reason"]) == (None, reason)
    assert alpha["ci_low"] is None
    assert result["needed"]["coefficients"].get("krippendorff_alpha") is None
    percent = result["coefficients"]["percent_agreement"]
    assert (percent["value"] is None) == (reason not in ("no_variation",))


def test_one_disagreement_among_many_is_zero_with_a_warning(alice: Trust) -> None:
    rows = [(f"i{i}", f"w{a}", "a") for i in range(11) for a in range(2)][:-1]
    result = alice.get(f"{asked(alice, 'low', [*rows, ('i10', 'w1', 'b')])}agreement/")
    assert result["coefficients"]["krippendorff_alpha"]["value"] == pytest.approx(0, abs=1e-12)
    assert "low_variation" in result["warnings"]


def test_no_labels_are_no_result(alice: Trust) -> None:
    path = asked(alice, "empty", [])
    assert alice.get(f"{path}agreement/", 404)["code"] == "no_result"
    result = again(alice, path)
    assert result["coefficients"]["krippendorff_alpha"]["reason"] == "no_data"
    assert result["intra_annotator"]["coefficients"]["percent_agreement"]["reason"] == "no_data"


def test_the_paradox_of_two_annotators_explains_itself(alice: Trust) -> None:
    """Feinstein and Cicchetti (1990): 85 % agreement twice, kappa .70 and .32."""
    for slug, cells, kappa, prevalence in (
        ("balanced", (40, 9, 6, 45), 0.70, 0.05),
        ("skewed", (80, 10, 5, 5), 0.32, 0.75),
    ):
        pairs = [x for x, n in zip(("aa", "ab", "ba", "bb"), cells, strict=True) for _ in range(n)]
        rows = [(f"i{i}", f"w{a}", pair[a]) for i, pair in enumerate(pairs) for a in range(2)]
        result = alice.get(f"{asked(alice, slug, rows, values=['a', 'b'])}agreement/")
        assert result["coefficients"]["cohen_kappa"]["value"] == pytest.approx(kappa, abs=0.005)
        assert result["paradox"]["prevalence_index"]["value"] == pytest.approx(prevalence)
        assert result["paradox"]["pabak"]["value"] == pytest.approx(0.70)
        assert result["paradox"]["prevalence_index"]["n"] == 100
        assert all(opinion["library"] for opinion in result["second_opinion"])
    crowded = alice.get(f"{asked(alice, 'crowd', crowd())}agreement/")
    assert crowded["paradox"]["bias_index"]["reason"] == "not_applicable"


def test_sets_have_jaccard_and_masi(alice: Trust) -> None:
    rows = [("i1", "w0", "a|b"), ("i1", "w1", "a"), ("i2", "w0", "c"), ("i2", "w1", "c")]
    rows += [("i3", "w0", "b"), ("i3", "w1", "b|c"), ("i4", "w0", "a"), ("i4", "w1", "b")]
    found = alice.get(f"{asked(alice, 'sets', rows, scale='set')}agreement/")["coefficients"]
    masi, jaccard = (found[f"krippendorff_alpha_{name}"]["value"] for name in ("masi", "jaccard"))
    assert masi == found["krippendorff_alpha"]["value"]
    assert masi < jaccard < 1
    assert found["krippendorff_alpha_interval"]["reason"] == "not_applicable"


def test_on_a_circle_the_last_hour_is_next_to_the_first(alice: Trust) -> None:
    hours = [str(h) for h in range(24)]
    rows = [(f"i{i}", f"w{a}", (5 * i + a) % 24) for i in range(24) for a in range(2)]
    path = asked(alice, "hours", rows, scale="circular", values=hours)
    found = alice.get(f"{path}agreement/")
    assert found["scale"] == "circular"
    alpha = found["coefficients"]["krippendorff_alpha"]["value"]
    assert alpha == found["coefficients"]["krippendorff_alpha_circular"]["value"]
    turned = [(i, a, (int(v) + 7) % 24) for i, a, v in rows]
    other = asked(alice, "turned", turned, scale="circular", values=hours)
    again_alpha = alice.get(f"{other}agreement/")["coefficients"]["krippendorff_alpha"]["value"]
    assert again_alpha == pytest.approx(alpha, abs=1e-12)
    assert alpha > found["coefficients"]["krippendorff_alpha_interval"]["value"]


def test_groups_are_resampled_where_most_items_have_one(alice: Trust) -> None:
    rows = crowd(n_items=60)
    path = asked(alice, "grouped", rows)
    narrow = alice.get(f"{path}agreement/")
    assert (narrow["resampled"], narrow["n_groups"]) == ("items", 0)
    alice.upload(path, "items", "item,group\n" + "".join(f"i{i:03},g{i % 12}\n" for i in range(60)))
    grouped = alice.get(f"{path}agreement/")
    assert (grouped["resampled"], grouped["n_groups"]) == ("groups", 12)
    alpha = grouped["coefficients"]["krippendorff_alpha"]
    assert alpha["ci_method"] == "bootstrap_groups_percentile"
    point = narrow["coefficients"]["krippendorff_alpha"]["value"]
    assert alpha["value"] == pytest.approx(point, abs=1e-12)
    items = again(alice, path, resample="items")
    assert items["resampled"] == "items"
    assert "groups" in grouped["conventions"]["interval"]


def test_items_still_needed_shrink_with_the_square_of_the_width(alice: Trust) -> None:
    path = asked(alice, "needed", crowd())
    wide = again(alice, path, half_width=0.2)["needed"]["coefficients"]["krippendorff_alpha"]
    tight = again(alice, path, half_width=0.1)["needed"]["coefficients"]["krippendorff_alpha"]
    assert tight["n_items"] == pytest.approx(4 * wide["n_items"], rel=0.15)
    assert tight["n_items_more"] == max(0, tight["n_items"] - 40)


def test_every_choice_is_said_in_the_conventions(alice: Trust) -> None:
    result = alice.get(f"{asked(alice, 'said', crowd())}agreement/")
    for key in ("n", "interval", "groups", "periods", "change", "cells", "needed", "paradox"):
        assert result["conventions"][key]


def test_the_run_with_the_same_parameters_gives_the_same_digits(
    alice: Trust, person: Callable[[str], Trust]
) -> None:
    rows = crowd()
    one = alice.get(f"{asked(alice, 'seed', rows)}agreement/")
    bob = person("bob")
    other = bob.get(f"{asked(bob, 'seed-2', rows)}agreement/")
    assert values_of(one) == values_of(other)


def test_weights_on_very_many_numbers_are_null_with_a_reason_and_a_warning(alice: Trust) -> None:
    rng = np.random.default_rng(5)
    rows = [(f"i{i}", f"w{a}", f"{i + rng.normal():.4f}") for i in range(90) for a in range(3)]
    path = asked(alice, "scores", rows, scale="interval", values=[])
    assert alice.get(f"{path}agreement/")["warnings"] == ["many_distinct_numbers"]
    found = again(alice, path, weights=["quadratic"])
    assert found["warnings"] == ["many_distinct_numbers", "weights_not_applied"]
    assert found["coefficients"]["krippendorff_alpha"]["value"] > 0.9
    for key in ("fleiss_kappa_quadratic", "krippendorff_alpha_weighted_quadratic"):
        number = found["coefficients"][key]
        assert (number["value"], number["reason"]) == (None, "not_applicable")

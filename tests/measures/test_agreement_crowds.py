"""Sums over a crowd say what its labels say one by one, and are refreshed from what changed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from measures.agreement import (
    AgreementStatistics,
    agreement,
    agreement_statistics,
    annotator_agreement,
    declare_domain,
    pairwise_agreement,
    patterns,
    second_opinion,
)
from measures.agreement.refreshing import refreshed

DOMAIN = declare_domain(["a", "b", "c"], "ordinal")
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def some(rng: np.random.Generator, n_items: int, n_annotators: int = 40) -> Rows:
    """Labels of items by 1 to 5 annotators each, nobody twice; items are numbered with gaps."""
    rows = [
        (3 * item + 1, who, min(2, rng.integers(0, 4)))
        for item in range(n_items)
        for who in rng.choice(n_annotators, rng.integers(1, 6), replace=False)
    ]
    item, annotator, code = np.array(rows).T
    return item, annotator, code


def counted(rows: Rows) -> AgreementStatistics:
    return agreement_statistics(*rows, n_values=3)


def joined(*parts: Rows) -> Rows:
    item, annotator, code = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return item, annotator, code


def taken(rows: Rows, which: np.ndarray) -> Rows:
    return rows[0][which], rows[1][which], rows[2][which]


def same(one: AgreementStatistics, other: AgreementStatistics) -> None:
    for name in ("patterns", "cluster", "multiplicity", "annotator_values"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert (one.crowd is None) == (other.crowd is None)
    if one.crowd is not None and other.crowd is not None:
        for field in dataclasses.fields(one.crowd):
            left, right = getattr(one.crowd, field.name), getattr(other.crowd, field.name)
            assert np.array_equal(left, right), field.name
    if one.panel is not None and other.panel is not None:
        assert np.array_equal(one.panel.rows.toarray(), other.panel.rows.toarray())
        assert np.array_equal(one.panel.multiplicity, other.panel.multiplicity)


@pytest.mark.parametrize("seed", range(3))
def test_a_crowds_sums_give_what_its_labels_give_item_by_item(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Second implementation: the panel, one row an item. Sums of thousands of floats: 1e-10."""
    rows = some(np.random.default_rng(seed), 300)
    by_panel = counted(rows)
    monkeypatch.setattr(patterns, "CROWD_LABELS", 0)
    by_sums = counted(rows)
    assert by_panel.panel is not None
    assert by_sums.panel is None
    assert by_sums.crowd is not None
    answers = [
        agreement(one, DOMAIN, rng=np.random.default_rng(1), n_replicates=0, weights=["quadratic"])
        for one in (by_panel, by_sums)
    ]
    for key, number in answers[0].coefficients.items():
        other = answers[1].coefficients[key]
        assert other.n == number.n
        assert other.reason == number.reason
        assert other.value == pytest.approx(number.value, abs=1e-10), key
        assert other.se == pytest.approx(number.se, abs=1e-10), key
    assert answers[0].coefficients["conger_kappa"].se is not None
    pairs = [pairwise_agreement(one, DOMAIN) for one in (by_panel, by_sums)]
    assert [dataclasses.asdict(one) for one in pairs[0].pairs] == [
        dataclasses.asdict(one) for one in pairs[1].pairs
    ]
    for one, other in zip(
        annotator_agreement(by_panel, DOMAIN), annotator_agreement(by_sums, DOMAIN), strict=True
    ):
        assert one.value_counts == other.value_counts
        assert (one.n_items, one.n_items_shared) == (other.n_items, other.n_items_shared)
        assert one.agreement_with_others.value == pytest.approx(
            other.agreement_with_others.value, abs=1e-12
        )
        assert one.alpha_without.value == pytest.approx(other.alpha_without.value, abs=1e-10)
    opinions = [
        second_opinion(one, DOMAIN, answer, pairs=table)
        for one, answer, table in zip((by_panel, by_sums), answers, pairs, strict=True)
    ]
    assert len(opinions[0]) == len(opinions[1]) > 10
    assert all(abs(one.difference or 0.0) < 1e-9 for one in opinions[1])


@pytest.mark.parametrize("crowd_labels", [0, 10**6])
@pytest.mark.parametrize("n_annotators", [4, 40])
@pytest.mark.parametrize("seed", range(4))
def test_refreshed_statistics_are_those_of_a_fresh_count(
    monkeypatch: pytest.MonkeyPatch, crowd_labels: int, n_annotators: int, seed: int
) -> None:
    """Labels changed, came and went; whole items, whole annotators and whole patterns too."""
    monkeypatch.setattr(patterns, "CROWD_LABELS", crowd_labels)
    rng = np.random.default_rng(seed)
    before = some(rng, 60, n_annotators if n_annotators > 4 else 5)
    after = some(rng, 70, max(5, n_annotators - seed))
    touched = rng.choice(np.unique(after[0]), 9, replace=False)
    stays = ~np.isin(before[0], touched)
    come = taken(after, np.isin(after[0], touched[seed:]))
    found = refreshed(counted(before), counted(taken(before, ~stays)), counted(come))
    fresh = counted(joined(taken(before, stays), come))
    if n_annotators == 40 and crowd_labels:
        # One row an item: which rows changed is not told, so all are counted again.
        assert found is None
        return
    assert found is not None
    same(found, fresh)


def test_a_label_given_twice_is_not_counted_in_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "CROWD_LABELS", 0)
    rows = some(np.random.default_rng(1), 50)
    twice = joined(rows, taken(rows, np.array([7])))
    found = counted(twice)
    assert found.crowd is None
    assert found.panel is not None
    assert refreshed(counted(rows), counted(taken(rows, np.array([7]))), found) is None

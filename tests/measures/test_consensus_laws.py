"""What must hold whatever the labels: order, names, ranges of items, repeated and single labels."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.consensus import (
    dawid_skene,
    glad,
    label_counts,
    mace,
    majority_shares,
    one_coin,
    reliability,
)
from tests.measures.consensus_labels import from_text, simulated

MODELS = {
    "majority": majority_shares,
    "dawid_skene": lambda counts: dawid_skene(counts).posterior,
    "one_coin": lambda counts: one_coin(counts).posterior,
    "mace": lambda c: mace(c, rng=np.random.default_rng(3), n_starts=2, max_steps=300).posterior,
    "glad": lambda counts: glad(counts, tolerance=1e-9).posterior,
}


@pytest.fixture(scope="module")
def columns():
    return simulated(n_items=80)[:3]


@pytest.mark.parametrize("name", MODELS)
def test_the_order_of_the_labels_does_not_matter(name, columns):
    order = np.random.default_rng(1).permutation(len(columns[0]))
    one = MODELS[name](label_counts(*columns, n_values=3))
    other = MODELS[name](label_counts(*(column[order] for column in columns), n_values=3))
    assert one == pytest.approx(other, abs=1e-9)


@pytest.mark.parametrize("name", ["majority", "dawid_skene", "one_coin", "glad"])
def test_renaming_values_renames_the_answer(name, columns):
    item, annotator, code = columns
    new = np.array([2, 0, 1])
    one = MODELS[name](label_counts(item, annotator, code, n_values=3))
    other = MODELS[name](label_counts(item, annotator, new[code], n_values=3))
    assert other[:, new] == pytest.approx(one, abs=1e-6)


@pytest.mark.parametrize("name", ["majority", "dawid_skene", "one_coin", "glad"])
def test_renaming_items_and_annotators_changes_nothing_else(name, columns):
    item, annotator, code = columns
    who = np.array([40, 7, 99, 3, 12])
    one = MODELS[name](label_counts(item, annotator, code, n_values=3))
    other = MODELS[name](label_counts(1000 - item, who[annotator], code, n_values=3))
    # GLAD's inner optimiser sees the parameters in another order, hence the tolerance.
    assert other[::-1] == pytest.approx(one, abs=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_unanimous_labels_are_believed(name):
    found = MODELS[name](from_text("000/111/000/111/000/111/222/222", 3))
    assert found.argmax(axis=1).tolist() == [0, 1, 0, 1, 0, 1, 2, 2]
    assert found.max(axis=1).min() > 0.9


@pytest.mark.parametrize("name", MODELS)
def test_a_posterior_is_a_probability(name, columns):
    found = MODELS[name](label_counts(*columns, n_values=3))
    assert found.sum(axis=1) == pytest.approx(np.ones(len(found)))
    assert found.min() >= 0


@pytest.mark.parametrize("name", MODELS)
def test_a_question_with_one_value_is_settled(name):
    assert MODELS[name](from_text("000/00./0.0", 1)).tolist() == [[1.0]] * 3


def test_equal_rows_are_put_together_without_changing_the_answer():
    """Five experts and few values: most items have a twin."""
    item, annotator, code, _ = simulated(n_items=600, n_values=2, kept=1.0)
    counts = label_counts(item, annotator, code, n_values=2)
    together = dawid_skene(counts)
    alone = dawid_skene(label_counts(item, annotator * 601 + 7, code, n_values=2))
    assert together.posterior == pytest.approx(alone.posterior, abs=1e-12)
    assert together.log_likelihood == pytest.approx(alone.log_likelihood)


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_how_many_rows_differ_is_told_from_a_part_of_them(share):
    """Of 200,000 numbers 30,000 are looked at: three standard errors are below 2 %."""
    rng = np.random.default_rng(4)
    distinct = rng.random(int(200_000 * share)) * 3.0
    sums = distinct[rng.permutation(np.arange(200_000) % distinct.size)]
    distinct_share = sys.modules[label_counts.__module__]._distinct_share
    assert distinct_share(sums) == pytest.approx(share, abs=0.02)
    assert distinct_share(np.repeat([0.3, 0.7, 0.3], 40)) == 2 / 120
    # One row that nearly all items have does not hide behind the others, nor they behind it.
    sums[:199_000] = 0.123
    assert distinct_share(sums) < 0.02


def test_repeated_labels_are_independent_draws():
    once = label_counts([0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 1], n_values=2)
    thrice = label_counts([0] * 4 + [1, 1], [0, 0, 0, 1, 0, 1], [0, 0, 0, 1, 1, 1], n_values=2)
    assert once.n_labels == 4
    assert thrice.n_labels == 6
    assert majority_shares(thrice)[0].tolist() == [0.75, 0.25]
    assert thrice.by_annotator().tolist() == [[3.0, 1.0], [0.0, 2.0]]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 1)), min_size=2, max_size=40
    )
)
def test_counts_of_disjoint_items_add_up(labels):
    columns = np.array(labels).T
    low = columns[0] < 5
    whole = label_counts(*columns, n_values=2)
    parts = label_counts(*columns[:, low], n_values=2) + label_counts(*columns[:, ~low], n_values=2)
    assert parts.items.tolist() == whole.items.tolist()
    assert parts.annotators.tolist() == whole.annotators.tolist()
    assert (parts.matrix != whole.matrix).nnz == 0


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=40
    )
)
def test_pairs_are_who_labelled_what(labels):
    counts = label_counts(*np.array(labels).T, n_values=3)
    row, annotator, pair_of = counts.pairs()
    named = zip(counts.items[row].tolist(), counts.annotators[annotator].tolist(), strict=True)
    assert list(named) == sorted({(i, a) for i, a, _ in labels})
    entry_row, entry_annotator, _, _ = counts.entries()
    assert row[pair_of].tolist() == entry_row.tolist()
    assert annotator[pair_of].tolist() == entry_annotator.tolist()


def test_counts_that_share_an_item_are_refused():
    counts = from_text("01/10", 2)
    with pytest.raises(ValueError, match="2 items are in both"):
        _ = counts + counts
    with pytest.raises(ValueError, match="do not add up"):
        _ = counts + from_text("01", 3)


def test_an_annotator_alone_has_no_reliability():
    counts = from_text("0/1/0/1", 2)
    (one,) = reliability(counts, dawid_skene(counts))
    assert str(one.accuracy.reason) == "no_overlap"
    assert str(one.spammer_score.reason) == "no_overlap"
    assert one.n_items_shared == 0


def test_parts_and_far_numbers_do_not_change_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    item, annotator = np.repeat(np.arange(300), 3), np.tile(np.arange(3), 300)
    code = np.where(rng.random(900) < 0.7, rng.integers(0, 3, 300)[item], rng.integers(0, 3, 900))
    whole = dawid_skene(label_counts(item, annotator, code, n_values=3))
    monkeypatch.setattr(sys.modules[dawid_skene.__module__], "_PART_ROWS", 2)
    far = label_counts(item * 10**9, annotator * 10**6 + 5, code, n_values=3)
    parted = dawid_skene(far)
    assert far.items.tolist() == list(range(0, 300 * 10**9, 10**9))
    assert parted.climb.steps == whole.climb.steps
    assert parted.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(parted.posterior, whole.posterior, atol=1e-9)
    np.testing.assert_allclose(parted.expected, whole.expected, atol=1e-7)

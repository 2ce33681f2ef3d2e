"""What must hold for any labels: order, renaming, adding up, and the definitions by pairs."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.agreement import (
    agreement,
    agreement_statistics,
    annotator_agreement,
    declare_domain,
    item_disagreement,
    numeric_agreement,
    numeric_statistics,
    pairwise_agreement,
    value_agreement,
)

KEYS = ("percent_agreement", "fleiss_kappa", "conger_kappa", "gwet_ac1", "krippendorff_alpha")


@st.composite
def labels(draw, n_values=4, n_annotators=5, n_items=8):
    """Columns item, annotator, code with gaps, at most one label an item and annotator."""
    cells = [(i, a) for i in range(draw(st.integers(1, n_items))) for a in range(n_annotators)]
    chosen = draw(st.lists(st.sampled_from(cells), unique=True, max_size=30))
    codes = draw(st.lists(st.integers(0, n_values - 1), min_size=len(chosen), max_size=len(chosen)))
    table = np.array([(i, a, c) for (i, a), c in zip(chosen, codes, strict=True)], dtype=np.int64)
    return tuple(table.reshape(-1, 3).T)


def values_of(columns, scale="ratio", values=(1, 2, 4, 7), **options):
    item, annotator, code = columns
    statistics = agreement_statistics(item, annotator, code, n_values=len(values), n_annotators=5)
    found = agreement(
        statistics,
        declare_domain(values, scale),
        rng=np.random.default_rng(0),
        n_replicates=0,
        **options,
    )
    return {key: (one.value, one.reason) for key, one in found.coefficients.items()}


def same(one, other):
    assert one.keys() == other.keys()
    for key, (value, reason) in one.items():
        assert other[key][1] == reason, key
        if value is not None:
            assert other[key][0] == pytest.approx(value, abs=1e-9), key


def by_item(columns):
    item, _, code = columns
    return [list(code[item == one]) for one in np.unique(item)]


def brute_alpha(units, distance):
    """Krippendorff's alpha as two means over pairs of labels."""
    units = [unit for unit in units if len(unit) > 1]
    pooled = [code for unit in units for code in unit]
    n = len(pooled)
    if n < 2:
        return None
    observed = sum(
        sum(distance(x, y) for x, y in itertools.permutations(unit, 2)) / (len(unit) - 1)
        for unit in units
    )
    expected = sum(distance(x, y) for x, y in itertools.permutations(pooled, 2)) / (n - 1)
    return 1 - observed / expected if expected > 0 else None


def ordinal_distance(units, size):
    used = [sum(code == k for unit in units if len(unit) > 1 for code in unit) for k in range(size)]

    def distance(x, y):
        low, high = min(x, y), max(x, y)
        return (sum(used[low : high + 1]) - (used[low] + used[high]) / 2) ** 2

    return distance


@settings(max_examples=60)
@given(labels())
def test_alpha_is_one_minus_the_ratio_of_two_means_over_pairs(columns):
    values = (1, 2, 4, 7)
    units = by_item(columns)
    found = values_of(columns)
    if len([unit for unit in units if len(unit) > 1]) < 2 or np.unique(columns[1]).size < 2:
        assert found["krippendorff_alpha"][0] is None
        return
    distances = {
        "nominal": lambda x, y: float(x != y),
        "ordinal": ordinal_distance(units, 4),
        "interval": lambda x, y: (values[x] - values[y]) ** 2,
        "ratio": lambda x, y: ((values[x] - values[y]) / (values[x] + values[y])) ** 2,
    }
    for metric, distance in distances.items():
        expected = brute_alpha(units, distance)
        value, reason = found[f"krippendorff_alpha_{metric}"]
        if expected is None:
            assert reason == "no_variation"
        else:
            assert value == pytest.approx(expected, abs=1e-9), metric


@settings(max_examples=60)
@given(labels())
def test_percent_and_fleiss_are_means_over_items_and_pairs(columns):
    units = by_item(columns)
    paired = [unit for unit in units if len(unit) > 1]
    found = values_of(columns)
    if len(paired) < 2 or np.unique(columns[1]).size < 2:
        assert found["percent_agreement"][0] is None
        return
    agreed = np.mean([np.mean([x == y for x, y in itertools.combinations(u, 2)]) for u in paired])
    shares = np.mean([[np.mean([c == k for c in u]) for k in range(4)] for u in units], axis=0)
    chance = float((shares**2).sum())
    assert found["percent_agreement"][0] == pytest.approx(agreed)
    if chance < 1:
        assert found["fleiss_kappa"][0] == pytest.approx((agreed - chance) / (1 - chance))
    spread = float((shares * (1 - shares)).sum()) / 3
    assert found["gwet_ac1"][0] == pytest.approx((agreed - spread) / (1 - spread))


@settings(max_examples=40)
@given(labels(), st.randoms(use_true_random=False))
def test_the_order_of_rows_items_and_annotators_changes_nothing(columns, random):
    item, annotator, code = columns
    rows = list(range(len(item)))
    random.shuffle(rows)
    items, annotators = list(range(8)), list(range(5))
    random.shuffle(items)
    random.shuffle(annotators)
    # Numbers far apart: items need not be dense.
    moved = (np.array(items)[item] * 10**9 + 7, np.array(annotators)[annotator], code)
    same(values_of(columns), values_of(tuple(column[rows] for column in moved)))


@settings(max_examples=40)
@given(labels(), st.permutations(range(4)))
def test_renaming_nominal_values_changes_nothing(columns, names):
    item, annotator, code = columns
    renamed = (item, annotator, np.array(names)[code])
    same(
        values_of(columns, "nominal", "abcd"),
        values_of(renamed, "nominal", "abcd"),
    )


@settings(max_examples=40)
@given(labels(), st.floats(0.01, 100), st.floats(-1000, 1000))
def test_another_unit_or_zero_does_not_move_interval_alpha(columns, unit, zero):
    one = values_of(columns, "interval", (1, 2, 4, 7), weights=["quadratic"])
    moved = values_of(
        columns, "interval", [unit * x + zero for x in (1, 2, 4, 7)], weights=["quadratic"]
    )
    for key in ("krippendorff_alpha", "fleiss_kappa_quadratic", "conger_kappa_quadratic"):
        assert one[key][1] == moved[key][1]
        if one[key][0] is not None:
            assert moved[key][0] == pytest.approx(one[key][0], abs=1e-6)


@settings(max_examples=40)
@given(labels(), st.sampled_from([1e-100, 1e-9, 1e-7, 1e9, 1e100]))
def test_numbers_as_small_or_large_as_any_vary_as_much(columns, unit):
    for scale in ("interval", "ratio"):
        one = values_of(columns, scale, (1, 2, 4, 7))
        same(one, values_of(columns, scale, [unit * x for x in (1, 2, 4, 7)]))


@given(labels(), labels())
def test_statistics_of_two_sets_of_items_add_up(first, second):
    second = (second[0] + 100, second[1], second[2])
    both = tuple(np.concatenate(pair) for pair in zip(first, second, strict=True))

    def statistics(columns):
        return agreement_statistics(*columns, n_values=4, n_annotators=5)

    added, whole = statistics(first) + statistics(second), statistics(both)
    for name in ("patterns", "cluster", "multiplicity", "annotator_values"):
        assert np.array_equal(getattr(added, name), getattr(whole, name)), name
    assert np.array_equal(added.panel.rows.toarray(), whole.panel.rows.toarray())
    assert np.array_equal(added.panel.multiplicity, whole.panel.multiplicity)


@settings(max_examples=40)
@given(labels())
def test_alpha_without_an_annotator_is_alpha_of_the_other_labels(columns):
    item, annotator, code = columns
    domain = declare_domain((1, 2, 4, 7), "ordinal")
    statistics = agreement_statistics(*columns, n_values=4, n_annotators=5)
    for one in annotator_agreement(statistics, domain):
        rest = annotator != one.annotator
        paired = [unit for unit in by_item((item[rest], None, code[rest])) if len(unit) > 1]
        expected = brute_alpha(paired, ordinal_distance(paired, 4)) if len(paired) > 1 else None
        assert one.alpha_without.n == len(paired)
        if expected is None:
            assert one.alpha_without.value is None
        else:
            assert one.alpha_without.value == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40)
@given(labels())
def test_one_value_against_the_rest_is_binary_alpha_and_kappa(columns):
    statistics = agreement_statistics(*columns, n_values=4, n_annotators=5)
    for one in value_agreement(statistics, rng=np.random.default_rng(0), n_replicates=0):
        binary = (columns[0], columns[1], (columns[2] == one.code).astype(np.int64))
        expected = values_of(binary, "nominal", ("no", "yes"))
        for estimate, key in (
            (one.alpha, "krippendorff_alpha"),
            (one.fleiss_kappa, "fleiss_kappa"),
        ):
            assert estimate.reason == expected[key][1]
            if estimate.value is not None:
                assert estimate.value == pytest.approx(expected[key][0], abs=1e-9)


@settings(max_examples=40)
@given(labels())
def test_kappa_of_a_pair_is_kappa_of_their_labels_alone(columns):
    item, annotator, code = columns
    domain = declare_domain("abcd", "ordinal")
    statistics = agreement_statistics(*columns, n_values=4, n_annotators=5)
    for pair in pairwise_agreement(statistics, domain).pairs:
        theirs = np.isin(annotator, pair.annotators)
        alone = agreement_statistics(item[theirs], annotator[theirs], code[theirs], n_values=4)
        expected = agreement(alone, domain, rng=np.random.default_rng(0), n_replicates=0)
        for key in ("cohen_kappa", "cohen_kappa_linear", "cohen_kappa_quadratic"):
            assert pair.coefficients[key].n == expected.coefficients[key].n
            assert pair.coefficients[key].reason == expected.coefficients[key].reason
            if pair.coefficients[key].value is not None:
                assert pair.coefficients[key].value == pytest.approx(
                    expected.coefficients[key].value, abs=1e-9
                )


@settings(max_examples=40)
@given(labels())
def test_alpha_is_one_minus_the_mean_disagreement_of_the_items(columns):
    domain = declare_domain((1, 2, 4, 7), "ordinal")
    items = item_disagreement(columns[0], columns[2], domain)
    value, _ = values_of(columns, "ordinal")["krippendorff_alpha"]
    if value is not None:
        paired = items.n_labels >= 2
        mean = items.disagreement @ items.n_labels / items.n_labels[paired].sum()
        assert 1 - mean == pytest.approx(value, abs=1e-9)
        assert items.contribution.sum() == pytest.approx(1.0 if value < 1 else 0.0)


@settings(max_examples=40)
@given(labels())
def test_numbers_without_a_table_give_the_alpha_of_the_table(columns):
    values = np.array([1.0, 2.0, 4.0, 7.0])
    statistics = numeric_statistics(columns[0], columns[1], values[columns[2]])
    found = numeric_agreement(statistics, rng=np.random.default_rng(0), n_replicates=0)
    expected = values_of(columns)
    for key, estimate in found.items():
        assert estimate.reason == expected[key][1]
        if estimate.value is not None:
            assert estimate.value == pytest.approx(expected[key][0], abs=1e-9)


def test_few_annotators_and_a_crowd_are_kept_differently_and_answer_alike():
    rng = np.random.default_rng(5)
    item, annotator = np.divmod(np.arange(900), 3)
    code = (rng.random(900) < 0.3 + 0.4 * (item % 2)).astype(np.int64)
    domain = declare_domain("ab", "nominal")
    compact = agreement_statistics(item, annotator, code, n_values=2)
    crowd = agreement_statistics(item, annotator, code, n_values=2, n_annotators=40)
    assert len(compact.panel.multiplicity) == 8
    assert len(crowd.panel.multiplicity) == 300
    one, other = (
        agreement(statistics, domain, rng=np.random.default_rng(1), n_replicates=400)
        for statistics in (compact, crowd)
    )
    for key in (*KEYS, "cohen_kappa_mean_pairwise"):
        assert one.coefficients[key].value == pytest.approx(other.coefficients[key].value)
        # Different draws of the same bootstrap.
        assert one.coefficients[key].ci_low == pytest.approx(
            other.coefficients[key].ci_low, abs=0.02
        )

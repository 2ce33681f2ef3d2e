"""Where agreement comes from: pairs, annotators, values, items, subgroups, groups."""

from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from measures.agreement import (
    Labels,
    agreement,
    agreement_statistics,
    annotator_agreement,
    cross_group_agreement,
    declare_domain,
    fleiss_null_test,
    group_difference_tests,
    item_disagreement,
    jaccard_distance,
    masi_distance,
    pairwise_agreement,
    paradox_indices,
    subgroup_agreement,
    value_agreement,
    weight_matrix,
)
from measures.agreement.coincidences import alpha_of_coincidences, alphas_of_coincidences
from tests.measures.agreement_labels import (
    from_contingency,
    make_labels,
    make_table,
    measured,
    random_labels,
    statistics_of,
)
from tests.measures.test_agreement_published import (
    DIAGNOSES,
    FOUR_RATERS,
)


def rng():
    return np.random.default_rng(17)


# --- counting


@pytest.mark.parametrize("n_values", [1, 2, 3, 5])
@pytest.mark.parametrize("n_again", [0, 9, 33, 200])
@pytest.mark.parametrize("crowded", [0, -1])
def test_an_item_with_very_many_labels_is_counted_like_any_other(n_values, n_again, crowded):
    code = rng().integers(0, n_values, 20_000)
    item = rng().permutation(np.arange(code.size) // 4) * 2 + 7
    code = np.append(code, np.full(n_again, n_values + crowded if crowded else 0))
    item = np.append(item, np.full(n_again, 4007))
    counted = agreement_statistics(item, np.arange(item.size) % 6, code, n_values=n_values)
    by_item = Counter(
        tuple(np.bincount(code[item == one], minlength=n_values)) for one in np.unique(item)
    )
    assert [tuple(row) for row in counted.patterns] == sorted(by_item)
    assert counted.multiplicity.tolist() == [by_item[row] for row in sorted(by_item)]


@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_negative_number_of_a_label_is_refused_with_its_place(column):
    rows = [np.array([4, 4, 2]), np.array([0, 1, 0]), np.array([1, 0, 1])]
    rows[column] = np.array([1, 1, -2])
    name = ("item", "annotator", "code")[column]
    with pytest.raises(ValueError, match=f"{name} must not be negative; got -2 at position 2"):
        agreement_statistics(*rows, n_values=2)


# --- values


@pytest.mark.parametrize(
    ("code", "printed"),
    list(enumerate([0.245, 0.245, 0.520, 0.471, 0.566])),
    ids=["depression", "personality disorder", "schizophrenia", "neurosis", "other"],
)
def test_kappa_of_each_diagnosis_is_fleiss(code, printed):
    # Fleiss (1971), Table 2, kappa by category.
    found = value_agreement(statistics_of(DIAGNOSES, "12345"), rng=rng(), n_replicates=100)
    assert found[code].fleiss_kappa.value == pytest.approx(printed, abs=6e-4)
    assert found[code].fleiss_kappa.ci_low < printed < found[code].fleiss_kappa.ci_high


def test_z_of_the_diagnoses_is_the_one_r_prints():
    # R irr kappam.fleiss(diagnoses): z = 17.65183.
    found = fleiss_null_test(statistics_of(DIAGNOSES, "12345"))
    assert found.value / found.se == pytest.approx(17.65183, abs=1e-4)
    assert found.p_value < 1e-60


def test_null_test_needs_the_same_number_of_labels_everywhere():
    assert fleiss_null_test(statistics_of(FOUR_RATERS, "12345")).reason == "not_applicable"


# --- sets and weights


def test_masi_distance_of_a_subset_is_the_printed_one():
    # NLTK docstring of masi_distance.
    assert masi_distance({1, 2}, {1, 2, 3, 4}) == pytest.approx(2 / 3, abs=1e-12)


def test_two_empty_sets_agree():
    assert jaccard_distance(frozenset(), frozenset()) == 0.0
    assert masi_distance(frozenset(), frozenset()) == 0.0
    assert masi_distance(frozenset(), frozenset("a")) == 1.0


def test_weights_cover_the_declared_domain_and_not_only_the_used_values():
    four = weight_matrix(declare_domain("1234", "ordinal"), "linear")
    assert four[0] == pytest.approx([1, 2 / 3, 1 / 3, 0])
    table = from_contingency([[3, 1, 0], [1, 2, 1], [0, 1, 3]], "123")
    used = measured(table, "123", "ordinal").coefficients["cohen_kappa_linear"].value
    offered = measured(table, "1234", "ordinal").coefficients["cohen_kappa_linear"].value
    # Dropping the unused value rescales credit and chance alike: kappa stays, agreement does not.
    assert offered == pytest.approx(used)


def test_ordinal_text_is_weighted_by_rank_and_interval_by_number():
    ranks = weight_matrix(declare_domain([1, 2, 10], "ordinal"), "linear")
    numbers = weight_matrix(declare_domain([1, 2, 10], "interval"), "linear")
    assert ranks[0] == pytest.approx([1, 0.5, 0])
    assert numbers[0] == pytest.approx([1, 8 / 9, 0])


# --- two annotators


def test_indices_of_the_skewed_paradox_table_say_why_kappa_is_low():
    # Feinstein & Cicchetti (1990): a 80, b 10, c 5, d 5.
    found = paradox_indices(statistics_of(from_contingency([[80, 10], [5, 5]], "+-"), "+-"))
    assert found["prevalence_index"].value == pytest.approx(0.75)
    assert found["bias_index"].value == pytest.approx(0.05)
    assert found["pabak"].value == pytest.approx(0.70)
    # Largest diagonal with the totals 90/10 and 85/15 is 0.95; chance is 0.78.
    assert found["kappa_max"].value == pytest.approx((0.95 - 0.78) / 0.22)
    assert found["kappa_max"].n == 100


def test_largest_kappa_of_equal_totals_is_one():
    found = paradox_indices(statistics_of(from_contingency([[4, 3], [3, 4]], "+-"), "+-"))
    assert found["kappa_max"].value == pytest.approx(1.0)


# --- pairs


def test_kappa_of_pairs_is_that_of_scikit_learn_and_statsmodels():
    item, annotator, code = random_labels()
    statistics = agreement_statistics(item, annotator, code, n_values=3)
    found = pairwise_agreement(statistics, declare_domain("abc", "ordinal"))
    assert found.n_pairs == len(found.pairs) == 6
    for pair in found.pairs:
        one, other = (
            dict(zip(item[annotator == a], code[annotator == a], strict=True))
            for a in pair.annotators
        )
        common = sorted(one.keys() & other.keys())
        assert pair.n_items == len(common)
        x, y = [one[i] for i in common], [other[i] for i in common]
        table = np.zeros((3, 3))
        np.add.at(table, (x, y), 1)
        for key, weights in (("cohen_kappa", None), ("cohen_kappa_quadratic", "quadratic")):
            estimate = pair.coefficients[key]
            assert estimate.value == pytest.approx(cohen_kappa_score(x, y, weights=weights))
            theirs = cohens_kappa(table, wt=weights)
            assert estimate.se == pytest.approx(theirs.std_kappa, rel=1e-6)
            assert estimate.ci_low == pytest.approx(theirs.kappa_low, rel=1e-6)
        percent = pair.coefficients["percent_agreement"]
        assert percent.value == pytest.approx(np.mean(np.array(x) == np.array(y)))
        assert percent.ci_low < percent.value < percent.ci_high


def test_only_the_pairs_with_most_common_items_are_returned():
    item, annotator, code = random_labels(n_annotators=6)
    statistics = agreement_statistics(item, annotator, code, n_values=3)
    domain = declare_domain("abc", "nominal")
    everything = pairwise_agreement(statistics, domain)
    few = pairwise_agreement(statistics, domain, max_pairs=4)
    assert (few.n_pairs, len(few.pairs)) == (15, 4)
    assert few.pairs == everything.pairs[:4]
    assert few.pairs[-1].n_items >= everything.pairs[4].n_items


def test_pairs_need_statistics_that_know_who_labelled():
    statistics = statistics_of(FOUR_RATERS, "12345", with_panel=False)
    with pytest.raises(ValueError, match="with_panel=True"):
        pairwise_agreement(statistics, declare_domain("12345", "nominal"))


def test_rounds_of_one_annotator_spread_an_item_over_the_table():
    # One annotator labels the first item a and b, the other a: half an agreement.
    item, annotator, code = [0, 0, 0, 1, 1, 2, 2], [0, 0, 1, 0, 1, 0, 1], [0, 1, 0, 1, 1, 0, 0]
    columns = [np.array(column) for column in (item, annotator, code)]
    statistics = agreement_statistics(*columns, n_values=2)
    (pair,) = pairwise_agreement(statistics, declare_domain("ab", "nominal")).pairs
    assert pair.n_items == 3
    assert pair.coefficients["percent_agreement"].value == pytest.approx(2.5 / 3)
    found = agreement(statistics, declare_domain("ab", "nominal"), rng=rng(), n_replicates=0)
    assert "repeated_labels" in found.warnings


# --- annotators


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval"])
def test_alphas_of_several_matrices_are_the_definition_on_each(scale):
    """Krippendorff (2011): 1 - (n - 1) sum o_ck d_ck / sum n_c n_k d_ck, by loops."""
    rng = np.random.default_rng(4)
    domain = declare_domain([1, 2, 4, 8], scale)
    matrices = rng.integers(0, 9, (5, 4, 4)).astype(float)
    matrices += matrices.transpose(0, 2, 1)
    matrices[1] = np.diag([0.0, 7.0, 0.0, 0.0])
    matrices[2] = 0.0
    found = alphas_of_coincidences(matrices, domain)
    assert np.isnan(found).tolist() == [False, True, True, False, False]
    for alpha, matrix in zip(found[[0, 3, 4]], matrices[[0, 3, 4]], strict=True):
        paired = matrix.sum(axis=1)
        middle = np.cumsum(paired) - paired / 2
        place = {"nominal": None, "ordinal": middle, "interval": [1, 2, 4, 8]}[scale]
        observed, expected = 0.0, 0.0
        for one in range(4):
            for other in range(4):
                apart = one != other if place is None else (place[one] - place[other]) ** 2
                observed += matrix[one, other] * apart
                expected += paired[one] * paired[other] * apart
        assert alpha == pytest.approx(1 - (paired.sum() - 1) * observed / expected, abs=1e-12)
        assert alpha_of_coincidences(matrix, domain) == alpha
    assert alpha_of_coincidences(matrices[2], domain) is None


def test_an_annotator_who_answers_at_random_lowers_alpha():
    item, annotator, code = random_labels(n_items=400)
    code = np.where(annotator == 2, np.random.default_rng(4).integers(0, 3, item.size), code)
    found = annotator_agreement(
        agreement_statistics(item, annotator, code, n_values=3), declare_domain("abc", "nominal")
    )
    assert found[2].alpha_change.value < -0.05
    assert all(one.alpha_change.value > 0 for one in found if one.annotator != 2)
    assert found[2].agreement_with_others.ci_high < found[0].agreement_with_others.ci_low
    mine = Counter(code[annotator == 2].tolist())
    assert found[2].value_counts == tuple(mine[k] for k in range(3))


def test_agreement_with_others_is_a_mean_over_shared_items():
    # Annotator 0 agrees with one of two others on the first item, with none on the second.
    found = annotator_agreement(
        statistics_of(make_table("112/122/1../.22"), "12"), declare_domain("12", "nominal")
    )
    assert found[0].agreement_with_others.value == pytest.approx(0.25)
    assert (found[0].n_labels, found[0].n_items_shared) == (3, 2)


def test_an_annotator_who_labels_twice_is_compared_with_themselves():
    # Three rounds of the first item agree in one of three pairs, two of the second agree.
    item, annotator, code = [0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1], [0, 0, 1, 1, 1, 0]
    columns = [np.array(column) for column in (item, annotator, code)]
    found = annotator_agreement(
        agreement_statistics(*columns, n_values=2), declare_domain("ab", "nominal")
    )
    assert found[0].agreement_with_self.value == pytest.approx((1 / 3 + 1) / 2)
    assert found[0].agreement_with_self.n == 2
    assert found[1].agreement_with_self.reason == "no_overlap"


# --- items


def test_items_say_how_much_they_add_to_the_disagreement():
    columns = make_labels(make_table("1111/1122/1234/1.../2222"), "1234")
    found = item_disagreement(columns[0], columns[2], declare_domain("1234", "nominal"))
    assert found.n_labels.tolist() == [4, 4, 4, 1, 4]
    # Four of six pairs differ in the second item, six of six in the third.
    assert found.contribution == pytest.approx([0, 0.4, 0.6, 0, 0])
    assert found.entropy == pytest.approx([0, 1, 2, 0, 0])
    assert found.tie.tolist() == [False, True, True, False, False]
    assert found.modal_share == pytest.approx([1, 0.5, 0.25, 1, 1])


# --- subgroups and groups


def test_a_subgroup_is_measured_by_its_own_labels_only():
    item, annotator, code = random_labels(n_annotators=6)
    group = annotator % 3 - 1
    domain = declare_domain("abc", "ordinal")
    found = subgroup_agreement(
        Labels(item, annotator, code), group, domain, rng=rng(), n_groups=3, n_replicates=100
    )
    assert [one.group for one in found] == [0, 1, 2]
    for one in found[:2]:
        mine = group == one.group
        alone = agreement_statistics(item[mine], annotator[mine], code[mine], n_values=3)
        expected = agreement(alone, domain, rng=rng(), n_replicates=0).coefficients
        assert one.n_labels == mine.sum()
        for key, estimate in one.coefficients.items():
            assert estimate.value == pytest.approx(expected[key].value)
            assert estimate.ci_low < estimate.value < estimate.ci_high
    assert {estimate.reason for estimate in found[2].coefficients.values()} == {"no_data"}


def grouped(first, second):
    """Labels of two tables of items by annotators, the groups having their own annotators."""
    columns = []
    for group, table in enumerate((first, second)):
        for item, row in enumerate(table):
            columns += [(item, 10 * group + a, code, group) for a, code in enumerate(row)]
    item, annotator, code, group = np.array(columns).T
    return Labels(item, annotator, code), group


def test_cross_replication_reliability_is_the_one_of_its_authors():
    # google-research/cross-replication-reliability, unit test with missing data: 0.1818182.
    one = {1: [0, 2], 2: [0, 3], 3: [2, 0], 4: [3, 0], 5: [1, 1], 6: [3, 0], 7: [2, 1]}
    other = {1: [0, 2], 2: [1, 1], 3: [1, 1], 4: [1, 1], 5: [2, 0]}
    tables = [
        [[k for k, times in enumerate(part.get(i, [])) for _ in range(times)] for i in range(1, 8)]
        for part in (one, other)
    ]
    labels, group = grouped(*tables)
    found = cross_group_agreement(
        labels, group, declare_domain("AB", "nominal"), groups=(0, 1), rng=rng()
    )
    assert found.xrr_kappa.value == pytest.approx(0.1818182, abs=1e-6)
    assert found.xrr_kappa.n == 5


def test_cohesion_of_two_toy_groups_is_the_computed_one():
    # Toy matrices of Homan-Lab/rater_cohesion_public, recomputed from its definitions.
    first = [[2, 0, 0], [0, 0, 2], [1, 1, 1], [0, 1, 1], [0, 0, 0]]
    second = [[2, 0, 0], [2, 0, 2], [1, 1, 1], [1, 2, 0], [0, 0, 0]]
    labels, group = grouped(first, second)
    found = cross_group_agreement(
        labels, group, declare_domain([0, 1, 2], "nominal"), groups=(0, 1), rng=rng()
    )
    inside = found.cohesion[0]
    assert inside.alpha.value == pytest.approx(0.3636363636, abs=1e-9)
    assert inside.plurality_size.value == pytest.approx(0.8, abs=1e-9)
    assert inside.negentropy.value == pytest.approx(0.7167037877, abs=1e-9)
    assert found.xrr_kappa.value == pytest.approx(0.4680851064, abs=1e-9)
    assert found.association_index[0].value == pytest.approx(0.3636363636 / 0.4680851064, abs=1e-9)


def test_a_group_that_agrees_more_than_chance_would_have_it_is_found():
    item, annotator, code = random_labels(n_items=150, n_annotators=12)
    truth = np.random.default_rng(3).integers(0, 3, 150)[item]
    group = np.arange(12) % 3
    steady = group[annotator] == 1
    code = np.where(steady, truth, code)
    found = group_difference_tests(
        Labels(item, annotator, code),
        annotator,
        group,
        declare_domain("abc", "nominal"),
        rng=rng(),
        n_permutations=199,
    )
    assert found[1].alpha == pytest.approx(1.0)
    assert found[1].difference.p_value <= 0.02
    assert found[1].difference.value == pytest.approx(1.0 - found[1].alpha_by_chance)
    assert all(one.difference.p_adjusted >= one.difference.p_value for one in found)


def test_groups_dealt_at_random_are_seldom_found_different():
    rejected = 0
    for seed in range(20):
        item, annotator, code = random_labels(n_items=60, n_annotators=8, seed=seed)
        group = np.random.default_rng(seed).permutation(8) % 2
        found = group_difference_tests(
            Labels(item, annotator, code),
            annotator,
            group,
            declare_domain("abc", "nominal"),
            rng=np.random.default_rng(seed),
            n_permutations=99,
        )
        rejected += found[0].difference.p_value <= 0.05
    # Expected 1 in 20; six or more has probability 0.0003 if the test is honest.
    assert rejected <= 5


def test_members_are_dealt_within_their_stratum_and_the_unknown_stay_out():
    item, annotator, code = random_labels(n_annotators=6)
    # One member of each group in each stratum of one: nothing can be dealt.
    found = group_difference_tests(
        Labels(item, annotator, code),
        annotator,
        [0, 0, 1, 1, -1, -1],
        declare_domain("abc", "ordinal"),
        rng=rng(),
        stratum_of_member=range(6),
        n_permutations=19,
    )
    assert [one.difference.value for one in found] == pytest.approx([0, 0], abs=1e-12)
    assert [one.difference.p_value for one in found] == [1.0, 1.0]


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval"])
def test_figures_of_groups_have_the_intervals_of_their_items(scale):
    """In-group alpha as alpha of the group's labels alone; the index between its own ends."""
    rng = np.random.default_rng(4)
    item, annotator = (axis.ravel() for axis in np.mgrid[0:150, 0:6])
    truth = rng.integers(0, 4, 150)[item]
    near = np.where(annotator < 3, 0.85, 0.6)
    code = np.where(rng.random(item.size) < near, truth, rng.integers(0, 4, item.size))
    domain = declare_domain([0, 1, 2, 3], scale)
    found = cross_group_agreement(
        Labels(item, annotator, code), annotator // 3, domain, groups=(0, 1), rng=rng
    )
    for side, group in enumerate(found.cohesion):
        mine = annotator // 3 == side
        statistics = agreement_statistics(item[mine], annotator[mine], code[mine], n_values=4)
        alone = agreement(statistics, domain, rng=rng).coefficients["krippendorff_alpha"]
        assert group.alpha.value == pytest.approx(alone.value, abs=1e-9)
        assert group.alpha.ci_low == pytest.approx(alone.ci_low, abs=0.025)
        assert group.alpha.ci_high == pytest.approx(alone.ci_high, abs=0.025)
        index = found.association_index[side]
        assert index.ci_low < index.value < index.ci_high
        # Drawn together: narrower than if both had been drawn apart.
        apart = group.alpha.ci_high / found.xrr_kappa.ci_low
        assert index.ci_high < apart
    assert found.association_index[0].ci_low > 1 > found.association_index[1].ci_high

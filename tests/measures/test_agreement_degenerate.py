"""Too little evidence is an answer with a reason; nothing here may be 0, 1, NaN or a crash."""

import math

import numpy as np
import pytest

from measures.agreement import (
    Labels,
    agreement,
    agreement_statistics,
    annotator_agreement,
    cross_group_agreement,
    declare_domain,
    fleiss_null_test,
    item_disagreement,
    numeric_agreement,
    numeric_statistics,
    pairwise_agreement,
    paradox_indices,
    second_opinion,
    subgroup_agreement,
    value_agreement,
)
from tests.measures.agreement_labels import make_labels, make_table, measured, value_of

CHANCE_CORRECTED = (
    "cohen_kappa",
    "fleiss_kappa",
    "scott_pi",
    "conger_kappa",
    "brennan_prediger",
    "gwet_ac1",
    "gwet_ac2",
    "krippendorff_alpha",
    "krippendorff_alpha_nominal",
    "krippendorff_alpha_ordinal",
    "krippendorff_alpha_interval",
)
OF_SCALES = CHANCE_CORRECTED[-3:]


def reasons(table, domain="123", scale="ordinal"):
    found = measured(make_table(table), domain, scale, n_replicates=50).coefficients
    return {key: estimate.reason for key, estimate in found.items()}


def test_one_value_by_everybody_leaves_no_variation_but_an_agreement_of_one():
    # krippendorff raises or gives nan, NLTK 1, scikit-learn nan, irrCAC divides by zero.
    found = measured(make_table("22/22/22"), "123", "ordinal").coefficients
    for key in ("cohen_kappa", "fleiss_kappa", "scott_pi", "conger_kappa", *OF_SCALES):
        assert (found[key].value, found[key].reason) == (None, "no_variation"), key
    assert found["percent_agreement"].value == 1.0
    # These two compare with values that were offered, so they still say something.
    assert found["gwet_ac1"].value == 1.0
    assert found["brennan_prediger"].value == 1.0


def test_a_question_with_one_offered_value_has_no_coefficient():
    found = measured(make_table("22/22/22"), "2").coefficients
    for key in ("fleiss_kappa", "brennan_prediger", "gwet_ac1", "krippendorff_alpha"):
        assert found[key].reason == "no_variation", key


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("1/2/3", "no_overlap"),
        ("1../.2./..3", "no_overlap"),
        ("../..", "no_data"),
        ("11", "too_few_items"),
        ("12", "too_few_items"),
    ],
    ids=["one annotator", "each item one label", "all missing", "one agreed", "one disputed"],
)
def test_too_little_to_compare_gives_the_same_reason_everywhere(table, reason):
    found = reasons(table)
    applicable = {key: code for key, code in found.items() if code != "not_applicable"}
    assert set(applicable.values()) == {reason}
    assert {"percent_agreement", "fleiss_kappa", "krippendorff_alpha"} <= set(applicable)


def test_one_annotator_who_repeats_is_not_agreement_between_annotators():
    item, code = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0])
    statistics = agreement_statistics(item, np.zeros(4, dtype=int), code, n_values=2)
    found = agreement(statistics, declare_domain("ab", "nominal"), rng=np.random.default_rng(1))
    assert found.coefficients["krippendorff_alpha"].reason == "too_few_annotators"


def test_unanimous_pairs_and_an_odd_single_label_leave_alpha_without_variation():
    found = measured(make_table("11/11/2."), "12").coefficients
    assert found["krippendorff_alpha_nominal"].reason == "no_variation"
    # The single label enters the chance agreement of the others (irrCAC prints 1.0, SE 0.5).
    for key in ("fleiss_kappa", "conger_kappa", "brennan_prediger", "gwet_ac1"):
        assert found[key].value == pytest.approx(1.0), key
    assert found["fleiss_kappa"].se == pytest.approx(0.5, abs=1e-9)
    assert found["fleiss_kappa"].n == 2


def test_an_annotator_without_labels_changes_nothing_and_is_reported():
    without = measured(make_table("11/12/22/21/33"), "123")
    assert "unlabelled_annotators" not in without.warnings
    item, annotator, code = make_labels(make_table("11/12/22/21/33"), "123")
    three = agreement_statistics(item, annotator, code, n_values=3, n_annotators=3)
    padded = agreement(
        three, declare_domain("123", "nominal"), rng=np.random.default_rng(1), n_replicates=0
    )
    assert "unlabelled_annotators" in padded.warnings
    for key, estimate in without.coefficients.items():
        assert padded.coefficients[key].reason == estimate.reason, key
        assert padded.coefficients[key].value == pytest.approx(estimate.value), key


def test_total_disagreement_of_two_is_the_printed_minus():
    # fast-krippendorff gives -0.75, irrCAC -1.0 for the kappas.
    found = measured(make_table("12/21/12/21"), "12").coefficients
    assert found["krippendorff_alpha"].value == pytest.approx(-0.75)
    for key in ("fleiss_kappa", "cohen_kappa", "scott_pi", "conger_kappa", "brennan_prediger"):
        assert found[key].value == pytest.approx(-1.0), key


def test_perfect_agreement_on_two_values_is_one_without_error():
    found = measured(make_table("11/22/11/22"), "12").coefficients
    for key in CHANCE_CORRECTED:
        if found[key].reason is None:
            assert found[key].value == pytest.approx(1.0), key
    assert found["fleiss_kappa"].se == pytest.approx(0.0, abs=1e-12)


def test_kappa_of_two_is_not_applicable_to_three_and_their_mean_is():
    found = measured(make_table("112/221/122/211/222"), "12").coefficients
    assert found["cohen_kappa"].reason == "not_applicable"
    assert found["scott_pi"].reason == "not_applicable"
    assert found["cohen_kappa_mean_pairwise"].reason is None
    two = measured(make_table("11/22/12"), "12").coefficients
    assert two["cohen_kappa_mean_pairwise"].reason == "not_applicable"


def test_unordered_text_has_no_graded_coefficient():
    found = measured(make_table("ab/ba/aa/bb"), "ab", "nominal").coefficients
    for name in ("ordinal", "interval", "ratio"):
        assert found[f"krippendorff_alpha_{name}"].reason == "not_applicable"
    for name in ("linear", "quadratic"):
        assert found[f"cohen_kappa_{name}"].reason == "not_applicable"


def test_ordered_text_has_ordinal_but_no_interval_alpha():
    table = [["low", "mid"], ["high", "high"], ["mid", "mid"]]
    found = measured(table, ["low", "mid", "high"], "ordinal").coefficients
    assert found["krippendorff_alpha_ordinal"].reason is None
    assert found["cohen_kappa_quadratic"].reason is None
    assert found["krippendorff_alpha_interval"].reason == "not_applicable"


def test_negative_numbers_have_no_ratio_alpha():
    found = measured([[-1, -1], [2, 2], [2, -1]], [-1, 2], "interval").coefficients
    assert found["krippendorff_alpha_interval"].reason is None
    assert found["krippendorff_alpha_ratio"].reason == "not_applicable"


def test_replicates_without_variation_are_counted_and_spoil_the_interval_when_many():
    found = measured(make_table("33333/3333./33.33/33.33/33313"), "13", n_replicates=500)
    parts = found.parts["krippendorff_alpha"]
    # The one item that varies is missed by (4/5)^5 = 0.33 of the replicates.
    assert parts.n_degenerate / 500 == pytest.approx(0.33, abs=0.07)
    assert found.coefficients["krippendorff_alpha"].ci_low is None
    assert found.coefficients["gwet_ac1"].ci_low is not None
    assert "degenerate_replicates" in found.warnings


def test_no_replicates_give_values_without_intervals():
    found = measured(make_table("11/22/12/21"), "12", n_replicates=0).coefficients
    assert found["krippendorff_alpha"].ci_method is None
    assert found["cohen_kappa"].value == pytest.approx(0.0)


@pytest.mark.parametrize("table", ["..", "1/2/3", "11", "22/22/22", "1./.2/3."])
def test_no_function_fails_or_answers_nan_on_thin_data(table):
    item, annotator, code = make_labels(make_table(table), "123")
    domain = declare_domain("123", "ordinal")
    rng = np.random.default_rng(3)
    statistics = agreement_statistics(item, annotator, code, n_values=3)
    labels = Labels(item, annotator, code)
    found = agreement(statistics, domain, rng=rng, n_replicates=20)
    group = annotator % 2
    answers = [
        *found.coefficients.values(),
        *paradox_indices(statistics).values(),
        *numeric_agreement(numeric_statistics(item, annotator, code), rng=rng).values(),
        fleiss_null_test(statistics),
    ]
    for pair in pairwise_agreement(statistics, domain).pairs:
        answers += pair.coefficients.values()
    for one in annotator_agreement(statistics, domain):
        answers += [one.agreement_with_others, one.alpha_without]
    for value in value_agreement(statistics, rng=rng, n_replicates=20):
        answers += [value.alpha, value.fleiss_kappa]
    for subgroup in subgroup_agreement(labels, group, domain, rng=rng, n_groups=2, n_replicates=20):
        answers += subgroup.coefficients.values()
    crossed = cross_group_agreement(labels, group, domain, groups=(0, 1), rng=rng, n_replicates=20)
    answers.append(crossed.xrr_kappa)
    items = item_disagreement(item, code, domain)
    assert np.isfinite(items.disagreement).all()
    assert np.isfinite(items.entropy).all()
    assert all(answer.value is None or math.isfinite(answer.value) for answer in answers)
    assert all(
        opinion.difference is None or abs(opinion.difference) < 1e-9
        for opinion in second_opinion(statistics, domain, found)
    )


def statistics_of(item, annotator, code, **options):
    return agreement_statistics(
        np.array(item), np.array(annotator), np.array(code), n_values=2, **options
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: statistics_of([0, 1], [0, 1], [0, 2]), "code must be below n_values = 2; got 2"),
        (lambda: statistics_of([0, 1], [0], [0, 1]), "as long as item"),
        (lambda: statistics_of([0, -1], [0, 1], [0, 1]), "item must not be negative; got -1"),
        (lambda: statistics_of([0.5, 1], [0, 1], [0, 1]), "item must hold integers"),
        (lambda: statistics_of([0, 0], [0, 1], [0, 1], cluster=[1, 2]), "must lie in one cluster"),
        (lambda: statistics_of([0, 0], [0, 3], [0, 1], n_annotators=2), "annotator 3 has labels"),
        (lambda: declare_domain(["a", "a"], "nominal"), "'a' is declared again at position 1"),
        (lambda: declare_domain(["a", "b"], "interval"), "'a' is not"),
        (lambda: declare_domain([-1, 1], "ratio"), "cannot be negative"),
        (lambda: declare_domain(["a"], "set"), "a collection of choices"),
        (lambda: declare_domain(["a"], "cardinal"), "scale must be one of nominal"),
        (lambda: value_of([["a", "b"]], "ab", "x", weights=["cubic"]), "weights must be one of"),
        (lambda: measured([["a", "b"]], "ab", ci_level=95), "ci_level must lie between 0 and 1"),
        (lambda: numeric_statistics([0, 0], [0, 1], [1.0, np.nan]), "value must be finite"),
    ],
)
def test_wrong_input_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        call()

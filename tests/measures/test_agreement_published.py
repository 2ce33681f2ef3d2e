"""Agreement coefficients against tables printed in papers, books and other programs."""

import math

import pytest

from tests.measures.agreement_labels import (
    from_contingency,
    from_counts,
    make_table,
    measured,
    value_of,
)

# Krippendorff (2011), Computing Krippendorff's alpha-reliability, sections C to E.
FOUR_OBSERVERS = make_table("11.1/2232/3333/3333/2222/1234/4444/1121/2222/.555/..11/.3..")
# Gwet (2014), Handbook of Inter-Rater Reliability, Table 2.10: the same but for the last item.
FOUR_RATERS = make_table("11.1/2232/3333/3333/2222/1234/4444/1121/2222/.555/..11/..3.")
# Hayes & Krippendorff (2007), Answering the call, Table 1.
NEWS_TONE = make_table(
    "112.2/1101./2333./.00.0/000.0/000.0/102.1/1.20./222.2/2111./.100./0000./1222./33223/"
    "111.1/111.1/212.2/1233./1101./000.0/0011./00.00/2333./0000./12.22/0111./00010/1212./"
    "1122./112.2/110.0/2121./22.22/3222./222.2/223.2/222.2/22.12/2222./111.1"
)
# Fleiss (1971), Psychological Bulletin 76:378; the columns are slots, not persons.
DIAGNOSES = make_table(
    "444444/222555/233335/555555/222444/113333/333355/113334/114444/555555/144444/124444/"
    "222333/144444/224445/333335/111455/111112/224444/133555/555555/244444/224555/114444/"
    "144445/222224/111155/224444/133333/555555"
)
# Gwet (2014), 3 x 3 abstractors table; R irrCAC vignette.
ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
# SAS PROC FREQ printout of the skin conditions of Stokes et al.
SKIN = [[0, 4, 1], [0, 8, 0], [0, 1, 5]]
# Landis & Koch (1977), Biometrics 33:159, multiple sclerosis diagnoses.
WINNIPEG = [[38, 5, 0, 1], [33, 11, 3, 0], [10, 14, 5, 6], [3, 7, 3, 10]]
NEW_ORLEANS = [[5, 3, 0, 0], [3, 11, 4, 0], [2, 13, 3, 4], [1, 2, 4, 14]]
GRADED = ("linear", "quadratic", "ordinal", "radical", "ratio", "circular", "bipolar")


def test_binary_alpha_of_two_observers_is_the_printed_one():
    # Krippendorff (2011), section A; printed 0.095.
    table = make_table("10/11/01/00/00/01/00/01/00/00")
    assert value_of(table, "01", "krippendorff_alpha_nominal") == pytest.approx(0.095, abs=6e-4)


def test_nominal_alpha_of_two_observers_is_the_printed_one():
    # Krippendorff (2011), section B, Ben and Gerry; printed 0.692.
    table = make_table("ab/aa/bb/bb/db/cc/cc/cc/ee/dd/dd/ad")
    assert value_of(table, "abcde", "krippendorff_alpha_nominal") == pytest.approx(0.692, abs=6e-4)


@pytest.mark.parametrize(
    ("metric", "printed", "tolerance"),
    [
        ("nominal", 0.743421052632, 1e-9),
        ("ordinal", 0.815, 6e-4),
        ("interval", 0.849, 6e-4),
        ("ratio", 0.797, 6e-4),
    ],
)
def test_alpha_of_four_observers_with_gaps_is_the_printed_one(metric, printed, tolerance):
    key = f"krippendorff_alpha_{metric}"
    found = value_of(FOUR_OBSERVERS, "12345", key, "ratio")
    assert found == pytest.approx(printed, abs=tolerance)


@pytest.mark.parametrize(("metric", "printed"), [("nominal", 0.691358), ("interval", 0.810845)])
def test_alpha_of_three_coders_is_the_one_of_the_encyclopedia(metric, printed):
    # Wikipedia, "Krippendorff's alpha", worked example with empty items.
    table = make_table(".1./.../.22/.11/.33/334/444/13./2.2/1.1/1.1/3.3/3.3/.../3.4")
    found = value_of(table, "1234", f"krippendorff_alpha_{metric}", "interval")
    assert found == pytest.approx(printed, abs=1e-6)


@pytest.mark.parametrize(
    ("metric", "printed"),
    [("nominal", 0.4765), ("ordinal", 0.7598), ("interval", 0.7574), ("ratio", 0.6621)],
)
def test_alpha_of_the_news_tone_is_the_printed_one(metric, printed):
    found = value_of(NEWS_TONE, "0123", f"krippendorff_alpha_{metric}", "ratio")
    assert found == pytest.approx(printed, abs=6e-5)


@pytest.mark.parametrize(
    ("key", "printed", "tolerance"),
    [
        ("percent_agreement", 0.81818, 1e-5),
        ("gwet_ac1", 0.77544, 6e-6),
        ("fleiss_kappa", 0.76117, 6e-6),
        ("conger_kappa", 0.76282, 6e-6),
        ("brennan_prediger", 0.77273, 6e-6),
        ("krippendorff_alpha", 0.743421, 1e-6),
    ],
)
def test_coefficients_of_four_raters_are_gwets(key, printed, tolerance):
    assert value_of(FOUR_RATERS, "12345", key) == pytest.approx(printed, abs=tolerance)


@pytest.mark.parametrize(
    ("key", "printed", "tolerance"),
    [
        ("gwet_ac1", 0.14295, 6e-6),
        ("fleiss_kappa", 0.15302, 6e-6),
        ("conger_kappa", 0.14917, 6e-6),
        ("brennan_prediger", 0.14472, 6e-6),
        # Ours linearises around p'_a as the R package does; the Python one that printed this figure
        # mixes in p_a, which differs by 1 / (number of labels).
        ("krippendorff_alpha", 0.14557, 2e-4),
    ],
)
def test_standard_errors_of_four_raters_are_gwets(key, printed, tolerance):
    found = measured(FOUR_RATERS, "12345").coefficients[key].se
    assert found == pytest.approx(printed, abs=tolerance)


# Gwet (2014) by the irrCAC package, rounded to three digits.
GRADED_RATERS = {
    "quadratic": (0.914, 0.865, 0.858, 0.902, 0.849),
    "linear": (0.859, 0.818, 0.814, 0.848, 0.8),
    "ordinal": (0.899, 0.85, 0.844, 0.886, 0.834),
    "radical": (0.82, 0.79, 0.788, 0.813, 0.772),
    "ratio": (0.857, 0.821, 0.812, 0.84, 0.797),
    "circular": (0.83, 0.807, 0.805, 0.824, 0.79),
    "bipolar": (0.9, 0.853, 0.845, 0.888, 0.835),
}


@pytest.mark.parametrize("weights", GRADED)
def test_weighted_coefficients_of_four_raters_are_gwets(weights):
    found = measured(FOUR_RATERS, "12345", "ordinal", weights=[weights]).coefficients
    keys = ("gwet_ac2", "fleiss_kappa", "conger_kappa", "brennan_prediger")
    values = [found[f"{key}_{weights}"].value for key in keys]
    values.append(found[f"krippendorff_alpha_weighted_{weights}"].value)
    assert values == pytest.approx(GRADED_RATERS[weights], abs=6e-4)


@pytest.mark.parametrize(
    ("key", "printed", "tolerance"),
    [
        ("percent_agreement", 0.89, 1e-9),
        ("cohen_kappa", 0.7964094, 1e-6),
        ("scott_pi", 0.7962397, 1e-6),
        ("gwet_ac1", 0.8493305, 1e-6),
        ("brennan_prediger", 0.835, 1e-6),
        ("krippendorff_alpha_nominal", 0.7972585, 1e-6),
        ("cohen_kappa_quadratic", 0.892, 6e-4),
        ("cohen_kappa_linear", 0.843, 6e-4),
        ("gwet_ac2_quadratic", 0.94, 6e-4),
        ("gwet_ac2_linear", 0.9, 6e-4),
        ("brennan_prediger_quadratic", 0.918, 6e-4),
        ("scott_pi_quadratic", 0.892, 6e-4),
    ],
)
def test_coefficients_of_the_abstractors_are_gwets(key, printed, tolerance):
    domain = ["Ectopic", "AIU", "NIU"]
    table = from_contingency(ABSTRACTORS, domain)
    found = value_of(table, domain, key, "ordinal", weights=["linear", "quadratic"])
    assert found == pytest.approx(printed, abs=tolerance)


@pytest.mark.parametrize(
    ("key", "printed", "factor"),
    [
        ("cohen_kappa", 0.05891072, 1.0),
        ("scott_pi", 0.05905473, 1.0),
        # The printed two-rater form divides by n; ours, as with more raters, by n - 1.
        ("gwet_ac1", 0.04321747, math.sqrt(100 / 99)),
        ("brennan_prediger", 0.04693346, math.sqrt(100 / 99)),
    ],
)
def test_standard_errors_of_the_abstractors_are_gwets(key, printed, factor):
    domain = ["Ectopic", "AIU", "NIU"]
    found = measured(from_contingency(ABSTRACTORS, domain), domain).coefficients[key].se
    assert found == pytest.approx(printed * factor, abs=1e-6)


@pytest.mark.parametrize(
    ("key", "printed", "error"),
    [("cohen_kappa", 0.4842, 0.1380), ("cohen_kappa_linear", 0.4701, 0.1457)],
)
def test_kappa_of_the_skin_conditions_is_the_one_sas_prints(key, printed, error):
    found = measured(from_contingency(SKIN, "123"), "123", "ordinal").coefficients[key]
    assert (found.value, found.se) == pytest.approx((printed, error), abs=6e-5)


@pytest.mark.parametrize(
    ("counts", "kappa"), [([[40, 9], [6, 45]], 0.70), ([[80, 10], [5, 5]], 0.32)]
)
def test_same_agreement_gives_two_kappas_when_prevalence_differs(counts, kappa):
    # Feinstein & Cicchetti (1990), the paradox tables; PABAK is 2 p_a - 1 in both.
    found = measured(from_contingency(counts, "+-"), "+-").coefficients
    assert found["percent_agreement"].value == pytest.approx(0.85, abs=1e-9)
    assert found["brennan_prediger"].value == pytest.approx(0.70, abs=1e-9)
    assert found["cohen_kappa"].value == pytest.approx(kappa, abs=5e-3)


@pytest.mark.parametrize(
    ("counts", "key", "printed", "error"),
    [
        (WINNIPEG, "cohen_kappa", 0.208, 0.0505),
        (WINNIPEG, "cohen_kappa_linear", 0.380, 0.0517),
        (NEW_ORLEANS, "cohen_kappa", 0.297, 0.0785),
        (NEW_ORLEANS, "cohen_kappa_linear", 0.477, 0.0730),
    ],
)
def test_kappa_of_the_neurologists_is_the_printed_one(counts, key, printed, error):
    # Errors as printed by R vcd for the same tables.
    domain = ["Certain", "Probable", "Possible", "Doubtful"]
    found = measured(from_contingency(counts, domain), domain, "ordinal").coefficients[key]
    assert found.value == pytest.approx(printed, abs=6e-4)
    assert found.se == pytest.approx(error, abs=6e-5)


def test_kappa_of_the_diagnoses_is_fleiss():
    # R irr kappam.fleiss(diagnoses); printed 0.430.
    assert value_of(DIAGNOSES, "12345", "fleiss_kappa") == pytest.approx(0.4302445, abs=1e-7)


def test_kappa_of_fourteen_raters_is_the_one_of_the_encyclopedia():
    # Wikipedia, "Fleiss' kappa", worked example.
    counts = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
    found = value_of(from_counts(counts, "12345"), "12345", "fleiss_kappa")
    assert found == pytest.approx(0.21, abs=6e-4)


@pytest.mark.parametrize(
    ("counts", "domain", "fleiss", "randolph"),
    [
        ([[7, 1], [3, 5]], "01", 0.161905, 0.214286),
        # The third value is offered and never used, and counts.
        ([[6, 1, 0], [0, 7, 0]], "012", 0.708333, 0.785714),
    ],
)
def test_free_marginal_kappa_counts_the_values_offered(counts, domain, fleiss, randolph):
    # justusrandolph.net calculator, as in the tests of statsmodels.
    found = measured(from_counts(counts, domain), domain).coefficients
    assert found["fleiss_kappa"].value == pytest.approx(fleiss, abs=6e-6)
    assert found["brennan_prediger"].value == pytest.approx(randolph, abs=6e-6)


def test_an_item_with_one_label_does_not_move_alpha():
    # NLTK test_disagreement, test_easy and test_easy2.
    for table in (make_table("YNN/YN./..N"), make_table("YNN/YN.")):
        found = value_of(table, "YN", "krippendorff_alpha_nominal")
        assert found == pytest.approx(-1 / 3, abs=1e-7)


def test_one_disagreement_in_many_labels_gives_alpha_zero_and_a_warning():
    # fast-krippendorff issue 11; confirmed by Krippendorff (disagree issue 7).
    found = measured(make_table("33333/3333./33.33/33.33/33313"), "123", "ordinal")
    assert found.coefficients["krippendorff_alpha_nominal"].value == pytest.approx(0, abs=1e-9)
    assert found.coefficients["krippendorff_alpha_ordinal"].value == pytest.approx(0, abs=1e-9)
    assert "low_variation" in found.warnings


def test_coefficients_with_a_uniform_chance_count_only_the_declared_values():
    # The labels of that issue with the domain of the two values used, as irrCAC takes them.
    found = measured(make_table("33333/3333./33.33/33.33/33313"), "13", "ordinal").coefficients
    assert found["gwet_ac1"].value == pytest.approx(0.91334, abs=6e-6)
    assert found["brennan_prediger"].value == pytest.approx(0.84, abs=6e-6)
    assert found["fleiss_kappa"].value == pytest.approx(-0.04167, abs=6e-6)
    assert found["conger_kappa"].value == pytest.approx(0.0, abs=6e-6)


def test_alpha_of_sets_uses_the_distance_between_sets():
    # statistics-krippendorff t/04-jaccard.t; figures by NLTK with its masi and jaccard distances.
    table = [["ab", "ab"], ["bc", "bc"], ["ef", "ef"], ["x", "ab"], ["a", "ab"]]
    table = [[frozenset(label) for label in row] for row in table]
    domain = [frozenset(label) for label in ("ab", "bc", "ef", "x", "a")]
    found = measured(table, domain, "set").coefficients
    assert found["krippendorff_alpha_masi"].value == pytest.approx(0.5686900958, abs=1e-9)
    assert found["krippendorff_alpha_jaccard"].value == pytest.approx(0.5824742268, abs=1e-9)
    assert found["krippendorff_alpha"].value == found["krippendorff_alpha_masi"].value

"""Agreement on the real data sets handed over for acceptance, against their reference figures."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from measures.agreement import (
    Labels,
    agreement,
    agreement_statistics,
    declare_domain,
    pairwise_agreement,
    subgroup_agreement,
)

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")


def read(name, file):
    with (DATA / name / file).open(newline="") as lines:
        return list(csv.DictReader(lines))


def reference(name):
    return json.loads((DATA / name / "reference.json").read_text())


def numbered(values):
    names, codes = np.unique(np.array(values), return_inverse=True)
    return list(names), codes.astype(np.int64)


def measure(table, domain, scale):
    """Coefficients of a table of items by annotators with '' where a label is missing."""
    item, annotator, code = np.array(
        [
            (i, a, domain.index(label))
            for i, row in enumerate(table)
            for a, label in enumerate(row)
            if label
        ]
    ).T
    statistics = agreement_statistics(item, annotator, code, n_values=len(domain))
    return agreement(
        statistics, declare_domain(domain, scale), rng=np.random.default_rng(1), n_replicates=0
    ).coefficients


@pytest.fixture(scope="module")
def irony():
    """Irony labels of 506 annotators in nine languages, as columns."""
    rows = read("lewidi3_mp", "labels.csv")
    language = {row["item"]: row["lang"] for row in read("lewidi3_mp", "items.csv")}
    gender = {row["annotator"]: row["gender"] for row in read("lewidi3_mp", "annotators.csv")}
    _, item = numbered([row["item"] for row in rows])
    _, annotator = numbered([row["annotator"] for row in rows])
    code = np.array([int(row["label"]) for row in rows])
    return {
        "labels": Labels(item, annotator, code),
        "language": numbered([language[row["item"]] for row in rows]),
        "gender": numbered([gender[row["annotator"]] for row in rows]),
    }


@needs_data
def test_irony_labels_have_the_reference_alpha_and_agreement(irony):
    expected = reference("lewidi3_mp")
    labels = irony["labels"]
    statistics = agreement_statistics(labels.item, labels.annotator, labels.code, n_values=2)
    found = agreement(statistics, declare_domain([0, 1], "nominal"), rng=np.random.default_rng(1))
    alpha = found.coefficients["krippendorff_alpha"]
    assert alpha.value == pytest.approx(expected["alpha"], abs=1e-6)
    assert found.coefficients["percent_agreement"].value == pytest.approx(expected["po"], abs=1e-6)
    assert (found.n_labels, found.n_items, found.n_annotators) == (33_871, 6_761, 506)
    assert alpha.ci_low == pytest.approx(alpha.value - 1.96 * alpha.se, abs=2e-3)
    assert len(statistics.patterns) == 112


@needs_data
def test_irony_labels_have_the_reference_alpha_per_language(irony):
    expected = reference("lewidi3_mp")
    names, group = irony["language"]
    found = subgroup_agreement(
        irony["labels"],
        group,
        declare_domain([0, 1], "nominal"),
        rng=np.random.default_rng(1),
        n_replicates=50,
    )
    assert len(found) == 9
    for name, one in zip(names, found, strict=True):
        alpha, n_items, n_annotators, n_labels = expected[f"alpha_{name}"]
        assert one.coefficients["krippendorff_alpha"].value == pytest.approx(alpha, abs=1e-6)
        assert (one.n_items, one.n_annotators, one.n_labels) == (n_items, n_annotators, n_labels)


@needs_data
def test_irony_labels_have_the_reference_alpha_per_gender_or_a_reason(irony):
    expected = reference("lewidi3_mp")
    names, group = irony["gender"]
    found = subgroup_agreement(
        irony["labels"],
        group,
        declare_domain([0, 1], "nominal"),
        rng=np.random.default_rng(1),
        n_replicates=50,
    )
    for name, one in zip(names, found, strict=True):
        figures = expected[f"alpha_gender_{name}"]
        assert one.n_labels == figures[1]
        estimate = one.coefficients["krippendorff_alpha"]
        if figures[0] is None:
            assert estimate.reason == "no_overlap"
        else:
            assert estimate.value == pytest.approx(figures[0], abs=1e-6)


@needs_data
@pytest.mark.parametrize("city", ["winnipeg", "new_orleans"])
def test_neurologists_have_the_reference_coefficients(city):
    expected = reference("raters_mspatients")[city]
    rows = read("raters_mspatients", f"{city}_long.csv")
    found = measure(
        [[row["rater_row"], row["rater_col"]] for row in rows],
        ["Certain", "Probable", "Possible", "Doubtful"],
        "ordinal",
    )
    for ours, theirs in {
        "cohen_kappa": "cohen_unweighted",
        "cohen_kappa_linear": "cohen_linear",
        "cohen_kappa_quadratic": "cohen_quadratic",
    }.items():
        assert [found[ours].value, found[ours].se] == pytest.approx(expected[theirs], abs=1e-6)
    for ours, theirs in {
        "gwet_ac1": "irrCAC_gwet",
        "fleiss_kappa": "irrCAC_fleiss",
        "brennan_prediger": "irrCAC_bp",
        "conger_kappa": "irrCAC_conger",
        "krippendorff_alpha_nominal": "irrCAC_krippendorff",
    }.items():
        assert [found[ours].value, found[ours].se] == pytest.approx(expected[theirs], abs=1e-5)
    assert found["krippendorff_alpha"].value == pytest.approx(expected["alpha_ordinal"], abs=1e-6)


@needs_data
def test_four_raters_have_the_reference_coefficients():
    expected = reference("raters_gwet")["raw_4raters"]
    rows = read("raters_gwet", "raw_4raters.csv")
    table = [[row[f"Rater{k}"].removesuffix(".0") for k in range(1, 5)] for row in rows]
    found = measure(table, list("12345"), "nominal")
    for ours, theirs in {
        "fleiss_kappa": "fleiss",
        "gwet_ac1": "gwet",
        "conger_kappa": "conger",
        "brennan_prediger": "bp",
    }.items():
        assert [found[ours].value, found[ours].se] == pytest.approx(expected[theirs], abs=6e-6)
    alpha = found["krippendorff_alpha"].value
    assert alpha == pytest.approx(expected["krippendorff"][0], abs=6e-6)


@needs_data
def test_birds_have_the_reference_coefficients_and_mean_kappa():
    expected = reference("crowd_bluebird")
    rows = read("crowd_bluebird", "labels.csv")
    _, item = numbered([row["task"] for row in rows])
    _, annotator = numbered([row["worker"] for row in rows])
    code = np.array([int(row["label"]) for row in rows])
    domain = declare_domain([0, 1], "nominal")
    statistics = agreement_statistics(item, annotator, code, n_values=2)
    found = agreement(statistics, domain, rng=np.random.default_rng(1), n_replicates=200)
    for key, theirs in {
        "krippendorff_alpha": "krippendorff_alpha_nominal",
        "fleiss_kappa": "fleiss_kappa",
        "cohen_kappa_mean_pairwise": "mean_pairwise_cohen_kappa",
    }.items():
        estimate = found.coefficients[key]
        assert estimate.value == pytest.approx(expected[theirs], abs=1e-6)
        assert estimate.ci_low < estimate.value < estimate.ci_high
    pairs = pairwise_agreement(statistics, domain, max_pairs=1000)
    assert pairs.n_pairs == 39 * 38 // 2
    kappas = [pair.coefficients["cohen_kappa"].value for pair in pairs.pairs]
    assert np.mean(kappas) == pytest.approx(expected["mean_pairwise_cohen_kappa"], abs=1e-6)

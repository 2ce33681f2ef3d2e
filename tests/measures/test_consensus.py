"""Consensus models against published figures, reference figures, and brute force."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.consensus import (
    accuracy_against_gold,
    agreement_weights,
    dawid_skene,
    decide,
    glad,
    label_counts,
    mace,
    majority_shares,
    one_coin,
    reliability,
    weighted_majority_shares,
)
from tests.measures.consensus_labels import (
    DATA,
    anaesthetists,
    bluebirds,
    from_text,
    needs_data,
    reference,
    simulated,
)

MODELS = {
    "dawid_skene": dawid_skene,
    "one_coin": one_coin,
    "mace": lambda counts: mace(counts, rng=np.random.default_rng(3), n_starts=3),
    "glad": glad,
}


@needs_data
def test_the_anaesthetists_error_rates_are_those_of_maximum_likelihood():
    """Dawid and Skene (1979): prevalence .40 .42 .11 .07 in their table 2."""
    expected = reference("crowd_ds1979_anaesthesia", "reference_ds.json")
    model = dawid_skene(anaesthetists())
    assert model.log_likelihood == pytest.approx(-192.890881, abs=1e-6)
    assert model.climb.converged
    assert model.prevalence == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=0.005)
    # EM stops at a gain of 1e-9 a label; parameters are then within 1e-6 of the maximum.
    assert model.confusion == pytest.approx(np.array(expected["error_rates"]), abs=1e-6)
    assert model.posterior == pytest.approx(np.array(expected["posterior"]), abs=1e-6)
    uncertain = {7: (0.981, 0.019), 35: (0.948, 0.052), 38: (0.021, 0.979)}
    for patient, (one, other) in uncertain.items():
        found = np.sort(model.posterior[patient - 1])[-2:]
        assert sorted((one, other)) == pytest.approx(found.tolist(), abs=5e-4)


@needs_data
def test_another_transcription_of_the_anaesthetists_gives_its_own_figures():
    """The published case: 315 ratings that differ from the data set's in a few cells."""
    cases = json.loads((DATA.parent / "cases" / "agreement.json").read_text())["cases"]
    (case,) = (one for one in cases if one["name"] == "dawid_skene_1979_anaesthetists")
    item, annotator, label = np.array(case["long"]).T
    model = dawid_skene(label_counts(item, annotator, label - 1, n_values=4))
    for k, prevalence in enumerate(model.prevalence, start=1):
        expected = case["expected"][f"ds_prior_{k}"]
        assert prevalence == pytest.approx(expected["value"], abs=expected["tol"])
    assert (model.posterior.argmax(axis=1) + 1).tolist() == case["expected_map_labels"]
    matrix = np.array(case["expected_confusion_annotator1"])
    assert model.confusion[0] == pytest.approx(matrix, abs=5e-5)
    for patient, posterior in case["expected_posterior_uncertain"].items():
        assert model.posterior[int(patient) - 1] == pytest.approx(np.array(posterior), abs=5e-5)
    assert model.log_likelihood == pytest.approx(-190.731, abs=5e-4)


@needs_data
def test_bluebirds_are_told_apart_as_published():
    """Zhang et al. (2016), JMLR 17(102): majority errs on 24.07 %, Dawid-Skene on 10 to 11 %."""
    counts, gold = bluebirds()
    majority = accuracy_against_gold(majority_shares(counts), gold)
    assert 1 - majority.value == pytest.approx(0.2407, abs=5e-5)
    model = dawid_skene(counts)
    expected = reference("crowd_bluebird")
    assert model.log_likelihood == pytest.approx(expected["DS_loglik"], abs=1e-5)
    assert model.prevalence == pytest.approx(expected["DS_prior"], abs=1e-6)
    found = accuracy_against_gold(model.posterior, gold)
    assert found.value == pytest.approx(97 / 108)
    assert (found.n, found.ci_method) == (108, "wilson")
    for one in reliability(counts, model):
        matrix = expected["DS_confusion_by_worker"][str(one.annotator)]
        assert np.array(one.confusion) == pytest.approx(np.array(matrix), abs=2e-6)


@needs_data
def test_the_other_models_on_bluebirds():
    """One-coin falls to 58.3 %, GLAD to 72.2 %; MACE's best start of ten is right on 89.8 %."""
    counts, gold = bluebirds()
    accuracy = {
        name: accuracy_against_gold(fit(counts).posterior, gold).value
        for name, fit in MODELS.items()
        if name != "mace"
    }
    assert accuracy["one_coin"] == pytest.approx(0.5833, abs=5e-5)
    assert accuracy["glad"] == pytest.approx(0.7222, abs=5e-5)
    crowd = mace(counts, rng=np.random.default_rng(3))
    assert accuracy_against_gold(crowd.posterior, gold).value == pytest.approx(97 / 108)
    # There is a second maximum nearby, which fewer starts may take for the best.
    assert np.ptp(crowd.starts) < 0.5
    assert max(crowd.starts) == crowd.climb.trace[-1]


@pytest.mark.parametrize("name", MODELS)
def test_the_objective_never_falls(name):
    item, annotator, code, _ = simulated()
    trace = np.array(MODELS[name](label_counts(item, annotator, code, n_values=3)).climb.trace)
    assert len(trace) > 2
    assert np.diff(trace).min() > -1e-8 * abs(trace[0])


def test_the_objective_with_pseudo_counts_never_falls():
    item, annotator, code, _ = simulated(accuracy=(0.9, 0.7, 0.6) + (0.8,) * 40, kept=0.08)
    counts = label_counts(item, annotator, code, n_values=3)
    for options in ({"smoothing": 0.5}, {"min_labels": 60}):
        model = dawid_skene(counts, **options)
        assert np.diff(model.climb.trace).min() > -1e-9
    assert model.shrunk.sum() > 20
    coin = one_coin(counts, smoothing=1.0)
    assert np.diff(coin.climb.trace).min() > -1e-9


@pytest.mark.parametrize("name", MODELS)
def test_each_model_finds_the_truth_of_simulated_annotators(name):
    item, annotator, code, truth = simulated()
    counts = label_counts(item, annotator, code, n_values=3)
    gold = truth[counts.items]
    majority = accuracy_against_gold(majority_shares(counts), gold).value
    fitted = accuracy_against_gold(MODELS[name](counts).posterior, gold).value
    assert fitted >= majority
    assert fitted > 0.93


def test_models_recover_the_accuracies_that_the_labels_were_drawn_with():
    item, annotator, code, _ = simulated(n_items=2000)
    counts = label_counts(item, annotator, code, n_values=3)
    drawn = [0.95, 0.8, 0.8, 0.6, 0.6]
    assert one_coin(counts).accuracy == pytest.approx(drawn, abs=0.04)
    for one, accuracy in zip(reliability(counts, dawid_skene(counts)), drawn, strict=True):
        assert one.accuracy.ci_low - 0.01 < accuracy < one.accuracy.ci_high + 0.01
        assert one.accuracy.value == pytest.approx(accuracy, abs=0.04)
    # Competence c means right with c + (1 - c) / 3 when spam is even.
    competence = mace(counts, rng=np.random.default_rng(1), n_starts=3).competence
    assert competence + (1 - competence) / 3 == pytest.approx(drawn, abs=0.05)
    ability = glad(counts, max_steps=10).ability
    assert ability[0] > ability[1:3].max()
    assert ability[1:3].min() > ability[3:].max()


def test_a_tie_is_stored_as_a_tie_unless_a_rule_is_named():
    shares = majority_shares(from_text("0011/0001/2211/1.../", 3))
    open_ = decide(shares)
    assert open_.code.tolist() == [-1, 0, -1, 1]
    assert open_.tie.tolist() == [True, False, True, False]
    assert open_.tied.tolist() == [2, 1, 2, 1]
    first = decide(shares, rule="first")
    assert first.code.tolist() == [0, 0, 1, 1]
    assert first.tie.tolist() == open_.tie.tolist()
    drawn = [decide(shares, rule="random", rng=np.random.default_rng(s)).code for s in range(40)]
    assert {codes[0] for codes in drawn} == {0, 1}
    assert {codes[2] for codes in drawn} == {1, 2}
    assert {codes[1] for codes in drawn} == {0}
    with pytest.raises(ValueError, match="seeded rng"):
        decide(shares, rule="random")
    with pytest.raises(ValueError, match="coin"):
        decide(shares, rule="coin")


def test_a_tie_earns_a_coins_share_of_the_gold():
    shares = majority_shares(from_text("0011/0001/1111", 2))
    assert accuracy_against_gold(shares, [0, 0, 0]).value == pytest.approx(1.5 / 3)
    assert accuracy_against_gold(shares, [1, -1, -1]).value == pytest.approx(0.5)
    assert str(accuracy_against_gold(shares, [-1, -1, -1]).reason) == "no_data"


def test_weights_decide_where_heads_do_not():
    counts = from_text("01/10/00", 2)
    shares = weighted_majority_shares(counts, [3.0, 1.0])
    assert shares.tolist() == [[0.75, 0.25], [0.25, 0.75], [1.0, 0.0]]
    silent = weighted_majority_shares(counts, [0.0, 0.0])
    assert silent.tolist() == majority_shares(counts).tolist()
    with pytest.raises(ValueError, match="finite numbers"):
        weighted_majority_shares(counts, [1.0, -1.0])


def test_agreement_weights_are_shares_of_agreeing_pairs():
    counts = from_text("000/001/01./..1", 2)
    # First: pairs (2 agree of 2), (1 of 2), (0 of 1).
    assert agreement_weights(counts) == pytest.approx([3 / 5, 3 / 5, 2 / 4])
    alone = from_text("0../.1.", 2)
    assert agreement_weights(alone).tolist() == [1.0, 1.0]


def brute_force(item, annotator, code, n_values, n_steps):
    """Dawid and Skene's EM by their formulas, one label at a time."""
    items, annotators = sorted(set(item)), sorted(set(annotator))
    labels = list(zip(item, annotator, code, strict=True))
    posterior = {
        i: [sum(k == j and i == it for it, _, k in labels) for j in range(n_values)] for i in items
    }
    posterior = {i: [v / sum(row) for v in row] for i, row in posterior.items()}
    for _ in range(n_steps):
        prior = [sum(posterior[i][j] for i in items) / len(items) for j in range(n_values)]
        rate = {}
        for a in annotators:
            for j in range(n_values):
                total = sum(posterior[i][j] for i, b, _ in labels if b == a)
                for k in range(n_values):
                    said = sum(posterior[i][j] for i, b, c in labels if b == a and c == k)
                    rate[a, j, k] = said / total if total else 1 / n_values
        for i in items:
            joint = list(prior)
            for it, a, k in labels:
                if it == i:
                    joint = [p * rate[a, j, k] for j, p in enumerate(joint)]
            posterior[i] = [p / sum(joint) for p in joint]
    return np.array([posterior[i] for i in items])


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 2)),
        min_size=1,
        max_size=18,
    ),
    st.integers(1, 3),
)
def test_four_steps_are_those_of_the_formulas(labels, n_steps):
    item, annotator, code = zip(*labels, strict=True)
    counts = label_counts(item, annotator, code, n_values=3)
    model = dawid_skene(counts, min_labels=0, max_steps=n_steps, tolerance=0.0)
    expected = brute_force(item, annotator, code, 3, model.climb.steps)
    assert model.posterior == pytest.approx(expected, abs=1e-9)


def test_nothing_at_all_is_refused_in_words():
    empty = label_counts([], [], [], n_values=2)
    assert (empty.n_items, empty.n_labels) == (0, 0)
    for fit in MODELS.values():
        with pytest.raises(ValueError, match="no labels"):
            fit(empty)


def test_wrong_columns_are_refused_in_words():
    with pytest.raises(ValueError, match="first 2 at position 1"):
        label_counts([0, 1], [0, 0], [0, 2], n_values=2)
    with pytest.raises(ValueError, match="equally long"):
        label_counts([0, 1], [0], [0, 1], n_values=2)
    with pytest.raises(ValueError, match="not be negative"):
        dawid_skene(from_text("01", 2), smoothing=-1)
    with pytest.raises(ValueError, match="smoothing"):
        mace(from_text("01", 2), rng=np.random.default_rng(1), smoothing=0)

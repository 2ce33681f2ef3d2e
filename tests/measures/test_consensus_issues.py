"""Unsettled items, wrong labels, confident learning, CROWDLAB, and what to ask next."""

import numpy as np
import pytest

from measures.consensus import (
    activelab,
    confident_issues,
    confident_joint,
    crowdlab,
    dawid_skene,
    item_issues,
    label_counts,
    label_issues,
    label_quality,
    majority_shares,
    plan_labels,
    plan_relabels,
)
from measures.consensus.activelab import fitted_temperature
from tests.measures.consensus_labels import DATA, from_text, needs_data, reference, simulated


def test_the_least_settled_items_come_first():
    counts = from_text("0000/0001/0011/1112", 3)
    found = item_issues(counts, majority_shares(counts))
    assert found.position.tolist() == [2, 1, 3, 0]
    assert found.confidence.tolist() == [0.5, 0.75, 0.75, 1.0]
    assert found.code.tolist() == [0, 0, 1, 0]
    assert found.runner_up.tolist() == [1, 1, 2, 1]
    assert found.entropy[0] == pytest.approx(np.log(2) / np.log(3))
    assert found.entropy[-1] == 0.0
    assert found.n_labels.tolist() == [4, 4, 4, 4]


def test_labels_against_the_consensus_are_ranked_by_their_probability():
    counts = from_text("00001/11100/0000.", 2)
    found = label_issues(counts, majority_shares(counts))
    listed = list(zip(found.item.tolist(), found.annotator.tolist(), strict=True))
    assert listed == [(0, 4), (1, 3), (1, 4)]
    assert found.probability.tolist() == [0.2, 0.4, 0.4]
    assert found.suggested.tolist() == [0, 1, 1]
    assert label_issues(counts, majority_shares(counts), at_most=0.3).item.tolist() == [0]
    with pytest.raises(ValueError, match="at_most"):
        label_issues(counts, majority_shares(counts), at_most=2)


def test_labels_that_were_turned_over_are_found_first():
    item, annotator, code, truth = simulated(n_items=300, accuracy=(0.97,) * 5, kept=1.0)
    counts = label_counts(item, annotator, code, n_values=3)
    found = label_issues(counts, dawid_skene(counts).posterior)
    wrong = code != truth[item]
    given = counts.annotators[found.annotator], counts.items[found.item]
    hit = {(i, a) for i, a in zip(item[wrong].tolist(), annotator[wrong].tolist(), strict=True)}
    ranked = list(zip(given[1].tolist(), given[0].tolist(), strict=True))
    assert np.mean([pair in hit for pair in ranked]) > 0.95
    assert len(ranked) > 0.9 * wrong.sum()


@pytest.fixture(scope="module")
def images():
    table = np.loadtxt(
        DATA / "pred_cifar10_vgg" / "predictions.csv", delimiter=",", skiprows=1, dtype=np.float64
    )
    return table[:, 1].astype(np.int64), np.clip(table[:, 2:], 0, 1)


@needs_data
def test_confident_learning_finds_what_cleanlab_finds(images):
    expected = reference("pred_cifar10_vgg")["cleanlab"]
    joint = confident_joint(*images)
    assert joint.counts.tolist() == expected["confident_joint"]
    assert joint.noise_rate == pytest.approx(expected["est_noise"])
    issues = confident_issues(*images)
    assert issues.by_noise_rate.sum() == expected["n_issues_prune_by_noise_rate"] == 328
    assert issues.by_class.sum() == expected["n_issues_prune_by_class"]
    assert issues.both.sum() == expected["n_issues_both"]
    assert issues.confident.sum() == expected["n_issues_confident_learning"] == 298


@needs_data
@pytest.mark.parametrize(
    "name", ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]
)
def test_label_quality_is_cleanlabs(images, name):
    mean, first = reference("pred_cifar10_vgg")["cleanlab"][f"q_{name}"]
    scores = getattr(label_quality(*images), name)
    assert scores.mean() == pytest.approx(mean, abs=1e-6)
    assert np.argsort(scores, kind="stable")[:10].tolist() == first


def test_confident_learning_refuses_what_it_cannot_read():
    with pytest.raises(ValueError, match="first 2 at position 1"):
        confident_joint([0, 2], [[0.5, 0.5]] * 2)
    with pytest.raises(ValueError, match="one row a label"):
        confident_joint([0, 1], [[0.5, 0.5]])
    with pytest.raises(ValueError, match="NaN"):
        confident_joint([0], [[0.5, float("nan")]])


TABLE = "000./111./2220/001./1121/2.22/00../111./222./1.../0111/000."


def stated(first, n):
    """Probabilities of three values without a random generator."""
    i, k = np.arange(first, first + n)[:, None], np.arange(3)[None]
    return np.round(0.1 + 0.9 * ((i * 0.6180339887498949 + k * 0.7548776662466927) % 1), 3)


def probabilities():
    prob = stated(0, 12)
    prob[[0, 1, 2, 3, 5, 8], [0, 1, 2, 0, 2, 2]] += 1.5
    return prob / prob.sum(axis=1, keepdims=True)


def crowdlab_by_hand(table, prob):
    """CROWDLAB one label at a time; '.' is missing, no repeated labels, no ties at the end."""
    rows = [[None if v == "." else int(v) for v in row] for row in table.split("/")]
    k = prob.shape[1]
    given = [[v for v in row if v is not None] for row in rows]
    consensus = [
        max(range(k), key=lambda v, g=g, p=p: (g.count(v), p[v]))
        for g, p in zip(given, prob, strict=True)
    ]
    several = [i for i, g in enumerate(given) if len(g) > 1]
    for _ in range(2):
        likely = np.mean([np.mean([v == consensus[i] for v in given[i]]) for i in several])
        common = max(range(k), key=lambda v, c=consensus: sum(c[i] == v for i in several))
        base = np.mean([consensus[i] != common for i in several])
        weights = []
        for a in range(len(rows[0])):
            pairs = [
                row[a] == v
                for row in rows
                if row[a] is not None
                for b, v in enumerate(row)
                if b != a and v is not None
            ]
            weights.append(max(1 - (1 - np.mean(pairs)) / base, 1e-6))
        error = np.mean([prob[i].argmax() != consensus[i] for i in several])
        model = max(1 - error / base, 1e-6) * np.sqrt(np.mean([len(g) for g in given]))
        posterior = []
        for row, p in zip(rows, prob, strict=True):
            heard = [(weights[a], v) for a, v in enumerate(row) if v is not None]
            post = [
                np.average(
                    [p[t]] + [likely if v == t else (1 - likely) / (k - 1) for _, v in heard],
                    weights=[model] + [w for w, _ in heard],
                )
                for t in range(k)
            ]
            posterior.append(post)
        consensus = np.argmax(posterior, axis=1).tolist()
    return np.array(posterior), np.array(weights), model


def test_crowdlab_is_its_formula():
    found = crowdlab(from_text(TABLE, 3), probabilities())
    posterior, weights, model = crowdlab_by_hand(TABLE, probabilities())
    assert found.posterior == pytest.approx(posterior)
    assert found.annotator_weight == pytest.approx(weights)
    assert found.model_weight == pytest.approx(model)
    assert found.quality == pytest.approx(posterior.max(axis=1))
    assert found.code.tolist() == posterior.argmax(axis=1).tolist()


def test_crowdlab_is_cleanlabs():
    """cleanlab 2.9.0, get_label_quality_multiannotator on the same labels and probabilities."""
    found = crowdlab(from_text(TABLE, 3), probabilities())
    quality = [0.75816, 0.816444, 0.731307, 0.671349, 0.499695, 0.794684]
    quality += [0.695514, 0.5884, 0.758221, 0.520183, 0.5963, 0.72279]
    assert found.quality == pytest.approx(quality, abs=1e-6)
    assert found.code.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 1, 1, 0]
    assert found.annotator_quality == pytest.approx(
        [0.795675, 0.861963, 0.729206, 0.643721], abs=1e-6
    )
    assert found.annotator_weight == pytest.approx(
        [0.60714286, 0.71428571, 0.52173913, 0.28571429], abs=1e-8
    )
    assert found.model_weight == pytest.approx(1.2371791482634835)
    # The labels of the third and fifth item, one an annotator.
    assert found.posterior[2][[2, 2, 2, 0]] == pytest.approx([0.731307] * 3 + [0.135562], abs=1e-6)
    assert found.posterior[4][[1, 1, 2, 1]] == pytest.approx(
        [0.499695, 0.499695, 0.36273, 0.499695], abs=1e-6
    )


def test_activelab_is_cleanlabs_at_the_same_temperature():
    """cleanlab 2.9.0, get_active_learning_scores, its temperature set to 2.

    Its own search puts votes under wrong values where an item lacks one, so ours is not its.
    """
    unlabelled = stated(20, 3) / stated(20, 3).sum(axis=1, keepdims=True)
    found = activelab(from_text(TABLE, 3), probabilities(), unlabelled, temperature=2.0)
    score = [0.658694, 0.687871, 0.631585, 0.561826, 0.500923, 0.658084]
    score += [0.604794, 0.581499, 0.658616, 0.483901, 0.537207, 0.644274]
    assert found.score == pytest.approx(score, abs=1e-6)
    assert found.score_unlabelled == pytest.approx([0.421824, 0.366922, 0.396185], abs=1e-6)


def test_the_temperature_is_where_probabilities_fit_the_votes():
    rng = np.random.default_rng(2)
    true = rng.dirichlet(np.ones(3), 3000)
    votes = rng.multinomial(5, true).astype(float)
    sure = true**2 / (true**2).sum(axis=1, keepdims=True)
    assert fitted_temperature(votes, sure) == pytest.approx(2.0, rel=0.05)
    assert fitted_temperature(votes, true) == pytest.approx(1.0, rel=0.05)


def test_so_many_dissenting_labels_change_the_consensus_and_no_fewer():
    prob = probabilities()
    found = activelab(from_text(TABLE, 3), prob, temperature=1.0)
    crowd = found.crowd
    other = (1 - crowd.likelihood) / 2
    fresh = crowd.annotator_weight.mean()
    for i, posterior in enumerate(crowd.posterior):
        total = crowd.heard(from_text(TABLE, 3))[i] + crowd.model_weight
        second = np.argsort(posterior)[-2]
        for n, changes in ((np.floor(found.dissent[i]), False), (np.ceil(found.dissent[i]), True)):
            support = posterior * total + n * fresh * other
            support[second] += n * fresh * (crowd.likelihood - other)
            assert (support.argmax() == second) == (changes and n > found.dissent[i])


def test_single_labels_leave_model_and_annotators_alike():
    """cleanlab 2.9.0 gives weight 1 to both where no item has two labels."""
    prob = np.array([[0.7, 0.3], [0.4, 0.6]])
    found = activelab(from_text("0./.0", 2), prob, [[0.9, 0.1]])
    assert found.score == pytest.approx([(1.4 + 0.5) / 3, (0.8 + 0.5) / 3])
    assert found.score_unlabelled == pytest.approx([0.7])
    assert (found.crowd, found.temperature) == (None, 1.0)
    assert found.dissent == pytest.approx([1.4, 0.8])
    assert found.dissent_unlabelled == pytest.approx([0.8])
    with pytest.raises(ValueError, match="must have 2 columns"):
        activelab(from_text("0./.0", 2), prob, [[1.0]])
    with pytest.raises(ValueError, match="one row an item"):
        activelab(from_text("0./.0", 2), prob[:1])


def test_relabelling_stops_where_dissent_could_not_change_anything():
    plan = plan_relabels(
        np.array([1.5, 0.4, 0.4, 1.0]),
        np.array([3, 3, 5, 0]),
        n_values=2,
        likelihood=0.8,
        max_labels=5,
    )
    assert plan.settled.tolist() == [True, False, False, False]
    assert plan.exhausted.tolist() == [False, False, True, False]
    # What is missing over a mean step of 0.8 - 0.2; a tie with the margin takes one more.
    assert plan.more_labels.tolist() == [0, 1, 0, 1]
    assert (plan.n_more_labels, plan.may_stop) == (2, False)
    far = plan_relabels(np.array([0.1]), np.array([0]), n_values=2, likelihood=0.8, margin=3)
    assert far.more_labels.tolist() == [5]
    guessing = plan_relabels(np.array([0.1]), np.array([1]), n_values=2, likelihood=0.5)
    assert guessing.more_labels.tolist() == [9]
    assert plan_relabels(np.array([2.0]), np.array([1]), n_values=2, likelihood=0.9).may_stop
    with pytest.raises(ValueError, match="margin must be positive"):
        plan_relabels(np.array([0.1]), np.array([1]), n_values=2, likelihood=0.5, margin=0)


def test_crowdlab_says_what_it_lacks():
    with pytest.raises(ValueError, match="No item has two labels"):
        crowdlab(from_text("0./.1", 2), [[0.5, 0.5]] * 2)
    with pytest.raises(ValueError, match="shape"):
        crowdlab(from_text("01/10", 2), [[0.5, 0.5]])
    with pytest.raises(ValueError, match="two values"):
        crowdlab(from_text("00/00", 1), [[1.0]] * 2)


def test_labelling_stops_item_by_item():
    posterior = np.array([[0.99, 0.01], [0.6, 0.4], [0.5, 0.5], [0.9, 0.1]])
    confusion = np.array([[0.8, 0.2], [0.2, 0.8]])
    plan = plan_labels(posterior, np.array([3, 3, 10, 3]), confusion, certainty=0.95)
    assert plan.settled.tolist() == [True, False, False, False]
    assert plan.exhausted.tolist() == [False, False, True, False]
    # One label adds 0.6 log 4 = 0.83 to the log odds on average.
    gain = 0.6 * np.log(4)
    wanted = np.log(19)
    assert plan.more_labels.tolist() == [
        0,
        int(np.ceil((wanted - np.log(1.5)) / gain)),
        0,
        int(np.ceil((wanted - np.log(9)) / gain)),
    ]
    assert not plan.may_stop
    assert plan.n_more_labels == sum(plan.more_labels.tolist())


def test_a_spammers_labels_would_never_settle_an_item():
    posterior = np.array([[0.6, 0.4]])
    plan = plan_labels(posterior, np.array([2]), np.full((2, 2), 0.5), max_labels=9)
    assert plan.more_labels.tolist() == [7]
    done = plan_labels(np.array([[1.0, 0.0]]), np.array([2]), np.eye(2))
    assert done.may_stop
    with pytest.raises(ValueError, match="certainty"):
        plan_labels(posterior, np.array([2]), np.eye(2), certainty=1.0)

"""Ensembles against closed forms and the ambiguity identity."""

import numpy as np
import pytest

from measures.ensemble_sizes import size_curve, size_plan, size_points, size_sums
from measures.ensembles import (
    KEYS,
    ambiguity,
    ensemble_uncertainty,
    item_uncertainty,
    member_losses,
    members_array,
)
from measures.estimates import Reason
from tests.measures.forecast_cases import bootstrap

#: Two members, three items: disagreement, shared doubt, shared certainty.
MEMBERS = [[[1.0, 0.0], [0.5, 0.5], [0.9, 0.1]], [[0.0, 1.0], [0.5, 0.5], [0.9, 0.1]]]


def many(n_members=8, n=200, seed=0):
    rng = np.random.default_rng(seed)
    members = rng.dirichlet([1, 1, 1], (n_members, n))
    return members, rng.integers(3, size=n)


def test_disagreement_is_told_from_shared_doubt():
    found = item_uncertainty(MEMBERS).columns
    log2 = np.log(2)
    np.testing.assert_allclose(found["total_entropy"], [log2, log2, 0.3250829733914482], atol=1e-12)
    np.testing.assert_allclose(
        found["aleatoric_entropy"], [0, log2, 0.3250829733914482], atol=1e-12
    )
    np.testing.assert_allclose(found["epistemic_entropy"], [log2, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found["variation_ratio"], [0.5, 0, 0], atol=1e-12)


def test_the_binary_variance_is_that_of_the_positive_class():
    p = np.array([[0.2, 0.7], [0.4, 0.9], [0.9, 0.8]])
    found = item_uncertainty(p).columns
    mean = p.mean(axis=0)
    np.testing.assert_allclose(found["total_variance"], mean * (1 - mean), atol=1e-12)
    np.testing.assert_allclose(found["aleatoric_variance"], (p * (1 - p)).mean(0), atol=1e-12)
    np.testing.assert_allclose(found["epistemic_variance"], p.var(axis=0), atol=1e-12)


def test_the_parts_are_never_negative_and_add_up():
    found = item_uncertainty(many()[0]).columns
    for kind in ("entropy", "variance"):
        parts = found[f"aleatoric_{kind}"] + found[f"epistemic_{kind}"]
        assert (found[f"epistemic_{kind}"] >= 0).all()
        np.testing.assert_allclose(parts, found[f"total_{kind}"], atol=1e-12)


def test_the_order_of_members_and_the_names_of_classes_do_not_matter():
    members, _ = many()
    first = item_uncertainty(members).columns
    for other in (members[::-1], np.roll(members, 1, axis=2)):
        for key, values in item_uncertainty(other).columns.items():
            np.testing.assert_allclose(values, first[key], atol=1e-12)


def test_one_member_has_no_disagreement_to_measure():
    assert item_uncertainty(MEMBERS[:1]).reason == Reason.NOT_APPLICABLE
    found = ensemble_uncertainty(MEMBERS[:1], bootstrap())
    assert {one.reason for one in found.values()} == {Reason.NOT_APPLICABLE}
    assert {one.value for one in found.values()} == {None}
    single = ambiguity(MEMBERS[:1], [0, 1, 0], bootstrap())
    assert single.diversity.reason == Reason.NOT_APPLICABLE


def test_the_ensembles_gain_is_its_members_variance():
    members, y = many()
    found = ambiguity(members, y, bootstrap())
    gain = found.member_brier.value - found.ensemble_brier.value
    assert gain == pytest.approx(found.diversity.value, abs=1e-12)
    assert found.diversity.ci_low > 0


def test_means_have_intervals_by_items_or_by_groups():
    members, _ = many()
    items = ensemble_uncertainty(members, bootstrap())
    groups = ensemble_uncertainty(members, bootstrap(), clusters=np.arange(200) // 10)
    for key in KEYS:
        assert items[key].ci_low <= items[key].value <= items[key].ci_high
        assert items[key].n == 200
    assert groups["total_entropy"].ci_method == "bootstrap_groups"


def test_the_size_curve_runs_from_the_mean_member_to_the_whole():
    members, y = many()
    curve = size_curve(members, y, np.random.default_rng(0), n_subsets=200)
    found = ambiguity(members, y, bootstrap())
    assert [curve[0].n_members, curve[-1].n_members] == [1, 8]
    assert curve[-1].brier == pytest.approx(found.ensemble_brier.value, abs=1e-12)
    # The mean of 200 random members, whose scores differ by a few hundredths.
    assert curve[0].brier == pytest.approx(found.member_brier.value, abs=0.01)
    assert [one.brier for one in curve] == sorted((one.brier for one in curve), reverse=True)
    assert curve[0].brier_low < curve[0].brier < curve[0].brier_high


def test_nothing_at_all_is_no_data():
    empty = np.empty((3, 0, 2))
    assert ensemble_uncertainty(empty, bootstrap())["total_entropy"].reason == Reason.NO_DATA
    assert ambiguity(empty, [], bootstrap()).diversity.reason == Reason.NO_DATA
    assert size_curve(empty, [], np.random.default_rng(0)) == ()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (np.full((2, 3, 4, 5), 0.2), "must have shape"),
        ([[0.2, 1.2]], "member 0, item 1"),
        ([[[0.2, 0.9]]], r"member 0, item 0: 1\.1"),
    ],
)
def test_wrong_members_are_refused_in_words(members, message):
    with pytest.raises(ValueError, match=message):
        members_array(members)


def test_sums_of_ranges_give_the_size_curve_of_the_whole():
    members, y = many()
    whole = size_curve(members, y, np.random.default_rng(1), n_subsets=5)
    plan = size_plan(len(members), np.random.default_rng(1), n_subsets=5)
    parts = [size_sums(members[:, rows], y[rows], plan) for rows in (slice(0, 70), slice(70, 200))]
    for one, other in zip(size_points(sum(parts), 200, plan), whole, strict=True):
        assert one.brier == pytest.approx(other.brier, abs=1e-12)
        assert one.log_loss == pytest.approx(other.log_loss, abs=1e-12)


def test_the_size_curve_refuses_an_ensemble_of_nobody():
    with pytest.raises(ValueError, match="at least one member"):
        size_plan(0, np.random.default_rng(0))


def test_a_members_losses_are_its_own_scores():
    members, y = many(n_members=3, n=50)
    found = member_losses(members, y)
    assert found["brier"].shape == (3, 50)
    for k, member in enumerate(members):
        one_hot = np.eye(3)[y]
        assert found["brier"][k].mean() == pytest.approx(
            ((member - one_hot) ** 2).sum(1).mean() / 2
        )
        assert found["log_loss"][k].mean() == pytest.approx(-np.log(member[range(50), y]).mean())
        assert found["accuracy"][k].mean() == pytest.approx((member.argmax(1) == y).mean())

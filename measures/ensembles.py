"""What the members of an ensemble agree on, where they differ, and whether more of them help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from measures.calibration.corp import LOG_CLIP
from measures.calibration.forecasts import (
    PROBABILITY_TOLERANCE,
    ROW_SUM_TOLERANCE,
    FloatArray,
    IntArray,
    class_forecasts,
)
from measures.calibration.resampling import Bootstrap, Draws, draw, with_interval
from measures.estimates import Estimate, Reason, undefined

KEYS = (
    "total_entropy",
    "aleatoric_entropy",
    "epistemic_entropy",
    "total_variance",
    "aleatoric_variance",
    "epistemic_variance",
    "variation_ratio",
)


@dataclass(frozen=True, slots=True, eq=False)
class ItemUncertainty:
    """The uncertainty about each item, by key; ``reason`` and no arrays for a single member.

    Entropies in nats: total = aleatoric (doubt the members share) + epistemic (their
    disagreement, which more data could settle). Variances are summed over classes and halved,
    so that two classes give the variance of the positive one. ``variation_ratio`` is the share
    of members that do not vote for the most voted class.
    """

    n_members: int
    n: int
    columns: dict[str, FloatArray]
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """``member_brier - ensemble_brier = diversity``, exactly; all in 0..1."""

    member_brier: Estimate
    ensemble_brier: Estimate
    diversity: Estimate

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        keys = ("member_brier", "ensemble_brier", "diversity")
        return {key: getattr(self, key).as_dict() for key in keys}


@dataclass(frozen=True, slots=True)
class SizePoint:
    """Scores of ensembles of one size: mean over random subsets, and their 5 to 95 % range."""

    n_members: int
    brier: float
    brier_low: float
    brier_high: float
    log_loss: float
    n_subsets: int


def members_array(y_prob: npt.ArrayLike) -> FloatArray:
    """Checked probabilities of shape (members, items, classes).

    Parameters
    ----------
    y_prob : (M, n, K) array, or (M, n) with the probability of the positive class

    Returns
    -------
    ndarray of shape (M, n, K)
        Rows renormalised where they miss 1 by at most 1e-3.

    Raises
    ------
    ValueError
        When the shape does not fit, a number lies outside [0, 1] or a row does not sum to 1.
    """
    stated = np.asarray(y_prob, dtype=float)
    if stated.ndim == 2:
        stated = np.stack([1 - stated, stated], axis=-1)
    if stated.ndim != 3 or stated.shape[2] < 2:
        raise ValueError(
            f"y_prob must have shape (members, items) or (members, items, classes); "
            f"got {np.shape(y_prob)}."
        )
    inside = (stated >= -PROBABILITY_TOLERANCE) & (stated <= 1 + PROBABILITY_TOLERANCE)
    if not inside.all():
        member, item, _ = (int(i) for i in np.argwhere(~inside)[0])
        raise ValueError(
            f"y_prob must lie in [0, 1]; {int((~inside).sum())} numbers do not, first that of "
            f"member {member}, item {item}."
        )
    stated = np.clip(stated, 0, 1)
    sums = stated.sum(axis=2, keepdims=True)
    off = np.abs(sums - 1) > ROW_SUM_TOLERANCE
    if off.any():
        member, item, _ = (int(i) for i in np.argwhere(off)[0])
        raise ValueError(
            f"The class probabilities of an item must sum to 1 within {ROW_SUM_TOLERANCE:g}; "
            f"{int(off.sum())} rows do not, first member {member}, item {item}: "
            f"{float(sums[member, item, 0])!r}."
        )
    scaled: FloatArray = stated / sums
    return scaled


def item_uncertainty(y_prob: npt.ArrayLike) -> ItemUncertainty:
    """Total, shared and disputed uncertainty about each item.

    Parameters
    ----------
    y_prob : (M, n, K) or (M, n) array
        As in :func:`members_array`.

    Returns
    -------
    ItemUncertainty
        One member has no disagreement to measure: ``not_applicable``, not 0.

    References
    ----------
    Depeweg et al. (2018), eq. 4; Lakshminarayanan et al. (2017); Freeman (1965) for the
    variation ratio.
    """
    members = members_array(y_prob)
    n_members, n, n_classes = members.shape
    if n_members < 2:
        return ItemUncertainty(n_members, n, {}, Reason.NOT_APPLICABLE)
    mean = members.mean(axis=0)
    total, shared = _entropy(mean), _entropy(members).mean(axis=0)
    total_variance = (1 - np.square(mean).sum(axis=1)) / 2
    spread = members.var(axis=0).sum(axis=1) / 2
    votes = members.argmax(axis=2)
    most = np.stack([(votes == k).sum(axis=0) for k in range(n_classes)]).max(axis=0)
    columns = {
        "total_entropy": total,
        "aleatoric_entropy": np.minimum(shared, total),
        # Jensen's inequality holds up to rounding.
        "epistemic_entropy": np.maximum(total - shared, 0.0),
        "total_variance": total_variance,
        "aleatoric_variance": np.maximum(total_variance - spread, 0.0),
        "epistemic_variance": spread,
        "variation_ratio": 1 - most / n_members,
    }
    return ItemUncertainty(n_members, n, columns)


def ensemble_uncertainty(
    y_prob: npt.ArrayLike, bootstrap: Bootstrap, *, clusters: IntArray | None = None
) -> dict[str, Estimate]:
    """Mean over items of each kind of uncertainty, with intervals.

    Parameters
    ----------
    y_prob : (M, n, K) or (M, n) array
    bootstrap : Bootstrap
    clusters : (n,) array of int, optional
        What is resampled together.

    Returns
    -------
    dict of str to Estimate
        ``n`` counts items; ``not_applicable`` for a single member.

    References
    ----------
    As in :func:`item_uncertainty`.
    """
    found = item_uncertainty(y_prob)
    if found.reason is not None or found.n == 0:
        return {key: undefined(found.reason or Reason.NO_DATA, found.n) for key in KEYS}
    draws = draw(found.n, clusters, bootstrap)
    return {key: _mean(found.columns[key], draws) for key in KEYS}


def ambiguity(
    y_prob: npt.ArrayLike,
    y_true: npt.ArrayLike,
    bootstrap: Bootstrap,
    *,
    clusters: IntArray | None = None,
) -> Ambiguity:
    """How much better the mean of the members is than they are on average, and why.

    Parameters
    ----------
    y_prob : (M, n, K) or (M, n) array
    y_true : (n,) array of class indices
    bootstrap : Bootstrap
    clusters : (n,) array of int, optional

    Returns
    -------
    Ambiguity
        Half-form Brier scores; the gain equals the members' variance. ``not_applicable`` for a
        single member.

    References
    ----------
    Krogh and Vedelsby (1995), eq. 6.
    """
    members = members_array(y_prob)
    if len(members) < 2 or members.shape[1] == 0:
        reason = Reason.NO_DATA if members.shape[1] == 0 else Reason.NOT_APPLICABLE
        nothing = undefined(reason, members.shape[1])
        return Ambiguity(nothing, nothing, nothing)
    outcome = _one_hot(y_true, members)
    draws = draw(members.shape[1], clusters, bootstrap)
    each = np.square(members - outcome).sum(axis=2).mean(axis=0) / 2
    whole = np.square(members.mean(axis=0) - outcome).sum(axis=1) / 2
    diversity = members.var(axis=0).sum(axis=1) / 2
    return Ambiguity(_mean(each, draws), _mean(whole, draws), _mean(diversity, draws))


def size_curve(
    y_prob: npt.ArrayLike,
    y_true: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    n_subsets: int = 20,
    n_sizes: int = 12,
) -> tuple[SizePoint, ...]:
    """Scores against the number of members: would more of them help?

    Parameters
    ----------
    y_prob : (M, n, K) or (M, n) array
    y_true : (n,) array of class indices
    rng : Generator
        Draws the order in which members are added.
    n_subsets : int
        Orders drawn.
    n_sizes : int
        Sizes shown, evenly spaced on a log scale; 1 and M are among them.

    Returns
    -------
    tuple of SizePoint
        Half-form Brier score and log loss of the mean of the members; empty without items.

    References
    ----------
    Lakshminarayanan, Pritzel and Blundell (2017), figure 2.
    """
    members = members_array(y_prob)
    n_members, n, _ = members.shape
    if n == 0 or n_members == 0:
        return ()
    outcome = _one_hot(y_true, members)
    sizes = np.unique(np.geomspace(1, n_members, n_sizes).round().astype(int))
    found = np.array(
        [_growing(members, outcome, rng.permutation(n_members), sizes) for _ in range(n_subsets)]
    )
    return tuple(
        SizePoint(
            int(size),
            float(found[:, k, 0].mean()),
            float(np.quantile(found[:, k, 0], 0.05)),
            float(np.quantile(found[:, k, 0], 0.95)),
            float(found[:, k, 1].mean()),
            n_subsets,
        )
        for k, size in enumerate(sizes)
    )


def _entropy(p: FloatArray) -> FloatArray:
    entropy: FloatArray = special.entr(p).sum(axis=-1)
    return entropy


def _mean(each: FloatArray, draws: Draws) -> Estimate:
    again = draws.totals(np.stack([each, np.ones(len(each))], axis=1))
    return with_interval(float(each.mean()), len(each), again[:, 0] / again[:, 1], draws)


def _one_hot(y_true: npt.ArrayLike, members: FloatArray) -> FloatArray:
    checked = class_forecasts(y_true, members.mean(axis=0))
    outcome = np.zeros(members.shape[1:])
    outcome[np.arange(checked.n), checked.y_true] = 1
    return outcome


def _growing(
    members: FloatArray, outcome: FloatArray, order: IntArray, sizes: IntArray
) -> list[tuple[float, float]]:
    """Brier score and log loss as members join in the given order, at the sizes shown."""
    total = np.zeros_like(outcome)
    found = []
    for size, member in enumerate(order, start=1):
        total += members[member]
        if size in sizes:
            mean = total / size
            brier = float(np.square(mean - outcome).sum(axis=1).mean() / 2)
            own = np.maximum((mean * outcome).sum(axis=1), LOG_CLIP)
            found.append((brier, float(-np.log(own).mean())))
    return found

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
from measures.calibration.resampling import Bootstrap, Draws, divide, draw, with_interval
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
    return {key: mean_estimate(found.columns[key], draws) for key in KEYS}


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
    draws = draw(members.shape[1], clusters, bootstrap)
    found = ambiguity_columns(members, y_true)
    return Ambiguity(**{key: mean_estimate(column, draws) for key, column in found.items()})


def member_losses(members: FloatArray, y_true: npt.ArrayLike) -> dict[str, FloatArray]:
    """What each member loses on each item: half-form Brier score, log loss, and being right.

    Parameters
    ----------
    members : (M, n, K) array, from :func:`members_array`
    y_true : (n,) array of class indices

    Returns
    -------
    dict of str to (M, n) array
        ``brier`` and ``accuracy`` in 0..1, ``log_loss`` in nats.
    """
    outcome = one_hot(y_true, members)
    own = np.maximum((members * outcome).sum(axis=2), LOG_CLIP)
    return {
        "brier": np.square(members - outcome).sum(axis=2) / 2,
        "log_loss": -np.log(own),
        "accuracy": (members.argmax(axis=2) == outcome.argmax(axis=1)).astype(float),
    }


def ambiguity_columns(members: FloatArray, y_true: npt.ArrayLike) -> dict[str, FloatArray]:
    """The three terms of :func:`ambiguity` of each item, by their key, shape (n,)."""
    outcome = one_hot(y_true, members)
    mean = members.mean(axis=0)
    return {
        "member_brier": np.square(members - outcome).sum(axis=2).mean(axis=0) / 2,
        "ensemble_brier": np.square(mean - outcome).sum(axis=1) / 2,
        "diversity": members.var(axis=0).sum(axis=1) / 2,
    }


def mean_estimate(each: FloatArray, draws: Draws) -> Estimate:
    """The mean of one number an item, with the interval of its resampling units."""
    if len(each) == 0:
        return undefined(Reason.NO_DATA, 0)
    again = draws.totals(np.stack([each, np.ones(len(each))], axis=1))
    return with_interval(float(each.mean()), len(each), divide(again[:, 0], again[:, 1]), draws)


def one_hot(y_true: npt.ArrayLike, members: FloatArray) -> FloatArray:
    """Outcomes as rows of 0 and a single 1, shape (n, K)."""
    checked = class_forecasts(y_true, members.mean(axis=0))
    outcome = np.zeros(members.shape[1:])
    outcome[np.arange(checked.n), checked.y_true] = 1
    return outcome


def _entropy(p: FloatArray) -> FloatArray:
    entropy: FloatArray = special.entr(p).sum(axis=-1)
    return entropy

"""Whether an ensemble would gain from more members: scores against their number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from measures.calibration.corp import LOG_CLIP
from measures.calibration.forecasts import FloatArray, IntArray
from measures.ensembles import members_array, one_hot


@dataclass(frozen=True, slots=True)
class SizePoint:
    """Scores of ensembles of one size: mean over random subsets, and their 5 to 95 % range."""

    n_members: int
    brier: float
    brier_low: float
    brier_high: float
    log_loss: float
    n_subsets: int


@dataclass(frozen=True, slots=True, eq=False)
class SizePlan:
    """In which orders members are added, ``(S, M)``, and the sizes at which scores are taken."""

    orders: IntArray
    sizes: IntArray


def size_plan(
    n_members: int, rng: np.random.Generator, *, n_subsets: int = 20, n_sizes: int = 12
) -> SizePlan:
    """Random orders of the members and the sizes to look at, evenly spaced on a log scale.

    Parameters
    ----------
    n_members : int, at least 1
    rng : Generator
    n_subsets : int
        Orders drawn.
    n_sizes : int
        Sizes shown; 1 and ``n_members`` are among them.

    Returns
    -------
    SizePlan

    Raises
    ------
    ValueError
        When there is no member.
    """
    if n_members < 1:
        raise ValueError(f"An ensemble has at least one member; got {n_members}.")
    sizes = np.unique(np.geomspace(1, n_members, n_sizes).round().astype(np.int64))
    orders = np.stack([rng.permutation(n_members) for _ in range(n_subsets)])
    return SizePlan(orders.astype(np.int64), sizes)


def size_sums(members: FloatArray, y_true: npt.ArrayLike, plan: SizePlan) -> FloatArray:
    """Half-form Brier score and log loss summed over items; sums of several ranges may be added.

    Parameters
    ----------
    members : (M, n, K) array, from :func:`measures.ensembles.members_array`
    y_true : (n,) array of class indices
    plan : SizePlan

    Returns
    -------
    ndarray of shape (S, sizes, 2)
    """
    outcome = one_hot(y_true, members)
    return np.array([_growing(members, outcome, order, plan.sizes) for order in plan.orders])


def size_points(sums: FloatArray, n: int, plan: SizePlan) -> tuple[SizePoint, ...]:
    """The curve from the sums over ``n`` items; empty without items.

    References
    ----------
    Lakshminarayanan, Pritzel and Blundell (2017), figure 2.
    """
    if n == 0:
        return ()
    found = sums / n
    return tuple(
        SizePoint(
            int(size),
            float(found[:, k, 0].mean()),
            float(np.quantile(found[:, k, 0], 0.05)),
            float(np.quantile(found[:, k, 0], 0.95)),
            float(found[:, k, 1].mean()),
            len(plan.orders),
        )
        for k, size in enumerate(plan.sizes)
    )


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
    rng, n_subsets, n_sizes
        As in :func:`size_plan`.

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
    plan = size_plan(n_members, rng, n_subsets=n_subsets, n_sizes=n_sizes)
    return size_points(size_sums(members, y_true, plan), n, plan)


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
            brier = float(np.square(mean - outcome).sum() / 2)
            own = np.maximum((mean * outcome).sum(axis=1), LOG_CLIP)
            found.append((brier, float(-np.log(own).sum())))
    return found

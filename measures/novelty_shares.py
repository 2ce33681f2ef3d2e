"""How many items are novel, and how many the model is sure about all the same."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from measures.calibration.resampling import Draws
from measures.ensembles import mean_estimate
from measures.estimates import Estimate, Reason, undefined
from measures.intervals import proportion


@dataclass(frozen=True, slots=True)
class Quadrants:
    """Shares of items by confidence and novelty; sure but novel is where errors hide."""

    sure_familiar: Estimate
    sure_novel: Estimate
    unsure_familiar: Estimate
    unsure_novel: Estimate
    confident_from: float
    novel_below: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        keys = ("sure_familiar", "sure_novel", "unsure_familiar", "unsure_novel")
        found: dict[str, Any] = {key: getattr(self, key).as_dict() for key in keys}
        return found | {"confident_from": self.confident_from, "novel_below": self.novel_below}


def quadrants(
    confidence: npt.ArrayLike,
    p_values: npt.ArrayLike,
    *,
    confident_from: float = 0.9,
    novel_below: float = 0.05,
    level: float = 0.95,
    draws: Draws | None = None,
) -> Quadrants:
    """How many items the model is sure about although nothing like them was in the reference.

    Parameters
    ----------
    confidence : (n,) array in [0, 1]
    p_values : (n,) array
        Of :func:`novelty`.
    confident_from, novel_below : float
        Confidence at or above, p-value at or below.
    level : float
    draws : Draws, optional
        Of these items, where groups of them are to be resampled together.

    Returns
    -------
    Quadrants
        Four shares that sum to 1, with Wilson intervals or those of ``draws``; ``no_data``
        without items.

    Raises
    ------
    ValueError
        When lengths differ.
    """
    sure = np.asarray(confidence, dtype=float) >= confident_from
    novel = np.asarray(p_values, dtype=float) <= novel_below
    if sure.shape != novel.shape or sure.ndim != 1:
        raise ValueError(
            f"confidence and p_values must be vectors of one length; got shapes "
            f"{sure.shape} and {novel.shape}."
        )

    def share(of: npt.NDArray[np.bool_]) -> Estimate:
        return share_of(of, level=level, draws=draws)

    return Quadrants(
        share(sure & ~novel),
        share(sure & novel),
        share(~sure & ~novel),
        share(~sure & novel),
        confident_from,
        novel_below,
    )


def share_of(
    which: npt.NDArray[np.bool_], *, level: float = 0.95, draws: Draws | None = None
) -> Estimate:
    """The share of items that are so: Wilson's interval, or that of resampled groups."""
    if draws is None or not len(which):
        return proportion(int(which.sum()), len(which), level=level)
    return mean_estimate(which.astype(float), draws)


def novelty_rate(
    p_values: npt.ArrayLike,
    n_reference: int,
    *,
    novel_below: float = 0.05,
    level: float = 0.95,
    draws: Draws | None = None,
    n_groups: tuple[int, int] | None = None,
) -> Estimate:
    """Share of items that are novel, and whether that is more than chance gives.

    Parameters
    ----------
    p_values : (m,) array
        Of :func:`novelty`.
    n_reference : int
        Reference items that they were taken from.
    novel_below : float in (0, 1)
        An item is novel at a p-value of at most this. Items like the reference would be so in
        about this share.
    level : float
    draws : Draws, optional
        Of these items, where groups of them are resampled together.
    n_groups : (int, int), optional
        Groups of items of the reference, and of these. Each then counts once in the test, as
        if the items of a group were all alike, which errs on the side of no alarm.

    Returns
    -------
    Estimate
        ``p_value``: chance of as many novel items or more among items like the reference, exact
        for continuous scores, with the reference's own chance in it. ``too_few_items`` where the
        smallest p-value possible, 1 / (n_reference + 1), lies above ``novel_below``.

    References
    ----------
    Bates et al. (2023), section 2.3: given the reference, the false alarm rate is
    Beta(k, n + 1 - k) with k = floor(novel_below (n + 1)).
    """
    p = np.asarray(p_values, dtype=float)
    if not len(p):
        return undefined(Reason.NO_DATA, 0)
    if smallest_p(n_reference) > novel_below:
        return undefined(Reason.TOO_FEW_ITEMS, len(p))
    found = share_of(p <= novel_below, level=level, draws=draws)
    n_known, n_new = (n_reference, len(p)) if n_groups is None else n_groups
    # A product such as 20 * 0.05 must not fall short of 1 by its rounding.
    k = math.floor(novel_below * (n_known + 1) + 1e-9)
    if k < 1 or found.value is None:
        return found
    hits = math.floor(found.value * n_new + 1e-9)
    chance = float(stats.betabinom.sf(hits - 1, n_new, k, n_known + 1 - k))
    return replace(found, p_value=min(max(chance, 0.0), 1.0))


def smallest_p(n_reference: int) -> float:
    """The smallest p-value that so many reference items can give."""
    return 1 / (n_reference + 1)

"""How many items must be labelled for an interval as narrow as wanted."""

from __future__ import annotations

import math

from measures.estimates import Estimate


def items_for_half_width(estimate: Estimate, *, half_width: float) -> int | None:
    """Items like these, labelled as often, for an interval of the wanted half-width.

    Parameters
    ----------
    estimate : Estimate
        A coefficient with its interval; ``n`` items.
    half_width : float > 0
        Wanted half-width of the interval at the same level.

    Returns
    -------
    int or None
        n (w / w*)^2, rounded up: widths shrink with the square root of the number of items. None
        without an interval, or with one of width 0. A forecast from this sample, not a promise.

    Raises
    ------
    ValueError
        When the half-width is not positive.
    """
    if not half_width > 0:
        raise ValueError(f"half_width must be positive; got {half_width!r}.")
    if estimate.ci_low is None or estimate.ci_high is None or estimate.ci_high <= estimate.ci_low:
        return None
    ratio = (estimate.ci_high - estimate.ci_low) / (2.0 * half_width)
    return math.ceil(estimate.n * ratio**2)

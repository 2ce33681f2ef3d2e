"""p-values adjusted for the number of hypotheses tested together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from measures.estimates import Estimate

Adjust = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def holm(p: ArrayLike) -> list[float | None]:
    """Adjusted p-values that bound the chance of even one false alarm in the family.

    Parameters
    ----------
    p : array_like of float in [0, 1], one-dimensional
        ``None``, NaN or a masked entry is a hypothesis that was not tested: it stays ``None``
        and does not count in the family.

    Returns
    -------
    list of (float or None)
        Same order and length; never below the raw p-value, at most 1.

    Raises
    ------
    ValueError
        When a p-value lies outside [0, 1].

    References
    ----------
    Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    return _over_tested(p, _step_down)


def benjamini_hochberg(p: ArrayLike) -> list[float | None]:
    """Adjusted p-values that bound the expected share of false alarms among all alarms.

    Parameters
    ----------
    p : array_like of float in [0, 1], one-dimensional
        Untested hypotheses as in :func:`holm`.

    Returns
    -------
    list of (float or None)
        Same order and length; never below the raw p-value, at most 1.

    Raises
    ------
    ValueError
        When a p-value lies outside [0, 1].

    References
    ----------
    Benjamini and Hochberg (1995), procedure (1); adjusted values as in Yekutieli and
    Benjamini (1999).
    """
    return _over_tested(p, _step_up)


def with_adjusted_p(estimates: Iterable[Estimate]) -> list[Estimate]:
    """The same estimates, their p-values adjusted over them as by :func:`benjamini_hochberg`.

    Parameters
    ----------
    estimates : iterable of Estimate
        Those without a p-value were not tested, and count in no family.

    Returns
    -------
    list of Estimate
        Same order and length, ``p_adjusted`` set.
    """
    known = list(estimates)
    raw = [np.nan if one.p_value is None else one.p_value for one in known]
    by_rank = benjamini_hochberg(raw) if raw else []
    return [replace(one, p_adjusted=p) for one, p in zip(known, by_rank, strict=True)]


def _step_down(ascending: NDArray[np.float64]) -> NDArray[np.float64]:
    m = ascending.size
    return np.maximum.accumulate(ascending * np.arange(m, 0, -1))


def _step_up(ascending: NDArray[np.float64]) -> NDArray[np.float64]:
    m = ascending.size
    scaled = ascending * (m / np.arange(1, m + 1))
    return np.minimum.accumulate(scaled[::-1])[::-1]


def _over_tested(p: ArrayLike, adjust: Adjust) -> list[float | None]:
    """Adjust the tested hypotheses among themselves; the others stay ``None``."""
    values = _tested_values(p)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    adjusted: NDArray[np.object_] = np.full(values.shape, None, object)
    adjusted[order] = np.minimum(adjust(values[order]), 1.0)
    return list(adjusted)


def _tested_values(p: ArrayLike) -> NDArray[np.float64]:
    if isinstance(p, np.ma.MaskedArray):
        values = np.ma.filled(p.astype(float), np.nan)
    else:
        values = np.asarray(p, dtype=float)
    if values.ndim != 1:
        raise ValueError(f"p must be one-dimensional; got {values.ndim} dimensions.")
    bad = ~np.isnan(values) & ~((values >= 0) & (values <= 1))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"p-values must lie in [0, 1]; {bad.sum()} of {values.size} do not, first "
            f"{values[first]!r} at position {first}."
        )
    return values

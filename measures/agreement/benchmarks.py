"""Words for the size of a coefficient, each with the probability that it is deserved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from measures.agreement.scales import FloatArray

# Lower ends; conventions of their authors, not verdicts.
BENCHMARKS: Mapping[str, tuple[tuple[str, float], ...]] = {
    "landis_koch": (
        ("poor", -np.inf),
        ("slight", 0.0),
        ("fair", 0.2),
        ("moderate", 0.4),
        ("substantial", 0.6),
        ("almost_perfect", 0.8),
    ),
    "krippendorff": (("unreliable", -np.inf), ("tentative", 0.667), ("reliable", 0.8)),
}


@dataclass(frozen=True, slots=True)
class Band:
    """One word of a benchmark.

    Parameters
    ----------
    name : str
    low : float or None
        Lower end; None for the lowest band.
    probability : float
        That the coefficient of the population of items lies in the band, in [0, 1].
    probability_at_least : float
        That it lies in the band or above.
    """

    name: str
    low: float | None
    probability: float
    probability_at_least: float


def benchmark_by_replicates(replicates: ArrayLike, *, scheme: str) -> list[Band]:
    """Probability of each band as the share of bootstrap replicates that fall into it.

    Parameters
    ----------
    replicates : array of float, shape (R,)
        As in ``Agreement.replicates``; undefined ones are left out.
    scheme : str
        ``landis_koch`` (1977) or ``krippendorff`` (2004, p. 241).

    Returns
    -------
    list of Band
        Lowest first; empty when no replicate is defined.

    Raises
    ------
    ValueError
        When the scheme is unknown.
    """
    lows = _lows(scheme)
    values: FloatArray = np.asarray(replicates, dtype=np.float64)
    defined = values[np.isfinite(values)]
    if not defined.size:
        return []
    return _bands(scheme, [float((defined >= low).mean()) for low in lows])


def benchmark_by_se(value: float, se: float, *, scheme: str) -> list[Band]:
    """Probability of each band by a normal law cut to [-1, 1] around the coefficient.

    Parameters
    ----------
    value : float in [-1, 1]
    se : float > 0
        Standard error.
    scheme : str
        ``landis_koch`` or ``krippendorff``.

    Returns
    -------
    list of Band
        Lowest first.

    Raises
    ------
    ValueError
        When the scheme is unknown or the standard error is not positive.

    References
    ----------
    Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed., chapter 6 (benchmarking).
    """
    if not se > 0:
        raise ValueError(f"se must be positive; got {se!r}. Use the replicates instead.")
    law = stats.truncnorm((-1.0 - value) / se, (1.0 - value) / se, loc=value, scale=se)
    return _bands(scheme, [float(law.sf(low)) for low in _lows(scheme)])


def _lows(scheme: str) -> list[float]:
    if scheme not in BENCHMARKS:
        raise ValueError(f"scheme must be one of {', '.join(BENCHMARKS)}; got {scheme!r}.")
    return [low for _, low in BENCHMARKS[scheme]]


def _bands(scheme: str, at_least: list[float]) -> list[Band]:
    above = [*at_least[1:], 0.0]
    return [
        Band(name, None if low == -np.inf else low, reached - higher, reached)
        for (name, low), reached, higher in zip(BENCHMARKS[scheme], at_least, above, strict=True)
    ]

"""How far apart two values are: distances for alpha, and named weights for the kappas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from measures.agreement.scales import Domain, FloatArray, Scale

WEIGHTS = (
    "identity",
    "linear",
    "quadratic",
    "ordinal",
    "radical",
    "ratio",
    "circular",
    "bipolar",
)


def distance_matrix(domain: Domain, metric: str) -> FloatArray | None:
    """Squared distance between each two values, or None where the metric has no meaning for them.

    Parameters
    ----------
    domain : Domain
        K values.
    metric : str
        ``nominal``, ``interval``, ``ratio``, ``circular``, ``bipolar``, ``jaccard`` or ``masi``.
        ``ordinal`` depends on how often each value was used: see :func:`rank_midpoints`.

    Returns
    -------
    array of shape (K, K) or None
        Zero on the diagonal. Set distances are used as they are, not squared (Passonneau 2006).

    Raises
    ------
    ValueError
        When the metric is unknown, or is ``ordinal``.

    References
    ----------
    Krippendorff (2011), Computing Krippendorff's alpha-reliability, section E.
    Passonneau (2006), Measuring agreement on set-valued items (MASI).
    """
    if metric not in _DISTANCES:
        raise ValueError(f"metric must be one of {', '.join(_DISTANCES)}; got {metric!r}.")
    return _DISTANCES[metric](domain)


def rank_midpoints(counts: FloatArray) -> FloatArray:
    """Mid-rank of each value; ordinal distance is the squared difference of two mid-ranks.

    Parameters
    ----------
    counts : array of shape (..., K)
        How often each value was used in pairable items, for each replicate.
    """
    midpoints: FloatArray = np.cumsum(counts, axis=-1) - counts / 2.0
    return midpoints


def weight_matrix(domain: Domain, name: str) -> FloatArray | None:
    """Credit for each combination of two values: 1 for the same, down to 0.

    Parameters
    ----------
    domain : Domain
        K values. Graded weights use the numbers on interval, ratio and circular scales and the
        ranks 1..K otherwise, over the whole declared domain, used or not.
    name : str
        ``identity``, ``linear``, ``quadratic``, ``ordinal``, ``radical``, ``ratio``, ``circular``
        or ``bipolar``. The ordinal weights are Gwet's, not Krippendorff's ordinal distance.

    Returns
    -------
    array of shape (K, K) or None
        None where graded credit has no meaning (unordered text, sets).

    Raises
    ------
    ValueError
        When the name is unknown.

    References
    ----------
    Gwet (2014), Handbook of Inter-Rater Reliability, 4th ed., section 3.5.
    Fleiss & Cohen (1973) for quadratic, Cicchetti & Allison (1971) for linear weights.
    """
    if name not in WEIGHTS:
        raise ValueError(f"weights must be one of {', '.join(WEIGHTS)}; got {name!r}.")
    if name == "identity":
        return np.eye(domain.size)
    if not domain.ordered:
        return None
    penalty = _PENALTIES[name](domain.positions)
    if not np.all(np.isfinite(penalty)):
        return None
    largest = penalty.max(initial=0.0)
    credit: FloatArray = 1.0 - penalty / largest if largest > 0 else np.ones_like(penalty)
    return credit


def default_weights(scale: Scale) -> str:
    """The graded weights that go with a scale, for AC2."""
    return {
        Scale.ORDINAL: "ordinal",
        Scale.INTERVAL: "quadratic",
        Scale.RATIO: "ratio",
        Scale.CIRCULAR: "circular",
    }.get(scale, "identity")


def default_metric(scale: Scale) -> str:
    """The distance that alpha uses on a scale."""
    return "masi" if scale is Scale.SET else str(scale)


def jaccard_distance(one: frozenset[object], other: frozenset[object]) -> float:
    """Share of the choices made by either that were not made by both; two empty sets agree."""
    union = one | other
    return 1.0 - len(one & other) / len(union) if union else 0.0


def masi_distance(one: frozenset[object], other: frozenset[object]) -> float:
    """Jaccard overlap discounted by how the sets nest: subset 2/3, overlap 1/3, disjoint 0."""
    if one == other:
        return 0.0
    common = one & other
    if not common:
        return 1.0
    nesting = 2.0 / 3.0 if common in (one, other) else 1.0 / 3.0
    return 1.0 - (1.0 - jaccard_distance(one, other)) * nesting


def _differences(positions: FloatArray) -> FloatArray:
    difference: FloatArray = np.abs(positions[:, None] - positions[None, :])
    return difference


def _divided(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Elementwise quotient with 0/0 = 0, the convention of the ratio and bipolar distances."""
    safe = np.where(numerator == 0, 1.0, denominator)
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: FloatArray = np.where(numerator == 0, 0.0, numerator / safe)
    return quotient


def _ratio(positions: FloatArray) -> FloatArray:
    total = positions[:, None] + positions[None, :]
    quotient: FloatArray = _divided(_differences(positions), total) ** 2
    return quotient


def _circular(positions: FloatArray) -> FloatArray:
    # The circle closes one step after the last value: 23:00 and 00:00 are neighbours.
    step = np.diff(np.sort(positions)).min(initial=np.inf)
    around = np.ptp(positions) + step if np.isfinite(step) else 1.0
    squared: FloatArray = np.sin(np.pi * _differences(positions) / around) ** 2
    # sin(pi) is 1e-16 in floating point; values a whole turn apart are the same.
    squared[squared < 1e-30] = 0.0
    return squared


def _bipolar(positions: FloatArray) -> FloatArray:
    total = positions[:, None] + positions[None, :]
    spread = (total - 2 * positions.min()) * (2 * positions.max() - total)
    return _divided(_differences(positions) ** 2, spread)


def _gwet_ordinal(positions: FloatArray) -> FloatArray:
    steps = _differences(np.arange(float(positions.size)))
    pairs: FloatArray = steps * (steps + 1.0) / 2.0
    return pairs


_PENALTIES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "linear": _differences,
    "quadratic": lambda positions: _differences(positions) ** 2,
    "ordinal": _gwet_ordinal,
    "radical": lambda positions: np.sqrt(_differences(positions)),
    "ratio": _ratio,
    "circular": _circular,
    "bipolar": _bipolar,
}


def _on_numbers(rule: Callable[[FloatArray], FloatArray]) -> Callable[[Domain], FloatArray | None]:
    def measure(domain: Domain) -> FloatArray | None:
        if domain.numbers is None:
            return None
        return rule(np.array(domain.numbers, dtype=np.float64))

    return measure


def _ratio_distance(domain: Domain) -> FloatArray | None:
    if domain.numbers is None or min(domain.numbers) < 0:
        return None
    return _ratio(np.array(domain.numbers, dtype=np.float64))


def _circular_distance(domain: Domain) -> FloatArray | None:
    return _circular(domain.positions) if domain.ordered and domain.size else None


def _on_sets(
    rule: Callable[[frozenset[object], frozenset[object]], float],
) -> Callable[[Domain], FloatArray | None]:
    def measure(domain: Domain) -> FloatArray | None:
        if domain.scale is not Scale.SET:
            return None
        sets = [value for value in domain.values if isinstance(value, frozenset)]
        return np.array([[rule(one, other) for other in sets] for one in sets], dtype=np.float64)

    return measure


_DISTANCES: dict[str, Callable[[Domain], FloatArray | None]] = {
    "nominal": lambda domain: 1.0 - np.eye(domain.size),
    "interval": _on_numbers(lambda numbers: _differences(numbers) ** 2),
    "ratio": _ratio_distance,
    "circular": _circular_distance,
    "bipolar": _on_numbers(_bipolar),
    "jaccard": _on_sets(jaccard_distance),
    "masi": _on_sets(masi_distance),
}

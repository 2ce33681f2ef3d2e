"""What other libraries would report for the same predictions, and why it is another number."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from measures.calibration.forecasts import BinaryForecasts, FloatArray, IntArray
from measures.calibration.significance import spiegelhalter
from measures.estimates import Reason

N_BINS = 10


def other_libraries(forecasts: BinaryForecasts) -> tuple[dict[str, Any], ...]:
    """The expected calibration error, log loss and a test by the rules of other libraries.

    Nobody has to install them: only their rules for bins, clipping and sides differ from ours.

    Parameters
    ----------
    forecasts : BinaryForecasts

    Returns
    -------
    tuple of dict
        ``library``, ``quantity``, ``value`` or ``reason``, and ``rule``, in words. Empty without
        items; ``not_applicable`` with weights, which these libraries do not take.

    References
    ----------
    Rules as read in scikit-learn 1.9.1, netcal 1.4.0, relplot 1.0.3, torchmetrics (issue 3510)
    and MAPIE 1.6.0.
    """
    if forecasts.n == 0:
        return ()
    p = forecasts.y_prob
    bins: list[tuple[str, IntArray, str]] = [
        (
            "scikit-learn 1.9.1, uncertainty-calibration 0.1.4",
            np.searchsorted(np.linspace(0, 1, N_BINS + 1)[1:-1], p, side="left"),
            "bins closed on the right, edges by linspace; ours but for rounding",
        ),
        (
            "netcal 1.4.0",
            np.minimum(_left_closed(p), N_BINS - 1),
            "bins closed on the left; 1 in the last",
        ),
        (
            "relplot 1.0.3, torchmetrics",
            _left_closed(p),
            "bins closed on the left; probabilities of exactly 1 in a bin of their own",
        ),
        (
            "MAPIE 1.6.0",
            np.searchsorted(np.linspace(0, 1, N_BINS), p, side="left"),
            "one bin fewer than asked for; probabilities of exactly 0 in a bin of their own",
        ),
    ]
    errors = [
        _told(library, "expected calibration error, ten bins", _ece(forecasts, index), rule)
        for library, index, rule in bins
    ]
    found = [*errors, *_float32(forecasts), *_one_sided(forecasts)]
    if not forecasts.weighted:
        return tuple(found)
    reason = {"value": None, "reason": Reason.NOT_APPLICABLE.value}
    return tuple({**one, **reason} for one in found)


def _told(library: str, quantity: str, value: float, rule: str) -> dict[str, Any]:
    told = {"library": library, "quantity": quantity, "value": value, "reason": None}
    return {**told, "rule": rule}


def _left_closed(p: FloatArray) -> IntArray:
    edges = np.linspace(0, 1, N_BINS + 1)
    return np.searchsorted(edges, p, side="right") - 1


def _ece(forecasts: BinaryForecasts, index: IntArray) -> float:
    gap = np.bincount(index, forecasts.y_true - forecasts.y_prob)
    return float(np.abs(gap).sum() / forecasts.n)


def _float32(forecasts: BinaryForecasts) -> list[dict[str, Any]]:
    eps = float(np.finfo(np.float32).eps)
    p = np.clip(forecasts.y_prob.astype(np.float32).astype(float), eps, 1 - eps)
    y = forecasts.y_true
    loss = float(-(special.xlogy(y, p) + special.xlogy(1 - y, 1 - p)).mean())
    rule = "probabilities in single precision are clipped at 1.2e-7, not at 2.2e-16"
    return [_told("scikit-learn 1.9.1, float32", "log loss", loss, rule)]


def _one_sided(forecasts: BinaryForecasts) -> list[dict[str, Any]]:
    z = spiegelhalter(forecasts).value
    if z is None:
        return []
    rule = "one-sided: a model that is too timid gets a p-value near 1"
    return [_told("MAPIE 1.6.0", "Spiegelhalter p-value", float(special.ndtr(-z)), rule)]

"""Recalibration maps: fitted on outcomes, stored as JSON, applied without the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special
from scipy.optimize import isotonic_regression, minimize_scalar

from measures.calibration.binning import bin_of, bin_sums, quantile_edges
from measures.calibration.corp import LOG_CLIP, pooled
from measures.calibration.forecasts import (
    BinaryForecasts,
    ClassForecasts,
    FloatArray,
    Forecasts,
)
from measures.calibration.logistic import LOGIT_CLIP, fit_logistic, logit_of
from measures.estimates import Reason
from measures.recalibration.venn_abers import fit_venn_abers, venn_abers_from_dict

#: From the simplest to the most flexible; where two serve as well, the simpler is recommended.
BINARY_METHODS = ("temperature", "platt", "beta", "isotonic", "histogram", "venn_abers")
#: All but temperature work class by class, against the rest, and are renormalised.
CLASS_METHODS = ("temperature", "platt", "beta", "isotonic", "histogram")
HISTOGRAM_BINS = 10
#: Temperatures outside exp(-5)..exp(5) leave nothing of the stated order.
_LOG_TEMPERATURE = (-5.0, 5.0)
_SMALLEST_SLOPE = float(np.exp(-5))

Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecalibrationMap:
    """A fitted map; ``parameters`` are plain JSON, ``n`` the items it was fitted on.

    A client can apply it without us: see the formulas in ``docs/measures/calibration.md``.
    """

    method: str
    parameters: Parameters
    n: int
    n_classes: int = 2

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; :func:`map_from_dict` reads it back."""
        return {
            "method": self.method,
            "parameters": self.parameters,
            "n": self.n,
            "n_classes": self.n_classes,
        }


def fit_map(forecasts: Forecasts, method: str) -> RecalibrationMap | Reason:
    """A map from stated to recalibrated probabilities.

    Parameters
    ----------
    forecasts : BinaryForecasts or ClassForecasts
        Items the model has not been fitted on.
    method : str
        One of ``BINARY_METHODS`` (``CLASS_METHODS`` for classes), or ``none``.
        ``temperature``: log-odds (log-probabilities) divided by T. ``platt``: intercept + slope x
        log-odds, plain maximum likelihood; on log-odds, not on p, which would bend a
        calibrated model. ``beta``: a ln p - b ln(1 - p) + c with a, b >= 0. ``isotonic``:
        pool adjacent violators, linear between thresholds. ``histogram``: observed frequency
        in ten bins of equal mass. ``venn_abers``: see :mod:`measures.recalibration.venn_abers`.

    Returns
    -------
    RecalibrationMap or Reason
        ``no_data`` or ``one_class`` where there is nothing to fit; ``not_applicable`` where
        the classes can be separated and the likelihood has no maximum.

    Raises
    ------
    ValueError
        When the method is unknown.

    References
    ----------
    Platt (1999); Guo et al. (2017) for temperature; Kull, Silva Filho and Flach (2017) for beta;
    Zadrozny and Elkan (2001, 2002) for histogram and isotonic.
    """
    binary = isinstance(forecasts, BinaryForecasts)
    known = BINARY_METHODS if binary else CLASS_METHODS
    if method != "none" and method not in known:
        raise ValueError(f"method must be none or one of {', '.join(known)}; got {method!r}.")
    reason = _unfit(forecasts)
    if reason is not None:
        return reason
    if method == "none":
        parameters: Parameters | None = {}
    elif isinstance(forecasts, BinaryForecasts):
        parameters = _FIT[method](forecasts)
    elif method == "temperature":
        parameters = _class_temperature(forecasts)
    else:
        parameters = _class_by_class(forecasts, method)
    if parameters is None:
        return Reason.NOT_APPLICABLE
    return RecalibrationMap(method, parameters, forecasts.n, _n_classes(forecasts))


def apply_map(fitted: RecalibrationMap, y_prob: npt.ArrayLike) -> FloatArray:
    """Recalibrated probabilities.

    Parameters
    ----------
    fitted : RecalibrationMap
    y_prob : (n,) array, or (n, K) for a map of K classes
        Stated probabilities in [0, 1].

    Returns
    -------
    ndarray
        Same shape; rows of classes sum to 1.

    Raises
    ------
    ValueError
        When the shape does not fit the map.
    """
    stated = np.asarray(y_prob, dtype=float)
    if stated.ndim == 1 and fitted.n_classes == 2:
        return (
            stated.copy()
            if fitted.method == "none"
            else _APPLY[fitted.method](fitted.parameters, stated)
        )
    if stated.ndim != 2 or stated.shape[1] != fitted.n_classes:
        raise ValueError(
            f"The map is for {fitted.n_classes} classes; got probabilities of shape {stated.shape}."
        )
    if fitted.method == "none":
        return stated.copy()
    if fitted.method == "temperature":
        logs = np.log(np.maximum(stated, LOG_CLIP))
        return np.asarray(special.softmax(logs / fitted.parameters["temperature"], axis=1))
    return _apply_class_by_class(fitted, stated)


def map_from_dict(stored: dict[str, Any]) -> RecalibrationMap:
    """The map that :meth:`RecalibrationMap.as_dict` wrote."""
    return RecalibrationMap(
        stored["method"], stored["parameters"], stored["n"], stored["n_classes"]
    )


def _n_classes(forecasts: Forecasts) -> int:
    return 2 if isinstance(forecasts, BinaryForecasts) else forecasts.n_classes


def _unfit(forecasts: Forecasts) -> Reason | None:
    if forecasts.n == 0:
        return Reason.NO_DATA
    if isinstance(forecasts, BinaryForecasts):
        return Reason.ONE_CLASS if forecasts.one_class else None
    return Reason.ONE_CLASS if len(np.unique(forecasts.y_true)) < 2 else None


def _fit_temperature(forecasts: BinaryForecasts) -> Parameters | None:
    x = logit_of(forecasts.y_prob)[:, None]
    fit = fit_logistic(x, forecasts.y_true, forecasts.weights, start=(1.0,))
    if not fit.converged:
        return None
    # A slope at or below 0 would turn the order round; the coldest answer keeps it.
    slope = max(float(fit.coefficients[0]), _SMALLEST_SLOPE)
    return {"temperature": 1 / slope, "inverse": slope}


def _fit_platt(forecasts: BinaryForecasts) -> Parameters | None:
    x = np.stack([np.ones(forecasts.n), logit_of(forecasts.y_prob)], axis=1)
    fit = fit_logistic(x, forecasts.y_true, forecasts.weights, start=(0.0, 1.0))
    if not fit.converged:
        return None
    return {"intercept": float(fit.coefficients[0]), "slope": float(fit.coefficients[1])}


def _beta_terms(p: FloatArray) -> FloatArray:
    p = np.clip(p, LOGIT_CLIP, 1 - LOGIT_CLIP)
    return np.stack([np.log(p), -np.log1p(-p), np.ones(len(p))], axis=1)


def _fit_beta(forecasts: BinaryForecasts) -> Parameters | None:
    """Both slopes free; the negative one, if any, dropped and the rest fitted again."""
    terms = _beta_terms(forecasts.y_prob)
    used = [0, 1, 2]
    while True:
        fit = fit_logistic(terms[:, used], forecasts.y_true, forecasts.weights)
        if not fit.converged:
            return None
        found = dict(zip(used, fit.coefficients.tolist(), strict=True))
        negative = [k for k in used[:-1] if found[k] < 0]
        if not negative:
            return {"a": found.get(0, 0.0), "b": found.get(1, 0.0), "c": found[2]}
        used.remove(min(negative, key=lambda k: found[k]))


def _fit_isotonic(forecasts: BinaryForecasts) -> Parameters:
    groups = pooled(forecasts)
    fit = isotonic_regression(groups.rate, weights=groups.weight)
    first, last = fit.blocks[:-1], fit.blocks[1:] - 1
    ends = np.unique(np.concatenate([first, last]))
    return {"p": groups.p[ends].tolist(), "calibrated": np.clip(fit.x[ends], 0, 1).tolist()}


def _fit_histogram(forecasts: BinaryForecasts) -> Parameters:
    weights = forecasts.weights if forecasts.weighted else None
    edges = quantile_edges(forecasts.y_prob, HISTOGRAM_BINS, weights=weights)
    sums = bin_sums(forecasts, edges)
    there = np.flatnonzero(sums.column("n"))
    rate = sums.column("observed")[there] / sums.column("weight")[there]
    # An empty bin has no frequency: it joins the filled one below it.
    inner = edges[there][1:]
    return {"edges": inner.tolist(), "calibrated": np.clip(rate, 0, 1).tolist()}


def _fit_venn_abers(forecasts: BinaryForecasts) -> Parameters:
    return fit_venn_abers(forecasts).as_dict()


def _class_temperature(forecasts: ClassForecasts) -> Parameters:
    logs = np.log(np.maximum(forecasts.y_prob, LOG_CLIP))
    own = (np.arange(forecasts.n), forecasts.y_true)

    def loss(log_temperature: float) -> float:
        scaled = special.log_softmax(logs * np.exp(-log_temperature), axis=1)
        return -float((forecasts.weights * scaled[own]).sum())

    found = minimize_scalar(
        loss, bounds=_LOG_TEMPERATURE, method="bounded", options={"xatol": 1e-8}
    )
    temperature = float(np.exp(found.x))
    return {"temperature": temperature, "inverse": 1 / temperature}


def _class_by_class(forecasts: ClassForecasts, method: str) -> Parameters | None:
    """One map a class against the rest; a class that never or always occurs is left as it is."""
    maps: list[Parameters | None] = []
    for k in range(forecasts.n_classes):
        one = forecasts.one_vs_rest(k)
        fitted = None if one.one_class else _FIT[method](one)
        if fitted is None and not one.one_class:
            return None
        maps.append(fitted)
    return {"classes": maps}


def _apply_class_by_class(fitted: RecalibrationMap, stated: FloatArray) -> FloatArray:
    maps = fitted.parameters["classes"]
    columns = [
        stated[:, k] if one is None else _APPLY[fitted.method](one, stated[:, k])
        for k, one in enumerate(maps)
    ]
    raised = np.stack(columns, axis=1)
    total = raised.sum(axis=1, keepdims=True)
    # Where every class was mapped to 0 the stated row is all that is left.
    return np.where(total > 0, raised / np.where(total > 0, total, 1), stated)


def _apply_temperature(parameters: Parameters, p: FloatArray) -> FloatArray:
    return np.asarray(special.expit(logit_of(p) / parameters["temperature"]))


def _apply_platt(parameters: Parameters, p: FloatArray) -> FloatArray:
    return np.asarray(special.expit(parameters["intercept"] + parameters["slope"] * logit_of(p)))


def _apply_beta(parameters: Parameters, p: FloatArray) -> FloatArray:
    coefficients = np.array([parameters[key] for key in ("a", "b", "c")])
    return np.asarray(special.expit(_beta_terms(p) @ coefficients))


def _apply_isotonic(parameters: Parameters, p: FloatArray) -> FloatArray:
    return np.interp(p, parameters["p"], parameters["calibrated"])


def _apply_histogram(parameters: Parameters, p: FloatArray) -> FloatArray:
    inner = np.array(parameters["edges"], dtype=float)
    edges = np.concatenate([[0.0], inner, [1.0]])
    return np.array(parameters["calibrated"])[bin_of(p, edges)]


def _apply_venn_abers(parameters: Parameters, p: FloatArray) -> FloatArray:
    return venn_abers_from_dict(parameters).probability(p)


_FIT: dict[str, Callable[[BinaryForecasts], Parameters | None]] = {
    "temperature": _fit_temperature,
    "platt": _fit_platt,
    "beta": _fit_beta,
    "isotonic": _fit_isotonic,
    "histogram": _fit_histogram,
    "venn_abers": _fit_venn_abers,
}
_APPLY: dict[str, Callable[[Parameters, FloatArray], FloatArray]] = {
    "temperature": _apply_temperature,
    "platt": _apply_platt,
    "beta": _apply_beta,
    "isotonic": _apply_isotonic,
    "histogram": _apply_histogram,
    "venn_abers": _apply_venn_abers,
}

"""Consensus about numbers: mean, median, and a bias and a variance for each annotator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from measures.consensus.counts import BoolArray, FloatArray, IntArray, summed
from measures.consensus.fitting import Climb, climb
from measures.estimates import Estimate, Reason, undefined

LARGEST = 1e100


@dataclass(frozen=True, slots=True, eq=False)
class NumberLabels:
    """Numeric labels as columns, items and annotators by position.

    Parameters
    ----------
    items, annotators : int64 arrays, ascending
        Numbers of those that have a label.
    item, annotator : int64 arrays (n_labels,)
        Positions in them.
    value : float array (n_labels,)
    """

    items: IntArray
    annotators: IntArray
    item: IntArray
    annotator: IntArray
    value: FloatArray

    @property
    def n_labels(self) -> int:
        """All labels, those of repeated rounds too."""
        return int(self.value.size)

    def labels_by_item(self) -> IntArray:
        """How many labels each item has."""
        return np.bincount(self.item, minlength=self.items.size)

    def labels_by_annotator(self) -> IntArray:
        """How many labels each annotator gave."""
        return np.bincount(self.annotator, minlength=self.annotators.size)


def number_labels(item: ArrayLike, annotator: ArrayLike, value: ArrayLike) -> NumberLabels:
    """Number the items and annotators of numeric labels.

    Parameters
    ----------
    item, annotator : array_like of int, shape (n,)
    value : array_like of float, shape (n,)
        From -1e100 to 1e100: squares of larger numbers do not exist in double precision.

    Raises
    ------
    ValueError
        When lengths differ or a value is not finite or too large.
    """
    who, what = np.asarray(annotator, dtype=np.int64), np.asarray(item, dtype=np.int64)
    numbers = np.asarray(value, dtype=np.float64)
    if not what.shape == who.shape == numbers.shape:
        raise ValueError(
            "item, annotator and value must be equally long; they have "
            f"{what.size}, {who.size}, {numbers.size} entries."
        )
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        raise ValueError(
            f"Values must be finite; {wrong.size} of {numbers.size} are not, first at position "
            f"{wrong[0]}. Leave missing labels out."
        )
    large = np.flatnonzero(np.abs(numbers) > LARGEST)
    if large.size:
        raise ValueError(
            f"Values must lie within +-{LARGEST:g}; {large.size} of {numbers.size} do not, first "
            f"{numbers[large[0]]:g} at position {large[0]}. Measure them in a larger unit."
        )
    items, at = np.unique(what, return_inverse=True)
    annotators, by = np.unique(who, return_inverse=True)
    return NumberLabels(items, annotators, at, by, numbers)


def mean_consensus(labels: NumberLabels) -> FloatArray:
    """Mean label of each item: (n_items,)."""
    total = summed(labels.item, labels.value, labels.items.size)
    return np.asarray(total / labels.labels_by_item(), dtype=np.float64)


def median_consensus(labels: NumberLabels) -> FloatArray:
    """Median label of each item: (n_items,); the middle of the two in between for even counts."""
    order = np.lexsort((labels.value, labels.item))
    value = labels.value[order]
    n = labels.labels_by_item()
    start = np.cumsum(n) - n
    middle = (value[start + (n - 1) // 2] + value[start + n // 2]) / 2.0
    return np.asarray(middle, dtype=np.float64)


def distance_from_gold(value: ArrayLike, gold: ArrayLike, *, ci_level: float = 0.95) -> Estimate:
    """Mean absolute distance of the consensus from the gold number.

    Parameters
    ----------
    value, gold : array_like of float, shape (n,)
        NaN in ``gold`` where there is none.
    ci_level : float in (0, 1)

    Returns
    -------
    Estimate
        0 is best, in the unit of the numbers; ``n`` counts what has gold, Student's interval from
        two on.
    """
    distance = np.abs(np.asarray(value, np.float64) - np.asarray(gold, np.float64))
    distance = distance[np.isfinite(distance)]
    n = int(distance.size)
    if n == 0:
        return undefined(Reason.NO_DATA, 0)
    mean = float(distance.mean())
    if n < 2:
        return Estimate(mean, n)
    se = float(distance.std(ddof=1) / np.sqrt(n))
    half = float(stats.t.ppf((1 + ci_level) / 2, n - 1)) * se
    return Estimate(mean, n, None, max(mean - half, 0.0), mean + half, ci_level, "student", se)


@dataclass(frozen=True, slots=True, eq=False)
class BiasVariance:
    """A fitted model: label = true value of the item + annotator's bias + annotator's noise.

    Parameters
    ----------
    value : float array (n_items,)
        Expected true value of each item given all labels.
    sd : float array (n_items,)
        Standard deviation of the true value given all labels and the fitted parameters.
    bias : float array (n_annotators,)
        Above 0 where the annotator gives larger numbers than the others; weighted by labels the
        biases sum to 0, since nobody knows a bias that all share.
    bias_se : float array (n_annotators,)
    noise : float array (n_annotators,)
        Standard deviation of the annotator's labels around true value plus bias.
    shrunk : bool array (n_annotators,)
        Annotators with too few labels, whose noise leans on that of everybody together.
    mean, spread : float
        Mean and standard deviation of the true values.
    log_likelihood : float
    climb : Climb
        The objective adds the log density of the noises' prior.
    """

    value: FloatArray
    sd: FloatArray
    bias: FloatArray
    bias_se: FloatArray
    noise: FloatArray
    shrunk: BoolArray
    mean: float
    spread: float
    log_likelihood: float
    climb: Climb

    def interval(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Ends of the normal interval of each item's true value."""
        half = float(stats.norm.ppf((1 + level) / 2)) * self.sd
        return self.value - half, self.value + half


def bias_variance(
    labels: NumberLabels,
    *,
    prior_labels: float = 2.0,
    min_labels: int = 10,
    max_steps: int = 500,
    tolerance: float = 1e-9,
) -> BiasVariance:
    """True values with a bias and a noise for each annotator, by EM.

    True values are normal around a common mean. Each annotator's variance has an inverse gamma
    prior at the variance of everybody together, worth ``prior_labels`` labels: without it the
    likelihood has no maximum (two annotators who always agree would get variance 0).

    Parameters
    ----------
    labels : NumberLabels
    prior_labels : float > 0
    min_labels : int
        Annotators with fewer labels are marked as leaning on the prior.
    max_steps : int
    tolerance : float
        Stop when a step gains less than this per label.

    Returns
    -------
    BiasVariance

    Raises
    ------
    ValueError
        When there are no labels or ``prior_labels`` is not positive.

    References
    ----------
    Grubbs (1948), the model with two or more instruments; Raykar et al. (2010), "Learning from
    crowds", section 2.7, without features and with a bias.
    """
    if labels.n_labels == 0:
        raise ValueError("There are no labels to fit a model to; check for that first.")
    if not prior_labels > 0:
        raise ValueError(f"prior_labels must be positive; got {prior_labels!r}.")
    model = _Model(labels, prior_labels)
    progress = climb(model.step, max_steps=max_steps, least_gain=tolerance * labels.n_labels)
    n = labels.labels_by_annotator()
    return BiasVariance(
        value=model.value,
        sd=np.sqrt(model.variance),
        bias=model.bias,
        bias_se=np.sqrt(model.noise / n),
        noise=np.sqrt(model.noise),
        shrunk=n < min_labels,
        mean=model.mean,
        spread=float(np.sqrt(model.spread)),
        log_likelihood=model.log_likelihood,
        climb=progress,
    )


@dataclass(frozen=True, slots=True, eq=False)
class NumberIssues:
    """Numeric labels far from what their annotator would be expected to give.

    Parameters
    ----------
    position : int64 array
        Position of each in the labels, the farthest first.
    expected : float array
        True value of the item plus the annotator's bias.
    z : float array
        Distance in standard deviations of the annotator's noise, with its sign.
    """

    position: IntArray
    expected: FloatArray
    z: FloatArray


def number_issues(
    labels: NumberLabels, model: BiasVariance, *, at_least: float = 3.0
) -> NumberIssues:
    """Rank the numeric labels that are probably wrong.

    Parameters
    ----------
    labels : NumberLabels
    model : BiasVariance
        Fitted to these labels.
    at_least : float >= 0
        Labels nearer than this many standard deviations are left out.

    Returns
    -------
    NumberIssues
        A label pulls the true value towards itself, so that on items with few labels distances
        are rather too small.
    """
    expected = model.value[labels.item] + model.bias[labels.annotator]
    z = (labels.value - expected) / model.noise[labels.annotator]
    far = np.flatnonzero(np.abs(z) >= at_least)
    order = far[np.argsort(-np.abs(z[far]), kind="stable")]
    return NumberIssues(order, expected[order], z[order])


def bias_estimates(
    labels: NumberLabels, model: BiasVariance, *, ci_level: float = 0.95
) -> list[tuple[Estimate, Estimate]]:
    """Bias and noise (a standard deviation) of each annotator, with intervals.

    Parameters
    ----------
    labels : NumberLabels
    model : BiasVariance
        Fitted to these labels.
    ci_level : float in (0, 1)

    Returns
    -------
    list of (Estimate, Estimate)
        Bias with a normal interval, noise with one by the chi-squared distribution; ``n`` counts
        labels. ``no_overlap`` for an annotator whose items nobody else labelled, and for everybody
        where there is only one.
    """
    z = float(stats.norm.ppf((1 + ci_level) / 2))
    tail = (1 - ci_level) / 2
    found = []
    shared = _shared_labels(labels)
    for a, n in enumerate(labels.labels_by_annotator().tolist()):
        if not shared[a]:
            found.append((undefined(Reason.NO_OVERLAP, n), undefined(Reason.NO_OVERLAP, n)))
            continue
        bias, se, noise = float(model.bias[a]), float(model.bias_se[a]), float(model.noise[a])
        low = noise * float(np.sqrt(n / stats.chi2.ppf(1 - tail, n)))
        high = noise * float(np.sqrt(n / stats.chi2.ppf(tail, n)))
        found.append(
            (
                Estimate(bias, n, None, bias - z * se, bias + z * se, ci_level, "normal", se),
                Estimate(noise, n, None, low, high, ci_level, "chi_squared"),
            )
        )
    return found


def _shared_labels(labels: NumberLabels) -> IntArray:
    """How many labels of each annotator are for items that somebody else labelled too."""
    pair = np.unique(labels.item * labels.annotators.size + labels.annotator)
    n_annotators = np.bincount(pair // labels.annotators.size, minlength=labels.items.size)
    shared = n_annotators[labels.item] > 1
    return np.bincount(labels.annotator[shared], minlength=labels.annotators.size)


class _Model:
    """The parameters on their way up; ``noise`` and ``spread`` are variances here."""

    def __init__(self, labels: NumberLabels, prior_labels: float) -> None:
        self.labels, self.prior_labels = labels, prior_labels
        self.n_by_annotator = labels.labels_by_annotator().astype(np.float64)
        mean = mean_consensus(labels)
        residual = labels.value - mean[labels.item]
        n_free = max(labels.n_labels - labels.items.size, 1)
        scale = float(np.var(labels.value)) or 1.0
        # Where all labels of each item are equal there is no noise to be seen; a floor keeps the
        # likelihood finite.
        self.floor = max(1e-6 * scale, 1e-12)
        self.pooled = max(float(residual @ residual) / n_free, self.floor)
        self.mean = float(mean.mean())
        self.spread = max(float(mean.var()), self.floor)
        self.bias = np.zeros(labels.annotators.size)
        self.noise = np.full(labels.annotators.size, self.pooled)

    def step(self) -> float:
        """True values from parameters, the objective there, then better parameters."""
        labels = self.labels
        n_items = labels.items.size
        precision = 1.0 / self.noise[labels.annotator]
        off = labels.value - self.bias[labels.annotator] - self.mean
        total = summed(labels.item, precision, n_items)
        pull = summed(labels.item, precision * off, n_items)
        self.variance = 1.0 / (1.0 / self.spread + total)
        self.value: FloatArray = self.mean + self.variance * pull
        self.log_likelihood = self._log_likelihood(precision, off, pull)
        objective = self.log_likelihood - 0.5 * self.prior_labels * float(
            (np.log(self.noise) + self.pooled / self.noise).sum()
        )
        self._improve()
        return objective

    def _log_likelihood(self, precision: FloatArray, off: FloatArray, pull: FloatArray) -> float:
        """Of all labels with the true values integrated out (matrix determinant lemma)."""
        quadratic = float(precision @ off**2) - float(self.variance @ pull**2)
        log_det = float(-np.log(precision).sum()) + float(
            (np.log(self.spread) - np.log(self.variance)).sum()
        )
        return -0.5 * (self.labels.n_labels * float(np.log(2 * np.pi)) + log_det + quadratic)

    def _improve(self) -> None:
        labels = self.labels
        n = self.n_by_annotator
        off = labels.value - self.value[labels.item]
        self.bias = summed(labels.annotator, off, n.size) / n
        residual = off - self.bias[labels.annotator]
        squares = residual**2 + self.variance[labels.item]
        weight = self.prior_labels
        by_annotator = summed(labels.annotator, squares, n.size)
        noise = (by_annotator + weight * self.pooled) / (n + weight)
        self.noise = np.maximum(noise, self.floor)
        self.mean = float(self.value.mean())
        spread = float(((self.value - self.mean) ** 2 + self.variance).mean())
        self.spread = max(spread, self.floor)
        # A bias that all share and a shifted mean explain the labels equally well.
        shared = float(n @ self.bias / n.sum())
        self.bias = self.bias - shared
        self.mean += shared

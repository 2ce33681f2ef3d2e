"""How unlike the reference items a new item is, as a p-value that means what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.covariance import EmpiricalCovariance, LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import NearestNeighbors

from measures.calibration.forecasts import FloatArray, IntArray, codes_of
from measures.conformal import conformal_p_values
from measures.estimates import Reason

METHODS = ("knn", "mahalanobis", "isolation_forest")
N_FOLDS = 5
#: More features than this have a covariance of gigabytes.
MAX_COVARIANCE = 2048
Scorer = Callable[[FloatArray], FloatArray]
Fit = Callable[[FloatArray], Scorer]


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """Scores (higher is more novel) and p-values (lower is more novel) of the query items.

    ``p_value`` is at least 1 / (n_reference + 1): few reference items cannot show much.
    ``scores`` and ``p_values`` are None, with a ``reason``, where the reference is too small.
    """

    method: str
    scores: FloatArray | None
    p_values: FloatArray | None
    n_reference: int
    reason: Reason | None
    conventions: dict[str, Any]


def novelty(
    reference: npt.ArrayLike,
    query: npt.ArrayLike,
    *,
    method: str = "knn",
    k: int = 5,
    standardise: bool = True,
    groups: npt.ArrayLike | None = None,
    rng: np.random.Generator | None = None,
) -> Novelty:
    """Novelty of each query item against the reference items.

    Parameters
    ----------
    reference : (n, d) array
        Features or embeddings of items like those the model was fitted on.
    query : (m, d) array
    method : {"knn", "mahalanobis", "isolation_forest"}
        Distance to the k-th nearest reference item; squared distance from the mean with the
        Ledoit-Wolf covariance; depth in random trees.
    k : int
        Neighbours, for ``knn``.
    standardise : bool
        Divide each feature by its spread in the reference first.
    groups : (n,) array, optional
        Subjects of the reference items: no item is then judged by others of its subject,
        without which every new subject would look novel.
    rng : Generator, optional
        Needed by ``isolation_forest``.

    Returns
    -------
    Novelty
        ``p = (1 + #{reference scores at least as high}) / (n + 1)``: if the query item came from
        the reference distribution, a p-value at or below 0.05 would come up in about one case
        of twenty. Reference items are scored without themselves: exactly for ``knn``, else (and
        with groups) by the other of five folds. ``too_few_items`` below k + 2 items, d + 2 for
        Mahalanobis, or two groups.

    Raises
    ------
    ValueError
        When shapes differ, a number is not finite, the method is unknown or rng is missing.

    References
    ----------
    Ramaswamy et al. (2000); Mahalanobis (1936) with Ledoit and Wolf (2004); Liu, Ting and Zhou
    (2008); Bates et al. (2023) for the p-values.
    """
    new = _features("query", query)
    fitted = fit_novelty(
        reference, method=method, k=k, standardise=standardise, groups=groups, rng=rng
    )
    if isinstance(fitted, Reason):
        conventions = {
            "method": method,
            "k": k,
            "standardised": standardise,
            "grouped": groups is not None,
        }
        return Novelty(method, None, None, len(np.asarray(reference)), fitted, conventions)
    scores, p_values = fitted.judge(new)
    return Novelty(method, scores, p_values, fitted.n_reference, None, fitted.conventions)


@dataclass(frozen=True, slots=True, eq=False)
class FittedNovelty:
    """A reference that new items are judged against, as many at a time as one likes.

    ``usual`` are the reference items' own scores, each without itself, ascending.
    """

    usual: FloatArray
    centre: FloatArray
    spread: FloatArray
    scorer: Scorer
    conventions: dict[str, Any]

    @property
    def n_reference(self) -> int:
        """Reference items that p-values are taken from."""
        return len(self.usual)

    def judge(self, query: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Scores and p-values of the query items, an (m, d) array."""
        new = _features("query", query)
        if new.shape[1] != len(self.centre):
            raise ValueError(f"reference has {len(self.centre)} features and query {new.shape[1]}.")
        if not len(new):
            return np.zeros(0), np.zeros(0)
        scores = self.scorer((new - self.centre) / self.spread)
        return scores, conformal_p_values(self.usual, scores)


def fit_novelty(
    reference: npt.ArrayLike,
    *,
    method: str = "knn",
    k: int = 5,
    standardise: bool = True,
    groups: npt.ArrayLike | None = None,
    rng: np.random.Generator | None = None,
) -> FittedNovelty | Reason:
    """What makes an item of the reference usual, to judge others by.

    Parameters
    ----------
    reference, method, k, standardise, groups, rng
        As in :func:`novelty`.

    Returns
    -------
    FittedNovelty or Reason
        ``too_few_items`` as in :func:`novelty`; ``not_applicable`` for Mahalanobis beyond
        :data:`MAX_COVARIANCE` features, whose covariance would take gigabytes.

    Raises
    ------
    ValueError
        When the shape is wrong, a number is not finite, the method is unknown or rng is missing.
    """
    known = _features("reference", reference)
    fit = _method(method, k, rng)
    own = None if groups is None else codes_of(groups)
    if method == "mahalanobis" and known.shape[1] > MAX_COVARIANCE:
        return Reason.NOT_APPLICABLE
    if _too_few(known, method, k, own):
        return Reason.TOO_FEW_ITEMS
    centre, spread = np.zeros(known.shape[1]), np.ones(known.shape[1])
    if standardise:
        centre, spread = known.mean(axis=0), known.std(axis=0)
        # A feature that never varies in the reference has no scale to be judged on.
        spread = np.where(spread > 0, spread, 1.0)
        known = (known - centre) / spread
    if method == "knn" and own is None:
        usual = _distances(known, None, k)[:, -1]
    else:
        usual = _folded(fit, known, own)
    conventions = {
        "method": method,
        "k": k,
        "standardised": standardise,
        "grouped": own is not None,
    }
    return FittedNovelty(np.sort(usual), centre, spread, fit(known), conventions)


def knn_distances(reference: FloatArray, query: FloatArray | None, k: int) -> FloatArray:
    """Distances to the k nearest reference items, ascending, shape (m, k).

    ``query`` None: of the reference items themselves, each without itself.
    """
    return _distances(reference, query, k)


def mahalanobis_squared(
    reference: FloatArray, query: FloatArray, *, shrink: bool = True
) -> FloatArray:
    """Squared distance from the reference mean in units of its covariance.

    ``shrink``: Ledoit-Wolf, needed where features are many; else the maximum likelihood one.
    """
    model = (LedoitWolf() if shrink else EmpiricalCovariance()).fit(reference)
    return np.asarray(model.mahalanobis(query), dtype=float)


def _features(name: str, values: npt.ArrayLike) -> FloatArray:
    table = np.asarray(values, dtype=float)
    if table.ndim != 2 or table.shape[1] == 0:
        raise ValueError(
            f"{name} must have one row an item and one column a feature; got shape {table.shape}."
        )
    bad = np.argwhere(~np.isfinite(table))
    if len(bad):
        row, column = (int(i) for i in bad[0])
        raise ValueError(
            f"{name} must be finite; {len(bad)} numbers are not, first row {row}, column {column}."
        )
    return table


def _method(method: str, k: int, rng: np.random.Generator | None) -> Fit:
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")
    if method == "knn":
        if k < 1:
            raise ValueError(f"k must be at least 1; got {k}.")
        return lambda known: partial(_farthest, _neighbours(known, k))
    if method == "mahalanobis":
        return lambda known: _squared_distance(LedoitWolf().fit(known))
    if rng is None:
        raise ValueError("isolation_forest draws at random; pass rng.")
    seed = int(rng.integers(2**31))
    return lambda known: _depth(IsolationForest(random_state=seed).fit(known))


def _farthest(model: NearestNeighbors, new: FloatArray) -> FloatArray:
    return np.asarray(model.kneighbors(new)[0][:, -1], dtype=float)


def _squared_distance(model: EmpiricalCovariance) -> Scorer:
    return lambda new: np.asarray(model.mahalanobis(new), dtype=float)


def _depth(model: IsolationForest) -> Scorer:
    return lambda new: -np.asarray(model.score_samples(new), dtype=float)


def _too_few(known: FloatArray, method: str, k: int, groups: IntArray | None) -> bool:
    n, d = known.shape
    if groups is not None and int(groups.max(initial=-1)) < 1:
        return True
    smallest = {"knn": k + 2, "mahalanobis": d + 2, "isolation_forest": 2 * N_FOLDS}
    return bool(n < smallest[method])


def _neighbours(known: FloatArray, k: int) -> NearestNeighbors:
    return NearestNeighbors(n_neighbors=min(k, len(known))).fit(known)


def _distances(known: FloatArray, query: FloatArray | None, k: int) -> FloatArray:
    return np.asarray(_neighbours(known, k).kneighbors(query)[0], dtype=float)


def _folded(fit: Fit, known: FloatArray, groups: IntArray | None) -> FloatArray:
    """Scores of the reference items, each from the items of the other folds."""
    # Groups and rows alike are dealt to folds by a rule, so that nothing depends on chance.
    own = np.arange(len(known)) if groups is None else groups
    n_folds = min(N_FOLDS, int(own.max()) + 1)
    scores = np.empty(len(known))
    for rest, inside in GroupKFold(n_folds).split(known, groups=own):
        scores[inside] = fit(known[rest])(known[inside])
    return scores

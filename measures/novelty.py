"""How unlike the reference items a new item is, as a p-value that means what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.covariance import EmpiricalCovariance, LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import NearestNeighbors

from measures.calibration.forecasts import FloatArray, IntArray, codes_of
from measures.conformal import conformal_p_values
from measures.estimates import Estimate, Reason
from measures.intervals import proportion

METHODS = ("knn", "mahalanobis", "isolation_forest")
N_FOLDS = 5
Scorer = Callable[[FloatArray, FloatArray], FloatArray]


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
    known, new = _features("reference", reference), _features("query", query)
    if known.shape[1] != new.shape[1]:
        raise ValueError(f"reference has {known.shape[1]} features and query {new.shape[1]}.")
    scorer = _scorer(method, k, rng)
    own = None if groups is None else codes_of(groups)
    conventions = {
        "method": method,
        "k": k,
        "standardised": standardise,
        "grouped": own is not None,
    }
    if _too_few(known, method, k, own):
        return Novelty(method, None, None, len(known), Reason.TOO_FEW_ITEMS, conventions)
    if standardise:
        centre, spread = known.mean(axis=0), known.std(axis=0)
        # A feature that never varies in the reference has no scale to be judged on.
        spread = np.where(spread > 0, spread, 1.0)
        known, new = (known - centre) / spread, (new - centre) / spread
    if method == "knn" and own is None:
        usual = _distances(known, None, k)[:, -1]
    else:
        usual = _folded(scorer, known, own)
    scores = scorer(known, new)
    return Novelty(method, scores, conformal_p_values(usual, scores), len(known), None, conventions)


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


def quadrants(
    confidence: npt.ArrayLike,
    p_values: npt.ArrayLike,
    *,
    confident_from: float = 0.9,
    novel_below: float = 0.05,
    level: float = 0.95,
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

    Returns
    -------
    Quadrants
        Four shares that sum to 1, Wilson intervals; ``no_data`` without items.

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
        return proportion(int(of.sum()), len(of), level=level)

    return Quadrants(
        share(sure & ~novel),
        share(sure & novel),
        share(~sure & ~novel),
        share(~sure & novel),
        confident_from,
        novel_below,
    )


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


def _scorer(method: str, k: int, rng: np.random.Generator | None) -> Scorer:
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}.")
    if method == "knn":
        if k < 1:
            raise ValueError(f"k must be at least 1; got {k}.")
        return lambda known, new: _distances(known, new, k)[:, -1]
    if method == "mahalanobis":
        return lambda known, new: mahalanobis_squared(known, new)
    if rng is None:
        raise ValueError("isolation_forest draws at random; pass rng.")
    seed = int(rng.integers(2**31))

    def depth(known: FloatArray, new: FloatArray) -> FloatArray:
        forest = IsolationForest(random_state=seed).fit(known)
        return -np.asarray(forest.score_samples(new), dtype=float)

    return depth


def _too_few(known: FloatArray, method: str, k: int, groups: IntArray | None) -> bool:
    n, d = known.shape
    if groups is not None and int(groups.max(initial=-1)) < 1:
        return True
    smallest = {"knn": k + 2, "mahalanobis": d + 2, "isolation_forest": 2 * N_FOLDS}
    return bool(n < smallest[method])


def _distances(known: FloatArray, query: FloatArray | None, k: int) -> FloatArray:
    model = NearestNeighbors(n_neighbors=min(k, len(known))).fit(known)
    return np.asarray(model.kneighbors(query)[0], dtype=float)


def _folded(scorer: Scorer, known: FloatArray, groups: IntArray | None) -> FloatArray:
    """Scores of the reference items, each from the items of the other folds."""
    # Groups and rows alike are dealt to folds by a rule, so that nothing depends on chance.
    own = np.arange(len(known)) if groups is None else groups
    n_folds = min(N_FOLDS, int(own.max()) + 1)
    scores = np.empty(len(known))
    for rest, inside in GroupKFold(n_folds).split(known, groups=own):
        scores[inside] = scorer(known[rest], known[inside])
    return scores

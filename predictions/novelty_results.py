"""What a novelty run says: shares of novel items, beside a model's confidence and by subgroup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Run
from catalog.queries import Subgroups
from measures.calibration.resampling import Draws
from measures.estimates import Estimate, Reason, undefined
from measures.multiplicity import with_adjusted_p
from measures.novelty import FittedNovelty
from measures.novelty_shares import novelty_rate, share_of, smallest_p
from predictions.models import ModelVersion
from predictions.subgroups import single_families

QUADRANTS = ("sure_familiar", "sure_novel", "unsure_familiar", "unsure_novel")
CONVENTIONS = {
    "p_value": "(1 + reference items at least as unlike the others) / (n_reference + 1): uniform "
    "for items exchangeable with the reference, so that at most a share novel_below of such items "
    "is called novel; never below smallest_p",
    "reference_scores": "each reference item without itself: knn exactly, else (and where items "
    "have groups) by the other of five folds, never split across groups",
    "knn": "distance to the k-th nearest reference item",
    "standardise": "true: each feature is divided by its spread in the reference first; false: "
    "features are compared as sent, which suits those of one unit, such as pixels",
    "mahalanobis": "squared distance from the reference's mean, Ledoit-Wolf covariance",
    "isolation_forest": "depth in 100 random trees of 256 reference items, seeded",
    "rate": "share of judged items with a p-value of at most novel_below; Wilson's interval, or "
    "resampled groups where items have groups; it is of the choice of items, not of the reference",
    "rate_p_value": "one-sided: chance of as many novel items among items like the reference "
    "(beta-binomial, the reference's own chance included); where items have groups each group "
    "counts once; adjusted over all subgroups of a method (Benjamini-Hochberg)",
    "confidence": "stated probability of the most probable class; sure from confident_from on",
    "accuracy": "share of right answers among items of the quadrant that have a reference label; "
    "a label that is none of the model's classes counts as a wrong answer",
    "query": "items with a vector that are not of the reference; those whose split nobody stated "
    "are among them, and counted",
    "max_reference": "a larger reference is sampled, seeded",
    "seed": "first 64 bits of the run's digest",
}


@dataclass(frozen=True)
class Judged:
    """The judged items and all that is known of them, in one order."""

    run: Run
    query: NDArray[np.int64]
    p_values: dict[str, NDArray[np.float64]]
    fitted: dict[str, FittedNovelty | Reason]
    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    known: NDArray[np.bool_]
    draws: Draws | None
    groups: tuple[int, NDArray[np.int64]] | None
    subgroups: Subgroups

    @property
    def level(self) -> float:
        """Nominal coverage of intervals."""
        return float(self.run.parameters["ci_level"])

    def draws_of(self, which: NDArray[np.bool_]) -> Draws | None:
        """The resampled groups of some items."""
        return None if self.draws is None else self.draws.of(which)


def shown(judged: Judged, model: ModelVersion | None) -> dict[str, Any]:
    """The result but for its head, JSON-ready."""
    everyone = np.ones(len(judged.query), bool)
    methods = {
        name: {
            "reason": one.value if isinstance(one, Reason) else None,
            "rate": _rate(judged, name, everyone).as_dict(),
            "quadrants": _quadrants(judged, name) if model is not None else None,
        }
        for name, one in judged.fitted.items()
    }
    return {
        "methods": methods,
        "subgroups": _subgroups(judged),
        "warnings": _warnings(judged),
        "conventions": CONVENTIONS,
    }


def _rate(judged: Judged, method: str, which: NDArray[np.bool_]) -> Estimate:
    one = judged.fitted[method]
    n = int(which.sum())
    if isinstance(one, Reason):
        return undefined(one, n)
    n_groups = None
    if judged.groups is not None:
        n_groups = (judged.groups[0], len(np.unique(judged.groups[1][which])))
    return novelty_rate(
        judged.p_values[method][which],
        one.n_reference,
        novel_below=judged.run.parameters["novel_below"],
        level=judged.level,
        draws=judged.draws_of(which),
        n_groups=n_groups,
    )


def _quadrants(judged: Judged, method: str) -> dict[str, Any]:
    """Each corner of confidence against novelty: how many items, and how often right there."""
    one = judged.fitted[method]
    said = np.isfinite(judged.confidence)
    n = int(said.sum())
    below = judged.run.parameters["novel_below"]
    reason = one if isinstance(one, Reason) else None
    if reason is None and isinstance(one, FittedNovelty) and smallest_p(one.n_reference) > below:
        reason = Reason.TOO_FEW_ITEMS
    if reason is not None:
        nothing = undefined(reason, n).as_dict()
        return {name: {"share": nothing, "accuracy": nothing} for name in QUADRANTS}
    sure = judged.confidence >= judged.run.parameters["confident_from"]
    novel = judged.p_values[method] <= below
    corners = (sure & ~novel, sure & novel, ~sure & ~novel, ~sure & novel)
    return {
        name: {
            "share": _share(judged, said, corner).as_dict(),
            "accuracy": _share(judged, judged.known & corner, judged.right).as_dict(),
        }
        for name, corner in zip(QUADRANTS, corners, strict=True)
    }


def _share(judged: Judged, among: NDArray[np.bool_], which: NDArray[np.bool_]) -> Estimate:
    return share_of(which[among], level=judged.level, draws=judged.draws_of(among))


def _subgroups(judged: Judged) -> list[dict[str, Any]]:
    """Each value of each item attribute, p-values adjusted over all of them."""
    rows: list[dict[str, Any]] = []
    found: dict[str, list[Estimate]] = {method: [] for method in judged.fitted}
    for family in single_families(judged.subgroups, judged.query):
        for code, attributes in enumerate(family.attributes):
            inside = family.codes == code
            n = int(inside.sum())
            rows.append({"of": "item", "attributes": attributes, "n": n})
            small = n < max(1, judged.run.parameters["min_items"])
            for method, rates in found.items():
                reason = Reason.TOO_FEW_ITEMS if n else Reason.NO_DATA
                rates.append(undefined(reason, n) if small else _rate(judged, method, inside))
    for method, rates in found.items():
        for row, one in zip(rows, with_adjusted_p(rates), strict=True):
            row[method] = one.as_dict()
    return rows


def _warnings(judged: Judged) -> list[str]:
    """Short names of what a reader must know before any number; documented in docs."""
    told = judged.run.parameters
    fitted = [one for one in judged.fitted.values() if isinstance(one, FittedNovelty)]
    found = {
        "reference_not_stated": told["reference"] is None,
        "reference_too_small": any(smallest_p(f.n_reference) > told["novel_below"] for f in fitted),
        "nothing_to_judge": told["reference"] is not None and not len(judged.query),
        "not_all_predicted": told["model"] is not None and bool(np.isnan(judged.confidence).any()),
    }
    return [name for name, holds in found.items() if holds]

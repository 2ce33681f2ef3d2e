"""How sure CROWDLAB's figures about annotators are, the consensus staying as it was found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from measures.consensus.counts import FloatArray, LabelCounts, summed
from measures.consensus.crowdlab import Crowdlab, posterior_share
from measures.estimates import Estimate, Reason, undefined
from measures.intervals import wilson


@dataclass(frozen=True, slots=True)
class CrowdlabCertainty:
    """The figures with their intervals.

    Parameters
    ----------
    quality, agreement : list of Estimate, one an annotator
        ``n`` counts labels; for the agreement those of items with several labels.
    likelihood : Estimate
        ``n`` counts items with several labels.
    """

    quality: list[Estimate]
    agreement: list[Estimate]
    likelihood: Estimate


def crowdlab_certainty(
    counts: LabelCounts, found: Crowdlab, *, ci_level: float = 0.95
) -> CrowdlabCertainty:
    """Intervals of the annotators' quality and agreement, and of the likelihood.

    The items are a sample: the standard error is that of a sum over items, each with what it adds
    to the figure (the infinitesimal jackknife, which the bootstrap over items approaches).
    Consensus, posterior and weights stay as they were found, so that intervals are rather too
    narrow where those are unsure.

    Parameters
    ----------
    counts : LabelCounts
    found : Crowdlab
        Of these counts.
    ci_level : float in (0, 1)

    Returns
    -------
    CrowdlabCertainty
        Quality and likelihood with a t interval, cut at 0 and 1, and none from fewer than two
        items; the agreement with Wilson's.

    References
    ----------
    Efron (1981), "Nonparametric estimates of standard error", Biometrika 68(3), section 3.
    """
    row, annotator, code, count = counts.entries()
    size = counts.n_annotators
    n_by_item = summed(row, count, counts.n_items)
    shared = count * (n_by_item[row] > 1)
    same = code == found.code[row]
    n_labels, n_shared = summed(annotator, count, size), summed(annotator, shared, size)
    posterior = found.posterior[row, code]
    own = summed(annotator, count * posterior, size) / n_labels
    met = summed(annotator, shared * same, size)
    by_posterior = posterior_share(counts, found.model_weight, found.annotator_weight)
    share = np.where(n_shared > 0, by_posterior, 1.0)
    added = share[annotator] * count * (posterior - own[annotator]) / n_labels[annotator]
    safe = np.maximum(n_shared, 1.0)
    off = shared * (same - (met / safe)[annotator]) / safe[annotator]
    added += (1.0 - share[annotator]) * off
    _, who, pair = counts.pairs()
    # Several labels of one annotator for one item are one draw.
    squares = summed(who, np.square(summed(pair, added, len(who))), size)
    n_items = np.bincount(who, minlength=size)
    se = np.sqrt(squares * n_items / np.maximum(n_items - 1, 1))
    return CrowdlabCertainty(
        quality=[
            _within(value, int(n), (error, int(m)), ci_level)
            for value, n, error, m in zip(
                found.annotator_quality.tolist(), n_labels, se.tolist(), n_items, strict=True
            )
        ],
        agreement=[_share(float(k), int(n), ci_level) for k, n in zip(met, n_shared, strict=True)],
        likelihood=_likelihood(counts, found, n_by_item, ci_level),
    )


def _within(value: float, n: int, spread: tuple[float, int], ci_level: float) -> Estimate:
    se, n_items = spread
    if n_items < 2:
        return Estimate(value, n)
    reach = float(stats.t.ppf((1 + ci_level) / 2, n_items - 1)) * se
    ends = max(value - reach, 0.0), min(value + reach, 1.0)
    return Estimate(value, n, None, *ends, ci_level, "jackknife_infinitesimal", se)


def _share(met: float, n: int, ci_level: float) -> Estimate:
    if n == 0:
        return undefined(Reason.NO_OVERLAP, 0)
    return Estimate(met / n, n, None, *wilson(met, n, level=ci_level), ci_level, "wilson")


def _likelihood(
    counts: LabelCounts, found: Crowdlab, n_by_item: FloatArray, ci_level: float
) -> Estimate:
    several = n_by_item > 1
    shares = (counts.by_value()[np.arange(counts.n_items), found.code] / n_by_item)[several]
    n = int(shares.size)
    se = float(shares.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    return _within(float(shares.mean()), n, (se, n), ci_level)

"""What a reader should know before trusting an agreement coefficient, as codes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from measures.agreement.patterns import AgreementStatistics
from measures.agreement.scales import FloatArray

FEW_ITEMS = 20
FEW_CLUSTERS = 10
MODAL_SHARE = 0.9
UNBALANCED_RATIO = 3.0


def find_warnings(
    statistics: AgreementStatistics, replicates: Mapping[str, FloatArray]
) -> tuple[str, ...]:
    """Codes of what weakens the coefficients of these labels.

    Returns
    -------
    tuple of str
        ``few_items`` fewer than 20 items with two labels; ``low_variation`` nine in ten pairable
        labels have the same value, so chance-corrected coefficients hang on a few labels;
        ``no_disagreement`` nobody differed, so resampling shows no uncertainty although there is;
        ``few_clusters`` fewer than 10 clusters, so their bootstrap is too narrow;
        ``unbalanced`` some items have over three times as many labels as the median item;
        ``single_pair`` two annotators in all; ``unlabelled_annotators`` annotators without a label
        were left out; ``unused_values`` declared values that nobody used (they count in AC1, AC2
        and Brennan-Prediger); ``repeated_labels`` an annotator labelled an item more than once;
        ``degenerate_replicates`` some bootstrap replicates had no value; ``large_crowd`` too many
        labels to keep who gave what.
    """
    if statistics.n_labels == 0:
        return ()
    checks = {
        "few_items": statistics.n_items_pairable < FEW_ITEMS,
        "low_variation": _modal_share(statistics) >= MODAL_SHARE,
        "no_disagreement": _nobody_differed(statistics),
        "few_clusters": statistics.clustered and statistics.n_clusters < FEW_CLUSTERS,
        "unbalanced": _is_unbalanced(statistics),
        "single_pair": statistics.n_annotators == 2,
        "unlabelled_annotators": statistics.n_annotators < len(statistics.annotator_values),
        "unused_values": bool((statistics.annotator_values.sum(axis=0) == 0).any()),
        "repeated_labels": statistics.panel is not None and statistics.panel.n_repeats > 0,
        "degenerate_replicates": any(np.isnan(one).any() for one in replicates.values()),
        "large_crowd": statistics.panel is None and statistics.crowd is None,
    }
    return tuple(code for code, holds in checks.items() if holds)


def _modal_share(statistics: AgreementStatistics) -> float:
    pairable = statistics.labels_per_pattern >= 2
    used = statistics.patterns[pairable].T @ statistics.multiplicity[pairable]
    return float(used.max() / used.sum()) if used.sum() else 0.0


def _nobody_differed(statistics: AgreementStatistics) -> bool:
    labels = statistics.labels_per_pattern
    paired = statistics.patterns[labels >= 2]
    return bool(len(paired)) and bool((paired.max(axis=1) == labels[labels >= 2]).all())


def _is_unbalanced(statistics: AgreementStatistics) -> bool:
    labels = statistics.labels_per_pattern
    order = np.argsort(labels)
    reached = np.cumsum(statistics.multiplicity[order])
    median = labels[order][np.searchsorted(reached, (statistics.n_items + 1) // 2)]
    return bool(labels.max() > UNBALANCED_RATIO * median)

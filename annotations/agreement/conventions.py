"""What each number of an agreement result counts, in sentences."""

from __future__ import annotations

from annotations.agreement.periods import MIN_UNITS
from catalog.models import Question


def conventions(question: Question, resampled: str) -> dict[str, str]:
    """One sentence for each key whose meaning is a choice."""
    drawn = {
        "items": "percentile bootstrap over items with all their labels, seeded by the run",
        "groups": "percentile bootstrap over groups of items with all their labels, seeded by the "
        "run; an item without a group is one of its own; no analytic standard errors",
    }
    return {
        "n": "items with two labels or more; for Cohen and Scott those that both labelled",
        "krippendorff_alpha": f"metric of the question's scale ({question.scale}; MASI for sets); "
        "items with one label are left out of observed and expected disagreement",
        "expected_agreement": "items with one label count for the kappas' and AC's expected "
        "agreement, as in Gwet (2014), and not for alpha's",
        "values": "declared values count for AC1, AC2 and Brennan-Prediger, used or not",
        "interval": drawn[resampled],
        "repeated_labels": "repeated labels by one annotator count as so many labels",
        "benchmarks": "names of ranges by convention, with the share of replicates in each",
        "weights": "graded weights count steps between the declared values, on interval, ratio and "
        "circular scales distances; nominal values have them when asked for, in their order",
        "alpha_without": "alpha had the annotator not labelled; alpha_change is alpha less that. "
        "Intervals by leaving out a hundredth of the items, or groups, at a time; none where a "
        "crowd gave more than 800,000 labels, of which only sums by annotator are kept",
        "identified": "pairs and annotators are judged on these items: all, or of very many "
        "labels a random part; n_labels and value_counts of annotators are of all labels",
        "paradox": "for two annotators; n are the items that both labelled",
        "needed": "items like these with two labels or more, by n (w / w*) squared; a forecast",
        "subgroups": "only labels of the subgroup count; n_items_pairable are items with two of "
        "them",
        "cells": "items that have both values; cells without labels are left out",
        "groups": "cross_group is the cross-replication reliability of the two groups, n the items "
        "that both labelled; association_index is alpha within the first over it, drawn together; "
        "tests deal whole annotators anew among those who share items, each pair of labels counts "
        "once, n are "
        "annotators, p_adjusted by Benjamini-Hochberg over all groups of all attributes",
        "periods": "only pairs of labels of one period count; a week begins on Monday, UTC",
        "change": "share of the variance of the items' disagreement that lies between periods with "
        f"at least {MIN_UNITS} items; n are items within a period with two labels or more",
        "intra_annotator": "labels of one annotator for one item in several rounds; n are such "
        "items, counted for each annotator",
    }

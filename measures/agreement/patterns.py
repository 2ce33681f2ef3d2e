"""Additive statistics of labels: distinct label-count patterns of items, with their multiplicity.

Items with the same number of labels of each value contribute the same to every agreement
coefficient that does not ask who labelled. A million items of five binary labels are six patterns,
so coefficients, intervals and refreshes cost next to nothing once the labels are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from measures.agreement.crowds import Crowd, count_crowd
from measures.agreement.panels import COMPACT_COLUMNS, MAX_CROWD_LABELS, Panel, panel_of_labels
from measures.agreement.rows import counted_rows, distinct_rows, pattern_of_each
from measures.agreement.scales import IntArray

# Fewer labels of a crowd are kept item by item, so that coefficients of who labelled are resampled.
CROWD_LABELS = 800_000


@dataclass(frozen=True, eq=False)
class AgreementStatistics:
    """All that the agreement coefficients need to know about the labels of some items.

    Parameters
    ----------
    patterns : array of int, shape (P, K)
        Distinct label counts of an item, sorted.
    cluster : array of int, shape (P,)
        The cluster of the items behind each pattern; all 0 where no clusters were given.
    multiplicity : array of int, shape (P,)
        How many items show the pattern (in the cluster).
    annotator_values : array of int, shape (A, K)
        How often each annotator gave each value.
    panel : Panel or None
        Who gave what, for the coefficients that ask; None where it would be too large.
    clustered : bool
        Whether resampling is over clusters of items rather than items.
    crowd : Crowd or None
        In place of the panel where a crowd gave very many labels.
    """

    patterns: IntArray
    cluster: IntArray
    multiplicity: IntArray
    annotator_values: IntArray
    panel: Panel | None
    clustered: bool
    crowd: Crowd | None = None

    def __add__(self, other: AgreementStatistics) -> AgreementStatistics:
        """Statistics of both sets of items; an item must not be in both."""
        if self.n_values != other.n_values or self.clustered != other.clustered:
            raise ValueError(
                "Statistics add up only over the same values and the same use of clusters; got "
                f"{self.n_values} and {other.n_values} values, clustered {self.clustered} and "
                f"{other.clustered}."
            )
        patterns, cluster, multiplicity = distinct_rows(
            np.concatenate([self.patterns, other.patterns]),
            np.concatenate([self.cluster, other.cluster]),
            np.concatenate([self.multiplicity, other.multiplicity]),
        )
        panel = None
        if self.panel is not None and other.panel is not None:
            panel = self.panel.joined(other.panel)
        # Sums of a crowd are refreshed, not added up: see measures.agreement.refreshing.
        return AgreementStatistics(
            patterns=patterns,
            cluster=cluster,
            multiplicity=multiplicity,
            annotator_values=_padded_sum(self.annotator_values, other.annotator_values),
            panel=panel,
            clustered=self.clustered,
        )

    @property
    def n_values(self) -> int:
        """Number of declared values (K)."""
        return int(self.patterns.shape[1])

    @cached_property
    def labels_per_pattern(self) -> IntArray:
        """Number of labels of an item that shows the pattern."""
        labels: IntArray = self.patterns.sum(axis=1)
        return labels

    @property
    def n_items(self) -> int:
        """Items with at least one label."""
        return int(self.multiplicity.sum())

    @cached_property
    def n_items_pairable(self) -> int:
        """Items with at least two labels."""
        return int(self.multiplicity[self.labels_per_pattern >= 2].sum())

    @cached_property
    def n_labels(self) -> int:
        """All labels."""
        return int(self.labels_per_pattern @ self.multiplicity)

    @property
    def n_labels_pairable(self) -> int:
        """Labels of items with at least two labels."""
        labels = self.labels_per_pattern
        return int(labels[labels >= 2] @ self.multiplicity[labels >= 2])

    @cached_property
    def n_annotators(self) -> int:
        """Annotators with at least one label."""
        return int(np.count_nonzero(self.annotator_values.sum(axis=1)))

    @property
    def n_clusters(self) -> int:
        """Distinct clusters of items; 1 where none were given."""
        return int(np.unique(self.cluster).size)


def agreement_statistics(
    item: ArrayLike,
    annotator: ArrayLike,
    code: ArrayLike,
    *,
    n_values: int,
    cluster: ArrayLike | None = None,
    n_annotators: int | None = None,
    with_panel: bool | Literal["sums", "items"] = True,
) -> AgreementStatistics:
    """Count the labels of some items into statistics that add up over disjoint sets of items.

    Parameters
    ----------
    item : array of int, shape (n,)
        Which item each label is for; any non-negative integers.
    annotator : array of int, shape (n,)
        Who gave the label, 0..A-1. An annotator who labelled an item several times (rounds) counts
        as so many labels.
    code : array of int, shape (n,)
        Position of the label in the declared domain, 0..n_values-1. Missing labels are absent.
    n_values : int
        Number of declared values K, used or not.
    cluster : array of int, shape (n,), optional
        What must not be split when items are resampled (patient, scanner, document), for each
        label that of its item.
    n_annotators : int, optional
        Number of annotators A; by default one more than the largest number seen.
    with_panel : bool, "sums" or "items"
        Keep who gave what (needed for Cohen, Scott and Conger): as sums over the crowd, or item by
        item; True chooses as :func:`is_crowd` says.

    Returns
    -------
    AgreementStatistics

    Raises
    ------
    ValueError
        When the arrays differ in length, hold something else than integers, or a code, annotator
        or item lies outside its range, or an item lies in two clusters.
    """
    items, annotators, codes = checked_labels(item, annotator, code, n_values=n_values)
    clusters = None if cluster is None else _checked(cluster, "cluster", items.size)[0]
    dense, n_items = dense_ids(items)
    own = None if clusters is None else _cluster_of_item(dense, clusters, n_items)
    patterns, lead, multiplicity = counted_rows(dense, codes, (n_items, n_values), own)
    values = _given(annotators, codes, n_annotators, n_values)
    size = len(values)
    panel, crowd = None, None
    in_sums = with_panel == "sums" or (with_panel is True and is_crowd(values))
    if in_sums and own is None:
        numbered = pattern_of_each(dense, codes, (n_items, n_values), patterns)
        crowd = count_crowd(dense, annotators, codes, (size, n_values), numbered)
    if with_panel and crowd is None:
        panel = panel_of_labels(dense, annotators, codes, (n_items, size, n_values), own)
    return AgreementStatistics(
        patterns=patterns,
        cluster=lead,
        multiplicity=multiplicity,
        annotator_values=values,
        panel=panel,
        clustered=clusters is not None,
        crowd=crowd,
    )


def is_crowd(annotator_values: IntArray) -> bool:
    """Whether sums over the crowd are kept instead of a panel: beyond the labels of which
    coefficients that ask who labelled can be resampled, a panel would have no other use."""
    n_active = np.count_nonzero(annotator_values.any(axis=1))
    in_range = CROWD_LABELS < annotator_values.sum() <= MAX_CROWD_LABELS
    return bool(in_range and n_active > 2 and annotator_values.size > COMPACT_COLUMNS)


def checked_labels(
    item: ArrayLike, annotator: ArrayLike, code: ArrayLike, *, n_values: int
) -> tuple[IntArray, IntArray, IntArray]:
    """The three columns of the labels as integers within their ranges, or a ValueError."""
    if n_values < 1:
        raise ValueError(f"n_values must be at least 1; got {n_values}. Declare the values.")
    items, _ = _checked(item, "item", None)
    annotators, _ = _checked(annotator, "annotator", items.size)
    codes, largest = _checked(code, "code", items.size)
    if largest >= n_values:
        position = int(np.argmax(codes >= n_values))
        raise ValueError(
            f"code must be below n_values = {n_values}; got {codes[position]} at position "
            f"{position}. Declare the value or leave the label out."
        )
    return items, annotators, codes


def dense_ids(ids: IntArray) -> tuple[IntArray, int]:
    """Ids as 0..U-1 with few gaps, sorted only when the ids are spread out."""
    few = 2 * ids.size + 1024
    high = int(ids.max(initial=-1))
    if high < few:
        return ids, high + 1
    low = int(ids.min())
    if high - low < few:
        return ids - low, high - low + 1
    distinct, inverse = np.unique(ids, return_inverse=True)
    return inverse.astype(np.int64), int(distinct.size)


def _checked(column: ArrayLike, name: str, size: int | None) -> tuple[IntArray, int]:
    """A column as integers of 0 or more, and the largest; -1 without any."""
    array: np.ndarray[Any, Any] = np.asarray(column)
    if array.ndim != 1 or (size is not None and array.size != size):
        raise ValueError(
            f"{name} must be one-dimensional and as long as item ({size}); got shape {array.shape}."
        )
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{name} must hold integers; got {array.dtype}. Leave missing labels out and code "
            "the rest."
        )
    integers = array.astype(np.int64, copy=False)
    # One pass for both ends: without a sign negative numbers are the largest.
    largest = int(integers.view(np.uint64).max()) if integers.size else -1
    if largest >= 2**63:
        position = int(np.argmax(integers < 0))
        raise ValueError(
            f"{name} must not be negative; got {integers[position]} at position {position}."
        )
    return integers, largest


def _given(
    annotators: IntArray, codes: IntArray, n_annotators: int | None, n_values: int
) -> IntArray:
    """How often each annotator gave each value, shape (A, K)."""
    given = np.bincount(annotators * n_values + codes, minlength=(n_annotators or 0) * n_values)
    seen = -(-given.size // n_values)
    if n_annotators is not None and n_annotators < seen:
        raise ValueError(f"n_annotators is {n_annotators}, but annotator {seen - 1} has labels.")
    table = np.zeros((seen, n_values), np.int64)
    table.ravel()[: given.size] = given
    return table


def _cluster_of_item(items: IntArray, clusters: IntArray, n_items: int) -> IntArray:
    own = np.zeros(n_items, dtype=np.int64)
    own[items] = clusters
    torn = own[items] != clusters
    if torn.any():
        position = int(np.argmax(torn))
        raise ValueError(
            f"An item must lie in one cluster; the label at position {position} is in cluster "
            f"{clusters[position]}, another label of its item in {own[items[position]]}."
        )
    return own


def _padded_sum(one: IntArray, other: IntArray) -> IntArray:
    total = np.zeros((max(len(one), len(other)), one.shape[1]), dtype=np.int64)
    total[: len(one)] += one
    total[: len(other)] += other
    return total

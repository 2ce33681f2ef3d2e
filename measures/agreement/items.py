"""Each item: how much its labels differ, and what that adds to the disagreement of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from measures.agreement.coincidences import scale_distance
from measures.agreement.patterns import AgreementStatistics, checked_labels
from measures.agreement.scales import Domain, FloatArray, IntArray

_MAX_CELLS = 20_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ItemDisagreement:
    """Columns by item, in the order of the item numbers.

    Parameters
    ----------
    item, n_labels : array of int, shape (U,)
    disagreement : array of float, shape (U,)
        Mean distance of two labels of the item in units of the expected one: 0 when all agree, 1
        when they differ like random labels; 0 where ``n_labels`` is 1 or nothing ever varied.
    contribution : array of float, shape (U,)
        Share of all observed disagreement from this item; sums to 1 unless there is none.
    entropy : array of float, shape (U,)
        Entropy of the item's labels in bits, 0 when all agree.
    modal_code : array of int, shape (U,)
        The most frequent value, the first declared one where several tie.
    modal_share : array of float, shape (U,)
    tie : array of bool, shape (U,)
        Whether several values are the most frequent.
    """

    item: IntArray
    n_labels: IntArray
    disagreement: FloatArray
    contribution: FloatArray
    entropy: FloatArray
    modal_code: IntArray
    modal_share: FloatArray
    tie: NDArray[np.bool_]


def item_disagreement(item: ArrayLike, code: ArrayLike, domain: Domain) -> ItemDisagreement:
    """How much the labels of each item differ, on the question's scale.

    Parameters
    ----------
    item, code : array of int, shape (n,)
        As in :func:`measures.agreement.patterns.agreement_statistics`.
    domain : Domain

    Returns
    -------
    ItemDisagreement

    Raises
    ------
    ValueError
        When the columns differ in length or a code is out of range.

    References
    ----------
    Krippendorff (2011): the contributions add up to D_o, and alpha is 1 minus the mean
    disagreement of the items weighted by their labels.
    """
    items, _, codes = checked_labels(item, item, code, n_values=domain.size)
    numbers, dense = _numbered(items)
    labels = np.bincount(dense, minlength=numbers.size)
    paired = np.bincount(codes[labels[dense] >= 2], minlength=domain.size).astype(np.float64)
    distance = scale_distance(domain, paired)
    total = paired.sum()
    expected = paired @ distance @ paired / (total * (total - 1.0)) if total >= 2 else 0.0
    if np.any(dense[1:] < dense[:-1]):
        order = np.argsort(dense, kind="stable")
        dense, codes = dense[order], codes[order]
    columns = [
        _of_counts(counts, distance)
        for counts in _counts_in_chunks(dense, codes, (numbers.size, domain.size))
    ]
    distances, entropy, modal, share, tie = (
        np.concatenate([chunk[column] for chunk in columns]) for column in range(5)
    )
    weighted = distances * labels
    return ItemDisagreement(
        item=numbers,
        n_labels=labels.astype(np.int64),
        disagreement=distances / expected if expected > 0 else np.zeros_like(distances),
        contribution=weighted / weighted.sum() if weighted.sum() > 0 else np.zeros_like(weighted),
        entropy=entropy,
        modal_code=modal.astype(np.int64),
        modal_share=share,
        tie=tie.astype(np.bool_),
    )


def pattern_disagreement(statistics: AgreementStatistics, domain: Domain) -> ItemDisagreement:
    """As :func:`item_disagreement`, one row for each pattern; ``item`` is its position.

    Parameters
    ----------
    statistics : AgreementStatistics
    domain : Domain
    """
    counts, times = statistics.patterns.astype(np.float64), statistics.multiplicity
    labels = statistics.labels_per_pattern
    paired = times[labels >= 2] @ counts[labels >= 2]
    distance = scale_distance(domain, paired)
    total = float(paired.sum())
    expected = paired @ distance @ paired / (total * (total - 1.0)) if total >= 2 else 0.0
    distances, entropy, modal, share, tie = _of_counts(counts, distance)
    weighted = distances * labels
    whole = float(weighted @ times)
    return ItemDisagreement(
        item=np.arange(len(counts)),
        n_labels=labels,
        disagreement=distances / expected if expected > 0 else np.zeros_like(distances),
        contribution=weighted / whole if whole > 0 else np.zeros_like(weighted),
        entropy=entropy,
        modal_code=modal.astype(np.int64),
        modal_share=share,
        tie=tie.astype(np.bool_),
    )


def _numbered(items: IntArray) -> tuple[IntArray, IntArray]:
    """The distinct items in order, and for each label the place of its item among them."""
    low = int(items.min(initial=0))
    if not items.size or int(items.max()) - low > 2 * items.size + 1024:
        numbers, dense = np.unique(items, return_inverse=True)
        return numbers, dense.astype(np.int64)
    # Without a sort, which would need several times the memory of the labels.
    seen = np.bincount(items - low) > 0
    place = np.cumsum(seen) - 1
    return np.flatnonzero(seen) + low, place[items - low]


def _counts_in_chunks(items: IntArray, codes: IntArray, shape: tuple[int, int]) -> list[FloatArray]:
    n_items, size = shape
    step = max(1, _MAX_CELLS // size)
    chunks = []
    for start in range(0, max(n_items, 1), step):
        stop = min(n_items, start + step)
        low, high = np.searchsorted(items, [start, stop])
        cells = np.bincount(
            (items[low:high] - start) * size + codes[low:high], minlength=(stop - start) * size
        )
        chunks.append(cells.reshape(stop - start, size).astype(np.float64))
    return chunks


def _of_counts(counts: FloatArray, distance: FloatArray) -> tuple[FloatArray, ...]:
    labels = counts.sum(axis=1)
    pairs = np.where(labels >= 2, labels * (labels - 1.0), 1.0)
    mean = ((counts @ distance) * counts).sum(axis=1) / pairs
    shares = counts / np.maximum(labels, 1.0)[:, None]
    logs = np.log2(np.where(shares > 0, shares, 1.0))
    largest = counts.max(axis=1, initial=0.0)
    tie = (counts == largest[:, None]).sum(axis=1) > 1
    # Adding 0 turns the negative zero of a unanimous item into a plain one.
    entropy = -(shares * logs).sum(axis=1) + 0.0
    return mean, entropy, counts.argmax(axis=1), largest / np.maximum(labels, 1.0), tie

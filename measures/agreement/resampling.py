"""Item and cluster bootstrap over distinct rows: each replicate is one row of weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from measures.agreement.patterns import AgreementStatistics
from measures.agreement.scales import FloatArray, IntArray

# With more numbers than this to add up, random blocks of items are drawn instead of items.
_MAX_SUMMANDS = 500_000_000
_BLOCKS = 500
# Weights of one chunk of replicates: 16 million floats are 128 MB.
_MAX_CELLS = 8_000_000
# Weights that are kept for another table: 16 MB.
_MAX_KEPT = 2_000_000


class Draws:
    """Items (or clusters of them) drawn with replacement, for whatever their labels add up to.

    Every table that takes its replicates from here sees the same draws, made once, where there
    are few enough patterns to keep them; else each sees draws of its own.
    """

    def __init__(
        self, statistics: AgreementStatistics, *, n_replicates: int, rng: np.random.Generator
    ) -> None:
        self._of = (statistics.cluster, statistics.multiplicity)
        self._clustered = statistics.clustered
        self._n_replicates = n_replicates
        self._rng = rng
        self._kept: list[FloatArray] | None = None
        self._blocks: sparse.csr_array | None = None
        if in_blocks(statistics, n_replicates):
            self._blocks = random_blocks(statistics.multiplicity, rng)
            once = np.ones(_BLOCKS, dtype=np.int64)
            self._of = (np.zeros_like(once), once)

    @property
    def blocks(self) -> sparse.csr_array | None:
        """How many items of each pattern each block holds, where blocks of items are drawn."""
        return self._blocks

    def __iter__(self) -> Iterator[FloatArray]:
        if self._kept is not None:
            return iter(self._kept)
        chunks = bootstrap_weights(
            *self._of, clustered=self._clustered, n_replicates=self._n_replicates, rng=self._rng
        )
        if self._n_replicates * len(self._of[0]) > _MAX_KEPT:
            return chunks
        self._kept = list(chunks)
        return iter(self._kept)


def resampling_method(statistics: AgreementStatistics, n_replicates: int) -> str:
    """Name of the interval: what was drawn with replacement."""
    if statistics.clustered:
        return "bootstrap_groups_percentile"
    if in_blocks(statistics, n_replicates):
        return "bootstrap_blocks_percentile"
    return "bootstrap_items_percentile"


def in_blocks(statistics: AgreementStatistics, n_replicates: int) -> bool:
    """Whether there are so many patterns that random blocks of items are drawn instead."""
    rows, columns = statistics.patterns.shape
    many = rows > 4 * _BLOCKS and rows * columns * n_replicates > _MAX_SUMMANDS
    return many and not statistics.clustered


def bootstrap_weights(
    cluster: IntArray,
    multiplicity: IntArray,
    *,
    clustered: bool,
    n_replicates: int,
    rng: np.random.Generator,
    width: int = 1,
) -> Iterator[FloatArray]:
    """Resampling weights of distinct rows, in chunks of shape (r, P) that fit in memory.

    Parameters
    ----------
    cluster, multiplicity : arrays of int, shape (P,)
        Cluster and number of items of each distinct row.
    clustered : bool
        Draw whole clusters instead of items.
    n_replicates : int
        Number of replicates in all.
    rng : numpy Generator
    width : int
        Numbers kept for each replicate beside its weights, to size the chunks.
    """
    step = int(max(1, min(n_replicates, _MAX_CELLS // max(1, len(multiplicity), width))))
    times = multiplicity
    if clustered:
        _, cluster = np.unique(cluster, return_inverse=True)
        times = np.ones(int(cluster.max(initial=-1)) + 1, dtype=np.int64)
        # One cluster drawn again and again is itself: that is no interval of width 0, but none.
        if times.size < 2:
            return
    for start in range(0, n_replicates, step):
        drawn = _drawn(times, min(step, n_replicates - start), rng)
        yield drawn[:, cluster] * multiplicity if clustered else drawn


def _drawn(times: IntArray, n_replicates: int, rng: np.random.Generator) -> FloatArray:
    """How often each row is drawn when as many items are drawn with replacement as there are."""
    total = int(times.sum())
    if total == 0:
        return np.zeros((n_replicates, len(times)))
    if total > 4 * len(times):
        return rng.multinomial(total, times / total, size=n_replicates).astype(np.float64)
    # Few items a row: drawing items and counting is quicker than a binomial for each row.
    owner = np.repeat(np.arange(len(times)), times)
    picks = owner[rng.integers(0, total, size=(n_replicates, total))]
    picks += np.arange(n_replicates)[:, None] * len(times)
    counted = np.bincount(picks.ravel(), minlength=n_replicates * len(times))
    return counted.reshape(n_replicates, len(times)).astype(np.float64)


def random_blocks(multiplicity: IntArray, rng: np.random.Generator) -> sparse.csr_array:
    """How many items of each distinct row fall into each of 500 random blocks of equal size.

    A sum over items is a sum over blocks, and blocks of independent items are as independent: the
    bootstrap over blocks has the same variance, from a table of 500 rows.
    """
    owner = np.repeat(np.arange(len(multiplicity)), multiplicity)
    block = rng.permutation(owner.size) % _BLOCKS
    return sparse.csr_array(
        (np.ones(owner.size), (block, owner)), shape=(_BLOCKS, len(multiplicity))
    )


def percentile_interval(
    replicates: FloatArray, *, level: float
) -> tuple[float | None, float | None, int]:
    """Percentile ends of the defined replicates, and how many were undefined.

    There are no ends when fewer than ten replicates, or less than four in five, are defined: an
    interval of what happened to be computable would hide how thin the data are.
    """
    defined = replicates[np.isfinite(replicates)]
    degenerate = int(replicates.size - defined.size)
    if defined.size < 10 or defined.size < 0.8 * replicates.size:
        return None, None, degenerate
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high), degenerate

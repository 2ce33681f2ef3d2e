"""How sure one can be of what alpha would be without an annotator: the grouped jackknife."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats

from measures.agreement.coincidences import alphas_of_coincidences, coincidence_matrix
from measures.agreement.panels import Panel
from measures.agreement.scales import Domain, FloatArray, IntArray

_GROUPS = 100
#: Beyond so many items, or products of labels to add up, there are no intervals.
MAX_ITEMS = 1_000_000
_MAX_PRODUCTS = 20_000_000


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """Items dealt into random groups, and the coincidences without each of them.

    Parameters
    ----------
    groups : sparse array (S, G)
        How many items of each row of the panel are in each group.
    matrices : float array (G, K, K)
        Coincidences of the items outside each group.
    alphas : float array (G,)
    domain : Domain
    """

    groups: sparse.csr_array
    matrices: FloatArray
    alphas: FloatArray
    domain: Domain

    def reaches(
        self, rows: IntArray, lost: FloatArray, total: FloatArray, *, ci_level: float
    ) -> tuple[float, float] | None:
        """Half-widths of the intervals of alpha without an annotator, and of how it changes.

        Parameters
        ----------
        rows : int array (r,)
            Rows of the panel in which the annotator has labels.
        lost : float array (r, K, K)
            Coincidences that one item of each row loses with the annotator.
        total : float array (K, K)
            What all items lose.
        ci_level : float in (0, 1)

        Returns
        -------
        two numbers or None
            None where alpha is undefined without some group.
        """
        of_group = np.asarray(self.groups[rows].T @ lost.reshape(len(rows), -1))
        left = self.matrices - total + of_group.reshape(self.matrices.shape)
        # What is left of taking equal numbers away is rounding.
        alone = alphas_of_coincidences(np.where(np.abs(left) < 1e-9, 0.0, left), self.domain)
        n = len(alone)
        squares = [np.square(x - x.mean()).sum() for x in (alone, self.alphas - alone)]
        if not np.isfinite(squares).all():
            return None
        reach = stats.t.ppf((1 + ci_level) / 2, n - 1) * np.sqrt((n - 1) / n * np.array(squares))
        return float(reach[0]), float(reach[1])


def left_out_groups(
    panel: Panel,
    domain: Domain,
    counted: tuple[FloatArray, FloatArray],
    *,
    clustered: bool,
    rng: np.random.Generator,
) -> LeftOut | None:
    """Deal the items, or clusters of items, into up to 100 groups of equal size.

    Parameters
    ----------
    panel : Panel
    domain : Domain
    counted : arrays of shape (U, K) and (K, K)
        The panel's counts, and the coincidences of all its items.
    clustered : bool
    rng : Generator

    Returns
    -------
    LeftOut or None
        None with fewer than two groups, or where it would be too much work.

    References
    ----------
    Shao and Tu (1995), "The jackknife and bootstrap", section 2.3, the grouped jackknife.
    """
    n_items = int(panel.multiplicity.sum())
    if n_items > MAX_ITEMS or panel.rows.nnz * domain.size**2 > _MAX_PRODUCTS:
        return None
    owner = np.repeat(np.arange(len(panel.multiplicity)), panel.multiplicity)
    unit = np.arange(n_items)
    if clustered:
        _, unit = np.unique(panel.cluster[owner], return_inverse=True)
    n_units = int(unit.max(initial=-1)) + 1
    if n_units < 2:
        return None
    group = (rng.permutation(n_units) % _GROUPS)[unit]
    shape = (min(n_units, _GROUPS), len(panel.multiplicity))
    groups = sparse.csr_array((np.ones(n_items), (group, owner)), shape=shape)
    counts, whole = counted
    matrices = np.empty((shape[0], domain.size, domain.size))
    for number in range(shape[0]):
        inside = slice(groups.indptr[number], groups.indptr[number + 1])
        rows = groups.indices[inside]
        matrices[number] = whole - coincidence_matrix(counts[rows], groups.data[inside])
    matrices[np.abs(matrices) < 1e-9] = 0.0
    return LeftOut(groups.T.tocsr(), matrices, alphas_of_coincidences(matrices, domain), domain)

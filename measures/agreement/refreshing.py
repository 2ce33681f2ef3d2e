"""Statistics of labels of which some changed, from the earlier ones and the items that changed."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from measures.agreement.crowds import Crowd, changed_tally
from measures.agreement.panels import COMPACT_COLUMNS, Panel
from measures.agreement.patterns import AgreementStatistics
from measures.agreement.rows import signed_rows
from measures.agreement.scales import IntArray


def refreshed(
    earlier: AgreementStatistics, gone: AgreementStatistics, come: AgreementStatistics
) -> AgreementStatistics | None:
    """The earlier statistics with the labels of some items replaced.

    Parameters
    ----------
    earlier : AgreementStatistics
    gone : AgreementStatistics
        Of the items that changed, as they were: a part of the earlier ones.
    come : AgreementStatistics
        Of the same items, as they are now, and of new ones.

    Returns
    -------
    AgreementStatistics or None
        What counting all labels again would give; None where who gave what cannot be told from
        the three (a crowd kept item by item, or repeated labels that were not there before).
    """
    parts = (earlier, gone, come)
    signs = (1, -1, 1)
    patterns, cluster, times, places = signed_rows(
        [(one.patterns, one.cluster, one.multiplicity) for one in parts], signs
    )
    values = _signed_sum([one.annotator_values for one in parts], signs)
    panel, crowd = None, None
    if earlier.panel is not None:
        panel = _panel(parts, len(values))
    elif earlier.crowd is not None:
        crowd = _crowd(parts, places, len(patterns), len(values))
    if (panel is None) != (earlier.panel is None) or (crowd is None) != (earlier.crowd is None):
        return None
    return AgreementStatistics(
        patterns=patterns,
        cluster=cluster,
        multiplicity=times,
        annotator_values=values,
        panel=panel,
        clustered=earlier.clustered,
        crowd=crowd,
    )


def _signed_sum(tables: list[IntArray], signs: tuple[int, ...]) -> IntArray:
    """Labels by annotator and value; up to the last annotator with any, as counting makes it."""
    total = np.zeros((max(map(len, tables)), tables[0].shape[1]), np.int64)
    for table, sign in zip(tables, signs, strict=True):
        total[: len(table)] += sign * table
    used = np.flatnonzero(total.any(axis=1))
    return total[: int(used[-1]) + 1 if used.size else 0]


def _panel(parts: tuple[AgreementStatistics, ...], n_annotators: int) -> Panel | None:
    panels = [one.panel for one in parts if one.panel is not None]
    width = n_annotators * parts[0].n_values
    if (
        len(panels) < len(parts)
        or max(width, *(one.rows.shape[1] for one in panels)) > COMPACT_COLUMNS
    ):
        return None
    widest = max(int(one.rows.shape[1]) for one in panels)
    tables = []
    for one in panels:
        dense = np.zeros((one.rows.shape[0], widest), np.int64)
        dense[:, : one.rows.shape[1]] = one.rows.toarray()
        tables.append((dense, one.cluster, one.multiplicity))
    rows, cluster, times, _ = signed_rows(tables, (1, -1, 1))
    kept = sparse.csr_array(rows[:, :width].astype(np.float64))
    return Panel(kept, cluster, times, parts[0].n_values)


def _crowd(
    parts: tuple[AgreementStatistics, ...],
    places: list[IntArray],
    n_patterns: int,
    n_annotators: int,
) -> Crowd | None:
    crowds = [one.crowd for one in parts if one.crowd is not None]
    if len(crowds) < len(parts):
        return None
    wide = max(n_annotators, *(one.n_annotators for one in crowds))
    # A pattern that is gone has no entries left; it stands behind the others meanwhile.
    room = max(n_patterns, *(int(place.max(initial=-1)) + 1 for place in places))
    placed = [one.placed(place, room, wide) for one, place in zip(crowds, places, strict=True)]
    base, gone, come = placed
    pair, n_pair = changed_tally(
        (base.pair, base.n_pair), [(gone.pair, -gone.n_pair), (come.pair, come.n_pair)]
    )
    own, n_own = changed_tally(
        (base.own, base.n_own), [(gone.own, -gone.n_own), (come.own, come.n_own)]
    )
    both = Crowd(pair, n_pair, own, n_own, wide, base.n_values, room)
    return both.placed(np.arange(room), n_patterns, n_annotators)

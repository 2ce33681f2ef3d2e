"""The labels of a question counted, and counted anew only where they changed.

Everything that the result says of labels without a time is a function of counts that add up over
items. The counts of the copied labels are kept beside the copy. After an upload the changed items
are counted as they were and as they are; the one is taken away, the other added. The counts are
whole numbers in a fixed order, so that a refreshed result equals a fresh one to the last bit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from annotations import queries
from annotations.agreement.packing import packed, packed_view, unpacked, unpacked_view
from annotations.columnar import BASIC, Parts, joined, widened
from catalog import columns
from catalog.columns import Columns
from catalog.models import Attribute, Question
from catalog.queries import Subgroups, item_subgroups
from measures.agreement import AgreementStatistics, Domain, Labels, agreement_statistics
from measures.agreement.panels import MAX_CROWD_LABELS
from measures.agreement.patterns import is_crowd
from measures.agreement.refreshing import refreshed
from measures.agreement.rows import pattern_of_each
from measures.agreement.subgroups import subgroup_statistics

OF = "agreement"
CELL = "cell"
# Pairs of attributes with more cells than this would be noise, and long to read.
MAX_CELLS = 400
# In a crowd too large to keep who gave what, pairs and annotators are judged on so many labels.
SAMPLE_LABELS = 2_000_000
# Knuth's multiplier spreads item numbers: the same items are drawn whenever they are counted.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
Integers = NDArray[np.int64]
View = tuple[str, ...]


@dataclass(frozen=True)
class Bearers:
    """Attribute values of items and of annotators, and the views of the labels that they give."""

    items: Subgroups
    annotators: Subgroups

    def views(self) -> dict[View, int]:
        """Each view with its number of groups: attributes one by one, and two of items."""
        found: dict[View, int] = {}
        for of, known in (
            (Attribute.Of.ITEM, self.items),
            (Attribute.Of.ANNOTATOR, self.annotators),
        ):
            for name in known.attributes:
                if known.values[name]:
                    found[str(of), name] = len(known.values[name])
        for one, other in combinations(self.items.attributes, 2):
            size = len(self.items.values[one]) * len(self.items.values[other])
            if 0 < size <= MAX_CELLS:
                found[CELL, one, other] = size
        return found

    def groups(self, view: View, labels: Columns) -> Integers:
        """The group of each label; -1 where it is not known."""
        if view[0] == Attribute.Of.ANNOTATOR:
            of_annotator: Integers = self.annotators.codes[view[1]][labels.arrays["annotator"]]
            return of_annotator
        item = labels.arrays["item"]
        group: Integers = self.items.codes[view[1]][item]
        if view[0] == CELL:
            right = self.items.codes[view[2]][item]
            both = group * len(self.items.values[view[2]]) + right
            group = np.where((group >= 0) & (right >= 0), both, -1)
        return group


@dataclass(frozen=True)
class Counted:
    """The labels of some items, counted in every way that the result needs.

    Parameters
    ----------
    statistics : AgreementStatistics
    identified : AgreementStatistics
        With who gave what: the statistics, or those of a part of the items in a very large crowd.
    views : dict of tuple to list of AgreementStatistics, by group
    pattern_of : int array, by item number: which pattern the item shows, -1 without labels
    n_again : int, labels of an annotator for an item beyond the first
    """

    statistics: AgreementStatistics
    identified: AgreementStatistics
    views: dict[View, list[AgreementStatistics]]
    pattern_of: Integers
    n_again: int

    @property
    def share(self) -> int:
        """Who gave what is kept of one item in ``2 ** share``."""
        if self.identified is self.statistics:
            return 0
        return share_of(self.statistics.n_labels)

    @property
    def is_additive(self) -> bool:
        """Whether counts of disjoint items can be added and taken away."""
        panel = self.identified.panel
        return self.identified.crowd is not None or (panel is not None and panel.is_compact)


def bearers_of(question: Question) -> Bearers:
    """Attribute values of the data set's items and annotators."""
    return Bearers(item_subgroups(question.dataset), queries.annotator_subgroups(question.dataset))


def counted(
    labels: Columns, domain: Domain, bearers: Bearers, like: Counted | None = None
) -> Counted:
    """Count labels in the order of items and annotators, whose values are codes of the domain.

    ``like`` is what these counts will be added to or taken from.
    """
    item, annotator = labels.arrays["item"], labels.arrays["annotator"]
    code = labels.arrays["value"]
    rows = (item, annotator, code)
    statistics = _counts(rows, domain, None if like is None else like.statistics)
    identified = statistics
    if statistics.panel is None and statistics.crowd is None:
        share = share_of(item.size) if like is None else like.share
        drawn = np.flatnonzero(is_drawn(item, share))
        some = (item[drawn], annotator[drawn], code[drawn])
        identified = _counts(some, domain, None if like is None else like.identified)
    together = Labels(item, annotator, code)
    views = {
        view: subgroup_statistics(together, bearers.groups(view, labels), domain, n_groups=n)
        for view, n in bearers.views().items()
    }
    pattern_of = _pattern_of(item, code, statistics.patterns)
    again = (item[1:] == item[:-1]) & (annotator[1:] == annotator[:-1])
    return Counted(statistics, identified, views, pattern_of, int(again.sum()))


def _pattern_of(item: Integers, code: Integers, patterns: Integers) -> Integers:
    """Which pattern each item shows, by item number; -1 for those without labels."""
    shape = (int(item.max(initial=-1)) + 1, patterns.shape[1])
    if shape[0] <= item.size:
        return pattern_of_each(item, code, shape, patterns)
    # A few items with large numbers: nothing is counted for those between them.
    shown, place = np.unique(item, return_inverse=True)
    pattern_of = np.full(shape[0], -1, np.int64)
    pattern_of[shown] = pattern_of_each(place, code, (shown.size, shape[1]), patterns)
    return pattern_of


def _counts(
    rows: tuple[Integers, Integers, Integers], domain: Domain, like: AgreementStatistics | None
) -> AgreementStatistics:
    """Counts that know who labelled in the way that ``like`` does, by default in the usual one."""
    known: bool | Literal["sums", "items"] = True
    if like is not None:
        known = "sums" if like.crowd is not None else "items"
        known = False if like.panel is None and like.crowd is None else known
    return agreement_statistics(*rows, n_values=domain.size, with_panel=known)


def is_drawn(item: Integers, share: int) -> NDArray[np.bool_]:
    """Whether each item is one of those of which who gave what is kept."""
    spread = item.astype(np.uint64) * _SPREAD
    # A shift by all 64 bits is not defined, so that one bit goes first.
    drawn: NDArray[np.bool_] = (spread >> np.uint64(1)) >> np.uint64(63 - share) == 0
    return drawn


def share_of(n_labels: int) -> int:
    """Of a crowd's labels one in so many powers of two is identified."""
    share = 0
    while n_labels > MAX_CROWD_LABELS and n_labels >> share > SAMPLE_LABELS:
        share += 1
    return share


def counts_of(question: Question, domain: Domain, parts: Parts, bearers: Bearers) -> Counted:
    """The counts of all labels, refreshed where that is possible."""
    base = _kept(question, domain, parts, bearers)
    if base is None:
        base = counted(widened(question, parts.base), domain, bearers)
        _keep(question, domain, parts, bearers, base)
    if parts.fresh is None:
        return base
    found = _refreshed(question, domain, parts, bearers, base) if base.is_additive else None
    return found or counted(all_labels(question, parts), domain, bearers)


def _refreshed(
    question: Question, domain: Domain, parts: Parts, bearers: Bearers, base: Counted
) -> Counted | None:
    """The base without the items that changed as they were, with them as they are."""
    if parts.fresh is None:
        return base
    left = parts.leaving()
    leaving = {name: parts.base.arrays[name][left] for name in BASIC}
    gone = counted(widened(question, Columns(0, leaving)), domain, bearers, base)
    come = counted(widened(question, parts.fresh), domain, bearers, base)
    statistics = refreshed(base.statistics, gone.statistics, come.statistics)
    identified = statistics
    if base.identified is not base.statistics:
        identified = refreshed(base.identified, gone.identified, come.identified)
    if statistics is None or identified is None or not _counts_alike(base, statistics, identified):
        return None
    views = {
        view: [
            one
            for three in zip(before, gone.views[view], come.views[view], strict=True)
            if (one := refreshed(*three)) is not None
        ]
        for view, before in base.views.items()
    }
    return Counted(
        statistics,
        identified,
        views,
        _patterns(base, come, statistics, parts),
        base.n_again - gone.n_again + come.n_again,
    )


def _counts_alike(
    base: Counted, statistics: AgreementStatistics, identified: AgreementStatistics
) -> bool:
    """Whether a fresh count would know of who labelled in the same way, of as many items."""
    for before, now in ((base.statistics, statistics), (base.identified, identified)):
        if (before.crowd is not None) != is_crowd(now.annotator_values):
            return False
    if base.identified is base.statistics:
        return True
    return statistics.n_labels > MAX_CROWD_LABELS and share_of(statistics.n_labels) == base.share


def _patterns(base: Counted, come: Counted, now: AgreementStatistics, parts: Parts) -> Integers:
    """Which of the patterns that there are now each item shows."""
    size = max(base.pattern_of.size, come.pattern_of.size)
    pattern_of = np.full(size, -1, np.int64)
    pattern_of[: base.pattern_of.size] = _place(base.statistics, now)[base.pattern_of]
    pattern_of[parts.changed[parts.changed < size]] = -1
    here = np.flatnonzero(come.pattern_of >= 0)
    pattern_of[here] = _place(come.statistics, now)[come.pattern_of[here]]
    return pattern_of


def _place(earlier: AgreementStatistics, now: AgreementStatistics) -> Integers:
    """Where each earlier pattern stands now; -1 for those that are gone, and at the end."""
    rows = {row.tobytes(): number for number, row in enumerate(now.patterns)}
    return np.array([*(rows.get(row.tobytes(), -1) for row in earlier.patterns), -1], np.int64)


def _facts(domain: Domain, parts: Parts, bearers: Bearers) -> str:
    """What the kept counts depend on beside the labels."""
    values = [sorted(v) if isinstance(v, frozenset) else v for v in domain.values]
    known = [[*view, n] for view, n in bearers.views().items()]
    facts = [str(domain.scale), values, known, parts.base.version]
    return json.dumps(facts, default=str)


def _keep(
    question: Question, domain: Domain, parts: Parts, bearers: Bearers, base: Counted
) -> None:
    few = parts.base.n_rows < max(1, columns.MIN_ROWS)
    if parts.version < 0 or few or not base.is_additive:
        return
    arrays: dict[str, NDArray[Any]] = packed("all", base.statistics)
    if base.identified is not base.statistics:
        arrays |= packed("part", base.identified)
    for number, view in enumerate(base.views):
        arrays |= packed_view(f"view{number}", base.views[view])
    arrays["pattern_of"] = base.pattern_of
    arrays["n_again"] = np.array([base.n_again])
    kept = Columns(parts.version, arrays, {"pattern_of": [_facts(domain, parts, bearers)]})
    columns.keep_arrays(question.dataset_id, OF, question.pk, kept)


def _kept(question: Question, domain: Domain, parts: Parts, bearers: Bearers) -> Counted | None:
    """The kept counts of the copied labels, if they still hold."""
    found = columns.find(question.dataset_id, OF, question.pk)
    if found is None or found.kinds & {"items", "annotators"}:
        return None
    arrays, size = found.columns.arrays, domain.size
    if found.columns.names.get("pattern_of") != [_facts(domain, parts, bearers)]:
        return None
    statistics = unpacked("all", arrays, size)
    return Counted(
        statistics=statistics,
        identified=unpacked("part", arrays, size) if "part.times" in arrays else statistics,
        views={
            view: unpacked_view(f"view{number}", arrays, size)
            for number, view in enumerate(bearers.views())
        },
        pattern_of=arrays["pattern_of"].astype(np.int64),
        n_again=int(arrays["n_again"][0]),
    )


def all_labels(question: Question, parts: Parts) -> Columns:
    """Both parts together, as measures take them."""
    return widened(question, joined(parts))

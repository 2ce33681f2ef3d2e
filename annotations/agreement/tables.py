"""Agreement by pair, annotator, value and item, and what other libraries say."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from annotations.agreement.counting import Counted
from annotations.agreement.work import Row, Work
from measures.agreement import (
    Agreement,
    PairTable,
    annotator_agreement,
    item_disagreement,
    second_opinion,
    value_agreement,
)
from measures.agreement.items import ItemDisagreement, pattern_disagreement

MAX_ITEMS = 100


def annotator_rows(work: Work) -> list[Row]:
    """One row for each annotator with labels; labels are all of theirs, also in a large crowd."""
    values = work.statistics.annotator_values.tolist()
    return [
        {
            "annotator": one.annotator,
            "n_labels": sum(values[one.annotator]),
            "n_items": one.n_items,
            "n_items_shared": one.n_items_shared,
            "value_counts": values[one.annotator],
            "agreement_with_others": one.agreement_with_others.as_dict(),
            "agreement_with_self": one.agreement_with_self.as_dict(),
            "alpha_without": one.alpha_without.as_dict(),
            "alpha_change": one.alpha_change.as_dict(),
        }
        for one in annotator_agreement(
            # A stream of its own: the other tables draw as if nothing had been drawn here.
            *(work.identified, work.domain),
            ci_level=work.ci_level,
            rng=work.rng.spawn(1)[0],
        )
        if any(values[one.annotator])
    ]


def value_rows(work: Work, overall: Agreement) -> list[Row]:
    """One row for each declared value against the rest, from the draws of the coefficients."""
    return [
        {
            "value": value_name(work, one.code),
            "n_labels": one.n_labels,
            "krippendorff_alpha": one.alpha.as_dict(),
            "fleiss_kappa": one.fleiss_kappa.as_dict(),
        }
        for one in value_agreement(work.statistics, draws=overall.draws, **work.options)
    ]


def value_name(work: Work, code: int) -> Any:
    """A value as JSON has it; a set as a sorted list."""
    value = work.domain.values[code]
    return sorted(value) if isinstance(value, frozenset) else value


def item_rows(work: Work) -> dict[str, Any]:
    """The items that contribute most to the disagreement; item numbers are named on the way out."""
    if work.counts is not None:
        return _items_of_patterns(work, work.counts)
    found = item_disagreement(work.item, work.code, work.domain)
    worst = np.argsort(-found.contribution, kind="stable")[:MAX_ITEMS]
    worst = worst[found.contribution[worst] > 0]
    return {
        "n_disagreeing": int((found.disagreement > 0).sum()),
        "most_disagreeing": [_item_row(found, i, int(found.item[i])) for i in worst.tolist()],
    }


def _items_of_patterns(work: Work, counts: Counted) -> dict[str, Any]:
    """The same from the patterns: items that show the same one contribute the same."""
    found = pattern_disagreement(work.statistics, work.domain)
    times = work.statistics.multiplicity
    # Rounded, so that patterns that mirror each other are as bad as each other.
    badness = np.round(found.contribution / max(found.contribution.max(initial=0.0), 1e-300), 12)
    order = np.argsort(-badness, kind="stable")
    order = order[found.contribution[order] > 0]
    enough = int(np.searchsorted(np.cumsum(times[order]), MAX_ITEMS)) + 1
    last = badness[order[min(enough, order.size) - 1]] if order.size else 1.0
    is_bad = np.append((badness >= last) & (found.contribution > 0), False)
    items = np.flatnonzero(is_bad[counts.pattern_of])
    pattern = counts.pattern_of[items]
    worst = np.lexsort((items, -badness[pattern]))[:MAX_ITEMS]
    return {
        "n_disagreeing": int(times[found.disagreement > 0].sum()),
        "most_disagreeing": [
            _item_row(found, int(pattern[i]), int(items[i])) for i in worst.tolist()
        ],
    }


def _item_row(found: ItemDisagreement, place: int, item: int) -> Row:
    return {
        "item": item,
        "n_labels": int(found.n_labels[place]),
        "disagreement": float(found.disagreement[place]),
        "contribution": float(found.contribution[place]),
        "entropy": float(found.entropy[place]),
    }


def second_opinions(work: Work, overall: Agreement, pairs: PairTable) -> list[Row]:
    """The same coefficients by independent libraries, with version and difference."""
    opinions = second_opinion(work.statistics, work.domain, overall, pairs=pairs)
    return [asdict(opinion) for opinion in opinions]

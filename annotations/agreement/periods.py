"""Agreement by batch, week and guideline version, and of annotators with themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.agreement.work import Row, Work, numbers
from measures.agreement import Labels, item_disagreement, subgroup_agreement
from measures.agreement.change import agreement_change

KINDS = ("batch", "week", "guideline_version")
MAX_PERIODS = 200
# A period with fewer items says nothing about change.
MIN_UNITS = 2
_FIRST_MONDAY = date(1970, 1, 5)


def period_parts(work: Work, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Rows by period, and for each kind of period whether agreement changed."""
    fresh = {} if work.parts.fresh is None else work.parts.fresh.arrays
    stated = {*work.parts.base.arrays, *fresh}
    rows: list[Row] = []
    change: dict[str, Row] = {}
    for kind in KINDS:
        if kind not in stated or kind not in work.columns.arrays or should_stop():
            continue
        period, names = _periods(work, kind)
        known = period >= 0
        if not names:
            continue
        measured = subgroup_agreement(
            work.labels(known), period[known], work.domain, n_groups=len(names), **work.options
        )
        rows += [
            {
                "kind": kind,
                "period": names[one.group],
                "coefficients": numbers(one.coefficients),
                "n_labels": one.n_labels,
                "n_items": one.n_items,
                "n_items_pairable": one.n_items_pairable,
                "n_annotators": one.n_annotators,
                "warnings": list(one.warnings),
            }
            for one in measured
        ]
        change[kind] = _change(work, period, known, ordered=kind != "guideline_version")
    return {"periods": rows, "change": change}


def _periods(work: Work, kind: str) -> tuple[NDArray[np.int64], list[str]]:
    """The period of each label, and the names; of very many the last ones."""
    period = work.columns.arrays[kind]
    if kind != "week":
        names = list(work.columns.names[kind])
        first = max(0, len(names) - MAX_PERIODS)
        return np.where(period >= first, period - first, -1), names[first:]
    weeks = np.unique(period[period >= 0])[-MAX_PERIODS:]
    place = np.searchsorted(weeks, period)
    place[place == weeks.size] = 0
    return np.where(weeks[place] == period, place, -1), [_week(int(one)) for one in weeks]


def _week(number: int) -> str:
    year, week, _ = (_FIRST_MONDAY + timedelta(weeks=number)).isocalendar()
    return f"{year}-W{week:02}"


def _change(
    work: Work, period: NDArray[np.int64], known: NDArray[np.bool_], *, ordered: bool
) -> Row:
    """Whether the items' disagreement differs between periods."""
    unit = work.item[known] * (int(period.max()) + 1) + period[known]
    found = item_disagreement(unit, work.code[known], work.domain)
    paired = found.n_labels >= 2
    own = found.item[paired] % (int(period.max()) + 1)
    enough = np.bincount(own, minlength=1)[own] >= MIN_UNITS
    test = agreement_change(
        found.disagreement[paired][enough],
        own[enough],
        rng=work.rng,
        ordered=ordered,
        n_permutations=work.run.parameters["n_permutations"],
    )
    return {
        "explained": test.explained.as_dict(),
        "trend": test.trend.as_dict(),
        "method": test.method,
        "n_periods": int(np.unique(own[enough]).size),
    }


def intra_annotator(work: Work) -> Row:
    """How far annotators agree with themselves where they labelled an item in several rounds."""
    if work.counts is not None and not work.counts.n_again:
        return _of_rounds(work, Labels(*(np.zeros(0, np.int64),) * 3), 0)
    width = len(work.statistics.annotator_values)
    unit = work.item * max(1, width) + work.annotator
    # Rows come in the order of items, annotators and rounds, so repeats are neighbours.
    again = np.zeros(unit.size, bool)
    again[1:] = unit[1:] == unit[:-1]
    repeated = again.copy()
    repeated[:-1] |= again[1:]
    unit, again = unit[repeated], again[repeated]
    place = np.arange(unit.size)
    turn = place - np.maximum.accumulate(np.where(again, 0, place))
    cluster = None if work.cluster is None else work.cluster[repeated]
    labels = Labels(unit, turn, work.code[repeated], cluster)
    return _of_rounds(work, labels, int(np.unique(work.annotator[repeated]).size))


def _of_rounds(work: Work, labels: Labels, n_annotators: int) -> Row:
    group = np.zeros(np.asarray(labels.item).size, np.int64)
    (one,) = subgroup_agreement(labels, group, work.domain, n_groups=1, **work.options)
    return {
        "coefficients": numbers(one.coefficients),
        "n_items": one.n_items,
        "n_annotators": n_annotators,
        "n_labels": one.n_labels,
    }

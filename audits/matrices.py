"""Square and oblong tables whose cells are shaded by their number: heat maps that are tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from django.utils.translation import gettext as _

from audits.findings import in_words, with_interval
from audits.numerals import localized, things

Number = dict[str, Any]
Row = dict[str, Any]
SHOWN = 20
STEPS = 5


@dataclass(frozen=True)
class Cell:
    """One shaded number; the title says its interval and what it rests on."""

    text: str
    title: str
    shade: str


@dataclass(frozen=True)
class Matrix:
    """Named rows of cells under named columns.

    Parameters
    ----------
    columns : list of str
    rows : list of (str, list of Cell)
    n_left_out : int, how many rows, or annotators, there is no room for
    """

    columns: list[str]
    rows: list[tuple[str, list[Cell]]]
    n_left_out: int = 0


def pair_matrix(pairs: list[Row], coefficient: str, n_annotators: int) -> Matrix | None:
    """Agreement of each pair of the annotators who share most; those alike stand together."""
    known = {
        frozenset(pair["annotators"]): pair
        for pair in pairs
        if pair.get(coefficient, {}).get("value") is not None
    }
    names = _best_connected(known)
    if len(names) < 2:
        return None
    within = {key: pair for key, pair in known.items() if key <= set(names)}
    names = by_likeness(names, {key: pair[coefficient]["value"] for key, pair in within.items()})
    rows = [
        (name, [_pair_cell(name, other, within, coefficient) for other in names]) for name in names
    ]
    return Matrix(names, rows, n_annotators - len(names))


def _best_connected(known: dict[frozenset[str], Row]) -> list[str]:
    """The annotators with most labels beside others'; a full row says more than a lone cell."""
    shared: dict[str, int] = {}
    for key, pair in known.items():
        for name in key:
            shared[name] = shared.get(name, 0) + pair["n_items"]
    return sorted(shared, key=lambda name: (-shared[name], name))[:SHOWN]


def by_likeness(names: list[str], alike: dict[frozenset[str], float]) -> list[str]:
    """The order in which groups show: the two groups most alike are joined, until one is left.

    Average linkage; a pair that nothing is known of counts as the mean of those known.
    """
    mean = sum(alike.values()) / max(len(alike), 1)
    groups: list[list[str]] = [[name] for name in names]

    def likeness(a: list[str], b: list[str]) -> float:
        values = [alike.get(frozenset((x, y)), mean) for x in a for y in b]
        return sum(values) / len(values)

    while len(groups) > 1:
        a, b = max(combinations(groups, 2), key=lambda two: likeness(*two))
        groups = [group for group in groups if group is not a and group is not b]
        # The ends that are most alike touch.
        ends = [
            (alike.get(frozenset((left[-1], right[0])), mean), left + right)
            for left in (a, a[::-1])
            for right in (b, b[::-1])
        ]
        groups.append(max(ends, key=lambda one: one[0])[1])
    return groups[0]


def _pair_cell(name: str, other: str, within: dict[frozenset[str], Row], coefficient: str) -> Cell:
    if name == other:
        return Cell("", _("the same annotator"), "none")
    pair = within.get(frozenset((name, other)))
    if pair is None:
        return Cell("–", _("not among the listed pairs"), "none")
    number = pair[coefficient]
    title = _("%(pair)s: %(value)s on %(n)s common items") % {
        "pair": f"{name}, {other}",
        "value": with_interval(number),
        "n": localized(f"{pair['n_items']:,}"),
    }
    # What rounds to nothing is neither above nor below it.
    value = round(number["value"], 2) + 0.0
    return Cell(localized(f"{value:.2f}").replace("-", "\u2212"), title, shade_of(value))


def shade_of(value: float) -> str:
    """Five steps of a fifth each, and one for what is below 0: the bands of Landis and Koch."""
    return "below" if value < 0 else str(min(int(value * STEPS), STEPS - 1))


def cell_matrix(cells: list[Row], across: str, down: str) -> Matrix:
    """The ratio of each combination of the values of two attributes, shaded by its direction."""
    place = {(cell["attributes"][down], cell["attributes"][across]): cell for cell in cells}
    columns, rows = _in_order(key[1] for key in place), _in_order(key[0] for key in place)
    kept = rows[: 2 * SHOWN]
    return Matrix(
        columns[:SHOWN],
        [
            (row, [_ratio_cell(place.get((row, column))) for column in columns[:SHOWN]])
            for row in kept
        ],
        max(len(rows) - len(kept), 0) + max(len(columns) - SHOWN, 0),
    )


def _in_order(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _ratio_cell(cell: Row | None) -> Cell:
    if cell is None:
        return Cell("–", _("not looked at"), "none")
    ratio = cell["ratio"]
    if ratio["value"] is None:
        why = in_words(ratio["reason"])
        return Cell("–" if cell["n"] is None else localized(f"{cell['n']:,}"), why, "none")
    title = _("%(items)s, ratio to target %(ratio)s") % {
        "items": things(cell["n"], "item"),
        "ratio": with_interval(ratio),
    }
    return Cell(localized(f"{ratio['value']:.2f}"), title, _side(cell))


def _side(cell: Row) -> str:
    """How far from the target, and whether that is certain."""
    if cell["status"] == "adequate":
        return "even"
    side = "few" if cell["ratio"]["value"] < 1 else "many"
    return side if cell["status"] == "gap" else f"{side}-perhaps"

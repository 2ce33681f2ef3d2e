"""Agreement within subgroups of items and annotators, and where two attributes of items meet."""

from __future__ import annotations

from collections.abc import Callable

from annotations.agreement.counting import CELL
from annotations.agreement.work import Row, Work, numbers
from catalog.models import Attribute
from measures.agreement import AgreementStatistics, SubgroupAgreement
from measures.agreement.subgroups import agreement_of_subgroups


def subgroup_rows(work: Work, should_stop: Callable[[], bool]) -> list[Row]:
    """Agreement per value of every attribute of items and of annotators."""
    found: list[Row] = []
    for view in work.bearers.views():
        if view[0] == CELL or should_stop():
            continue
        of, name = view
        known = work.bearers.items if of == Attribute.Of.ITEM else work.bearers.annotators
        values = known.values[name]
        found += [
            _row(of, {name: value}, one)
            for value, one in zip(values, _measured(work, work.view(view)), strict=True)
        ]
    return found


def cell_rows(work: Work, should_stop: Callable[[], bool]) -> list[Row]:
    """Agreement where the values of two attributes of items meet; cells with labels only."""
    found: list[Row] = []
    values = work.bearers.items.values
    for view in work.bearers.views():
        if view[0] != CELL or should_stop():
            continue
        _, one, other = view
        cells = [(at, cell) for at, cell in enumerate(work.view(view)) if cell.n_labels]
        answers = _measured(work, [cell for _, cell in cells])
        for (at, _), answer in zip(cells, answers, strict=True):
            row, column = divmod(at, len(values[other]))
            attributes = {one: values[one][row], other: values[other][column]}
            found.append(_row(Attribute.Of.ITEM, attributes, answer))
    return found


def _measured(work: Work, groups: list[AgreementStatistics]) -> list[SubgroupAgreement]:
    return agreement_of_subgroups(groups, work.domain, **work.options)


def _row(of: str, attributes: dict[str, str], one: SubgroupAgreement) -> Row:
    return {
        "of": str(of),
        "attributes": attributes,
        "coefficients": numbers(one.coefficients),
        "n_labels": one.n_labels,
        "n_items": one.n_items,
        "n_items_pairable": one.n_items_pairable,
        "n_annotators": one.n_annotators,
        "warnings": list(one.warnings),
    }

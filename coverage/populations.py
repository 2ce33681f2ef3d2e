"""Target populations by upload: rows become cells, each with its weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from catalog.ingest.checks import NoticeCode, RowCode, did_you_mean
from catalog.ingest.combinations import combinations
from catalog.ingest.copying import Column, copy_in
from catalog.ingest.declaring import declare
from catalog.ingest.incoming import Counts, Incoming
from catalog.ingest.kinds import mapping_of, without
from catalog.ingest.repeats import refuse_again
from catalog.models import Attribute, Dataset, Profile, Upload
from catalog.problems import Refusal
from catalog.reading.columns import Column as FileColumn
from catalog.reading.columns import Kind, Layout
from catalog.reading.tables import NumberColumn, TextColumn
from coverage.banding import Banding, Reach, apart, overlapping, reach_of
from coverage.cells import CELLS, cell_columns, is_another, replace_cells, stage
from coverage.models import Population
from coverage.queries import ProfileCounts, attributes_of
from coverage.target_checks import SHOWN, by_margin, check_mapping, check_shares, listed
from coverage.withdrawal import remember_margins

Rows = NDArray[np.intp]
Describe = Callable[[int], tuple[str | None, str, str | None]]
MAX_COMBINATIONS = 5_000_000
"""A joint target is held as one table of all combinations of its values."""


def population_of(dataset: Dataset, name: str | None) -> str:
    """The population's name; the data set's only one where the sender named none."""
    names = list(dataset.populations.order_by("name").values_list("name", flat=True))
    if name is None and len(names) == 1:
        return str(names[0])
    if name in names:
        return str(name)
    have = f"it has: {', '.join(names)}" if names else "it has none yet; POST to populations/ first"
    said = "no population= was sent" if name is None else f"there is no population {name!r}"
    raise Refusal(
        f"For the data set {dataset.slug!r} {said}; {have}.",
        code="unknown_population",
        pointer="population",
    )


def layout(upload: Upload) -> Layout:
    """The columns of a population file: a weight, and attributes under their names."""
    return without(
        upload,
        Layout(
            (FileColumn("weight", Kind.NUMBER, required=True, low=0),),
            extra=FileColumn("attribute", Kind.CATEGORY),
            mapping=mapping_of(upload),
        ),
    )


def store_population(incoming: Incoming) -> Counts:
    """Store the cells of a file in place of those that the population had."""
    population = Population.objects.get(dataset=incoming.dataset, name=incoming.upload.subject)
    weight = incoming.table.columns.get("weight")
    columns = _attribute_columns(incoming)
    if not isinstance(weight, NumberColumn) or not columns:
        return Counts()
    attributes = _attributes(incoming, population, columns)
    _check_filled(incoming, columns)
    for name, attribute in attributes.items():
        _check_values(incoming, attribute, columns[name], population.mapping.get(name, {}))
    check_mapping(incoming, population, columns)
    _check_repeats(incoming, columns)
    if incoming.problem_count and incoming.upload.on_error == Upload.OnError.REJECT:
        return Counts()
    margins = _margins(incoming, columns, weight)
    check_shares(incoming, columns, weight)
    arriving = cell_columns(incoming, population, columns, weight)
    is_first = not population.cells.exists()
    kept = not is_first and _refuse_another(incoming, population, arriving)
    if kept or not len(incoming.rows):
        return Counts()
    for attribute in attributes.values():
        banding = Banding(attribute, population.mapping.get(attribute.name))
        _compare_values(incoming, attribute, columns[attribute.name], banding)
    counts = Counts(copy_in(CELLS, arriving)) if is_first else _replace(incoming, population)
    if counts.changes:
        remember_margins(incoming.upload, population)
    population.margins = margins
    population.save(update_fields=["margins"])
    return counts


def _attribute_columns(incoming: Incoming) -> dict[str, TextColumn]:
    left_out = {"weight", *incoming.upload.options.get("ignore", [])}
    columns = {
        name: column
        for name, column in incoming.table.columns.items()
        if name not in left_out and isinstance(column, TextColumn)
    }
    if not columns and incoming.table.complete:
        incoming.refuse_file(
            RowCode.ATTRIBUTE_MISSING,
            None,
            "the file has no attribute column; name at least one attribute beside the weight.",
        )
    return columns


def _attributes(
    incoming: Incoming, population: Population, columns: dict[str, TextColumn]
) -> dict[str, Attribute]:
    """The data set's attributes that the columns name; a wholly new name is declared."""
    known = attributes_of(incoming.dataset, population.of)
    found = {}
    for name, column in columns.items():
        if name in known:
            found[name] = known[name]
        elif (hint := did_you_mean(name, known)) is not None:
            incoming.refuse_file(
                RowCode.ATTRIBUTE_MISSING,
                name,
                f"column {name!r} is not an attribute of {population.of}s; those are: "
                f"{', '.join(known)}. {hint} Send columns= to map it, or ignore={name}.",
            )
        elif declared := declare(incoming, Attribute.Of(population.of), name, column):
            found[name] = declared
    return found


def _check_filled(incoming: Incoming, columns: dict[str, TextColumn]) -> None:
    """Every row fills all attributes, or every row fills exactly one; never some of each."""
    filled = np.sum([~column.missing for column in columns.values()], axis=0)
    k, names = len(columns), ", ".join(columns)
    rows = incoming.rows
    want = "give it a value" if k == 1 else "fill all of them, or exactly one for a margin"

    def describe(row: int) -> tuple[str | None, str, str | None]:
        return None, f"the row fills {filled[row]} of the attributes {names}; {want}.", None

    bad = rows[(filled[rows] != k) & (filled[rows] != 1)]
    incoming.refuse(bad, RowCode.MIXED_TARGET, next(iter(columns)), describe)
    rows = incoming.rows
    joint, single = rows[filled[rows] == k], rows[filled[rows] == 1]
    if k > 1 and len(joint) and len(single):
        line = incoming.table.line
        incoming.refuse_file(
            RowCode.MIXED_TARGET,
            None,
            f"some rows fill all of {names} (first in line {line[joint[0]]}) and some only one "
            f"(first in line {line[single[0]]}); send the joint cells or the margins, not both.",
        )
    elif len(rows):
        is_joint = bool(len(joint)) and k > 1
        if is_joint:
            _check_size(incoming, columns)
        said = f"one joint distribution of {names}" if is_joint else f"margins of {names}"
        incoming.warn(NoticeCode.TARGET_KIND, f"The rows are read as {said}.", len(rows))


def _check_size(incoming: Incoming, columns: dict[str, TextColumn]) -> None:
    sizes = {name: len(column.values) for name, column in columns.items()}
    if prod(sizes.values()) > MAX_COMBINATIONS:
        said = ", ".join(f"{name} {size}" for name, size in sizes.items())
        incoming.refuse_file(
            RowCode.TOO_MANY_CATEGORIES,
            None,
            f"the values ({said}) make {prod(sizes.values()):,} combinations, more than the "
            f"{MAX_COMBINATIONS:,} of a joint target at most; send fewer attributes, or margins.",
        )


def _check_values(
    incoming: Incoming, attribute: Attribute, column: TextColumn, mapping: dict[str, str]
) -> None:
    if attribute.kind == Attribute.Kind.NUMERIC:
        _check_bands(incoming, attribute, column, mapping)
        return
    known = [str(value) for value in attribute.values]
    apart = {*attribute.mapping, *mapping, *(str(code) for code in attribute.missing_codes)}
    allowed = {*known, *apart}
    if not (attribute.declared and known):
        return

    def describe(row: int) -> tuple[str | None, str, str | None]:
        value = column.values[column.codes[row]]
        shown = ", ".join(known[:SHOWN]) + (", ..." if len(known) > SHOWN else "")
        sentence = f"{value!r} is not a value of attribute {attribute.name!r}; those are: {shown}."
        return value, sentence, did_you_mean(value, known)

    _refuse_values(
        incoming,
        (attribute.name, column),
        {value for value in column.values if value not in allowed},
        RowCode.UNKNOWN_VALUE,
        describe,
    )


def _check_bands(
    incoming: Incoming, attribute: Attribute, column: TextColumn, mapping: dict[str, str]
) -> None:
    """Numbers and bands of the file lie each within one band of the attribute, and apart."""
    if not attribute.bands:
        incoming.warn(
            NoticeCode.ATTRIBUTE_WITHOUT_BANDS,
            f"Attribute {attribute.name!r} is numeric without bands: nothing can be compared with "
            "these shares until bands are declared.",
        )
    banding = Banding(attribute)
    apart = {*banding.missing, *mapping}
    given = [value for value in column.values if value not in apart]
    reaches = {value: reach_of(value) for value in given}
    names = ", ".join(str(band) for band in attribute.bands)

    def unreadable(row: int) -> tuple[str | None, str, str | None]:
        value = column.values[column.codes[row]]
        return value, f"{value!r} is neither a number nor a band like '5-9' or '65+'.", None

    def misplaced(row: int) -> tuple[str | None, str, str | None]:
        value = column.values[column.codes[row]]
        sentence = f"{value!r} does not lie within one band of attribute {attribute.name!r} "
        return value, f"{sentence}({names}); split the row, or change the bands.", None

    place = (attribute.name, column)
    named = {*banding.mapping, *(() if banding.bands is None else banding.bands.names)}
    bad = {value for value, reach in reaches.items() if reach is None and value not in named}
    _refuse_values(incoming, place, bad, RowCode.NOT_A_NUMBER, unreadable)
    outside = {value for value in given if value not in bad and banding.place(value) is None}
    _refuse_values(incoming, place, outside, RowCode.OUTSIDE_BANDS, misplaced)
    _check_neighbours(incoming, attribute.name, [r for r in reaches.values() if r is not None])


def _check_neighbours(incoming: Incoming, name: str, reaches: list[Reach]) -> None:
    """Everybody is counted once: no two values share a number, and none lies between them."""
    if (twice := overlapping(reaches)) is not None:
        incoming.refuse_file(
            RowCode.OVERLAPPING_VALUES,
            name,
            f"{twice[0].text!r} and {twice[1].text!r} of attribute {name!r} overlap, so that "
            "people would be counted twice; make the values disjoint.",
        )
    elif (two := apart(reaches)) is not None:
        incoming.refuse_file(
            RowCode.HOLE,
            name,
            f"between {two[0].text!r} and {two[1].text!r} of attribute {name!r} is a hole; add the "
            "values between, with weight 0 where nobody has them.",
        )


def _refuse_values(
    incoming: Incoming,
    place: tuple[str, TextColumn],
    values: set[str],
    code: RowCode,
    describe: Describe,
) -> None:
    name, column = place
    bad = np.array([value in values for value in column.values] + [False])[column.codes]
    rows = incoming.judged
    incoming.refuse(rows[bad[rows]], code, name, describe)


def _check_repeats(incoming: Incoming, columns: dict[str, TextColumn]) -> None:
    """Refuse rows whose cell stood in an earlier row of the file."""
    rows = incoming.rows
    first, which = combinations([column.codes[rows] for column in columns.values()])
    again = rows[first[which]] != rows
    line = incoming.table.line
    earlier = rows[first[which[again]]]
    before = dict(zip(rows[again].tolist(), line[earlier].tolist(), strict=True))

    def describe(row: int) -> tuple[str | None, str, str | None]:
        said = ", ".join(
            f"{name}={column.values[column.codes[row]]}"
            for name, column in columns.items()
            if column.codes[row] >= 0
        )
        return said, f"the cell {said} already stands in line {before[row]}; send it once.", None

    refuse_again(incoming, next(iter(columns)), rows[again], earlier, describe)


def _margins(
    incoming: Incoming, columns: dict[str, TextColumn], weight: NumberColumn
) -> list[dict[str, object]]:
    """What the file gives: attributes, cells and weight of each margin; none may weigh nothing."""
    margins: list[dict[str, object]] = []
    for given, mine in by_margin(incoming, columns):
        with np.errstate(over="ignore"):
            total = float(weight.values[mine].sum())
        if total <= 0 or not np.isfinite(total):
            incoming.refuse_file(
                RowCode.WEIGHTS_SUM,
                "weight",
                f"the weights over {', '.join(given)} sum to {total:g}, so that no cell has a "
                "share; send counts or shares of people.",
            )
        margins.append({"attributes": given, "n_cells": len(mine), "total_weight": total})
    return margins


def _compare_values(
    incoming: Incoming, attribute: Attribute, column: TextColumn, banding: Banding
) -> None:
    """Tell values that only the target has, or only the data set, and missing codes."""
    used = {column.values[code] for code in column.used(incoming.kept).tolist()}
    coded = sorted(used & banding.missing)
    if coded:
        incoming.warn(
            NoticeCode.MISSING_VALUES,
            f"Cells with {attribute.name} {', '.join(coded)} are of unknown value; the shares "
            "leave them out.",
            len(coded),
        )
    wanted = {banding.place(value) or value for value in used - banding.missing}
    profiles = Profile.objects.filter(dataset=incoming.dataset, of=attribute.of)
    told = ProfileCounts(list(profiles.values_list("values", flat=True)), [])
    met = set(told.coded(attribute.name)[0])
    if not met or met == wanted:
        return
    incoming.warn(
        NoticeCode.CATEGORY_MISMATCH,
        f"Attribute {attribute.name!r}: only the population has {listed(wanted - met)}; "
        f"only the data set has {listed(met - wanted)}.",
        len(wanted ^ met),
    )


def _refuse_another(incoming: Incoming, population: Population, arriving: list[Column]) -> bool:
    """Stage the cells; under ``mode=add`` a population keeps its own: shares are of one whole."""
    stage(arriving)
    if incoming.upload.mode != Upload.Mode.ADD or not is_another(population):
        return False
    incoming.refuse_file(
        RowCode.REFERENCE_EXISTS,
        None,
        f"population {population.name!r} has {population.cells.count():,} other cells already; "
        "define another population, or send mode=upsert to replace them.",
    )
    return True


def _replace(incoming: Incoming, population: Population) -> Counts:
    """Make the population's cells those of the file; a cell that stays keeps its upload."""
    counts = replace_cells(incoming.upload, population)
    if counts.removed:
        incoming.warn(
            NoticeCode.CELLS_REMOVED,
            f"Cells of the earlier file that this one lacks were removed: {counts.removed:,}.",
            counts.removed,
        )
    return replace(counts, unchanged=len(incoming.rows) - counts.stored - counts.replaced)

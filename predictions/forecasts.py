"""Predictions by upload: rows of (item, class probabilities), checked and stored in key order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from catalog.ingest.checks import NoticeCode, RowCode, did_you_mean
from catalog.ingest.incoming import Counts, Incoming
from catalog.ingest.keys import resolve_keys
from catalog.ingest.kinds import mapping_of, without
from catalog.ingest.repeats import skip_identical
from catalog.models import Dataset, Item, Upload
from catalog.reading import Column as FileColumn
from catalog.reading import Kind, Layout, NumberColumn
from catalog.reading.problems import counted
from predictions.models import ModelVersion
from predictions.queries import EXACT_SUM, model_of
from predictions.storing import NOT_STATED, Rows, store_rows

#: A row whose probabilities miss 1 by more than this is a problem, unless the sender is stricter.
SUM_TOLERANCE = 1e-3
PRECISIONS = {"float32": SUM_TOLERANCE, "float64": EXACT_SUM}
#: The splits as the stage holds them: numbers, because text has no fixed width.
SPLITS = ("train", "validation", "test")
SPLIT_WORDS = {"training": 0, "val": 1, **{name: i for i, name in enumerate(SPLITS)}}
LARGEST = 2**15 - 1


def check_subject(dataset: Dataset, name: str | None) -> str:
    """The model named, or the only one there is."""
    return model_of(dataset, name).key


def layout(upload: Upload) -> Layout:
    """The columns of a predictions file, which depend on the model's classes."""
    precision = upload.options.get("precision", "float32")
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be float32 or float64; it is {precision!r}.")
    model = model_of(upload.dataset, upload.subject)
    columns = [FileColumn("item", Kind.IDENTIFIER, required=True)]
    # Of two classes one column may stand for both, so that none of the three is required alone.
    names = [*class_columns(model), *(["probability"] if model.is_binary else [])]
    columns += [
        FileColumn(
            name,
            Kind.NUMBER,
            required=not model.is_binary,
            empty_allowed=False,
            low=None if model.has_logits else 0,
            high=None if model.has_logits else 1,
            aliases=(_logit_name(name),) if model.has_logits else (),
        )
        for name in names
    ]
    columns += [
        FileColumn("fold", Kind.INTEGER, low=0, high=LARGEST),
        FileColumn("member", Kind.INTEGER, low=0, high=LARGEST),
        FileColumn("split", Kind.CATEGORY),
        FileColumn("weight", Kind.NUMBER, empty_allowed=False, low=0),
    ]
    return without(upload, Layout(tuple(columns), mapping=mapping_of(upload)))


def class_columns(model: ModelVersion) -> list[str]:
    """The name of each class's column."""
    return [f"p_{name}" for name in model.classes]


def _logit_name(name: str) -> str:
    """What else the column may be called where the scores are logits."""
    return "logit" if name == "probability" else f"logit_{name.removeprefix('p_')}"


def store_predictions(incoming: Incoming) -> Counts:
    """Check every row, and store the predictions of the upload's model."""
    model = model_of(incoming.dataset, incoming.upload.subject)
    stated = _probabilities(incoming, model)
    if stated is None or incoming.text("item") is None:
        return Counts()
    splits = _splits(incoming)
    off = _check_sums(incoming, model, stated)
    items = resolve_keys(incoming, Item, "item")
    if items is None:
        return Counts()
    which = incoming.rows
    rows = Rows(
        which,
        items[which],
        _integers(incoming, "member", 0)[which],
        _integers(incoming, "fold", NOT_STATED)[which],
        splits[which],
        stated[which],
        _weights(incoming)[which],
    )
    rows = _without_repeats(incoming, rows)
    _tell(incoming, rows, off)
    rejecting = incoming.upload.on_error == Upload.OnError.REJECT
    if (incoming.problem_count and rejecting) or not len(rows.row):
        return Counts()
    if not np.isnan(rows.weight).all() and not model.has_weights:
        ModelVersion.objects.filter(pk=model.pk).update(has_weights=True)
    order = np.lexsort((rows.fold, rows.member, rows.item))
    return store_rows(incoming, model, rows.take(order))


def _numbers(incoming: Incoming, name: str) -> NumberColumn | None:
    column = incoming.table.columns.get(name)
    return column if isinstance(column, NumberColumn) else None


def _integers(incoming: Incoming, name: str, default: int) -> NDArray[np.int64]:
    column = _numbers(incoming, name)
    if column is None:
        return np.full(incoming.table.n_rows, default, np.int64)
    return np.where(column.missing, default, column.values).astype(np.int64)


def _weights(incoming: Incoming) -> NDArray[np.float64]:
    """What each row's item counts for; NaN throughout where the file does not say."""
    column = _numbers(incoming, "weight")
    return np.full(incoming.table.n_rows, np.nan) if column is None else column.values


def _probabilities(incoming: Incoming, model: ModelVersion) -> NDArray[np.float64] | None:
    """One column a class in the model's order; ``None`` where the file does not say them all."""
    single = _numbers(incoming, "probability")
    columns = {name: _numbers(incoming, name) for name in class_columns(model)}
    found = [column.values for column in columns.values() if column is not None]
    if single is not None and not found:
        positive = model.classes.index(model.positive_class)
        # The log-odds of the positive class are its logit beside one of 0.
        rest = np.zeros(len(single.values)) if model.has_logits else 1 - single.values
        both = [rest, single.values]
        return np.column_stack(both if positive else both[::-1])
    if single is not None:
        incoming.refuse_file(
            RowCode.HEADER_DUPLICATE_COLUMN,
            "probability",
            "the probability is said twice; send either column 'probability' or the columns "
            f"{', '.join(columns)}.",
        )
        return None
    if len(found) < len(columns):
        absent = next(name for name, column in columns.items() if column is None)
        sentence = f"the header lacks {absent}; send a column for each class: {', '.join(columns)}"
        if model.is_binary:
            sentence += f", or one column 'probability' of {model.positive_class!r}"
        incoming.refuse_file(RowCode.HEADER_MISSING_COLUMN, absent, f"{sentence}.")
        return None
    return np.column_stack(found)


def _splits(incoming: Incoming) -> NDArray[np.int64]:
    """The split of each row as its position in SPLITS; unknown words are problems."""
    column = incoming.text("split")
    if column is None:
        return np.full(incoming.table.n_rows, NOT_STATED, np.int64)
    said = [SPLIT_WORDS.get(value.casefold(), -2) for value in column.values]
    codes = np.array([*said, NOT_STATED], np.int64)[column.codes]
    rows = incoming.judged
    incoming.refuse(
        rows[codes[rows] == -2],
        RowCode.UNKNOWN_VALUE,
        "split",
        lambda row: (
            column.values[column.codes[row]],
            f"{column.values[column.codes[row]]!r} is no split; send {', '.join(SPLITS)}, or "
            "leave it empty.",
            did_you_mean(column.values[column.codes[row]], SPLITS),
        ),
    )
    return codes


def _check_sums(
    incoming: Incoming, model: ModelVersion, stated: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Refuse rows that do not sum to 1; answers which rows are off by a rounding only."""
    if model.has_logits or model.is_multilabel:
        return np.zeros(len(stated), bool)
    sums = stated.sum(axis=1)
    tolerance = PRECISIONS[incoming.upload.options.get("precision", "float32")]
    miss = np.abs(sums - 1)
    rows = incoming.rows
    # The tolerance itself is within, whatever binary fractions make of it.
    wrong = rows[miss[rows] > tolerance * (1 + 1e-9)]
    incoming.refuse(
        wrong,
        RowCode.PROBABILITIES_SUM,
        None,
        lambda row: (
            f"{sums[row]:.9g}",
            f"the {len(model.classes)} class probabilities sum to {sums[row]:.9g}; they must sum "
            f"to 1 within {tolerance:g}.",
            "Were they rounded, or is a class left out?",
        ),
    )
    off: NDArray[np.bool_] = miss > EXACT_SUM
    return off


def _without_repeats(incoming: Incoming, rows: Rows) -> Rows:
    """Refuse rows whose item, member and fold stood in an earlier row of the file."""
    order = np.lexsort((rows.row, rows.fold, rows.member, rows.item))
    key = rows.key[order]
    same = np.zeros(len(order), bool)
    same[1:] = (key[1:] == key[:-1]).all(axis=1)
    if not same.any():
        return rows
    first = order[np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))][same]
    again = order[same]
    new = ~skip_identical(incoming, rows.row[again], rows.row[first])
    again, first = again[new], first[new]
    lines = incoming.table.line[rows.row[first]]
    earlier = dict(zip(rows.row[again].tolist(), lines.tolist(), strict=True))
    conflicts = (rows.probabilities[again] != rows.probabilities[first]).any(axis=1)
    conflicts |= rows.split[again] != rows.split[first]
    weights = rows.weight[again], rows.weight[first]
    conflicts |= ~np.equal(*weights) & ~np.isnan(weights[0])
    describe = _describe_repeat(incoming, earlier)
    for code, which in (
        (RowCode.CONFLICTING_ROWS, again[conflicts]),
        (RowCode.DUPLICATE_ROW, again[~conflicts]),
    ):
        incoming.refuse(np.sort(rows.row[which]), code, "item", describe)
    return rows.take(~(incoming.rejected | incoming.skipped)[rows.row])


def _describe_repeat(
    incoming: Incoming, earlier: dict[int, int]
) -> Callable[[int], tuple[str | None, str, str | None]]:
    items = incoming.text("item")
    if items is None:
        raise ValueError("A predictions file has a column item.")

    def describe(row: int) -> tuple[str | None, str, str | None]:
        name = items.values[items.codes[row]]
        return (
            name,
            f"item {name!r} was already predicted in line {earlier[row]}; send one row for each "
            "item, member and fold.",
            "Several predictions of an item need a column member or fold (0, 1, ...).",
        )

    return describe


def _tell(incoming: Incoming, rows: Rows, off: NDArray[np.bool_]) -> None:
    """What the sender should know of rows that are stored."""
    n_off = int(off[rows.row].sum())
    if n_off:
        incoming.warn(
            NoticeCode.ROWS_RENORMALISED,
            f"The sum of {counted(n_off, 'row')} is off 1 by up to {SUM_TOLERANCE:g}: stored as "
            "sent, and divided by it where they are measured.",
            n_off,
        )
    n_train = int((rows.split == 0).sum())
    if n_train:
        incoming.warn(
            NoticeCode.TRAIN_LEAKAGE,
            f"{counted(n_train, 'row')} of the training split, which a model knows by heart: "
            "stored, and left out of every measure.",
            n_train,
            row=int(rows.row[rows.split == 0].min()),
        )
    stated = rows.probabilities
    if len(stated) > 1 and (stated == stated[0]).all():
        incoming.warn(
            NoticeCode.CONSTANT_PREDICTIONS,
            f"All {len(stated):,} rows say the same; such a model tells nothing apart.",
            len(stated),
        )

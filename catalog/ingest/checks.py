"""What only the data set can tell of a row that is well written: that it disagrees with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from catalog.ingest.lookalikes import Known
from catalog.reading.problems import Problem, escape


class RowCode(StrEnum):
    """Stable names of problems that only the data set can tell; documented in docs/uploads.md."""

    UNKNOWN_ITEM = "unknown_item"
    UNKNOWN_ANNOTATOR = "unknown_annotator"
    UNKNOWN_LABEL = "unknown_label"
    UNKNOWN_VALUE = "unknown_value"
    UNKNOWN_QUESTION = "unknown_question"
    UNKNOWN_STATUS = "unknown_status"
    LABEL_MISSING = "label_missing"
    NOT_A_NUMBER = "not_a_number"
    OUTSIDE_BANDS = "outside_bands"
    OUT_OF_RANGE = "out_of_range"
    DUPLICATE_ROW = "duplicate_row"
    DUPLICATE_KEY = "duplicate_key"
    CONFLICTING_ROWS = "conflicting_rows"
    CONFLICTS_WITH_EXISTING = "conflicts_with_existing"
    NOT_OWN_LABELS = "not_own_labels"
    TOO_MANY_CATEGORIES = "too_many_categories"
    DIRECT_IDENTIFIER = "direct_identifier"
    ATTRIBUTE_MISSING = "attribute_missing"
    PURPOSE_REQUIRED = "purpose_required"
    PROBABILITIES_SUM = "probabilities_sum"
    WEIGHTS_SUM = "weights_sum"
    MIXED_TARGET = "mixed_target"
    MANGLED_BAND = "mangled_band"
    OVERLAPPING_VALUES = "overlapping_values"
    HOLE = "hole"
    CONFLICTING_ATTRIBUTE = "conflicting_attribute"
    REFERENCE_EXISTS = "reference_exists"
    OTHER_FEATURES = "other_features"
    ROWS_NOT_ITEMS = "rows_not_items"
    # The reader's codes too; here of columns that another one may stand in for.
    HEADER_MISSING_COLUMN = "header_missing_column"
    HEADER_UNKNOWN_COLUMN = "header_unknown_column"
    HEADER_DUPLICATE_COLUMN = "header_duplicate_column"


class NoticeCode(StrEnum):
    """Stable names of what is said of a file that is accepted; documented in docs/uploads.md."""

    LABELS_ONLY = "labels_only"
    SAME_FILE = "same_file"
    NO_CHANGE = "no_change"
    DUPLICATE_ROW = "duplicate_row"
    ATTRIBUTES_DECLARED = "attributes_declared"
    ATTRIBUTE_WITHOUT_BANDS = "attribute_without_bands"
    ITEMS_CREATED = "items_created"
    ANNOTATORS_CREATED = "annotators_created"
    NAMES_ALIKE = "names_alike"
    VALUES_LEARNED = "values_learned"
    LOOKS_MISSING = "looks_missing"
    EMPTY_LABELS = "empty_labels"
    MISSING_VALUES = "missing_values"
    PRECISION_TRUNCATED = "precision_truncated"
    ROWS_RENORMALISED = "rows_renormalised"
    CONSTANT_PREDICTIONS = "constant_predictions"
    TRAIN_LEAKAGE = "train_leakage"
    CATEGORY_MISMATCH = "category_mismatch"
    TARGET_KIND = "target_kind"
    READ_AS_COUNTS = "read_as_counts"
    CELLS_REMOVED = "cells_removed"
    STILL_NAMED = "still_named"


CREATED = {
    NoticeCode.ATTRIBUTES_DECLARED,
    NoticeCode.ITEMS_CREATED,
    NoticeCode.ANNOTATORS_CREATED,
    NoticeCode.NAMES_ALIKE,
    NoticeCode.VALUES_LEARNED,
    NoticeCode.LOOKS_MISSING,
}


def row_problem(
    code: RowCode,
    line: int | None,
    column: str | None,
    value: str | None,
    sentence: str,
    hint: str | None = None,
) -> dict[str, Any]:
    """One problem as it is stored and answered; its place is said in the sentence too."""
    where = [] if line is None else [f"line {line}"]
    if column is not None:
        where.append(f"column {column!r}")
    place = ", ".join(where)
    message = f"{place[0].upper()}{place[1:]}: {sentence}" if place else sentence
    return {
        "line": line,
        "column": column,
        "value": None if value is None else escape(value),
        "code": code.value,
        "message": message,
        "hint": hint,
    }


def reader_problem(problem: Problem) -> dict[str, Any]:
    """A problem that the reader found, as it is stored and answered."""
    return {**asdict(problem), "code": problem.code.value}


def did_you_mean(value: str, known: Iterable[str]) -> str | None:
    """A hint for a value that is not known: the one that it was probably meant to be."""
    return Known(known).hint(value)

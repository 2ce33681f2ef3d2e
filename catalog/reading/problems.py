"""What can be wrong with an uploaded file, said so that its sender can mend it."""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

MAX_SHOWN = 100


class Code(StrEnum):
    """The stable names of problems and notices. They are part of the REST contract."""

    # The file as a whole
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    EMPTY_FILE = "empty_file"
    NO_ROWS = "no_rows"
    TOO_MANY_ROWS = "too_many_rows"
    TOO_MANY_COLUMNS = "too_many_columns"
    FILE_TOO_LARGE = "file_too_large"
    # Compression
    DECOMPRESSED_TOO_LARGE = "decompressed_too_large"
    TRUNCATED_GZIP = "truncated_gzip"
    CORRUPT_GZIP = "corrupt_gzip"
    NESTED_ARCHIVE = "nested_archive"
    # Characters
    ENCODING_NOT_UTF8 = "encoding_not_utf8"
    INVALID_UTF8 = "invalid_utf8"
    UNPAIRED_SURROGATE = "unpaired_surrogate"
    NUL_CHARACTER = "nul_character"
    CONTROL_CHARACTER = "control_character"
    BIDI_CONTROL = "bidi_control"
    NEWLINE_IN_IDENTIFIER = "newline_in_identifier"
    SURROUNDING_SPACE = "surrounding_space"
    # Header
    HEADER_MISSING = "header_missing"
    HEADER_MISSING_COLUMN = "header_missing_column"
    HEADER_UNKNOWN_COLUMN = "header_unknown_column"
    HEADER_DUPLICATE_COLUMN = "header_duplicate_column"
    HEADER_EMPTY_COLUMN = "header_empty_column"
    HEADER_REPEATED = "header_repeated"
    WRONG_DELIMITER = "wrong_delimiter"
    # Rows
    ROW_LENGTH = "row_length"
    BAD_QUOTE = "bad_quote"
    UNCLOSED_QUOTE = "unclosed_quote"
    LINE_TOO_LONG = "line_too_long"
    # Values
    VALUE_MISSING = "value_missing"
    VALUE_TOO_LONG = "value_too_long"
    TYPE = "type"
    NOT_A_NUMBER = "not_a_number"
    NOT_AN_INTEGER = "not_an_integer"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    DATE_FORMAT = "date_format"
    DATE_INVALID = "date_invalid"
    DATE_OUT_OF_RANGE = "date_out_of_range"
    TIMEZONE_MISSING = "timezone_missing"
    AMBIGUOUS_TIME = "ambiguous_time"
    NONEXISTENT_TIME = "nonexistent_time"
    # JSON
    JSONL_PARSE = "jsonl_parse"
    JSON_PARSE = "json_parse"
    JSON_TOO_DEEP = "json_too_deep"
    JSON_DUPLICATE_KEY = "json_duplicate_key"
    JSON_NOT_FINITE = "json_not_finite"
    JSON_NUMBER_RANGE = "json_number_range"
    JSON_NUMBER_TOO_LONG = "json_number_too_long"
    # Exports of annotation tools, and wide tables
    EXPORT_SHAPE = "export_shape"
    ANNOTATOR_UNSTATED = "annotator_unstated"
    QUESTION_UNSTATED = "question_unstated"
    REGION_TYPE = "region_type"
    ANSWER_TYPE = "answer_type"
    SEVERAL_ANSWERS = "several_answers"
    DUPLICATE_ROW = "duplicate_row"
    CORRUPT_ZIP = "corrupt_zip"
    ZIP_MEMBER = "zip_member"
    # Arrays of numpy
    ARRAY_HEADER = "array_header"
    ARRAY_TYPE = "array_type"
    ARRAY_SHAPE = "array_shape"
    ARRAY_LENGTH = "array_length"
    # The reading process
    READER_MEMORY_LIMIT = "reader_memory_limit"
    READER_TIME_LIMIT = "reader_time_limit"
    READER_STOPPED = "reader_stopped"
    READER_FAILED = "reader_failed"
    # Notices: the file is accepted, and this is said
    HEADER_NORMALISED = "header_normalised"
    PRECISION_TRUNCATED = "precision_truncated"
    UNICODE_NORMALISED = "unicode_normalised"
    EXPORT_READ = "export_read"
    ROUNDS_NUMBERED = "rounds_numbered"
    GOLD_FOUND = "gold_found"
    SKIPPED_FOUND = "skipped_found"
    EMPTY_FOUND = "empty_found"
    LEFT_OUT = "left_out"
    PRE_ANNOTATED = "pre_annotated"
    LINES_COUNTED_THROUGH = "lines_counted_through"
    COLUMNS_ALIKE = "columns_alike"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the file; nothing is stored of the row it stands in.

    ``line`` is the physical line (header is line 1); ``None`` where the file as a whole is meant.
    ``value`` is escaped and at most 100 characters.
    """

    line: int | None
    column: str | None
    code: Code
    value: str | None
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the sender should know although the file is accepted; ``count`` rows have it."""

    line: int | None
    column: str | None
    code: Code
    value: str | None
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a value, before it is known in which line it stands."""

    code: Code
    sentence: str
    value: str | None = None
    hint: str | None = None
    line: int | None = None
    column: str | None = None

    def at(self, line: int | None, column: str | None = None) -> Problem:
        """The problem that this fault is in a line and column."""
        line = line if self.line is None else self.line
        column = column if self.column is None else self.column
        where = [] if line is None else [f"line {line}"]
        if column is not None:
            where.append(f"column {escape(column)!r}")
        place = ", ".join(where)
        message = f"{place}: {self.sentence}" if place else self.sentence
        message = message[0].upper() + message[1:]
        shown = None if self.value is None else escape(self.value)
        return Problem(
            line, None if column is None else escape(column), self.code, shown, message, self.hint
        )


class ReadingStoppedError(Exception):
    """The file cannot be read beyond this point; carries the fault that says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.sentence)
        self.fault = fault


def counted(n: int, noun: str) -> str:
    """A number of things in words: ``1 item``, ``1,200 items``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def escape(text: str, limit: int = MAX_SHOWN) -> str:
    """Text made safe to show and to log: invisible characters as escapes, cut to ``limit``."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    length = 0
    for character in text[: limit + 1]:
        piece = _escape_character(character)
        length += len(piece)
        if length > limit:
            return _cut(shown, limit)
        shown.append(piece)
    return "".join(shown)


def _cut(pieces: list[str], limit: int) -> str:
    while sum(map(len, pieces)) > limit - 1:
        pieces.pop()
    return "".join(pieces) + "…"


def _escape_character(character: str) -> str:
    number = ord(character)
    if " " <= character <= "~":
        return character
    if 0xDC80 <= number <= 0xDCFF:
        # A byte that was not UTF-8, carried along by Python's "surrogateescape".
        return f"\\x{number - 0xDC00:02x}"
    if unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"}:
        return character
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


class ProblemLog:
    """Collects problems: the first ``keep`` of them, the true total, and the rows they stand in."""

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self.problems: list[Problem] = []
        self.total = 0
        self._rows = array("q")
        self.complete = True

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The numbers of the rows with problems, in order."""
        return np.unique(np.array(self._rows, np.int64))

    @property
    def room(self) -> int:
        """How many more problems are kept."""
        return max(0, self.keep - len(self.problems))

    def add(self, problem: Problem, row: int | None = None) -> None:
        """Take one problem in, and leave its row out of what may be stored."""
        self.total += 1
        if self.room:
            self.problems.append(problem)
        if row is not None:
            self._rows.append(row)

    def count(self, rows: Iterable[int], problems: int) -> None:
        """Take in problems that are counted, but no longer kept."""
        self.total += problems
        self._rows.extend(rows)

    def stop(self, problem: Problem) -> None:
        """Take in a problem after which nothing more of the file can be read."""
        self.complete = False
        self.total += 1
        # The reason why reading stopped must be seen whatever came before.
        self.problems = [*self.problems[: max(0, self.keep - 1)], problem]

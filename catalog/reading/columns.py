"""What a caller expects of a file: its columns, how it is written, and how large it may be."""

from __future__ import annotations

import math
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MIB = 1 << 20
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


class Kind(StrEnum):
    """What the values of a column are. Nothing is ever guessed from the values."""

    IDENTIFIER = "identifier"  # names a thing: NFC, one line, no space around it
    CATEGORY = "category"  # a label or attribute value: NFC, one line
    TEXT = "text"  # free text, kept as it is, line ends included
    NUMBER = "number"
    INTEGER = "integer"
    TIME = "time"


TEXT_KINDS = frozenset({Kind.IDENTIFIER, Kind.CATEGORY, Kind.TEXT})


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Parameters
    ----------
    name : str
        Our name for it, under which the table answers.
    kind : Kind
    required : bool
        The file must have this column.
    empty_allowed : bool or None
        Rows may leave it empty; by default exactly where the column is not required.
    low, high : float or None
        Inclusive bounds of a number.
    max_length : int or None
        In code points after NFC; by default 255, and 65,536 for free text.
    spaces_allowed : bool or None
        Keep space around a value instead of reporting it; by default not for identifiers.
    aliases : tuple of str
        Other header names that mean this column. ``<name>_id`` always means an identifier.
    missing_codes : frozenset of str
        Values of a number or time column that count as empty. Text columns keep them.
    nested : bool
        Keep a JSON array or object as its JSON text instead of reporting it.
    """

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    empty_allowed: bool | None = None
    low: float | None = None
    high: float | None = None
    max_length: int | None = None
    spaces_allowed: bool | None = None
    aliases: tuple[str, ...] = ()
    missing_codes: frozenset[str] = frozenset()
    nested: bool = False

    @property
    def allows_empty(self) -> bool:
        return not self.required if self.empty_allowed is None else self.empty_allowed

    @property
    def allows_spaces(self) -> bool:
        if self.spaces_allowed is None:
            return self.kind is not Kind.IDENTIFIER
        return self.spaces_allowed

    @property
    def longest(self) -> int:
        if self.max_length is not None:
            return self.max_length
        return 65_536 if self.kind is Kind.TEXT else 255

    @property
    def bounds(self) -> tuple[float, float]:
        low = -math.inf if self.low is None else self.low
        return low, math.inf if self.high is None else self.high


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a file.

    Parameters
    ----------
    columns : tuple of Column
    extra : Column or None
        What an undeclared column is (its name is taken from the header); ``None`` refuses it.
    mapping : mapping of str to str
        Our name -> the name in the file's header, where the sender said so.
    """

    columns: tuple[Column, ...]
    extra: Column | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"Column names must differ; {twice} stand in the layout twice.")
        unknown = sorted(set(self.mapping) - set(names))
        if unknown and self.extra is None:
            raise ValueError(
                f"columns= names {', '.join(map(repr, unknown))}, which is no column here; those "
                f"are: {', '.join(names)}."
            )


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a file and its parts may be; bytes unless the name says otherwise."""

    max_rows: int = 2_000_000
    max_columns: int = 1_000
    max_width: int = 16_384
    max_line: int = MIB
    max_value: int = 65_536
    max_bytes: int = 1 << 30
    max_ratio: int = 200
    ratio_after: int = MIB
    max_json: int = 256 * MIB
    max_json_depth: int = 32
    max_number_digits: int = 1_000
    max_problems: int = 1_000


TABLES = ("csv", "tsv", "ndjson", "json", "parquet")
# What annotation tools write, and tables that are not one row an answer; for labels only.
EXPORTS = (
    "wide",
    "dices",
    "labelstudio",
    "labelstudio-min",
    "labelstudio-csv",
    "prodigy",
    "doccano",
    "argilla",
    "lewidi",
)
# What numpy writes; for kinds of file that take a vector of numbers an item.
ARRAYS = ("npy", "npz")
FORMATS = (*TABLES, *EXPORTS, *ARRAYS)
DELIMITED = ("csv", "tsv", "wide", "dices", "labelstudio-csv")
ORIENTATIONS = ("items_in_rows", "annotators_in_rows")


@dataclass(frozen=True, slots=True)
class Export:
    """What the sender says of an export that the export itself does not say.

    Parameters
    ----------
    annotator : str or None
        Who labelled, where the file names nobody.
    orientation : str or None
        Of a wide table: ``items_in_rows`` or ``annotators_in_rows``.
    question : str or None
        The question that the file is about, where it is about a single one.
    subject : str
        The question of rows that name none.
    questions : mapping of str to str
        Our question -> what the export calls it; empty where the names are the same.
    known : tuple of str
        The questions of the data set.
    sets : tuple of str
        Those of them whose answer is a set of values.
    attributes : tuple of str
        Columns that describe the annotator, beside those whose names say so.
    ignore : tuple of str
        Questions, keys or columns of the export that are left out.
    gold : mapping of str to str
        Our question -> the column of a table that holds what is correct.
    """

    annotator: str | None = None
    orientation: str | None = None
    question: str | None = None
    subject: str = ""
    questions: Mapping[str, str] = field(default_factory=dict)
    known: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    gold: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Options:
    """How the file is written, as its sender declares; nothing is guessed from its rows."""

    format: str = "csv"
    compression: str | None = None
    delimiter: str = ","
    decimal: str = "."
    timezone: str | None = None
    limits: Limits = field(default_factory=Limits)
    export: Export = field(default_factory=Export)

    def __post_init__(self) -> None:
        _one_of("format", self.format, FORMATS)
        archive = ("zip",) if self.format == "doccano" else ()
        _one_of("compression", self.compression, (None, "gzip", *archive))
        _one_of("delimiter", self.delimiter, tuple(DELIMITERS))
        _one_of("decimal", self.decimal, (".", ","))
        if self.timezone is not None:
            _known_zone(self.timezone)
        self._check_orientation()

    def _check_orientation(self) -> None:
        if self.export.gold and self.export.orientation != ORIENTATIONS[0]:
            if self.format != "dices":
                raise ValueError(
                    "gold= is for tables with a column of what is correct: format=dices, and "
                    f"format=wide with orientation={ORIENTATIONS[0]}."
                )
            if "" in self.export.gold:
                raise ValueError(
                    "gold= must say which question it is about, as the data set has several; "
                    'send gold={"question": "column"}.'
                )
        if self.format == "wide":
            if self.export.orientation is None:
                raise ValueError(
                    "A wide table does not say which way round it is; send orientation="
                    "items_in_rows (one column an annotator) or annotators_in_rows (one an item)."
                )
            _one_of("orientation", self.export.orientation, ORIENTATIONS)
        elif self.export.orientation is not None:
            raise ValueError(f"orientation= is for format=wide; format={self.format} has none.")

    @property
    def is_delimited(self) -> bool:
        """Whether the file is rows of fields between separators."""
        return self.format in DELIMITED

    @property
    def separator(self) -> str:
        """The character between two fields."""
        return "\t" if self.format == "tsv" else self.delimiter


def _one_of(name: str, value: str | None, allowed: tuple[str | None, ...]) -> None:
    if value not in allowed:
        shown = " ".join("tab" if word == "\t" else str(word) for word in allowed)
        raise ValueError(f"{name} must be one of {shown}; it is {value!r}.")


def _known_zone(name: str) -> None:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise ValueError(
            f"timezone {name!r} is unknown; send a name like 'Europe/Paris' or 'UTC'."
        ) from error

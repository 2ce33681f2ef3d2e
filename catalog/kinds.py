"""The kinds of upload and of run that the rooms above bring to the catalog.

The catalog receives files and runs computations without knowing what they mean. Each room
registers its kinds when Django starts (``AppConfig.ready``), so imports keep pointing down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.ingest.incoming import Counts, Incoming
    from catalog.models import Annotator, Dataset, Upload
    from catalog.reading.columns import Layout

Parameters = dict[str, Any]


@dataclass(frozen=True)
class RunKind:
    """One kind of computation.

    Parameters
    ----------
    name : str, as in the REST contract, for example ``"agreement"``
    compute : str
        Dotted path of a function, so that only workers import the statistics. It takes the claimed
        run and a ``should_stop`` function; returns the result object (JSON), or ``None`` when it
        has stored the outcome itself (a kind that writes rows, in one transaction with them).
    resolve : callable
        Takes the data set and the sender's parameters; returns (subject, full parameters).
        Raises ``catalog.problems.Refusal`` where a parameter is unknown or wrong.
    standard : callable
        Takes the data set and the kind of the upload that was just stored (or ``None`` for all);
        yields the parameters of the runs that then start by themselves.
    """

    name: str
    compute: str
    resolve: Callable[[Dataset, Parameters], tuple[str, Parameters]]
    standard: Callable[[Dataset, str | None], Iterable[Parameters]]


@dataclass(frozen=True)
class UploadKind:
    """One kind of file.

    Parameters
    ----------
    name : str, as in the REST contract, for example ``"labels"``
    subject_parameter : str or None
        The query parameter that names what the file belongs to (``question``, ``model``...).
    check_subject : callable
        Takes the data set and the value of that parameter (or ``None``); returns the subject's
        name or raises ``catalog.problems.Refusal``.
    layout : callable
        Takes the upload; returns the columns that its file must and may have.
    store : callable
        Checks every row against the database and stores them, in the caller's transaction and
        under the data set's lock; appends problems to ``incoming`` and returns the counts.
    contributor_may : bool
        Whether a contributor may send this kind.
    formats : tuple of str
        What it takes beside tables, of ``catalog.reading.columns.ARRAYS``.
    withdraw : callable or None
        Undoes what is not in a :class:`KeptTable`, after what is, in the caller's transaction and
        under the data set's lock; raises ``Refusal`` where it cannot.
    """

    name: str
    check_subject: Callable[[Dataset, str | None], str]
    layout: Callable[[Upload], Layout]
    store: Callable[[Incoming], Counts]
    subject_parameter: str | None = None
    contributor_may: bool = False
    formats: tuple[str, ...] = ()
    withdraw: Callable[[Upload], None] | None = None


@dataclass(frozen=True)
class KeptTable:
    """A table whose rows an upload brings, and which are kept when another one changes them.

    Parameters
    ----------
    of : str, what a row is, for example ``"reference"``
    table : str, with a column ``upload_id``
    key : str, the column by which a row is found in its history
    scope : str, SQL condition on ``t``, its rows of one data set, which stands as ``%s``
    bare : tuple of str
        Columns that an upload may describe in rows that others brought; emptied where nothing can
        be given back, while the row stays as long as other rows speak of it.
    """

    of: str
    table: str
    key: str
    scope: str
    bare: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mention:
    """Rows that speak of items, annotators, questions or attributes, which therefore stay.

    Parameters
    ----------
    of : str, ``"item"``, ``"annotator"``, ``"question"`` or ``"attribute"``
    select : str, SQL of their keys (names of attributes) in one data set, which stands as ``%s``
    """

    of: str
    select: str


@dataclass
class _Registry:
    runs: dict[str, RunKind] = field(default_factory=dict)
    uploads: dict[str, UploadKind] = field(default_factory=dict)
    kept: dict[str, KeptTable] = field(default_factory=dict)
    mentions: list[Mention] = field(default_factory=list)
    erasers: list[Callable[[Annotator], int]] = field(default_factory=list)


_registry = _Registry()


def register_run(kind: RunKind) -> None:
    """Make a kind of computation known; called once by its room when Django starts."""
    _registry.runs[kind.name] = kind


def register_upload(kind: UploadKind) -> None:
    """Make a kind of file known; called once by its room when Django starts."""
    _registry.uploads[kind.name] = kind


def register_kept(kept: KeptTable, *mentions: Mention) -> None:
    """Make known a table that uploads fill, and whom its rows speak of."""
    _registry.kept[kept.of] = kept
    register_mentions(*mentions)


def register_mentions(*mentions: Mention) -> None:
    """Make known rows that speak of others."""
    _registry.mentions += [mention for mention in mentions if mention not in _registry.mentions]


def register_eraser(clear: Callable[[Annotator], int]) -> None:
    """Make known what clears the texts that an annotator wrote, and returns how many."""
    _registry.erasers.append(clear)


def erasers() -> list[Callable[[Annotator], int]]:
    """All that clear what an annotator wrote."""
    return list(_registry.erasers)


def kept_tables() -> list[KeptTable]:
    """All tables whose earlier rows are kept."""
    return list(_registry.kept.values())


def kept_table(of: str) -> KeptTable:
    """The table of those rows."""
    return _registry.kept[of]


def mentions(of: str) -> list[Mention]:
    """All rows that speak of items, annotators, questions or attributes."""
    return [mention for mention in _registry.mentions if mention.of == of]


def run_kinds() -> dict[str, RunKind]:
    """All kinds of computation by name."""
    return dict(_registry.runs)


def upload_kinds() -> dict[str, UploadKind]:
    """All kinds of file by name."""
    return dict(_registry.uploads)

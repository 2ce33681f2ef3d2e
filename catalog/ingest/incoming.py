"""A file that has been read, on its way into the database, and what became of its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.ingest.checks import NoticeCode, RowCode, reader_problem, row_problem
from catalog.models import Dataset, Upload
from catalog.reading.tables import Table, TextColumn

KEPT_PROBLEMS = 1000


@dataclass(frozen=True)
class Counts:
    """What became of the rows of a file, and how many rows of an earlier one it took away.

    ``beside`` counts changes of what the rows only mention, such as an annotator's attributes.
    """

    stored: int = 0
    unchanged: int = 0
    replaced: int = 0
    removed: int = 0
    beside: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.stored + other.stored,
            self.unchanged + other.unchanged,
            self.replaced + other.replaced,
            self.removed + other.removed,
            self.beside + other.beside,
        )

    @property
    def changes(self) -> int:
        """Rows that make a new version of the data set."""
        return self.stored + self.replaced + self.removed + self.beside


@dataclass
class Incoming:
    """A file that has been read, on its way into the database.

    ``dataset`` is locked for the length of the transaction. ``rejected`` marks the rows that have
    a problem; a kind's ``store`` leaves them out, and adds to them through :meth:`refuse`.
    ``skipped`` marks rows that say again what another row says.
    """

    upload: Upload
    dataset: Dataset
    table: Table
    should_stop: Callable[[], bool]
    rejected: NDArray[np.bool_] = field(init=False)
    skipped: NDArray[np.bool_] = field(init=False)
    problems: list[dict[str, Any]] = field(init=False)
    problem_count: int = field(init=False)
    warnings: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.rejected = np.zeros(self.table.n_rows, bool)
        self.rejected[self.table.problem_rows] = True
        self.skipped = np.zeros(self.table.n_rows, bool)
        self.problems = [reader_problem(p) for p in self.table.problems]
        self.problem_count = self.table.n_problems
        self.warnings = [{**asdict(n), "code": n.code.value} for n in self.table.notices]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which rows have no problem and are not skipped."""
        return ~(self.rejected | self.skipped)

    @property
    def rows(self) -> NDArray[np.intp]:
        """The rows without a problem that are not skipped, in the file's order."""
        return np.flatnonzero(self.kept)

    @property
    def judged(self) -> NDArray[np.intp]:
        """The rows whose values are looked at: those with a problem too, which may have more."""
        return np.flatnonzero(~self.skipped)

    def text(self, name: str) -> TextColumn | None:
        """A text column, or ``None`` where the file has no such column."""
        column = self.table.columns.get(name)
        return column if isinstance(column, TextColumn) else None

    def refuse(
        self,
        rows: NDArray[np.intp],
        code: RowCode,
        column: str | None,
        describe: Callable[[int], tuple[str | None, str, str | None]],
    ) -> None:
        """Report rows; ``describe(row)`` gives value, sentence and hint of one of them."""
        self.rejected[rows] = True
        self.problem_count += len(rows)
        for row in rows[: max(0, KEPT_PROBLEMS - len(self.problems))].tolist():
            value, sentence, hint = describe(row)
            line = int(self.table.line[row])
            self.problems.append(row_problem(code, line, column, value, sentence, hint))

    def refuse_file(self, code: RowCode, column: str | None, sentence: str) -> None:
        """Report something that is wrong with the file or its header as a whole."""
        self.problem_count += 1
        self.rejected[:] = True
        self.problems.append(row_problem(code, 1, column, None, sentence))

    def warn(
        self, code: NoticeCode, message: str, count: int = 1, *, row: int | None = None
    ) -> None:
        """Tell the sender something that does not stop the file; ``row`` is the first of it."""
        line = {} if row is None else {"line": int(self.table.line[row])}
        self.warnings.append({"code": code.value, "message": message, "count": int(count), **line})

"""The frame of a page about one kind of evidence: which data set, which subject, which results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from audits import cards, queries
from audits.evidence import Evidence, evidence_about
from audits.queries import Asked, Unfinished
from audits.reading import visible_result
from catalog import access
from catalog.access import RIGHTS, May
from catalog.models import Dataset, Run
from catalog.problems import Refusal

PARAMETER = cards.PARAMETER
Names = tuple[str, ...]
PAGES = {"agreement": "quality", "coverage": "coverage", "calibration": "confidence"}


@dataclass(frozen=True)
class Source:
    """Where the numbers of a section come from; what its stamp says.

    Parameters
    ----------
    api : str, address of the same result in the REST API
    run : Run or None, without its result; None where nothing was computed yet
    parts : dict, those parts of the result that were asked for
    is_outdated : bool, it was asked for again at a later version
    pending, failed : Run or None, a run on its way; a later one that failed
    tables : list of (name, address)
    """

    api: str
    run: Run | None = None
    parts: dict[str, Any] = field(default_factory=dict)
    is_outdated: bool = False
    pending: Run | None = None
    failed: Run | None = None
    tables: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Frame:
    """One reader's view of one data set, and of one question, population or model of it."""

    request: HttpRequest
    dataset: Dataset
    role: str
    kind: str
    subjects: list[str]
    found: Evidence | None
    unfinished: Unfinished
    asked: Asked

    @property
    def subject(self) -> str:
        return "" if self.found is None else self.found.subject

    @property
    def result(self) -> dict[str, Any]:
        return {} if self.found is None else self.found.result

    @property
    def is_lead(self) -> bool:
        """Whether the reader may see rows about items and people."""
        return May.READ_ROWS in RIGHTS[self.role]

    def source(
        self,
        kind: str,
        paths: dict[str, str],
        *,
        subject: str | None = None,
        address: str = "",
        tables: Names = (),
    ) -> Source:
        """Parts of the newest result of another kind of run about this subject.

        ``paths`` are JSON paths by name: what is not shown is not read from the database.
        """
        about = self.subject if subject is None else subject
        run, parts = queries.excerpt(self.dataset, kind, about, paths)
        asked = {PARAMETER[self.kind]: about}
        return self._sourced(
            (kind, about), run, parts, address=address or kind, asked=asked, tables=tables
        )

    def whole(
        self,
        kind: str,
        *,
        subject: str | None = None,
        address: str = "",
        asked: dict[str, str] | None = None,
        tables: Names = (),
    ) -> Source:
        """All of the newest result of another kind of run that this reader may see.

        ``asked`` is what its address names, where that is not the subject alone.
        """
        about = self.subject if subject is None else subject
        run = queries.newest_runs(self.dataset, kind, [about]).first()
        shown = {} if run is None else visible_result(self.request.user, self.dataset, run)
        asked = asked or {PARAMETER[self.kind]: about}
        if kind == "novelty" and run is not None:
            # It is about two things at once, which its parameters name one by one.
            asked = {name: run.parameters[name] for name in ("features", "model")}
        return self._sourced(
            (kind, about), run, shown, address=address or kind, asked=asked, tables=tables
        )

    def _sourced(
        self,
        what: tuple[str, str],
        run: Run | None,
        parts: dict[str, Any],
        *,
        address: str,
        asked: dict[str, str],
        tables: Names,
    ) -> Source:
        base = f"/api/v1/datasets/{self.dataset.slug}/{address.replace('_', '-')}"
        query = f"?{urlencode(asked)}" if what[1] else ""
        return Source(
            f"{base}/{query}",
            run,
            parts,
            is_outdated=run is not None and self.asked.get(what, 0) > run.version,
            pending=self.unfinished.pending_for(*what),
            failed=self.unfinished.failed_for(*what, run),
            tables=[(name.replace("_", " "), f"{base}/{name}.csv{query}") for name in tables],
        )

    def context(self) -> dict[str, Any]:
        """What the templates of all these pages need."""
        rights = RIGHTS[self.role]
        card = None
        if self.found is not None:
            card = cards.card_of(self.dataset, self.found, self.unfinished)
        return {
            **dataset_context(self.request, self.dataset, self.role),
            "kind": self.kind,
            "current": PAGES[self.kind],
            "card": card,
            "subjects": self.subjects,
            "subject": self.subject,
            "parameter": PARAMETER[self.kind],
            "question": queries.first_question(self.dataset),
            "may_define": May.DEFINE in rights,
            "may_send": (May.UPLOAD_LABELS if self.kind == "agreement" else May.UPLOAD) in rights,
        }


def dataset_context(request: HttpRequest, dataset: Dataset, role: str) -> dict[str, Any]:
    """What every page about a data set says at its top."""
    rights = RIGHTS[role]
    return {
        "dataset": dataset,
        "role": role,
        "is_lead": May.READ_ROWS in rights,
        "reads_results": May.READ_RESULTS in rights,
        "may_import": May.UPLOAD_LABELS in rights,
        "host": request.build_absolute_uri("/").rstrip("/"),
    }


def frame_of(request: HttpRequest, slug: str, kind: str, right: May) -> Frame:
    """The frame of a page; without a named subject, about the one with most to worry about.

    Raises
    ------
    Refusal
        As :func:`catalog.access.dataset_for`; 400 where the data set has no such subject.
    """
    dataset = access.dataset_for(request.user, slug, may=right)
    role = access.membership_of(request.user, dataset).role
    subjects = queries.subjects_of(dataset, kind)
    said = request.GET.get(PARAMETER[kind])
    if said is not None and said not in subjects:
        have = ", ".join(subjects[:5]) or "none yet"
        raise Refusal(
            f"This data set has no {PARAMETER[kind]} {said!r}; it has: {have}.",
            code=f"unknown_{PARAMETER[kind]}",
        )
    return Frame(
        request,
        dataset,
        role,
        kind,
        subjects,
        evidence_about(request.user, dataset, kind, said) if subjects else None,
        queries.unfinished_of(dataset),
        queries.asked_for(dataset),
    )


def case_address(dataset: Dataset, item: str) -> str:
    """The page about one item."""
    return f"{reverse('audits:case', args=[dataset.slug])}?{urlencode({'item': item})}"

"""The pages: they show the newest finished results, and compute none."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from audits import cards, queries
from audits.evidence import HEADLINES, evidence_of, kinds_for, worst_of
from audits.verdicts import not_yet, worst
from catalog import access, remembering
from catalog.access import RIGHTS, May
from catalog.models import Dataset, Upload
from catalog.problems import Refusal

View = Callable[..., HttpResponse]
PAGE = 25
MEMBERS_ONLY = ("unknown_item", "unknown_figure", "unknown_subgroup")


def page(view: View) -> View:
    """A page that only shows."""
    return answered(view, "GET", "HEAD")


def answered(view: View, *methods: str) -> View:
    """A page for people who are signed in; a refusal becomes a page that says it."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Refusal as refusal:
            known = refusal.status if refusal.status in (403, 404) else 400
            # What a data set lacks may be said to its members; which data sets there are, to none.
            context = {"refusal": refusal.detail, "is_ours": refusal.code in MEMBERS_ONLY}
            return render(request, f"{known}.html", context, status=known)

    return login_required(never_cache(require_http_methods(methods)(answer)))


@page
def dataset_list(request: HttpRequest) -> HttpResponse:
    """The data sets of this user, each with its size and its three lights."""
    found = Paginator(queries.listed_datasets(request.user), PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "dataset": dataset,
            "counts": queries.counts_of(dataset),
            "lights": _lights(dataset, role_in(dataset)),
        }
        for dataset in found
    ]
    return render(request, "audits/dataset_list.html", {"rows": rows, "page": found})


def role_in(dataset: Any) -> str:
    """The reader's role, as ``queries.listed_datasets`` annotates it."""
    return str(dataset.role)


def _lights(dataset: Dataset, role: str) -> list[dict[str, Any]]:
    """The worst verdict of each kind of evidence that this role may read."""
    kinds = kinds_for(role)
    briefs = queries.briefs_of(dataset, kinds)
    lights = []
    for kind in queries.KINDS:
        own = [brief for brief in briefs if brief.kind == kind]
        lights.append(
            {
                "is_shown": kind in kinds,
                "verdict": worst(brief.verdict for brief in own)
                or not_yet(HEADLINES[kind], "no_data"),
                "is_outdated": any(brief.is_outdated for brief in own),
            }
        )
    return lights


def _remembered(uploads: list[Upload]) -> str:
    """The query that reads a file of labels as the newest stored one was read."""
    labels = [upload for upload in uploads if upload.kind == "labels"]
    return urlencode(remembering.parameters_of(remembering.newest_options(labels)))


@page
def dataset_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything that is known about one data set, on one page."""
    dataset = access.dataset_for(request.user, slug, may=May.SEE)
    role = access.membership_of(request.user, dataset).role
    rights = RIGHTS[role]
    reads_results = May.READ_RESULTS in rights
    unfinished = queries.unfinished_of(dataset)
    sections = []
    for kind in kinds_for(role):
        found = evidence_of(request.user, dataset, kind, limit=cards.SECTIONS)
        total = len(queries.subjects_of(dataset, kind))
        sections.append(
            {
                "kind": kind,
                "tile": worst_of(kind, found),
                "cards": [cards.card_of(dataset, one, unfinished) for one in found],
                "left_out": total - len(found),
                "may_define": May.DEFINE in rights,
                "may_send": (May.UPLOAD_LABELS if kind == "agreement" else May.UPLOAD) in rights,
            }
        )
    context = {
        "dataset": dataset,
        "role": role,
        "current": "card",
        "counts": queries.counts_of(dataset),
        "sections": sections,
        "reads_results": reads_results,
        "may_import": May.UPLOAD_LABELS in rights,
        "uploads": (uploads := queries.last_uploads(dataset, request.user, own=not reads_results)),
        "remembered": _remembered(uploads),
        "runs": queries.last_runs(dataset) if reads_results else [],
        "host": request.build_absolute_uri("/").rstrip("/"),
        "question": queries.first_question(dataset),
    }
    return render(request, "audits/dataset_detail.html", context)

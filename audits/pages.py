"""The pages: they show the newest finished results, and compute none."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audits import cards, queries
from audits.reading import visible_result
from audits.verdicts import Verdict, not_yet, worst
from catalog import access
from catalog.access import RIGHTS, May
from catalog.models import Dataset
from catalog.problems import Refusal

View = Callable[..., HttpResponse]
PAGE = 25


def page(view: View) -> View:
    """A page for people who are signed in; a refusal becomes a page that says it."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Refusal as refusal:
            known = refusal.status if refusal.status in (403, 404) else 400
            context = {"refusal": refusal.detail}
            return render(request, f"{known}.html", context, status=known)

    return login_required(never_cache(require_safe(answer)))


@page
def dataset_list(request: HttpRequest) -> HttpResponse:
    """The data sets of this user, each with its size and its three lights."""
    found = Paginator(queries.listed_datasets(request.user), PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "dataset": dataset,
            "counts": queries.counts_of(dataset),
            "lights": _lights(dataset, dataset.role),
        }
        for dataset in found
    ]
    return render(request, "audits/dataset_list.html", {"rows": rows, "page": found})


def _lights(dataset: Dataset, role: str) -> list[dict[str, Any]]:
    """The worst verdict of each kind of evidence that this role may read."""
    kinds = _kinds_for(role)
    briefs = queries.briefs_of(dataset, kinds)
    lights = []
    for kind in queries.KINDS:
        own = [brief for brief in briefs if brief.kind == kind]
        verdict = worst(brief.verdict for brief in own)
        lights.append(
            {
                "kind": kind,
                "is_shown": kind in kinds,
                "verdict": verdict or not_yet(cards.HEADLINES[kind], "no_data"),
                "is_stale": any(brief.is_outdated for brief in own),
            }
        )
    return lights


def _kinds_for(role: str) -> tuple[str, ...]:
    """Contributors read the agreement's summary alone."""
    return queries.KINDS if May.READ_RESULTS in RIGHTS[role] else ("agreement",)


@page
def dataset_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything that is known about one data set, on one page."""
    dataset = access.dataset_for(request.user, slug, may=May.SEE)
    role = access.membership_of(request.user, dataset).role
    rights = RIGHTS[role]
    shown = _cards(request, dataset, role)
    context = {
        "dataset": dataset,
        "role": role,
        "counts": queries.counts_of(dataset),
        "sections": cards.by_kind(shown.shown),
        "left_out": shown.left_out,
        "reads_results": May.READ_RESULTS in rights,
        "may_upload": May.UPLOAD in rights,
        "tiles": _lights(dataset, role),
        "uploads": queries.last_uploads(dataset, request.user, own=May.READ_RESULTS not in rights),
        "runs": queries.last_runs(dataset) if May.READ_RESULTS in rights else [],
        "host": request.build_absolute_uri("/").rstrip("/"),
        "question": queries.first_question(dataset),
    }
    return render(request, "audits/dataset_detail.html", context)


class _Shown:
    """The cards of a page, and how many of each kind had no room on it."""

    def __init__(self) -> None:
        self.shown: list[cards.Card] = []
        self.left_out: dict[str, int] = {}


def _cards(request: HttpRequest, dataset: Dataset, role: str) -> _Shown:
    found = _Shown()
    status = cards.Status(queries.unfinished_of(dataset), queries.asked_for(dataset))
    for kind in _kinds_for(role):
        subjects = queries.subjects_of(dataset, kind)
        found.left_out[kind] = max(len(subjects) - cards.SECTIONS, 0)
        subjects = subjects[: cards.SECTIONS]
        newest = {run.subject: run for run in queries.newest_runs(dataset, kind, subjects)}
        for subject in subjects:
            run = newest.get(subject)
            if run is None:
                found.shown.append(cards.empty_card(dataset, kind, subject, status.unfinished))
                continue
            result = visible_result(request, dataset, run)
            # The verdict rests on all subgroups, also on those that this reader may not see.
            verdict: Verdict = cards.verdict_in(kind, run.result or {})
            found.shown.append(cards.card_of(dataset, run, result, verdict, status))
    return found

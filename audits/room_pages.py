"""The pages about one data set, and about one case of it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from audits import cases, frames
from audits.activity import activity_page
from audits.composition import coverage_page
from audits.confidence import confidence_page
from audits.pages import page
from audits.quality import quality_page
from catalog import access
from catalog.access import May


@page
def quality(request: HttpRequest, slug: str) -> HttpResponse:
    """How far the labels of a question can be relied on, by whom, and what to look at first."""
    frame = frames.frame_of(request, slug, "agreement", May.READ_SUMMARY)
    return render(request, "audits/quality.html", quality_page(frame))


@page
def case(request: HttpRequest, slug: str) -> HttpResponse:
    """One item with everything that is known of it; for those who may read rows."""
    dataset = access.dataset_for(request.user, slug, may=May.READ_ROWS)
    role = access.membership_of(request.user, dataset).role
    context = frames.dataset_context(request, dataset, role)
    context |= cases.case_page(dataset, request.GET.get("item", ""))
    return render(request, "audits/case.html", context)


@page
def coverage(request: HttpRequest, slug: str) -> HttpResponse:
    """Whom the data set misses, how sure that is, and what to collect next."""
    frame = frames.frame_of(request, slug, "coverage", May.READ_RESULTS)
    return render(request, "audits/coverage.html", coverage_page(frame))


@page
def confidence(request: HttpRequest, slug: str) -> HttpResponse:
    """Whether a model's confidence is honest, for whom, and whether it can be mended."""
    frame = frames.frame_of(request, slug, "calibration", May.READ_RESULTS)
    return render(request, "audits/confidence.html", confidence_page(frame))


@page
def activity(request: HttpRequest, slug: str) -> HttpResponse:
    """What was sent and computed; contributors see their own uploads alone."""
    dataset = access.dataset_for(request.user, slug, may=May.SEE)
    role = access.membership_of(request.user, dataset).role
    context = frames.dataset_context(request, dataset, role) | {"current": "activity"}
    context |= activity_page(
        request,
        dataset,
        reads_results=context["reads_results"],
        is_lead=context["is_lead"],
    )
    return render(request, "audits/activity.html", context)

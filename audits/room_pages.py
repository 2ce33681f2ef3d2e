"""The pages about one data set, and about one case of it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from audits import cases, frames
from audits.activity import activity_page
from audits.composition import coverage_page
from audits.confidence import confidence_page
from audits.confidence_subgroup import subgroup_page
from audits.pages import page
from audits.quality import quality_page
from catalog import access
from catalog.access import May
from catalog.problems import Refusal

# Each drawing that can be taken along, with the page that shows it and where it stands there.
FIGURES = {
    "pyramid": ("coverage", coverage_page, "pyramid"),
    "reliability": ("calibration", confidence_page, "card"),
    "risk": ("calibration", confidence_page, "risk"),
}


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
    context |= cases.case_page(dataset, cases.item_of(dataset, request.GET.get("item", "")))
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
def subgroup(request: HttpRequest, slug: str) -> HttpResponse:
    """Whether a model's confidence is honest in one subgroup."""
    frame = frames.frame_of(request, slug, "calibration", May.READ_RESULTS)
    return render(request, "audits/confidence_subgroup.html", subgroup_page(frame))


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


@page
def figure(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """A drawing of a page as a file of its own, which looks the same without our style sheet."""
    kind, make, part = FIGURES.get(name, ("coverage", coverage_page, ""))
    frame = frames.frame_of(request, slug, kind, May.READ_RESULTS)
    if name == "reliability" and "subgroup" in request.GET:
        make = subgroup_page
    context = make(frame)
    if not part or frame.found is None or frame.found.run is None or not context.get(part):
        raise Refusal(
            f"There is no figure {name!r} here; figures are: {', '.join(FIGURES)}, once their "
            "result is computed.",
            code="unknown_figure",
            status=404,
        )
    # Our own file: nothing that anybody sent is in it.
    style = mark_safe(render_to_string("audits/figures/style.css"))  # noqa: S308
    drawn = render_to_string(f"audits/figures/{name}.html", context | {"style": style}).strip()
    answer = HttpResponse(drawn, content_type="image/svg+xml")
    answer["Content-Disposition"] = f'attachment; filename="{slug}-{name}.svg"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer

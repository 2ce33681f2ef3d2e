"""The pages on which a file is sent, checked, stored and taken back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from audits import frames, imports
from audits.pages import View, answered
from catalog import access
from catalog.access import May
from catalog.api.uploads import upload_of
from catalog.ingest import receiving, withdrawing
from catalog.models import Dataset
from catalog.problems import Refusal


def _room_first(view: View) -> View:
    """Refuse a file that is too large before the form is read, which the check of its key does."""
    protected = csrf_protect(view)

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST":
            receiving.check_room(int(request.META.get("CONTENT_LENGTH") or 0))
        made: HttpResponse = protected(request, *args, **kwargs)
        return made

    return answer


def sending_page(view: View) -> Callable[..., HttpResponse]:
    """A page with a form that takes a file."""
    return csrf_exempt(answered(_room_first(view), "GET", "HEAD", "POST"))


@sending_page
def choose(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose a file and say what it is; it is read and checked, and nothing is stored yet."""
    dataset, context = _opened(request, slug)
    sendable = imports.kinds_of(context["role"])
    asked = request.POST if request.method == "POST" else request.GET
    kind = asked.get("kind", "labels")
    if kind not in sendable:
        raise Refusal(f"Here you can send: {', '.join(sendable)}.", code="unknown_kind")
    said, refusal = imports.said_in(request), None
    if request.method == "POST":
        try:
            upload = imports.send(request, dataset, kind)
            return redirect("audits:imported", slug=slug, key=str(upload.pk))
        except Refusal as refused:
            refusal = refused
    context |= imports.form_page(dataset, context["role"], kind, said)
    if request.GET.get("like") == "last":
        context |= {"said": context["offered"], "is_offered": False}
    context["refusal"] = refusal
    return render(request, "audits/import.html", context, status=refusal.status if refusal else 200)


@sending_page
def imported(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """What a file holds and what is wrong with it; store it, or take it back."""
    dataset, context = _opened(request, slug)
    upload = upload_of(dataset, request.user, key)
    refusal = None
    if request.method == "POST":
        try:
            return redirect("audits:imported", slug=slug, key=_done(request, dataset, key))
        except Refusal as refused:
            refusal = refused
    context |= imports.told_page(context["role"], upload) | {"refusal": refusal}
    status = refusal.status if refusal else 200
    return render(request, "audits/imported.html", context, status=status)


def _opened(request: HttpRequest, slug: str) -> tuple[Dataset, dict[str, Any]]:
    dataset = access.dataset_for(request.user, slug, may=May.UPLOAD_LABELS)
    role = access.membership_of(request.user, dataset).role
    return dataset, frames.dataset_context(request, dataset, role)


def _done(request: HttpRequest, dataset: Dataset, key: str) -> str:
    """Do what the pressed button says; the key of the upload to look at then."""
    upload, action = upload_of(dataset, request.user, key), request.POST.get("action")
    if action == "withdraw":
        withdrawing.withdraw(
            access.dataset_for(request.user, dataset.slug, may=May.UPLOAD), upload, request.user
        )
        return key
    if action not in ("store", "skip", "like_last"):
        raise Refusal("The form says nothing that can be done here; use its buttons.")
    if upload.kind not in imports.kinds_of(access.membership_of(request.user, dataset).role):
        access.dataset_for(request.user, dataset.slug, may=May.UPLOAD)
    return str(imports.send_again(request, upload, action).pk)

"""Addresses that nothing can have."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from catalog.rest.problems import MEDIA_TYPE, problem


class RefuseNul:
    """Answers 404 to an address with the character NUL, which no text in the database can hold."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" not in request.path_info:
            return self.get_response(request)
        detail = "The address holds the character NUL (%00), which no name has; remove it."
        errors = [{"pointer": None, "code": "not_found", "message": detail}]
        body = problem(404, "not_found", detail, errors)
        return JsonResponse(body, status=404, content_type=MEDIA_TYPE)

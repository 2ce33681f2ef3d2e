"""Which language a page is in: the reader's choice, else the browser's; programs get one alone."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware

PROGRAMS = "/api/"


class PageLanguage(LocaleMiddleware):
    """Django's middleware, for pages: what a program reads does not change with its headers."""

    def process_request(self, request: HttpRequest) -> None:
        if not request.path_info.startswith(PROGRAMS):
            super().process_request(request)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.path_info.startswith(PROGRAMS):
            return response
        return super().process_response(request, response)

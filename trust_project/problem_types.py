"""What each code of a problem means, from the pages that document them: where ``type`` points."""

from __future__ import annotations

import re
from functools import cache

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.rest.queries import query_of

# The page that documents them, and what they are problems of.
_PAGES = {"problems.md": "request", "uploads.md": "file"}
_ROW = re.compile(r"^\| `([a-z0-9_]+)` \| (.+) \| (.+) \|$", re.MULTILINE)


@cache
def documented() -> list[dict[str, str]]:
    """Every code with its meaning and what to do, in the order of the pages."""
    return [
        {"code": code, "of": of, "meaning": meaning, "what_to_do": advice}
        for name, of in _PAGES.items()
        for code, meaning, advice in _ROW.findall(
            (settings.BASE_DIR / "docs" / name).read_text("utf-8")
        )
    ]


class ProblemTypeSerializer(serializers.Serializer[dict[str, str]]):
    code = serializers.CharField()
    of = serializers.CharField(help_text="request, or file: its rows.")
    meaning = serializers.CharField()
    what_to_do = serializers.CharField()


class ProblemTypesSerializer(serializers.Serializer[dict[str, str]]):
    problems = ProblemTypeSerializer(many=True)


class ProblemTypes(APIView):
    """What each code of a problem means, and what to do; as JSON, or a page for browsers."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (JSONRenderer, TemplateHTMLRenderer)

    @extend_schema(responses=ProblemTypesSerializer)
    def get(self, request: Request) -> Response:
        query_of(request, in_pages=False)
        return Response({"problems": documented()}, template_name="problem_types.html")

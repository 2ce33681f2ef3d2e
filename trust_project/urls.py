"""All addresses: the REST API, its description, the pages, the admin, the health checks."""

from typing import Any

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from catalog.rest.problems import NotHere
from trust_project.health import healthz, readyz
from trust_project.problem_types import ProblemTypes

api: list[Any] = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("problems/", ProblemTypes.as_view(), name="problem_types"),
    path("", include("catalog.urls")),
    path("", include("annotations.urls")),
    path("", include("coverage.urls")),
    path("", include("predictions.urls")),
    path("", include("audits.api_urls")),
    re_path("", NotHere.as_view()),
]

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("api/v1/", include(api)),
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set_language"),
    path("", include("audits.urls")),
]

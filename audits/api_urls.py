"""Addresses of audits below /api/v1/."""

from django.urls import path

from audits import api

urlpatterns = [
    path("datasets/<str:slug>/trust-card/", api.TrustCardView.as_view()),
    # Names of items may hold slashes.
    path("datasets/<str:slug>/cases/<path:item>/", api.CaseView.as_view()),
]

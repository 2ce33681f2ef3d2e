"""Addresses of annotation quality below /api/v1/."""

from django.urls import path

from annotations import api

D = "datasets/<str:slug>/agreement/"

urlpatterns = [
    path(D, api.AgreementView.as_view()),
    path(f"{D}<str:table>.<str:suffix>", api.AgreementTable.as_view()),
    path(f"{D}<str:table>/", api.AgreementTable.as_view()),
]

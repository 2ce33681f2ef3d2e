"""Addresses of models and calibration below /api/v1/."""

from django.urls import path

from predictions import api

D = "datasets/<str:slug>/"
C = f"{D}calibration/"

urlpatterns = [
    path(f"{D}models/", api.ModelList.as_view()),
    path(f"{D}models/<str:key>/", api.ModelDetail.as_view()),
    path(C, api.CalibrationView.as_view()),
    path(f"{C}<str:table>.<str:suffix>", api.CalibrationTable.as_view()),
    path(f"{C}<str:table>/", api.CalibrationTable.as_view()),
]

"""Addresses of coverage below /api/v1/."""

from django.urls import path

from coverage import api, findings_api, neighbours_api, patterns_api, weights_api

D = "datasets/<str:slug>/"

urlpatterns = [
    path(f"{D}populations/", api.PopulationList.as_view()),
    path(f"{D}populations/<str:key>/", api.PopulationDetail.as_view()),
    path(f"{D}coverage/", api.CoverageView.as_view()),
    path(f"{D}coverage/missingness/", findings_api.MissingnessView.as_view()),
    path(f"{D}coverage/divergence/", findings_api.DivergenceView.as_view()),
    path(f"{D}coverage/weights/", weights_api.WeightsView.as_view()),
    path(f"{D}coverage/weights.<str:suffix>", weights_api.WeightsTable.as_view()),
    path(f"{D}coverage/neighbours/", neighbours_api.NeighboursView.as_view()),
    path(f"{D}coverage/patterns/", patterns_api.PatternsView.as_view()),
    path(f"{D}coverage/patterns.<str:suffix>", patterns_api.PatternsTable.as_view()),
    path(f"{D}coverage/<str:table>.<str:suffix>", api.CoverageTable.as_view()),
    path(f"{D}coverage/<str:table>/", api.CoverageTable.as_view()),
]

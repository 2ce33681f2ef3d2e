"""Addresses of models, calibration and confidence below /api/v1/."""

from django.urls import path

from predictions import (
    adoptions_api,
    api,
    confidence_api,
    conformal_api,
    ensembles_api,
    expected_api,
    features_api,
    novelty_api,
    recalibrations_api,
)

D = "datasets/<str:slug>/"
TABLES = {
    "calibration": api.CalibrationTable,
    "conformal": conformal_api.ConformalTable,
    "ensembles": ensembles_api.EnsemblesTable,
    "expected-performance": expected_api.ExpectedPerformanceTable,
    "novelty": novelty_api.NoveltyTable,
}

urlpatterns = [
    path(f"{D}models/", api.ModelList.as_view()),
    path(f"{D}models/<str:key>/", api.ModelDetail.as_view()),
    path(f"{D}features/", features_api.FeatureSetList.as_view()),
    path(f"{D}features/<str:key>/", features_api.FeatureSetDetail.as_view()),
    path(f"{D}expected-performance/", expected_api.ExpectedPerformanceView.as_view()),
    path(f"{D}novelty/", novelty_api.NoveltyView.as_view()),
    path(f"{D}novelty/items.<str:suffix>", novelty_api.NoveltyItems.as_view()),
    path(f"{D}novelty/items/", novelty_api.NoveltyItems.as_view()),
    path(f"{D}calibration/", api.CalibrationView.as_view()),
    path(f"{D}recalibrations/", recalibrations_api.RecalibrationList.as_view()),
    path(f"{D}recalibrations/adopted.json", adoptions_api.AdoptedFile.as_view()),
    path(f"{D}recalibrations/adopted/", adoptions_api.AdoptionList.as_view()),
    path(f"{D}recalibrations/<str:method>/adopt/", adoptions_api.Adopt.as_view()),
    path(f"{D}recalibrations/<str:method>.json", recalibrations_api.RecalibrationFile.as_view()),
    path(f"{D}recalibrations/<str:method>/", recalibrations_api.RecalibrationMap.as_view()),
    path(f"{D}confidence/", confidence_api.ConfidenceTable.as_view()),
    path(f"{D}confidence.<str:suffix>", confidence_api.ConfidenceTable.as_view()),
    path(f"{D}conformal/", conformal_api.ConformalView.as_view()),
    path(f"{D}ensembles/", ensembles_api.EnsemblesView.as_view()),
    path(f"{D}ensembles/items.<str:suffix>", ensembles_api.EnsemblesItems.as_view()),
    path(f"{D}ensembles/items/", ensembles_api.EnsemblesItems.as_view()),
]
for name, view in TABLES.items():
    urlpatterns += [
        path(f"{D}{name}/<str:table>.<str:suffix>", view.as_view()),
        path(f"{D}{name}/<str:table>/", view.as_view()),
    ]

"""Addresses of the catalog below /api/v1/."""

from django.urls import path

from catalog.api import datasets, erasures, runs, tokens, uploads

D = "datasets/<str:slug>/"

urlpatterns = [
    path("tokens/", tokens.TokenList.as_view()),
    path("tokens/<str:key>/", tokens.TokenDetail.as_view()),
    path("datasets/", datasets.DatasetList.as_view()),
    path(D, datasets.DatasetDetail.as_view()),
    path(f"{D}members/", datasets.MemberList.as_view()),
    path(f"{D}members/<str:key>/", datasets.MemberDetail.as_view()),
    path(f"{D}questions/", datasets.QuestionList.as_view()),
    path(f"{D}questions/<str:key>/", datasets.QuestionDetail.as_view()),
    path(f"{D}attributes/", datasets.AttributeList.as_view()),
    path(f"{D}attributes/<str:key>/", datasets.AttributeDetail.as_view()),
    path(f"{D}uploads/", uploads.UploadList.as_view()),
    path(f"{D}uploads/<str:key>/", uploads.UploadKindOrOne.as_view()),
    path(f"{D}uploads/<str:key>/problems.<str:suffix>", uploads.UploadProblems.as_view()),
    path(f"{D}erasures/", erasures.ErasureList.as_view()),
    path(f"{D}erasures/<str:key>/", erasures.ErasureDetail.as_view()),
    path(f"{D}runs/", runs.RunList.as_view()),
    path(f"{D}runs/<str:run_id>/", runs.RunDetail.as_view()),
    path(f"{D}runs/<str:run_id>/cancel/", runs.RunCancel.as_view()),
]

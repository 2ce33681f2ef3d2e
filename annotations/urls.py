"""Addresses of annotation quality below /api/v1/."""

from django.urls import path

from annotations import api, issues_api
from annotations import consensus_api as crowd
from annotations import label_rows_api as rows

DATASET = "datasets/<str:slug>/"
D = f"{DATASET}agreement/"

urlpatterns = [
    path(f"{DATASET}labels.csv", rows.LabelRows.as_view()),
    path(D, api.AgreementView.as_view()),
    path(f"{D}<str:table>.<str:suffix>", api.AgreementTable.as_view()),
    path(f"{D}<str:table>/", api.AgreementTable.as_view()),
    path(f"{DATASET}annotators/", crowd.AnnotatorsView.as_view()),
    path(f"{DATASET}annotators.<str:suffix>", crowd.AnnotatorsTable.as_view()),
    path(f"{DATASET}annotators/<str:table>.<str:suffix>", crowd.AnnotatorsTable.as_view()),
    path(f"{DATASET}annotators/<str:table>/", crowd.AnnotatorsTable.as_view()),
    path(f"{DATASET}consensus/", crowd.ConsensusView.as_view()),
    path(f"{DATASET}consensus/publish/", crowd.PublishView.as_view()),
    path(f"{DATASET}consensus.<str:suffix>", crowd.ConsensusTable.as_view()),
    path(f"{DATASET}consensus/<str:table>.<str:suffix>", crowd.ConsensusTable.as_view()),
    path(f"{DATASET}consensus/<str:table>/", crowd.ConsensusTable.as_view()),
    path(f"{DATASET}label-issues/", issues_api.LabelIssuesView.as_view()),
    path(f"{DATASET}label-issues.<str:suffix>", issues_api.LabelIssuesTable.as_view()),
    path(f"{DATASET}label-issues/<str:table>.<str:suffix>", issues_api.LabelIssuesTable.as_view()),
    path(f"{DATASET}label-issues/<str:table>/", issues_api.LabelIssuesTable.as_view()),
]

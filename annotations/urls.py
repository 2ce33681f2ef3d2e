"""Addresses of annotation quality below /api/v1/."""

from django.urls import path

from annotations import api, issues_api
from annotations import consensus_api as crowd
from annotations import label_rows_api as rows
from catalog.rest.tables import or_table

DATASET = "datasets/<str:slug>/"
D = f"{DATASET}agreement/"

urlpatterns = [
    path(f"{DATASET}labels.csv", rows.LabelRows.as_view()),
    path(D, api.AgreementView.as_view()),
    path(f"{D}<str:table>.<str:suffix>", api.AgreementTable.as_view()),
    path(f"{D}<str:table>/", api.AgreementTable.as_view()),
    path(f"{DATASET}annotators/", or_table(crowd.AnnotatorsView, crowd.AnnotatorsTable)),
    path(f"{DATASET}annotators.<str:suffix>", crowd.AnnotatorsTable.as_view()),
    path(f"{DATASET}annotators/<str:table>.<str:suffix>", crowd.AnnotatorsTable.as_view()),
    path(f"{DATASET}annotators/<str:table>/", crowd.AnnotatorsTable.as_view()),
    path(f"{DATASET}consensus/", or_table(crowd.ConsensusView, crowd.ConsensusTable)),
    path(f"{DATASET}consensus/publish/", crowd.PublishView.as_view()),
    path(f"{DATASET}consensus.<str:suffix>", crowd.ConsensusTable.as_view()),
    path(f"{DATASET}consensus/<str:table>.<str:suffix>", crowd.ConsensusTable.as_view()),
    path(f"{DATASET}consensus/<str:table>/", crowd.ConsensusTable.as_view()),
    path(
        f"{DATASET}label-issues/", or_table(issues_api.LabelIssuesView, issues_api.LabelIssuesTable)
    ),
    path(f"{DATASET}label-issues.<str:suffix>", issues_api.LabelIssuesTable.as_view()),
    path(f"{DATASET}label-issues/<str:table>.<str:suffix>", issues_api.LabelIssuesTable.as_view()),
    path(f"{DATASET}label-issues/<str:table>/", issues_api.LabelIssuesTable.as_view()),
]

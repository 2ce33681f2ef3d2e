"""Addresses of the pages."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from audits import import_pages, pages, room_pages

app_name = "audits"
urlpatterns = [
    path("", pages.dataset_list, name="datasets"),
    path("datasets/<str:slug>/", pages.dataset_detail, name="dataset"),
    path("datasets/<str:slug>/quality/", room_pages.quality, name="quality"),
    path("datasets/<str:slug>/coverage/", room_pages.coverage, name="coverage"),
    path("datasets/<str:slug>/confidence/", room_pages.confidence, name="confidence"),
    path("datasets/<str:slug>/confidence/subgroup/", room_pages.subgroup, name="subgroup"),
    path("datasets/<str:slug>/activity/", room_pages.activity, name="activity"),
    path("datasets/<str:slug>/import/", import_pages.choose, name="import"),
    path("datasets/<str:slug>/import/<str:key>/", import_pages.imported, name="imported"),
    path("datasets/<str:slug>/figures/<str:name>.svg", room_pages.figure, name="figure"),
    path("datasets/<str:slug>/case/", room_pages.case, name="case"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]

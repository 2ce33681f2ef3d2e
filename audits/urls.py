"""Addresses of the pages."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from audits import pages

app_name = "audits"
urlpatterns = [
    path("", pages.dataset_list, name="datasets"),
    path("datasets/<str:slug>/", pages.dataset_detail, name="dataset"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]

"""Target populations in the admin: to be looked at, see :mod:`catalog.browsing`."""

from django.contrib import admin

from catalog.browsing import BrowseAdmin, linked
from coverage.models import Population, PopulationCell


@admin.register(Population)
class PopulationAdmin(BrowseAdmin):
    list_display = ("name", linked("dataset"), "of", "source", "year")
    search_fields = ("name", "source", "dataset__slug")
    list_filter = ("of", "year", "dataset")
    rows = ((PopulationCell, "population"),)


@admin.register(PopulationCell)
class PopulationCellAdmin(BrowseAdmin):
    list_display = ("__str__", linked("population"), "weight", linked("upload"))
    search_fields = ("values", "population__name")
    list_filter = ("population",)

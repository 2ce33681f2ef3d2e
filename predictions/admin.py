"""Models and predictions in the admin: to be looked at, see :mod:`catalog.browsing`."""

from django.contrib import admin

from catalog.browsing import BrowseAdmin, RowAdmin, linked
from catalog.models import Item
from predictions.models import ModelVersion, PredictionRow


@admin.register(PredictionRow)
class PredictionAdmin(RowAdmin):
    list_display = (
        "probabilities",
        linked("dataset"),
        linked("model"),
        linked("item"),
        "fold",
        "member",
        "split",
        linked("upload"),
    )
    search_fields = ("item__external_id__exact",)
    search_help_text = "The exact id of an item, as in the uploads."
    list_filter = ("split", "model", "dataset")
    key = ("model_id", "item_id", "member", "fold")
    named_by = ((Item, "item_id"),)


@admin.register(ModelVersion)
class ModelVersionAdmin(BrowseAdmin):
    list_display = ("name", "version", linked("dataset"), linked("question"), "scores")
    search_fields = ("name", "version", "dataset__slug", "question__name")
    list_filter = ("scores", "out_of_fold", "dataset")
    rows = ((PredictionRow, "model"),)

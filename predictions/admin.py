"""Models, predictions and features in the admin: to be looked at, see :mod:`catalog.browsing`."""

import uuid
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from catalog.browsing import BrowseAdmin, RowAdmin, linked
from catalog.models import Item
from predictions.models import (
    AdoptedMap,
    FeatureSet,
    FeatureVectorRow,
    ItemNoveltyRow,
    ModelVersion,
    PredictionRow,
)


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


@admin.register(FeatureSet)
class FeatureSetAdmin(BrowseAdmin):
    list_display = ("name", linked("dataset"), "width")
    search_fields = ("name", "dataset__slug")
    list_filter = ("dataset",)
    rows = ((FeatureVectorRow, "features"),)


@admin.register(FeatureVectorRow)
class FeatureVectorAdmin(RowAdmin):
    list_display = (
        "first",
        "width",
        linked("dataset"),
        linked("features"),
        linked("item"),
        linked("upload"),
    )
    search_fields = ("item__external_id__exact",)
    search_help_text = "The exact id of an item, as in the uploads."
    list_filter = ("features", "dataset")
    key = ("features_id", "item_id")
    named_by = ((Item, "item_id"),)


@admin.register(ItemNoveltyRow)
class ItemNoveltyAdmin(RowAdmin):
    list_display = (
        "p_values",
        "scores",
        "confidence",
        linked("dataset"),
        linked("run"),
        linked("item"),
    )
    search_fields = ("item__external_id__exact",)
    search_help_text = "The exact id of an item, as in the uploads."
    list_filter = ("dataset",)
    named_by = ((Item, "item_id"),)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        run, _, item = object_id.partition("_")
        try:
            key = {"run_id": uuid.UUID(run), "item_id": int(item)}
        except ValueError:
            return None
        rows = self.get_queryset(request).select_related(*self.list_select_related)
        return rows.filter(**key).first()


@admin.register(AdoptedMap)
class AdoptedMapAdmin(BrowseAdmin):
    """Maps that were chosen for what a model predicts later."""

    list_display = ("method", linked("model"), "version", "recommended", "adopted_at", "adopted_by")
    search_fields = ("model__name", "method", "adopted_by")
    list_filter = ("method", "recommended")
    hidden = ("seen",)

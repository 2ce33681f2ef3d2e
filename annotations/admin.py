"""Labels in the admin: to be looked at, see :mod:`catalog.browsing`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from annotations.models import LabelRow, RowBlock, SupersededLabel
from catalog.browsing import BrowseAdmin, RowAdmin, linked
from catalog.models import Annotator, Item


@admin.register(LabelRow)
class LabelAdmin(RowAdmin):
    list_display = (
        "value",
        linked("dataset"),
        linked("question"),
        linked("item"),
        linked("annotator"),
        "round",
        "status",
        "labelled_at",
        linked("upload"),
    )
    search_fields = ("item__external_id__exact",)
    list_filter = ("status", "question", "dataset")
    key = ("question_id", "item_id", "annotator_id", "round")
    named_by = ((Item, "item_id"), (Annotator, "annotator_id"))


@admin.register(SupersededLabel)
class SupersededLabelAdmin(BrowseAdmin):
    list_display = (
        "value",
        linked("question"),
        linked("item"),
        linked("annotator"),
        "round",
        "status",
        linked("upload"),
        linked("superseded_by"),
        "superseded_at",
    )
    search_fields = ("item__external_id__exact", "annotator__external_id__exact")
    search_help_text = "The exact id of an item or an annotator, as in the uploads."
    list_filter = ("status", "superseded_at", "question")

    @admin.display(description="value", empty_value="-")
    def value(self, row: Any) -> Any:
        """The earlier value as it was sent."""
        if row.code is None:
            return row.number
        question = row.question
        chosen = question.combinations if question.scale == "set" else question.values
        return chosen[row.code]


@admin.register(RowBlock)
class RowBlockAdmin(BrowseAdmin):
    """Parts of a table of items or labels; the API shows them as rows."""

    list_display = ("table", "number", linked("run"))
    search_fields = ("run__dataset__slug",)
    hidden = ("body",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("body")

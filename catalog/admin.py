"""The catalog in the admin; see :mod:`catalog.browsing` for what may be changed here, and why."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from catalog.access import Role
from catalog.browsing import BrowseAdmin, linked
from catalog.models import (
    Annotator,
    ApiToken,
    Attribute,
    ColumnBlock,
    Dataset,
    EarlierRow,
    Erasure,
    Item,
    Membership,
    Profile,
    ProfileCount,
    Question,
    ReferenceLabel,
    Run,
    Upload,
    UseCount,
    VersionChange,
    WorkerBeat,
)

admin.site.site_header = "Trust in data"
admin.site.site_title = "Trust in data"
admin.site.index_title = "Everything that is stored"


@admin.register(Dataset)
class DatasetAdmin(BrowseAdmin):
    list_display = ("slug", "name", "version", "min_cell", "created_at", linked("created_by"))
    search_fields = ("slug", "name", "description")
    list_filter = ("created_at",)
    editable = ("name", "description", "min_cell")
    rows = (
        (Membership, "dataset"),
        (Question, "dataset"),
        (Attribute, "dataset"),
        (Item, "dataset"),
        (Annotator, "dataset"),
        (Upload, "dataset"),
        (Run, "dataset"),
    )


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        fields = super().clean() or {}
        if is_last_owner(self.instance) and fields.get("role") != Role.OWNER:
            self.add_error("role", "This is the last owner; make another member owner first.")
        return fields


def is_last_owner(membership: Membership) -> bool:
    """Whether the data set would have no owner without this stored membership."""
    owners = Membership.objects.filter(dataset=membership.dataset_id, role=Role.OWNER)
    return (
        owners.filter(pk=membership.pk).exists() and not owners.exclude(pk=membership.pk).exists()
    )


@admin.register(Membership)
class MembershipAdmin(BrowseAdmin):
    form = MembershipForm
    list_display = ("__str__", linked("dataset"), linked("user"), "role", "annotator")
    search_fields = ("user__username", "dataset__slug", "annotator")
    list_filter = ("role", "dataset")
    raw_id_fields = ("dataset", "user")
    editable = ("dataset", "user", "role", "annotator")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = ["dataset", "user"] if obj else []
        return [*super().get_readonly_fields(request, obj), *fixed]

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return self.has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request) and (obj is None or not is_last_owner(obj))


@admin.register(Question)
class QuestionAdmin(BrowseAdmin):
    list_display = ("name", linked("dataset"), "scale", "values", "learned", "tie_rule")
    search_fields = ("name", "dataset__slug")
    list_filter = ("scale", "learned", "dataset")
    rows = ((ReferenceLabel, "question"),)


@admin.register(Attribute)
class AttributeAdmin(BrowseAdmin):
    list_display = (
        "name",
        "of",
        linked("dataset"),
        "kind",
        "sensitive",
        "purpose",
        "retention",
        "declared",
    )
    search_fields = ("name", "dataset__slug", "purpose")
    list_filter = ("of", "kind", "sensitive", "declared", "dataset")


@admin.register(Profile)
class ProfileAdmin(BrowseAdmin):
    list_display = ("__str__", "of", linked("dataset"))
    search_fields = ("values", "dataset__slug")
    list_filter = ("of", "dataset")
    rows = ((Item, "profile"), (Annotator, "profile"))


@admin.register(ProfileCount)
class ProfileCountAdmin(BrowseAdmin):
    """What coverage reads instead of counting items."""

    list_display = ("profile_id", linked("dataset"), "n")
    search_fields = ("=profile_id", "dataset__slug")
    list_filter = ("dataset",)


@admin.register(Item)
class ItemAdmin(BrowseAdmin):
    list_display = ("external_id", linked("dataset"), "group", linked("profile"))
    search_fields = ("external_id__startswith", "group__exact")
    search_help_text = "The beginning of an item's id, or a whole group."
    list_filter = ("dataset",)
    rows = ((ReferenceLabel, "item"),)


@admin.register(Annotator)
class AnnotatorAdmin(BrowseAdmin):
    list_display = ("external_id", linked("dataset"), linked("profile"))
    search_fields = ("external_id__startswith",)
    search_help_text = "The beginning of an annotator's id."
    list_filter = ("dataset",)


@admin.register(ReferenceLabel)
class ReferenceLabelAdmin(BrowseAdmin):
    list_display = (
        "__str__",
        linked("question"),
        linked("item"),
        "source",
        "code",
        "number",
        "tie",
        "confidence",
        linked("upload"),
    )
    search_fields = ("item__external_id__exact", "method")
    search_help_text = "The exact id of an item, or a method."
    list_filter = ("source", "tie", "question")


@admin.register(EarlierRow)
class EarlierRowAdmin(BrowseAdmin):
    """What uploads replaced, and what was withdrawn; earlier labels have a list of their own."""

    list_display = (
        "__str__",
        linked("dataset"),
        linked("upload"),
        linked("superseded_by"),
        "superseded_at",
        "restored_at",
    )
    search_fields = ("key__exact", "dataset__slug")
    search_help_text = "The number of a row, or the name of a data set."
    list_filter = ("of", "superseded_at", "dataset")


@admin.register(Erasure)
class ErasureAdmin(BrowseAdmin):
    """That annotators were erased; whom is not known any more."""

    list_display = ("id", linked("dataset"), "version", "erased_at", linked("requested_by"))
    search_fields = ("id__exact", "dataset__slug")
    list_filter = ("erased_at", "dataset")


@admin.register(Upload)
class UploadAdmin(BrowseAdmin):
    list_display = (
        "file_name",
        "kind",
        "subject",
        linked("dataset"),
        "state",
        "rows_read",
        "rows_rejected",
        "problem_count",
        "version",
        linked("uploaded_by"),
        "received_at",
    )
    search_fields = ("file_name", "sha256__startswith", "dataset__slug", "uploaded_by__username")
    list_filter = ("state", "kind", "dry_run", "dataset", "received_at")
    rows = ((Run, "upload"), (ReferenceLabel, "upload"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("problems", "warnings")


@admin.register(Run)
class RunAdmin(BrowseAdmin):
    list_display = (
        "id",
        "kind",
        "subject",
        linked("dataset"),
        "version",
        "state",
        "attempt",
        "failure",
        "created_at",
        "finished_at",
    )
    search_fields = ("id__exact", "kind", "subject", "failure", "dataset__slug")
    list_filter = ("state", "kind", "dataset", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("result")


@admin.register(ColumnBlock)
class ColumnBlockAdmin(BrowseAdmin):
    """Copies that analyses read; what they copy is shown as labels and predictions."""

    list_display = ("column", linked("dataset"), "of", "subject_id", "version", "number", "n_rows")
    search_fields = ("column", "of", "dataset__slug")
    list_filter = ("of", "column")
    hidden = ("body",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("body")


@admin.register(VersionChange)
class VersionChangeAdmin(BrowseAdmin):
    """What each version changed, so that copies need not be made anew."""

    list_display = ("version", linked("dataset"), "of", "subject_id")
    search_fields = ("of", "dataset__slug")
    list_filter = ("of",)
    hidden = ("items",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("items")


@admin.register(WorkerBeat)
class WorkerBeatAdmin(BrowseAdmin):
    list_display = ("name", "kind", "seen_at")
    search_fields = ("name",)
    list_filter = ("kind",)


@admin.register(UseCount)
class UseCountAdmin(BrowseAdmin):
    """Why somebody is told to come back in a minute."""

    list_display = ("what", "who", "minute", "n")
    search_fields = ("what", "who")
    list_filter = ("what",)


@admin.register(ApiToken)
class ApiTokenAdmin(BrowseAdmin):
    """Keys can be revoked here; they are made at /api/v1/tokens/ or by ``./trust token``."""

    list_display = ("name", linked("user"), "scope", "token_key", "created", "expiry")
    search_fields = ("name", "user__username", "token_key")
    list_filter = ("scope", "created", "expiry")
    hidden = ("digest",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)

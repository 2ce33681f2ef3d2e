"""The admin's manners: everything can be looked at, little can be changed.

A definition changed in the admin would skip the lock, the new version and the new runs that
:mod:`catalog.services` brings. So the admin shows, and only what no result depends on is edited
in it: who is a member, what a data set is called, which keys are revoked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import ForeignKey, JSONField, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from catalog.sizes import size_of

LONGEST_JSON = 20_000
Column = str | Callable[[Any], Any]


class ApproximatePaginator(Paginator):  # type: ignore[type-arg]
    """Pages of a table that may have millions of rows: beyond 10,000 the total is an estimate."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return size_of(rows).n


def link_to(target: Model | None) -> str:
    """A link to a row's own page in the admin."""
    if target is None:
        return "-"
    meta = target._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[target.pk])
    return format_html('<a href="{}">{}</a>', address, target)


def linked(name: str) -> Callable[[Any], str]:
    """A column that leads to the row that a foreign key points to."""

    @admin.display(description=name.replace("_", " "), ordering=name)
    def column(row: Any) -> str:
        return link_to(getattr(row, name))

    return column


def pretty(value: Any) -> str:
    """A JSON value, indented; a long one is cut and says so."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if len(text) > LONGEST_JSON:
        rest = len(text) - LONGEST_JSON
        text = f"{text[:LONGEST_JSON]}\n... {rest:,} more characters; the REST API gives them all."
    return format_html("<pre>{}</pre>", text)


def shown(name: str) -> Callable[[Any], str]:
    """A field of an object's page that holds JSON."""

    @admin.display(description=name.replace("_", " "))
    def field(row: Any) -> str:
        return pretty(getattr(row, name))

    return field


class BrowseAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Every row can be found, read and followed; none is added, changed or deleted.

    ``rows`` names the lists that an object's page leads to: model, and the field by which they
    are narrowed to this object.
    """

    paginator = ApproximatePaginator
    show_full_result_count = False
    list_per_page = 50
    actions = None
    editable: ClassVar[Sequence[str]] = ()
    hidden: ClassVar[Sequence[str]] = ()
    rows: ClassVar[Sequence[tuple[type[Model], str]]] = ()

    @property
    def list_select_related(self) -> list[str]:  # type: ignore[override]
        """Every foreign key, since its name stands in the list."""
        return [f.name for f in self.model._meta.fields if isinstance(f, ForeignKey)]

    @cached_property
    def _columns(self) -> dict[str, Column]:
        """Each field as its page shows it: JSON indented, all else as Django does."""
        return {
            field.name: shown(field.name) if isinstance(field, JSONField) else field.name
            for field in self.model._meta.fields
            if field.name not in self.hidden
        }

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self._columns.values(), *(["related_rows"] if self.rows and obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            *(column for name, column in self._columns.items() if name not in self.editable),
            "related_rows",
        ]

    @admin.display(description="leads to")
    def related_rows(self, obj: Any) -> str:
        """Links to the lists of what belongs to this row."""
        links = []
        for model, field in self.rows:
            meta = model._meta
            address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
            query = urlencode({f"{field}__exact": obj.pk})
            links.append((f"{address}?{query}", meta.verbose_name_plural))
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.editable) and _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _is_superuser(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.is_active and user.is_superuser)


class RowAdmin(BrowseAdmin):
    """Rows of a view over a table with a compound key; see ``LabelRow`` and ``PredictionRow``.

    Only the columns of the key have an index, so an object is looked up by its parts, and a
    search takes the exact name of an item or annotator and turns it into keys first.
    """

    key: ClassVar[Sequence[str]] = ()
    named_by: ClassVar[Sequence[tuple[type[Model], str]]] = ()
    search_help_text = "The exact id of an item or an annotator, as in the uploads."

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        parts = _whole_numbers(object_id)
        if parts is None or len(parts) != len(self.key):
            return None
        rows = self.get_queryset(request).select_related(*self.list_select_related)
        return rows.filter(**dict(zip(self.key, parts, strict=True))).first()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        for model, field in self.named_by:
            found = list(
                model._default_manager.filter(external_id=term).values_list("pk", "dataset_id")
            )
            if found:
                keys, datasets = zip(*found, strict=True)
                return queryset.filter(**{f"{field}__in": keys, "dataset_id__in": datasets}), False
        return queryset.none(), False


def _whole_numbers(key: str) -> list[int] | None:
    """The parts of a key such as ``3-12884901888-2-1``; the last may be negative."""
    parts = key.replace("--", "-~").split("-")
    try:
        return [-int(part[1:]) if part.startswith("~") else int(part) for part in parts]
    except ValueError:
        return None

"""Changes to data sets and their definitions, each in one transaction with its new version."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import Model, RestrictedError

from catalog import runs
from catalog.attributes import check_attribute
from catalog.definition_checks import check_spelling
from catalog.ingest.numbering import drop_items
from catalog.ingest.reprofiling import DECIDING, reprofile
from catalog.ingest.store import grow
from catalog.models import Attribute, Dataset, Membership, Question
from catalog.problems import Refusal

_WATCHED = ("values", *DECIDING)
M = TypeVar("M", bound=Model)


def create_dataset(user: Any, fields: dict[str, Any]) -> Dataset:
    """Create a data set, with its creator as owner."""
    try:
        with transaction.atomic():
            dataset = Dataset.objects.create(**fields, created_by=user)
            Membership.objects.create(dataset=dataset, user=user, role=Membership.Role.OWNER)
    except IntegrityError:
        raise Refusal(
            f"The name {fields['slug']!r} is taken; choose another slug.",
            code="name_taken",
            status=409,
            pointer="/slug",
        ) from None
    return dataset


def change(target: Model, fields: dict[str, Any]) -> None:
    """Set fields of a row and save it."""
    for name, value in fields.items():
        setattr(target, name, value)
    target.full_clean()
    target.save()


def delete_dataset(dataset: Dataset) -> None:
    """Delete a data set with everything in it."""
    dataset_id = dataset.pk
    with transaction.atomic():
        # An upload that is being stored ends first: it holds this lock, and rows to be deleted.
        with suppress(Dataset.DoesNotExist):
            lock(dataset)
        dataset.delete()
    drop_items(dataset_id)


def lock(dataset: Dataset) -> Dataset:
    """Hold the data set's lock until the transaction ends; uploads to it wait."""
    return Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)


def define(dataset: Dataset, model: type[M], fields: dict[str, Any]) -> M:
    """Add a definition (question, attribute, population, model) and make a new version."""
    try:
        with transaction.atomic():
            lock(dataset)
            definition = model(dataset=dataset, **fields)
            check_definition(definition)
            definition.save()
            grow(dataset, definitions=True)
    except IntegrityError:
        raise Refusal(
            f"There is already one named {fields.get('name')!r}; choose another name, "
            "or PATCH that one.",
            code="name_taken",
            status=409,
            pointer="/name",
        ) from None
    return definition


def redefine(dataset: Dataset, definition: Model, fields: dict[str, Any]) -> None:
    """Change a definition, make a new version, and measure again what depends on it."""
    with transaction.atomic():
        lock(dataset)
        before = {name: deepcopy(getattr(definition, name, None)) for name in _WATCHED}
        for name, value in fields.items():
            setattr(definition, name, value)
        _keep_codes(definition, before["values"] or [])
        if isinstance(definition, Question) and "values" in fields:
            definition.learned = False
        if isinstance(definition, Attribute) and "values" not in fields:
            _learn_mapped(definition)
        check_definition(definition)
        definition.save()
        if isinstance(definition, Attribute) and any(
            before[name] != getattr(definition, name) for name in DECIDING
        ):
            reprofile(definition, str(before["name"]))
        grow(dataset, definitions=True)
        runs.launch_standard(dataset, None)


def _learn_mapped(attribute: Attribute) -> None:
    """Of values that files brought: those that now mean another make room for it."""
    if attribute.declared or not attribute.values:
        return
    meant = [attribute.mapping.get(value, value) for value in attribute.values]
    codes = {str(code) for code in attribute.missing_codes}
    attribute.values = [value for value in dict.fromkeys(meant) if value not in codes]


def _keep_codes(definition: Model, before: list[Any]) -> None:
    """Stored labels are positions in the values: those may be added to, not moved or removed."""
    if not isinstance(definition, Question) or definition.is_numeric or not before:
        return
    if definition.values[: len(before)] != before:
        raise Refusal(
            f"Question {definition.name!r} has labels with the values {before}; "
            "add new values after them, and leave these as they are.",
            code="values_in_use",
            status=409,
            pointer="/values",
        )


def check_definition(definition: Model) -> None:
    """Refuse a definition that contradicts itself."""
    values = getattr(definition, "values", None)
    if isinstance(values, list):
        twice = sorted({str(v) for v in values if values.count(v) > 1})
        if twice:
            raise Refusal(
                f"The value {twice[0]!r} stands twice; name each value once.", pointer="/values"
            )
    check_spelling(definition)
    if isinstance(definition, Attribute):
        check_attribute(definition)


def remove(dataset: Dataset, definition: Model) -> None:
    """Delete a definition and make a new version; one that others build on stays."""
    try:
        with transaction.atomic():
            lock(dataset)
            definition.delete()
            grow(dataset, definitions=True)
            runs.launch_standard(dataset, None)
    except RestrictedError as error:
        users = sorted(f"{row._meta.verbose_name} {row}" for row in error.restricted_objects)
        more = f" and {len(users) - 5} more" if len(users) > 5 else ""
        raise Refusal(
            f"{definition} is used by {', '.join(users[:5])}{more}; delete those first.",
            code="in_use",
            status=409,
        ) from None


def add_member(dataset: Dataset, username: str, role: str, annotator: str) -> Membership:
    """Give a user a role in a data set; the user must exist."""
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Refusal(
            f"There is no user {username!r}; ./trust token {username} creates one.",
            code="unknown_user",
            pointer="/user",
        )
    if Membership.objects.filter(dataset=dataset, user=user).exists():
        raise Refusal(
            f"{username!r} is a member already; PATCH the membership to change the role.",
            code="name_taken",
            status=409,
            pointer="/user",
        )
    return Membership.objects.create(dataset=dataset, user=user, role=role, annotator=annotator)


def remove_member(membership: Membership) -> None:
    """Take a role away; a data set keeps at least one owner."""
    _keep_an_owner(membership)
    membership.delete()


def change_member(membership: Membership, fields: dict[str, Any]) -> None:
    """Change a member's role; a data set keeps at least one owner."""
    if fields.get("role", membership.role) != Membership.Role.OWNER:
        _keep_an_owner(membership)
    change(membership, fields)


def _keep_an_owner(membership: Membership) -> None:
    others = Membership.objects.filter(
        dataset=membership.dataset, role=Membership.Role.OWNER
    ).exclude(pk=membership.pk)
    if membership.role == Membership.Role.OWNER and not others.exists():
        raise Refusal(
            "This is the last owner; make another member owner first.",
            code="last_owner",
            status=409,
        )

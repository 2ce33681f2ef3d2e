"""Who may do what with a data set: the only door through which a user reaches one."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.db.models import QuerySet

from catalog.models import Dataset, Membership
from catalog.problems import Refusal

Role = Membership.Role


class May(StrEnum):
    """What a member may do with a data set; :data:`RIGHTS` says which role may what."""

    SEE = "see"
    READ_SUMMARY = "read_summary"
    READ_RESULTS = "read_results"
    UPLOAD_LABELS = "upload_labels"
    READ_ROWS = "read_rows"
    UPLOAD = "upload"
    DEFINE = "define"
    RUN = "run"
    MANAGE_MEMBERS = "manage_members"
    DELETE = "delete"


_CONTRIBUTOR = {May.SEE, May.READ_SUMMARY, May.UPLOAD_LABELS}
_AUDITOR = {May.SEE, May.READ_SUMMARY, May.READ_RESULTS}
_MANAGER = {*_CONTRIBUTOR, *_AUDITOR, May.READ_ROWS, May.UPLOAD, May.DEFINE, May.RUN}
RIGHTS: dict[str, set[May]] = {
    Role.CONTRIBUTOR: _CONTRIBUTOR,
    Role.AUDITOR: _AUDITOR,
    Role.MANAGER: _MANAGER,
    Role.OWNER: set(May),
}

# Whoever asks: a user or an anonymous one; which model it is, is the settings' business.
User = Any


def datasets_of(user: User) -> QuerySet[Dataset]:
    """The data sets that exist for this user, by slug."""
    if not user.is_authenticated:
        return Dataset.objects.none()
    return Dataset.objects.filter(memberships__user_id=user.pk).order_by("slug")


def membership_of(user: User, dataset: Dataset) -> Membership:
    """The user's membership in a data set that :func:`dataset_for` has already handed out."""
    return Membership.objects.get(dataset=dataset, user_id=user.pk)


def may(user: User, dataset: Dataset, right: May) -> bool:
    """Whether a member has a right; for showing and hiding, never instead of the door."""
    role = Membership.objects.filter(dataset=dataset, user_id=user.pk).values_list(
        "role", flat=True
    )
    return any(right in RIGHTS[r] for r in role)


def dataset_for(user: User, slug: str, may: May) -> Dataset:
    """The data set of that slug, if this user may do that with it.

    Raises
    ------
    Refusal
        404 when there is no such data set or the user is not a member (the same answer, so that
        names cannot be guessed); 403 when a member's role does not go that far.
    """
    row: Any = (
        Membership.objects.select_related("dataset")
        .filter(dataset__slug=slug, user_id=user.pk)
        .first()
        if user.is_authenticated
        else None
    )
    if row is None:
        raise Refusal(
            f"There is no data set {slug!r} that you can see; "
            "look at /api/v1/datasets/ for those that you can.",
            code="not_found",
            status=404,
        )
    if may not in RIGHTS[row.role]:
        able = sorted(role for role, rights in RIGHTS.items() if may in rights)
        raise Refusal(
            f"As {row.role} of {slug!r} you may not do this; it takes one of: {', '.join(able)}.",
            code="permission_denied",
            status=403,
        )
    found: Dataset = row.dataset
    return found

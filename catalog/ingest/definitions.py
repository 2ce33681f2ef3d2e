"""What files taught questions and attributes, and how a withdrawn file takes it back."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils import timezone

from catalog import kinds
from catalog.ingest import history
from catalog.models import Attribute, EarlierRow, Profile, Question, Upload


def undo(upload: Upload) -> None:
    """Take back attributes, values of attributes and values of questions that nothing uses now."""
    for earlier in history.remembered(upload, "attribute"):
        attribute = Attribute.objects.filter(pk=earlier.key, declared=False).first()
        if attribute is not None:
            _unlearn_attribute(attribute, earlier.row)
    for earlier in history.remembered(upload, "question"):
        question = Question.objects.filter(pk=earlier.key, learned=True).first()
        if question is not None:
            _unlearn_question(question, upload)


def _unlearn_attribute(attribute: Attribute, before: dict[str, Any]) -> None:
    """Drop values that came with the upload and that nobody has any more; then the attribute."""
    used = _values_in_use(attribute)
    known = set(before["values"])
    values = [value for value in attribute.values if value in known or value in used]
    spoken_of = history.is_spoken_of("attribute", attribute.name, attribute.dataset_id)
    if before["created"] and not values and not spoken_of:
        attribute.delete()
    elif values != attribute.values:
        attribute.values = values
        attribute.save(update_fields=["values"])


def _values_in_use(attribute: Attribute) -> set[str]:
    table = kinds.kept_table(attribute.of).table
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT p.values ->> %s FROM {Profile._meta.db_table} p "  # noqa: S608
            f"WHERE p.dataset_id = %s AND p.of = %s AND p.values ? %s "
            f"AND EXISTS (SELECT 1 FROM {table} t WHERE t.profile_id = p.id AND t.dataset_id = %s)",
            [
                attribute.name,
                attribute.dataset_id,
                attribute.of,
                attribute.name,
                attribute.dataset_id,
            ],
        )
        return {value for (value,) in cursor.fetchall()}


def _unlearn_question(question: Question, upload: Upload) -> None:
    """A question that learned its values from the upload, and has no answer left, forgets them.

    They are kept, since the codes of withdrawn labels are positions in them.
    """
    if history.is_spoken_of("question", question.pk, question.dataset_id):
        return
    EarlierRow.objects.create(
        dataset_id=question.dataset_id,
        of="question",
        key=question.pk,
        row={"values": question.values, "combinations": question.combinations},
        upload=upload,
        superseded_at=timezone.now(),
    )
    question.values, question.combinations, question.learned = [], [], False
    question.save(update_fields=["values", "combinations", "learned"])

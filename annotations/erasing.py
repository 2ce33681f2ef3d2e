"""What an annotator wrote in words goes when the annotator asks for it; the answers stay."""

from __future__ import annotations

from annotations.models import Label, SupersededLabel
from catalog.models import Annotator, Question


def clear_comments(person: Annotator) -> int:
    """Clear the comments of an annotator's labels, of today and of before; returns how many."""
    questions = Question.objects.filter(dataset=person.dataset_id).values_list("pk", flat=True)
    mine = {"question_id__in": list(questions), "annotator_id": person.pk}
    written = {**mine, "comment__isnull": False}
    return sum(
        model._default_manager.filter(**written).update(comment=None)
        for model in (Label, SupersededLabel)
    )

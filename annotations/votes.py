"""The votes on a question, as this room tells them to the others (``catalog.exchange``)."""

from __future__ import annotations

import numpy as np

from annotations.columnar import BASIC, label_columns
from catalog.exchange import Votes
from catalog.models import Question


def votes_on(question: Question) -> Votes | None:
    """How many annotators gave each value of the question to each item.

    One vote an annotator and item: the last round that was answered. Skipped and empty labels are
    no votes. ``None`` where nobody answered, or where the values are numbers or sets.
    """
    if question.is_numeric or question.scale == question.Scale.SET:
        return None
    columns = label_columns(question, BASIC).arrays
    item, annotator, code = (columns[name] for name in BASIC)
    if not len(item):
        return None
    # Rows come in the order of items, annotators and rounds, so the last of equals is the newest.
    last = np.append((item[1:] != item[:-1]) | (annotator[1:] != annotator[:-1]), True)
    items, place = np.unique(item[last], return_inverse=True)
    n_values = len(question.values)
    counts = np.bincount(place * n_values + code[last], minlength=len(items) * n_values)
    return Votes(
        items,
        counts.reshape(-1, n_values).astype(np.int32),
        tuple(str(value) for value in question.values),
    )

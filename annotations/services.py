"""Agreement runs: labels in, one result object out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from annotations.agreement import groups, periods, subgroups, tables
from annotations.agreement.conventions import conventions
from annotations.agreement.counting import all_labels
from annotations.agreement.headline import headline
from annotations.agreement.many_numbers import has_many_numbers, many_numbers
from annotations.agreement.work import begin, refuse_negative
from annotations.columnar import label_parts
from catalog.models import Question, Run
from measures.agreement import agreement, pairwise_agreement

MAX_PAIRS = 1000


def measure_agreement(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """How far the annotators of a question agree: overall, and wherever it can differ."""
    question = Question.objects.get(dataset=run.dataset, name=run.parameters["question"])
    parts = label_parts(question)
    rng = np.random.default_rng(int(run.digest[:16], 16))
    if question.is_numeric:
        columns = all_labels(question, parts)
        refuse_negative(question, columns.arrays["value"])
        if has_many_numbers(columns):
            return many_numbers(run, question, columns, rng)
    work = begin(run, question, parts, rng)
    weights = run.parameters["weights"]
    # Graded weights were not accepted for values without a stated order.
    domain = replace(work.domain, in_order=bool({*weights} - {"identity"}))
    overall = agreement(work.statistics, domain, weights=weights, **work.options)
    pairs = pairwise_agreement(
        work.identified, work.domain, ci_level=work.ci_level, max_pairs=MAX_PAIRS
    )
    return {
        **headline(work, overall),
        "conventions": conventions(question, work.resampled),
        "pairs": pairs.rows(),
        "n_pairs": pairs.n_pairs,
        "annotators": tables.annotator_rows(work),
        "values": tables.value_rows(work, overall),
        "subgroups": subgroups.subgroup_rows(work, should_stop),
        "cells": subgroups.cell_rows(work, should_stop),
        "groups": groups.group_rows(work, work.bearers.annotators, should_stop),
        **periods.period_parts(work, should_stop),
        "intra_annotator": periods.intra_annotator(work),
        "items": tables.item_rows(work),
        "second_opinion": tables.second_opinions(work, overall, pairs),
    }

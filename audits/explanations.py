"""One item over REST: how every figure about it came to be, as far as its reader may see."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from django.utils.module_loading import import_string

from audits.cases import case_page, item_of
from catalog import access
from catalog.access import May, User
from catalog.disclosure import level_for
from catalog.models import Dataset, Item, Run
from catalog.problems import Refusal
from catalog.queries import NUMBER_MASK
from predictions.models import ItemNovelty, ModelVersion

Row = dict[str, Any]
Rows = list[Row]


def explain(user: User, dataset: Dataset, name: str) -> Row:
    """What is known of an item, what was said of it, and what was made of that.

    An auditor sees no annotator, attribute or comment, and nothing of an item that stands in a
    small subgroup: what holds for its members would be told of few people.

    Raises
    ------
    Refusal
        404 where there is no such item; 403 where a subgroup of it is too small for an auditor.
    """
    item = item_of(dataset, name)
    is_lead = access.may(user, dataset, May.READ_ROWS)
    if not is_lead:
        _refuse_small_subgroup(dataset, item)
    page = case_page(dataset, item)
    return {
        "dataset": dataset.slug,
        "version": dataset.version,
        "disclosure": level_for(user, dataset),
        "item": item.external_id,
        "group": item.group if is_lead else None,
        "attributes": page["attributes"] if is_lead else [],
        "questions": [_answers(one, is_lead=is_lead) for one in page["answers"]],
        "models": [_model(item, one) for one in page["models"]],
        "novelty": _novelty(dataset, item),
    }


def _refuse_small_subgroup(dataset: Dataset, item: Item) -> None:
    items = Item.objects.filter(dataset=dataset)
    values = {} if item.profile is None else item.profile.values
    subgroups = [items.filter(profile__values__contains={name: values[name]}) for name in values]
    subgroups += [items.filter(group=item.group)] if item.group else []
    if any(rows[: dataset.min_cell].count() < dataset.min_cell for rows in subgroups):
        raise Refusal(
            f"Item {item.external_id!r} stands in a subgroup of fewer than {dataset.min_cell} "
            f"items, of which an auditor of {dataset.slug!r} sees no figures; ask a manager.",
            code="below_threshold",
            status=403,
        )


def _answers(part: Row, *, is_lead: bool) -> Row:
    """The labels of one question, what they were taken to mean, and what says otherwise."""
    decided = part["consensus"]
    return {
        "question": part["question"].name,
        "n_labels": part["n_labels"],
        "votes": _votes(part["labels"]),
        "labels": [_label(one) for one in part["labels"]] if is_lead else [],
        "superseded": [_label(one) for one in part["before"]] if is_lead else [],
        "consensus": decided and {name: decided[name] for name in decided if name != "item"},
        "consensus_run": _name_of(part["consensus_run"]),
        "references": [_reference(one) for one in part["references"]],
        "contradicted_by": [one["row"].source for one in part["contradicted"]],
        "place_in_queue": part["place"],
        "queue_length": part["queue_length"],
    }


def _votes(labels: Rows) -> Rows:
    """How many answered with each value; a set of values counts as one answer."""
    answered = [one["value"] for one in labels if one["value"] is not None]
    counts = Counter(json.dumps(value) for value in answered)
    return [{"value": json.loads(value), "n": n} for value, n in counts.most_common()]


def _label(one: Row) -> Row:
    row = one["row"]
    return {
        "annotator": one["annotator"],
        "value": one["value"],
        "status": one["status"],
        "round": row.round,
        "labelled_at": row.labelled_at,
        "confidence": row.confidence,
        "duration_ms": row.duration_ms,
        "comment": row.comment,
        "upload": row.upload_id,
    }


def _reference(one: Row) -> Row:
    row = one["row"]
    return {
        "source": row.source,
        "value": one["value"],
        "tie": row.tie,
        "method": row.method or None,
        "upload": row.upload_id,
        "run": row.run_id,
    }


def _name_of(run: Run | None) -> str | None:
    return None if run is None else str(run.pk)


def _model(item: Item, part: Row) -> Row:
    """What a model stated, row by row, and what calibration and conformal runs make of it."""
    model: ModelVersion = part["model"]
    number = item.pk & NUMBER_MASK
    # Statistics are imported by the first who asks, not by every web process.
    fitted = import_string("predictions.confidence.fitted_of")(model)
    made = import_string("predictions.confidence.confidence_rows")(model, fitted, [number])[0]
    return {
        "model": model.key,
        "question": model.question.name,
        "out_of_fold": model.out_of_fold,
        "rows": [
            {
                "member": one["row"].member,
                "fold": one["row"].fold if one["row"].fold >= 0 else None,
                "split": one["row"].split,
                "scores": dict(one["scores"]),
            }
            for one in part["rows"]
        ],
        **{name: made[name] for name in made if name != "item"},
        "recalibration": fitted.used[0],
    }


def _novelty(dataset: Dataset, item: Item) -> Rows:
    """How unlike its reference the item is, by each set of features that was looked at."""
    found = ItemNovelty.objects.filter(run__dataset=dataset, item=item).select_related("run")
    return [
        {
            "features": one.run.subject,
            "model": one.run.parameters.get("model"),
            "confidence": one.confidence,
            "p_values": one.p_values,
            "run": str(one.run_id),
        }
        for one in found.order_by("run__subject", "run__finished_at")
    ]

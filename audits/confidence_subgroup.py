"""The page about one subgroup's confidence: its own curve, errors and tests beside the whole's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from audits import cards, charts
from audits.confidence_findings import says_and_is, titles_of
from audits.evidence import Evidence
from audits.frames import PARAMETER, Frame
from catalog.models import Dataset
from catalog.problems import Refusal
from predictions.subgroup_api import asked_subgroup, result_of, subgroup_row

Row = dict[str, Any]
#: What the REST API has of one subgroup as a table.
TABLES = ("scores", "ece", "curve", "corp", "band", "other_libraries")


def subgroup_address(dataset: Dataset, model: str, attributes: dict[str, str]) -> str:
    """The page about one subgroup."""
    return f"{reverse('audits:subgroup', args=[dataset.slug])}?{_query(model, attributes)}"


def subgroup_page(frame: Frame) -> dict[str, Any]:
    """What is measured of one subgroup, with the whole's curve behind its own.

    Raises
    ------
    Refusal
        When no subgroup is named, or the result has none of that name.
    """
    context = frame.context()
    if frame.found is None or frame.found.run is None:
        return context
    said = frame.request.GET.get("subgroup")
    asked = None if said is None else asked_subgroup({"subgroup": said})
    if asked is None:
        raise Refusal(
            "The address must name a subgroup: follow a link of the page about the model.",
            code="invalid_parameter",
            pointer="subgroup",
        )
    result = result_of(frame.result, subgroup_row(frame.result, asked))
    titles = titles_of({**_by_adjusted_p(result), "subgroups": []}, {}, {})
    return context | {
        "card": _card(frame, frame.found, result),
        "attributes": asked,
        "about": f"&{urlencode({'subgroup': json.dumps(asked)})}",
        "sentence": says_and_is(result),
        "title": titles["curve"],
        "murphy": result["murphy"].get("uniform_10") or {},
        "others": result["other_libraries"],
        "detectable": result["detectable"] or {},
    }


def _card(frame: Frame, whole: Evidence, result: Row) -> cards.Card:
    """The subgroup's numbers as those of a model are shown, with their own addresses."""
    part = replace(whole, result={**result, "subgroups": []})
    card = cards.card_of(frame.dataset, part, frame.unfinished)
    base = f"/api/v1/datasets/{frame.dataset.slug}/calibration/"
    query = _query(frame.subject, result["subgroup"])
    card.api = f"{base}?{query}"
    card.tables = [(name.replace("_", " "), f"{base}{name}.csv?{query}") for name in TABLES]
    card.parts["figure"] = charts.reliability(result["curve"], behind=whole.result["curve"])
    return card


def _query(model: str, attributes: dict[str, str]) -> str:
    said = json.dumps(attributes, ensure_ascii=False)
    return urlencode({PARAMETER["calibration"]: model, "subgroup": said})


def _by_adjusted_p(result: Row) -> Row:
    """For sentences: what a test says after as many looks as there are subgroups."""
    cox = result["tests"]["cox"]
    test = {**cox["test"], "p_value": cox["test"].get("p_adjusted")}
    return {**result, "tests": {**result["tests"], "cox": {**cox, "test": test}}}

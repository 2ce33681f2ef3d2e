"""Weights over REST: what they cost and give, and the weight of each item."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import access
from catalog.access import May
from catalog.disclosure import withhold, withhold_small
from catalog.models import Dataset, Profile, Run
from catalog.problems import Refusal
from catalog.queries import is_out_of_date
from catalog.rest.queries import query_of
from catalog.rest.results import answer_result, finished_run
from catalog.rest.tables import (
    FILE,
    FORMATS,
    SPREADSHEET_SAFE,
    TableView,
    safe_cell,
    wanted_format,
)
from coverage.api import POPULATION
from coverage.populations import population_of
from coverage.serializers import WeightsSerializer

MAX_LISTED = 500
ROWS_AT_ONCE = 10_000


class WeightsView(APIView):
    """What weights to a population cost in precision, and the label rates they give."""

    serializer_class = WeightsSerializer

    @extend_schema(operation_id="coverage_weights_retrieve", parameters=[POPULATION])
    def get(self, request: Request, slug: str) -> Response:
        query = query_of(request, "population", in_pages=False)
        dataset = access.dataset_for(request.user, slug, may=May.READ_RESULTS)
        run = finished_run(request, dataset, "weights", _population(dataset, query))
        full = access.may(request.user, dataset, May.READ_ROWS)
        result = run.result or {}
        shown = {**result, "n_cells": len(result["cells"]), "cells": result["cells"][:MAX_LISTED]}
        if not full:
            shown = disclosed(shown, dataset.min_cell)
        return answer_result(request, dataset, run, shown)


class WeightsTable(TableView):
    """The weight of each item, as csv or ndjson; empty where the item has none."""

    @extend_schema(parameters=[POPULATION], responses=FILE)
    def get(self, request: Request, slug: str, suffix: str | None = None) -> HttpResponse:
        query = query_of(request, "population", in_pages=False)
        dataset = access.dataset_for(request.user, slug, may=May.READ_ROWS)
        form = wanted_format(request, suffix)
        if form not in _WRITERS:
            raise Refusal(
                f"Weights of items come as {' or '.join(_WRITERS)}, not as {form!r}.",
                code="unknown_format",
                status=404,
            )
        run = finished_run(request, dataset, "weights", _population(dataset, query))
        _check(dataset, run)
        # A streamed answer is not held in memory, however many items there are.
        rows = _WRITERS[form](_weights(dataset, run.result or {}))
        answer = StreamingHttpResponse(rows, content_type=FORMATS[form][0])
        answer["Content-Disposition"] = f'attachment; filename="weights.{form}"'
        answer["X-Content-Type-Options"] = "nosniff"
        if form == "csv":
            answer["X-Spreadsheet-Safe"] = SPREADSHEET_SAFE
        return answer  # type: ignore[return-value]


def disclosed(result: dict[str, Any], min_cell: int) -> dict[str, Any]:
    """The result for auditors: no cells, which say how many items each has or lacks."""
    rates = [
        one if min(value["n"] for value in one["values"]) >= min_cell else _withheld(one)
        for one in result["label_rates"]
        if one["values"]
    ]
    metrics = [
        one if one["reason"] or min(one["n"], one["n_weighted"]) >= min_cell else withhold(one)
        for one in result["model_metrics"]
    ]
    hidden = {"cells": [], "unreachable": [], "detail": "", "label_rates": rates}
    hidden |= {"model_metrics": metrics}
    return {**result, **hidden}


def _withheld(rates: dict[str, Any]) -> dict[str, Any]:
    """Rates add up to 1, so that one small value takes all of its question along."""
    values = [{"attributes": {"value": one["value"]}, **one, "n": 0} for one in rates["values"]]
    return {**rates, "values": withhold_small(values, 1)}


def _population(dataset: Dataset, query: dict[str, str]) -> str:
    return population_of(dataset, query.get("population"))


def _check(dataset: Dataset, run: Run) -> None:
    """Weights of an older version would be given to items that have changed since."""
    result = run.result or {}
    if result["reason"] is not None:
        raise Refusal(f"There are no weights: {result['detail']}", code="no_weights", status=409)
    if is_out_of_date(run):
        raise Refusal(
            f"The weights are those of version {run.version} and the data set is at "
            f"{dataset.version}; POST to runs/ with kind 'weights' and ask again.",
            code="stale",
            status=409,
        )


def _weights(dataset: Dataset, result: dict[str, Any]) -> Iterator[tuple[str, float | None]]:
    of = result["population"]["of"]
    profiles = dict(Profile.objects.filter(dataset=dataset, of=of).values_list("pk", "values"))
    factor = _factor_by_profile(result, profiles)
    design = result["design_weight"]
    bearers = dataset.items if of == "item" else dataset.annotators
    fields = ["external_id", "profile_id", *([] if design is None else ["numbers"])]
    rows = bearers.order_by("pk").values_list(*fields)
    for name, profile, *numbers in rows.iterator(chunk_size=ROWS_AT_ONCE):
        own = (numbers[0] or {}).get(design) if numbers else 1.0
        yield name, None if own is None or profile not in factor else factor[profile] * own


def _factor_by_profile(result: dict[str, Any], profiles: dict[int, Any]) -> dict[int, float]:
    """From a stored result: what the design weight of items of each profile is multiplied by."""
    names = result["population"]["attributes"]
    cells = {
        tuple(cell["attributes"][name] for name in names): cell["factor"]
        for cell in result["cells"]
    }
    keys = {pk: tuple(str(p.get(name)) for name in names) for pk, p in profiles.items()}
    return {pk: cells[key] for pk, key in keys.items() if key in cells}


def _as_csv(rows: Iterator[tuple[str, float | None]]) -> Iterator[str]:
    yield "item,weight\n"
    for chunk in _chunks(rows):
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows((safe_cell(name), "" if w is None else repr(w)) for name, w in chunk)
        yield out.getvalue()


def _as_ndjson(rows: Iterator[tuple[str, float | None]]) -> Iterator[str]:
    for chunk in _chunks(rows):
        lines = ({"item": name, "weight": weight} for name, weight in chunk)
        yield "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _chunks(
    rows: Iterator[tuple[str, float | None]],
) -> Iterator[list[tuple[str, float | None]]]:
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        yield chunk


_WRITERS = {"csv": _as_csv, "ndjson": _as_ndjson}

"""Runs about a model and a target population: their parameters, subject, and when they start."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from catalog import exchange
from catalog.models import Dataset, Run
from catalog.problems import Refusal
from predictions import queries
from predictions.parameters import resolver

KIND = "calibration-population"
_LONGEST = Run._meta.get_field("subject").max_length or 0


def resolve(dataset: Dataset, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The run's subject and all its parameters."""
    said = {name: value for name, value in parameters.items() if name != "population"}
    model, full = resolver(KIND)(dataset, said)
    name = known_population(dataset, parameters.get("population"), "/parameters/population")
    return subject_of(model, name), {**full, "population": name}


def standard(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """After any of what they rest on came in: one run for every model and population."""
    if upload_kind not in (None, "predictions", "reference-labels", "items", "population"):
        return
    models = [*queries.models_with_predictions(dataset), *queries.multilabel_models(dataset)]
    for population in exchange.populations(dataset) if models else ():
        yield from ({"model": model.key, "population": population} for model in models)


def subject_of(model: str, population: str) -> str:
    """What the results about a model in a population are kept under; long names are shortened."""
    whole = f"{model} for {population}"
    if len(whole) <= _LONGEST:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:16]
    return f"{whole[: _LONGEST - 17]} {digest}"


def known_population(dataset: Dataset, said: Any, pointer: str = "population") -> str:
    """The population that a client named, or the only one that items can be weighted to.

    Raises
    ------
    Refusal
        Where there is none of that name, or several and none was named.
    """
    known = exchange.populations(dataset)
    if said is None and len(known) == 1:
        return known[0]
    if said in known:
        return str(said)
    raise Refusal(
        f"population must be one that items can be weighted to, with cells and with attributes "
        f"that items have: {', '.join(known) or 'there is none yet'}; it is {said!r}.",
        code="unknown_population",
        pointer=pointer,
    )

"""What a run of this room may be told, and which start by themselves. Imports no statistics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from typing import Any

from catalog.models import Dataset, Run, Upload
from catalog.problems import Refusal
from predictions import queries
from predictions.models import ModelVersion

#: The parameters of each kind of run, and what they are where nothing is said.
DEFAULTS: dict[str, dict[str, Any]] = {
    "calibration": {
        "n_replicates": 1000,
        "ci_level": 0.95,
        "min_items": 20,
        "n_bins": 10,
        "depth": 1,
        "threshold": 0.5,
    },
    "calibration-votes": {
        "n_replicates": 1000,
        "ci_level": 0.95,
        "min_items": 20,
        "n_bins": 10,
        "depth": 1,
    },
    "conformal": {
        "n_replicates": 1000,
        "ci_level": 0.95,
        "min_items": 20,
        "alpha": 0.1,
        "target_risk": 0.05,
        "calibrate_on": "other_folds",
    },
    "calibration-population": {
        "threshold": 0.5,
        "n_replicates": 1000,
        "ci_level": 0.95,
        "min_items": 20,
        "n_bins": 10,
        "depth": 1,
    },
    "ensembles": {"n_replicates": 1000, "ci_level": 0.95, "min_items": 20, "n_subsets": 20},
    "expected-performance": {
        "n_replicates": 1000,
        "ci_level": 0.95,
        "min_items": 20,
        "min_labelled": 100,
        "assume_calibrated": False,
    },
}
#: The kinds that models of several labels an item have too.
OF_LABELS = ("calibration", "calibration-population", "conformal")
#: Cells of two attributes up to which a calibration run measures them where nobody asked.
MAX_UNASKED_CELLS = 60
#: Whole-number parameters and the range of each; replicates of many units need memory.
RANGES = {
    "n_replicates": (1, 5000),
    "min_items": (1, 1_000_000),
    "min_labelled": (20, 1_000_000),
    "n_bins": (1, 1000),
    "depth": (1, 3),
    "n_subsets": (1, 100),
}
#: What such a parameter may be instead of a number.
WORDS: dict[str, tuple[Any, ...]] = {"n_bins": ("cube_root",)}
#: Parameters that are one of a few words, or a yes or no.
CHOICES: dict[str, tuple[Any, ...]] = {
    "calibrate_on": ("other_folds", "validation"),
    "assume_calibrated": (False, True),
}
#: Fractions: from, below, and what they are.
FRACTIONS = {
    "threshold": (0.0, 1),
    "ci_level": (0.5, 1),
    "alpha": (0.001, 0.5),
    "target_risk": (0.001, 0.5),
}


Resolve = Callable[[Dataset, dict[str, Any]], tuple[str, dict[str, Any]]]


def resolver(kind: str) -> Resolve:
    """What turns a sender's parameters into the model's key and all parameters of the run."""
    return partial(_resolve, kind)


def _resolve(kind: str, dataset: Dataset, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    defaults = DEFAULTS[kind]
    if unknown := sorted(set(parameters) - {"model", *defaults}):
        raise Refusal(
            f"A {kind} run has no parameter {unknown[0]!r}; it has model, {', '.join(defaults)}.",
            code="unknown_parameter",
            pointer=f"/parameters/{unknown[0]}",
        )
    said = parameters.get("model")
    if not isinstance(said, str | None):
        raise Refusal(f"model must be a name; it is {said!r}.", pointer="/parameters/model")
    model = queries.model_of(dataset, said)
    check_kind(model, kind, "/parameters/model")
    full = {**defaults, **_depth(kind, model), **parameters, "model": model.key}
    for name in defaults:
        _check(name, full[name])
    return model.key, full


def check_kind(model: ModelVersion, kind: str, pointer: str = "model") -> None:
    """Refuse what is about one class an item where the model gives several labels.

    Raises
    ------
    Refusal
        Naming the kinds that there are.
    """
    if model.is_multilabel and kind not in OF_LABELS:
        raise Refusal(
            f"The model {model.key!r} gives several labels an item; a {kind} run needs one class "
            f"an item. Of such a model there are: {', '.join(OF_LABELS)}.",
            code="not_applicable",
            pointer=pointer,
        )


def _depth(kind: str, model: ModelVersion) -> dict[str, int]:
    """Two attributes deep, unless asked otherwise, where few enough cells can come of that."""
    if kind != "calibration" or model.is_multilabel:
        return {}
    sizes = [len(attribute.domain) for attribute in model.dataset.attributes.filter(of="item")]
    n_cells = sum(one * other for one, other in combinations(sizes, 2))
    return {"depth": 2} if n_cells <= MAX_UNASKED_CELLS else {}


def _check(name: str, given: Any) -> None:
    if name in RANGES and given not in WORDS.get(name, ()):
        low, high = RANGES[name]
        words = "".join(f" or {word!r}" for word in WORDS.get(name, ()))
        whole = isinstance(given, int) and not isinstance(given, bool) and low <= given <= high
        _need(name, given, whole, f"a whole number from {low} to {high:,}{words}")
    if name in CHOICES:
        known = [json.dumps(one) for one in CHOICES[name]]
        one_of = isinstance(given, str | bool) and json.dumps(given) in known
        _need(name, given, one_of, " or ".join(known))
    if name in FRACTIONS:
        least, below = FRACTIONS[name]
        inside = isinstance(given, float) and least <= given < below
        _need(name, given, inside, f"a fraction from {least} to below {below}")


def _need(name: str, given: Any, holds: bool, what: str) -> None:
    if not holds:
        raise Refusal(f"{name} must be {what}; it is {given!r}.", pointer=f"/parameters/{name}")


def standard(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """After predictions, reference labels or attributes came in: one run for every model."""
    if upload_kind in (None, "predictions", "reference-labels", "items"):
        for model in queries.models_with_predictions(dataset):
            yield {"model": model.key}


def standard_votes(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """After predictions, labels, reference labels or attributes came in, where there are labels."""
    if upload_kind in (None, "predictions", "labels", "reference-labels", "items"):
        # A withdrawn one changed the votes too: what was measured of them is out of date.
        came = (Upload.State.STORED, Upload.State.WITHDRAWN)
        has_labels = dataset.uploads.filter(kind="labels", state__in=came).exists()
        for model in queries.models_with_predictions(dataset) if has_labels else ():
            yield {"model": model.key}


def standard_calibration(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """The same, and one for every model of several labels an item."""
    yield from standard(dataset, upload_kind)
    if upload_kind in (None, "predictions", "reference-labels", "items"):
        for model in queries.multilabel_models(dataset):
            yield {"model": model.key}


def model_of_run(run: Run) -> ModelVersion:
    """The model that a run is about."""
    model = queries.find_model(run.dataset, run.parameters["model"])
    if model is None:
        raise Refusal(f"The model {run.parameters['model']!r} was deleted meanwhile.")
    return model

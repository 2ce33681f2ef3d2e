"""What a coverage run can be asked: its parameters, their ranges, and their defaults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog import exchange
from catalog.ingest.kinds import question_of
from catalog.models import Attribute, Dataset, Question, Upload
from catalog.problems import Refusal
from coverage import collection_parameters, pattern_parameters
from coverage.models import Population
from coverage.pattern_parameters import check_attributes, check_names, refuse
from coverage.queries import attributes_of, labelled_questions

DEFAULTS: dict[str, Any] = {
    "n_replicates": 1000,
    "ci_level": 0.95,
    "correction": "bh",
    "max_level": 2,
    "alpha": 0.01,
    "gap": 0.02,
    "ratio_low": 0.8,
    "ratio_high": 1.25,
    "assume_no_interaction": True,
    **pattern_parameters.THRESHOLD,
    "pattern_level": 3,
    "plan_level": 2,
    "attributes": None,
    "impossible": None,
    "costs": None,
    "supplies": None,
    "model": None,
    "unit": "items",
    "simultaneous": None,
    "label": None,
}
CORRECTIONS = ("bh", "holm")
_WHOLE = {"n_replicates": (100, 10_000), "max_level": (1, 3)}
_WHOLE |= {"pattern_level": (1, 40), "plan_level": (1, 5)}
_FRACTIONS = {"ci_level": (0.5, 0.9999), "alpha": (1e-9, 0.5), "gap": (0.0, 1.0)}
_FRACTIONS |= {"ratio_low": (0.5, 1.0), "ratio_high": (1.0, 2.0)}


WEIGHTS: dict[str, Any] = {"method": "auto", "bounds": None, "model": None}
DIVERGENCE: dict[str, Any] = {
    "min_items": 30,
    "min_support": 0.0,
    "max_level": 2,
    "alpha": 0.01,
    "attributes": None,
}
_SIMULTANEOUS = (None, "goodman", "sison_glaz")
_PARTS = ("split", "fold", "batch", "version", "part", "subset")
_METHODS = ("auto", "post_stratification", "raking")

STARTS_AFTER = {
    None: (Attribute.Of.ITEM, Attribute.Of.ANNOTATOR),
    "population": (Attribute.Of.ITEM, Attribute.Of.ANNOTATOR),
    "items": (Attribute.Of.ITEM,),
    "annotators": (Attribute.Of.ANNOTATOR,),
}


def resolve(dataset: Dataset, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The population and the full parameters of a coverage run."""
    population = known_population(dataset, parameters, "coverage", DEFAULTS)
    full = {**DEFAULTS, **parameters, "population": population.name}
    _check(full)
    attributes = attributes_of(dataset, population.of)
    check_attributes(full["attributes"], list(attributes))
    pattern_parameters.check_threshold(full, parameters, attributes)
    collection_parameters.check_rules(full, attributes)
    _check_counting(dataset, population, full)
    return population.name, full


def _check_counting(dataset: Dataset, population: Population, full: dict[str, Any]) -> None:
    """What is counted, with which intervals, and beside which label."""
    units = ("items", "groups") if population.of == Attribute.Of.ITEM else ("items",)
    if full["unit"] not in units:
        refuse("unit", " or ".join(units), full["unit"])
    if full["simultaneous"] not in _SIMULTANEOUS:
        refuse("simultaneous", "goodman, sison_glaz or null", full["simultaneous"])
    names = [question.name for question in labelled_questions(dataset)]
    if full["label"] is not None and (
        full["label"] not in names or population.of != Attribute.Of.ITEM
    ):
        listed = ", ".join(names) or "none yet"
        refuse("label", f"a question with reference labels of items ({listed})", full["label"])
    _check_model(dataset, full["model"])
    if full["label"] is not None and full["unit"] == "groups":
        refuse("label", "null where groups are counted, which can have several", full["label"])


def resolve_weights(dataset: Dataset, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The population and the full parameters of a run of weights."""
    population = known_population(dataset, parameters, "weights", WEIGHTS)
    full = {**WEIGHTS, **parameters, "population": population.name}
    if full["method"] not in _METHODS:
        refuse("method", f"one of {', '.join(_METHODS)}", full["method"])
    if full["bounds"] is not None and not _are_bounds(full["bounds"]):
        wanted = "the least and the greatest weight as multiples of the mean, like [0.2, 5]"
        refuse("bounds", wanted, full["bounds"])
    _check_model(dataset, full["model"])
    return population.name, full


def _check_model(dataset: Dataset, model: Any) -> None:
    """A model that has predicted a question of the data set, or none."""
    if model is not None:
        known = sorted({name for one in dataset.questions.all() for name in exchange.models(one)})
        if model not in known:
            listed = ", ".join(known) or "none yet"
            refuse("model", f"null, or a model with predictions ({listed})", model)


def _are_bounds(given: Any) -> bool:
    return (
        isinstance(given, list)
        and len(given) == 2
        and all(type(end) in (int, float) for end in given)
        and 0 <= given[0] <= 1 <= given[1]
    )


def standard_weights(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """As for coverage; labels and predictions, of which weights tell, are a reason too."""
    is_weighted = upload_kind in ("reference-labels", "predictions")
    yield from standard(dataset, "items" if is_weighted else upload_kind)


def resolve_missingness(dataset: Dataset, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The attributes that tell parts of the data set apart: those named like one by default."""
    check_names(parameters, "missingness", ["parts"])
    items = dataset.attributes.filter(of=Attribute.Of.ITEM).order_by("name")
    known = list(items.values_list("name", flat=True))
    parts = parameters.get("parts")
    if parts is None:
        return "", {"parts": [name for name in known if name.casefold() in _PARTS]}
    wanted = f"a list of some of {', '.join(known) or 'none yet'}"
    if not isinstance(parts, list) or any(name not in known for name in parts):
        refuse("parts", wanted, parts)
    if len(set(parts)) < len(parts):
        refuse("parts", f"{wanted}, each once", parts)
    return "", {"parts": parts}


def standard_missingness(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """After items or reference labels came in, or a definition changed."""
    if upload_kind in (None, "items", "reference-labels") and dataset.items.exists():
        yield {}


def resolve_divergence(dataset: Dataset, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The question and the full parameters of a run of divergence."""
    check_names(parameters, "divergence", ["question", *DIVERGENCE])
    question = question_of(dataset, parameters.get("question"), "/parameters/question")
    full = {**DIVERGENCE, **parameters, "question": question}
    for name, (low, high) in {"min_items": (1, 1_000_000), "max_level": (1, 4)}.items():
        if type(full[name]) is not int or not low <= full[name] <= high:
            refuse(name, f"a whole number from {low:,} to {high:,}", full[name])
    for name, (least, most) in {"min_support": (0.0, 1.0), "alpha": (1e-9, 0.5)}.items():
        if type(full[name]) not in (int, float) or not least <= full[name] <= most:
            refuse(name, f"a number from {least:g} to {most:g}", full[name])
    items = dataset.attributes.filter(of=Attribute.Of.ITEM).order_by("name")
    check_attributes(full["attributes"], list(items.values_list("name", flat=True)))
    return full["question"], full


def standard_divergence(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """After items or labels came in: every question that has some of one value out of a list."""
    if upload_kind not in (None, "items", "labels", "reference-labels"):
        return
    asked = {} if upload_kind == "labels" else {q.name: q for q in labelled_questions(dataset)}
    if dataset.attributes.filter(of=Attribute.Of.ITEM).exists():
        asked |= {q.name: q for q in _voted_questions(dataset)}
    for name in sorted(asked):
        yield {"question": name}


def _voted_questions(dataset: Dataset) -> list[Question]:
    """Questions that annotators answered with one value out of a list."""
    scales = (Question.Scale.NOMINAL, Question.Scale.ORDINAL)
    labelled = dataset.uploads.filter(kind="labels", state=Upload.State.STORED, dry_run=False)
    named = set(labelled.values_list("subject", flat=True))
    # A file with a column of questions has no one subject.
    asked = dataset.questions.filter(scale__in=scales)
    return [q for q in asked if q.name in named or "" in named]


def known_population(
    dataset: Dataset, parameters: dict[str, Any], kind: str, defaults: dict[str, Any]
) -> Population:
    """The population that a run is about; unknown parameters and populations are refused."""
    check_names(parameters, kind, ["population", *defaults])
    name = parameters.get("population")
    population = Population.objects.filter(dataset=dataset, name=name).first()
    if population is None:
        names = ", ".join(dataset.populations.values_list("name", flat=True)) or "none yet"
        raise Refusal(
            f"The data set has no population {name!r}; it has: {names}.",
            code="unknown_population",
            pointer="/parameters/population",
        )
    return population


def _check(full: dict[str, Any]) -> None:
    for name, (low, high) in _WHOLE.items():
        if type(full[name]) is not int or not low <= full[name] <= high:
            refuse(name, f"a whole number from {low:,} to {high:,}", full[name])
    for name, (least, most) in _FRACTIONS.items():
        # JSON has one kind of number: 1 is as good as 1.0.
        if type(full[name]) not in (int, float) or not least <= full[name] <= most:
            refuse(name, f"a number from {least:g} to {most:g}", full[name])
    if full["correction"] not in CORRECTIONS:
        refuse("correction", "bh (Benjamini-Hochberg) or holm", full["correction"])
    if type(full["assume_no_interaction"]) is not bool:
        refuse("assume_no_interaction", "true or false", full["assume_no_interaction"])


def standard(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """After items, annotators or targets came in, or a definition changed: every population."""
    populations = dataset.populations.filter(of__in=STARTS_AFTER.get(upload_kind, ()))
    for population in populations.order_by("name"):
        rows = dataset.items if population.of == Attribute.Of.ITEM else dataset.annotators
        if population.margins and rows.exists():
            yield {"population": population.name}

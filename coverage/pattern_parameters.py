"""What can be asked about uncovered patterns, of a run of its own or beside a population."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog.models import Attribute, Dataset
from catalog.problems import Refusal
from coverage.queries import attributes_of, labelled_questions

THRESHOLD: dict[str, Any] = {
    "min_items": 30,
    "min_share": None,
    "half_width": None,
    "expected_share": 0.5,
    "ranges": False,
}
PATTERNS: dict[str, Any] = {
    "of": "item",
    "question": None,
    "attributes": None,
    **THRESHOLD,
    "max_level": None,
}
_REASONS = ("min_items", "min_share", "half_width")
_OPEN = {"min_share": (0.0, 1.0), "half_width": (0.001, 0.5)}


def resolve(dataset: Dataset, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Whose patterns are looked for, and the full parameters."""
    check_names(parameters, "patterns", list(PATTERNS))
    full = {**PATTERNS, **parameters}
    if full["of"] not in Attribute.Of.values:
        refuse("of", " or ".join(Attribute.Of.values), full["of"])
    attributes = attributes_of(dataset, full["of"])
    check_attributes(full["attributes"], list(attributes))
    check_threshold(full, parameters, attributes)
    level = full["max_level"]
    if level is not None and (type(level) is not int or not 1 <= level <= 40):
        refuse("max_level", "a whole number from 1 to 40, or null for as deep as can be", level)
    _check_question(dataset, full)
    return subject_of(full["of"], full["question"]), full


def subject_of(of: str, question: str | None) -> str:
    """What a run of patterns is about: items, annotators, or items by their label."""
    return of if question is None else f"{of} by {question}"


def standard(dataset: Dataset, upload_kind: str | None) -> Iterator[dict[str, Any]]:
    """After items or annotators came in, or a definition changed: the patterns of each."""
    starts = {"items": ["item"], "annotators": ["annotator"], None: ["item", "annotator"]}
    for of in starts.get(upload_kind, []):
        bearers = dataset.items if of == Attribute.Of.ITEM else dataset.annotators
        if dataset.attributes.filter(of=of).exists() and bearers.exists():
            yield {"of": of}


def check_threshold(
    full: dict[str, Any], given: dict[str, Any], attributes: dict[str, Attribute]
) -> None:
    """One threshold, by count, share or precision; ranges of attributes that have an order."""
    n = full["min_items"]
    if type(n) is not int or not 1 <= n <= 1_000_000:
        refuse("min_items", "a whole number from 1 to 1,000,000", n)
    for name, (above, most) in _OPEN.items():
        value = full[name]
        if value is not None and (type(value) not in (int, float) or not above < value <= most):
            refuse(name, f"null, or a number above {above:g} and at most {most:g}", value)
    if full["half_width"] == 0.5:
        refuse("half_width", "below 0.5, which any share is within", 0.5)
    said = [name for name in _REASONS if given.get(name) is not None]
    if len(said) > 1:
        wanted = f"left out where {said[0]} is given: a threshold has one reason"
        refuse(said[1], wanted, full[said[1]])
    expected = full["expected_share"]
    if type(expected) not in (int, float) or not 0 < expected < 1:
        refuse("expected_share", "a number above 0 and below 1", expected)
    _check_ranges(full["ranges"], attributes)


def _check_ranges(ranges: Any, attributes: dict[str, Attribute]) -> None:
    if type(ranges) is bool:
        return
    kinds = {name: attribute.kind for name, attribute in attributes.items()}
    known = [name for name, kind in kinds.items() if kind != Attribute.Kind.CATEGORICAL]
    wanted = f"true, false, or a list of attributes with an order ({', '.join(known) or 'none'})"
    if not isinstance(ranges, list) or any(name not in known for name in ranges):
        refuse("ranges", wanted, ranges)
    if len(set(ranges)) < len(ranges):
        refuse("ranges", f"{wanted}, each once", ranges)


def check_names(parameters: dict[str, Any], kind: str, known: list[str]) -> None:
    """Refuse a parameter that this kind of run does not have."""
    if unknown := sorted(set(parameters) - set(known)):
        raise Refusal(
            f"A {kind} run has no parameter {unknown[0]!r}; it has {', '.join(known)}.",
            code="unknown_parameter",
            pointer=f"/parameters/{unknown[0]}",
        )


def check_attributes(names: Any, known: list[str]) -> None:
    """Refuse attributes that are not there, or named twice; ``None`` means all."""
    if names is None:
        return
    listed = ", ".join(known) or "none yet"
    if not isinstance(names, list) or not names or any(name not in known for name in names):
        refuse("attributes", f"a list of some of {listed}", names)
    if len(set(names)) < len(names):
        refuse("attributes", f"a list of some of {listed}, each once", names)


def refuse(name: str, wanted: str, got: Any) -> None:
    """Say which parameter is wrong, what it should be and what it is."""
    raise Refusal(f"{name} must be {wanted}; it is {got!r}.", pointer=f"/parameters/{name}")


def _check_question(dataset: Dataset, full: dict[str, Any]) -> None:
    if full["question"] is None:
        return
    names = [question.name for question in labelled_questions(dataset)]
    if full["question"] not in names or full["of"] != Attribute.Of.ITEM:
        listed = ", ".join(names) or "none yet"
        refuse(
            "question", f"a question with reference labels of items ({listed})", full["question"]
        )

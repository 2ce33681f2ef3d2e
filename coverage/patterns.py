"""Runs of the kind ``patterns``: every subgroup that lacks items, of any label too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catalog.models import Run
from coverage import queries
from coverage.adequacy import summary_of
from coverage.uncovered import Uncovered, ordered_domains, search
from measures.coverage.patterns import UncoveredPatterns

MAX_DENSE = 20_000_000
MAX_UNASKED = 5_000_000
"""Patterns that are counted where nobody said how deep to look, as after every upload."""
MAX_STORED = 50_000


def measure_patterns(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Maximal uncovered patterns, possibly and certainly so, as short rows of numbers.

    A result can have tens of thousands; ``pattern_rows`` puts into words what is asked for.
    """
    asked = run.parameters
    attributes = queries.attributes_of(run.dataset, asked["of"])
    counts, label = queries.count_of_profiles(run.dataset, asked["of"]), None
    names = asked["attributes"]
    domains = queries.domains_of(attributes, counts)
    if asked["question"] is not None:
        question = run.dataset.questions.get(name=asked["question"])
        counts, label = queries.counts_with_label(question)
        domains = queries.domains_of(attributes, counts)
        domains[label] = [str(value) for value in question.values]
    wanted = list(domains) if names is None else [*names, *([] if label is None else [label])]
    used = {name: domains[name] for name in wanted if domains.get(name)}
    result = {
        "of": asked["of"],
        "question": asked["question"],
        "label_attribute": label,
        "attributes": list(used),
        "n_items": sum(counts.n),
        "conventions": CONVENTIONS,
    }
    if not used:
        return result | {"summary": None, "axes": [], "possible": [], "certain": []}
    cube = queries.cube_of(counts, ordered_domains(attributes, used))
    most = MAX_UNASKED if asked["max_level"] is None else MAX_DENSE
    found = search(cube, attributes, asked | {"level": asked["max_level"]}, max_nodes=most)
    return result | {
        "summary": summary_of(found),
        "axes": [
            {"name": axis.attribute.name, "nodes": list(axis.nodes)} for axis in found.possible.axes
        ],
        "possible": _stored(found, found.possible),
        # Without unknown values both are one list, which is not stored twice.
        "certain": _stored(found, found.certain) if found.has_unknown else None,
    }


def _stored(found: Uncovered, patterns: UncoveredPatterns) -> list[list[int]]:
    """Each pattern as its counts, without and with unknown values, then attribute and node."""
    first = patterns.foremost(limit=MAX_STORED)
    # What the search itself counted is not counted again.
    upper = first.n if patterns is found.certain else found.with_unknown(first)
    lower = first.n if patterns is found.possible else found.known(first)
    anything = [axis.any for axis in first.axes]
    return [
        [n, most, *(x for j, node in enumerate(row) if node < anything[j] for x in (j, node))]
        for n, most, row in zip(lower.tolist(), upper.tolist(), first.nodes.tolist(), strict=True)
    ]


CONVENTIONS = {
    "pattern": "fixes some attributes to a value, a group of values or a range of them; uncovered "
    "with fewer items than the threshold, maximal when everything one step more general has enough "
    "(Asudeh, Jin and Jagadish 2019)",
    "level": "attributes that are fixed; max_level says how deep was looked",
    "possible": "counting items whose values are known",
    "certain": "counting an item with an unknown value for every value it might have",
    "threshold": "min_items; or min_share of all items; or as many as estimate a share of "
    "expected_share within half_width, by Wilson's interval",
    "order": "the most general first, then what lacks most",
}

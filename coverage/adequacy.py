"""Whether every subgroup has enough items, whatever the population: uncovered patterns."""

from __future__ import annotations

from typing import Any

from catalog.models import Attribute
from coverage.pattern_rows import in_words
from coverage.queries import ProfileCounts, Values, cube_of
from coverage.uncovered import Uncovered, ordered_domains, search, threshold_of
from measures.coverage.target import Target

MAX_LISTED = 500
MAX_DENSE = 5_000_000


def adequacy(
    counts: ProfileCounts,
    domains: Values,
    target: Target,
    parameters: dict[str, Any],
    attributes: dict[str, Attribute],
) -> dict[str, Any]:
    """Uncovered patterns over the attributes that have values, ranked by what the target lacks."""
    names = parameters["attributes"] or list(domains)
    used = {name: domains[name] for name in names if domains.get(name)}
    if not used:
        threshold = threshold_of(parameters, sum(counts.n))
        summary = {"threshold": threshold.n, "why": threshold.why, "attributes": []}
        nothing = {"max_level": 0, "n_patterns": 0, "per_level": {}, "n_certain": 0}
        return {"uncovered_summary": summary | nothing, "uncovered_patterns": []}
    found = search(
        cube_of(counts, ordered_domains(attributes, used)),
        attributes,
        parameters | {"level": parameters["pattern_level"]},
        max_nodes=MAX_DENSE,
    )
    return {
        "uncovered_summary": summary_of(found) | {"attributes": list(used)},
        "uncovered_patterns": _listed(found, target),
    }


def summary_of(found: Uncovered) -> dict[str, Any]:
    """The threshold and how many patterns there are, possibly and certainly, by level."""
    return {
        "threshold": found.possible.threshold.n,
        "why": found.possible.threshold.why,
        "max_level": found.possible.max_level,
        "n_patterns": len(found.possible.n),
        "per_level": {str(level): n for level, n in found.possible.per_level().items()},
        "n_certain": len(found.certain.n),
        "certain_per_level": {str(level): n for level, n in found.certain.per_level().items()},
    }


def _listed(found: Uncovered, target: Target) -> list[dict[str, Any]]:
    needed = found.possible.threshold.n
    first = found.possible.foremost(limit=MAX_LISTED, target=target)
    return [
        {
            **pattern.as_dict(),
            "n_with_unknown": upper,
            "certain": upper < needed,
            "words": in_words(pattern.attributes, pattern.n, upper, needed),
        }
        for pattern, upper in zip(
            first.in_words(target=target), found.with_unknown(first).tolist(), strict=True
        )
    ]

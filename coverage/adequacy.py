"""Whether every subgroup has enough items, whatever the population: uncovered patterns."""

from __future__ import annotations

from typing import Any

from coverage.queries import ProfileCounts, Values, cube_of
from measures.coverage.patterns import Pattern, UncoveredPatterns, count_threshold
from measures.coverage.patterns import uncovered_patterns as maximal_uncovered
from measures.coverage.target import Target

MAX_LISTED = 500
MAX_PATTERNS = 2_000_000
MAX_DENSE = 5_000_000


def adequacy(
    counts: ProfileCounts, domains: Values, target: Target, parameters: dict[str, Any]
) -> dict[str, Any]:
    """Uncovered patterns over the attributes that have values, ranked by what the target lacks."""
    names = parameters["attributes"] or list(domains)
    used = {name: domains[name] for name in names if domains.get(name)}
    threshold = count_threshold(parameters["min_items"])
    summary: dict[str, Any] = {"threshold": threshold.n, "attributes": list(used)}
    if not used:
        nothing = {"max_level": 0, "n_patterns": 0, "per_level": {}}
        return {"uncovered_summary": summary | nothing, "uncovered_patterns": []}
    level = affordable_level([len(values) for values in used.values()], parameters["pattern_level"])
    found = maximal_uncovered(
        cube_of(counts, used), threshold, max_level=level, max_nodes=MAX_DENSE
    )
    summary |= {
        "max_level": level,
        "n_patterns": len(found.n),
        "per_level": {str(level): n for level, n in found.per_level().items()},
    }
    return {
        "uncovered_summary": summary,
        "uncovered_patterns": _in_words(found, target),
    }


def affordable_level(sizes: list[int], wanted: int) -> int:
    """The deepest level, up to the wanted one, down to which all patterns can be looked at."""
    of_level = [1] + [0] * wanted
    for size in sizes:
        for level in range(wanted, 0, -1):
            of_level[level] += of_level[level - 1] * size
    deepest, total = 1, of_level[1]
    while deepest < min(wanted, len(sizes)) and total + of_level[deepest + 1] <= MAX_PATTERNS:
        deepest += 1
        total += of_level[deepest]
    return deepest


def _in_words(found: UncoveredPatterns, target: Target) -> list[dict[str, Any]]:
    return [
        {**pattern.as_dict(), "words": _words(pattern, found.threshold.n)}
        for pattern in found.in_words(limit=MAX_LISTED, target=target)
    ]


def _words(pattern: Pattern, needed: int) -> str:
    subgroup = " & ".join(f"{name}={value}" for name, value in pattern.attributes.items())
    return f"{subgroup or 'everything'}: {pattern.n:,} of {needed:,} needed"

"""What is unknown and whether that says something; parts of the data set beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Attribute, Run
from catalog.queries import group_codes, item_subgroups, newest_result
from coverage import queries
from measures.coverage.association import cramers_v, leakage, missing_patterns
from measures.coverage.cube import Cube
from measures.intervals import proportion
from measures.multiplicity import benjamini_hochberg

MAX_PATTERNS = 200
MAX_GROUPS = 20
MAX_VALUES = 50
"""Values of an attribute up to which it is compared with others; beyond, cells are too thin."""
NEVER = 5
"""Items that a label should have by proportion before its absence is worth a sentence."""
ALPHA, SHIFT = 0.01, 0.1
Rng = np.random.Generator
Row = dict[str, Any]


def measure_missingness(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Unknown values by attribute, subgroup and label; balance and leakage between parts."""
    counts = queries.count_of_profiles(run.dataset, Attribute.Of.ITEM)
    attributes = queries.attributes_of(run.dataset, Attribute.Of.ITEM)
    met = {n: v for n, v in queries.domains_of(attributes, counts).items() if v}
    cube = queries.cube_of(counts, met) if met else None
    rng = np.random.default_rng(int(run.digest[:16], 16))
    labelled = {q.name: queries.labelled_profiles(q) for q in _questions(run)}
    parts = [name for name in run.parameters["parts"] if name in met]
    result: dict[str, Any] = {
        "n_items": sum(counts.n),
        "attributes": [] if cube is None else _shares(cube),
        "patterns": [] if cube is None else _patterns(cube),
        "subgroups": [] if cube is None else _adjusted(list(_by_subgroup(cube, rng))),
        "labels": [] if cube is None else _adjusted(list(_by_label(labelled, list(met), rng))),
        "balance": [] if cube is None else _adjusted(list(_balance(cube, parts, labelled, rng))),
        "leakage": [_leakage(run, part) for part in parts],
        "conventions": CONVENTIONS,
    }
    result["values"] = {} if cube is None else _margins(cube)
    result["drift"] = _drift(run, result["values"])
    return result


def _questions(run: Run) -> list[Any]:
    return queries.labelled_questions(run.dataset)


def _shares(cube: Cube) -> list[Row]:
    rows = []
    for name in cube.names:
        n = int(cube.table([name])[-1])
        share = proportion(n, cube.n_items).as_dict()
        rows.append({"attribute": name, "n_missing": n, "share": share})
    return sorted(rows, key=lambda row: (-row["n_missing"], row["attribute"]))


def _patterns(cube: Cube) -> list[Row]:
    return [
        {"missing": list(names), "n": n, "share": n / max(cube.n_items, 1)}
        for names, n in missing_patterns(cube)[:MAX_PATTERNS]
    ]


def _margins(cube: Cube) -> dict[str, dict[str, int]]:
    """How many items have each value: what a later version is compared with."""
    return {
        attribute.name: dict(
            zip(attribute.values, cube.table([attribute.name])[:-1].tolist(), strict=True)
        )
        for attribute in cube.attributes
        if len(attribute.values) <= MAX_VALUES
    }


def _by_subgroup(cube: Cube, rng: Rng) -> Iterator[Row]:
    """For each attribute with unknown values, how their share differs with each other one."""
    for name in cube.names:
        if not cube.table([name])[-1]:
            continue
        for other in cube.attributes:
            if other.name == name or len(other.values) > MAX_VALUES:
                continue
            table = cube.table([name, other.name])[:, :-1]
            missing, n = table[-1], table.sum(axis=0)
            yield {
                "attribute": name,
                "by": other.name,
                "values": [
                    {"value": value, "n": int(b), "share": proportion(int(a), int(b)).as_dict()}
                    for value, a, b in zip(other.values, missing, n, strict=True)
                ],
                "cramers_v": cramers_v([missing, n - missing], rng=rng).as_dict(),
            }


def _by_label(
    labelled: dict[str, queries.LabelledProfiles], names: list[str], rng: Rng
) -> Iterator[Row]:
    """For each question and attribute, whether an unknown value goes with the label."""
    for question, profiles in labelled.items():
        for name in names:
            is_missing = np.array([name not in profile for profile in profiles.values])
            missing, known = profiles.n[is_missing].sum(axis=0), profiles.n[~is_missing].sum(axis=0)
            if not missing.sum():
                continue
            yield {
                "question": question,
                "attribute": name,
                "n_missing": int(missing.sum()),
                "n_known": int(known.sum()),
                "values": [
                    {
                        "value": label,
                        "missing": proportion(int(a), int(missing.sum())).as_dict(),
                        "known": proportion(int(b), int(known.sum())).as_dict(),
                    }
                    for label, a, b in zip(profiles.labels, missing, known, strict=True)
                ],
                "cramers_v": cramers_v([missing, known], rng=rng).as_dict(),
                "smallest_cell": int(min(missing.min(), known.min())),
                "words": in_words(name, profiles.labels, missing, known),
            }


def in_words(
    name: str, labels: list[str], missing: NDArray[np.int64], known: NDArray[np.int64]
) -> str:
    """The plainest sentence about items without a value, where their labels are one-sided."""
    n, total = int(missing.sum()), missing + known
    expected = n * total / max(int(total.sum()), 1)
    if (total > 0).sum() < 2:
        return ""
    if (missing > 0).sum() == 1 and (expected[missing == 0] >= NEVER).any():
        only = labels[int(np.argmax(missing))]
        return f"All {n:,} items without {name} are {only}."
    never = [labels[i] for i in np.flatnonzero((missing == 0) & (expected >= NEVER))]
    return f"None of the {n:,} items without {name} is {' or '.join(never)}." if never else ""


def _balance(
    cube: Cube, parts: list[str], labelled: dict[str, queries.LabelledProfiles], rng: Rng
) -> Iterator[Row]:
    """For each split or batch, whether its parts have the same attributes and labels."""
    for part in parts:
        own = cube.attribute(part).values
        for other in cube.attributes:
            if other.name not in parts and len(other.values) <= MAX_VALUES:
                # Unknown is a value here: parts can differ in what is known of their items.
                table = cube.table([part, other.name])[:-1]
                yield _compared(
                    part, own, "attribute", other.name, [*other.values, None], table, rng
                )
        for question, profiles in labelled.items():
            place = [str(profile.get(part)) for profile in profiles.values]
            rows = [profiles.n[[at == value for at in place]].sum(axis=0) for value in own]
            yield _compared(part, own, "question", question, profiles.labels, np.array(rows), rng)


def _compared(
    part: str, own: Any, kind: str, name: str, values: list[Any], table: NDArray[np.int64], rng: Rng
) -> Row:
    n = table.sum(axis=1)
    shares = table / np.maximum(n, 1)[:, None]
    filled = shares[n > 0]
    # The largest distance between two parts: half the sum of absolute differences.
    apart = [float(np.abs(filled - one).sum(axis=1).max()) / 2 for one in filled]
    return {
        "by": part,
        kind: name,
        "total_variation": max(apart, default=None),
        "parts": [
            {
                "part": value,
                "n": int(size),
                "shares": dict(zip(map(_shown, values), row.tolist(), strict=True)),
            }
            for value, size, row in zip(own, n, shares, strict=True)
        ],
        "cramers_v": cramers_v(table, rng=rng).as_dict(),
        "smallest_cell": int(table.min()) if table.size else 0,
    }


def _shown(value: str | None) -> str:
    return "(unknown)" if value is None else value


def _adjusted(rows: list[Row]) -> list[Row]:
    """Rows with p-values adjusted over the list, and a verdict in a word."""
    p = [row["cramers_v"].get("p_value") for row in rows]
    adjusted = benjamini_hochberg([np.nan if one is None else one for one in p])
    for row, value in zip(rows, adjusted, strict=True):
        number = row["cramers_v"]
        if number["value"] is None or value is None:
            row["verdict"] = "not_estimable"
            continue
        number["p_adjusted"] = value
        differs = value <= ALPHA and number["value"] >= SHIFT
        row["verdict"] = "differs" if differs else "no_evidence"
    return rows


def _leakage(run: Run, part: str) -> Row:
    """Groups, such as patients, that have items in more than one part."""
    subgroups = item_subgroups(run.dataset, names=[part])
    groups = group_codes(run.dataset)
    found = leakage(groups, subgroups.codes[part][: groups.size])
    first = np.flatnonzero(np.isin(groups, found.split))
    _, at = np.unique(groups[first], return_index=True)
    numbers = (run.dataset.pk << 32 | first[at[:MAX_GROUPS]]).tolist()
    names = run.dataset.items.filter(pk__in=numbers).order_by("pk").values_list("group", flat=True)
    return {
        "by": part,
        "n_groups": found.n_groups,
        "n_groups_in_several": found.n_split,
        "n_items_in_them": found.n_items_split,
        "groups": [name for name in names if name is not None],
        "verdict": "leaks" if found.n_split else "no_leak",
    }


def _drift(run: Run, now: dict[str, dict[str, int]]) -> dict[str, Any]:
    """How far each attribute has moved since the version that was measured before this one."""
    before = newest_result(run.dataset, "missingness", "")
    if before is None or before.version >= run.version or not before.result:
        return {"since_version": None, "attributes": []}
    rows = []
    for name, earlier in before.result["values"].items():
        n_before, n_now = sum(earlier.values()), sum(now.get(name, {}).values())
        if not n_before or not n_now:
            continue
        values = {*earlier, *now[name]}
        moved = sum(abs(now[name].get(v, 0) / n_now - earlier.get(v, 0) / n_before) for v in values)
        rows.append(
            {
                "attribute": name,
                "total_variation": moved / 2,
                "n_before": n_before,
                "n_now": n_now,
            }
        )
    ordered = sorted(rows, key=lambda row: (-row["total_variation"], row["attribute"]))
    return {"since_version": before.version, "attributes": ordered}


CONVENTIONS = {
    "share": "of items whose value is unknown; interval: Wilson",
    "cramers_v": "of the table of counts, in [0, 1]; p_value: chi-squared, simulated with 2,000 "
    "tables where a cell expects fewer than 5; p_adjusted: Benjamini-Hochberg over the list. Items "
    "are taken as independent: where groups have several, the test is too sure",
    "verdict": f"differs: p_adjusted at most {ALPHA} and Cramer's V at least {SHIFT}",
    "words": f"said where a label that should have {NEVER} items by proportion has none",
    "total_variation": "half the sum of absolute differences of shares, in [0, 1]; between parts, "
    "of the two that lie farthest apart, unknown being a value",
    "leakage": "groups with items in two parts or more; an item without a group is one of its own",
    "drift": "since the newest earlier version with such a result; most items are in both, so "
    "that no test applies",
}

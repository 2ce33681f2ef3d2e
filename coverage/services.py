"""Coverage runs: profiles and a target population in, one result object out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from catalog.models import Run
from catalog.problems import Refusal
from coverage import queries
from coverage.adequacy import adequacy
from coverage.collecting import composition_of, plan_of
from coverage.material import Material, described, material_of
from measures.coverage.cells import Correction, Rules
from measures.coverage.representation import Representation, family_of, representation

_CORRECTIONS = {"bh": Correction.BENJAMINI_HOCHBERG, "holm": Correction.HOLM}


def rules_of(parameters: dict[str, Any], target_n: int | None = None) -> Rules:
    """The parameters, and the size of a sampled target, in the words of the measure."""
    return Rules(
        level=parameters["ci_level"],
        alpha=parameters["alpha"],
        gap=parameters["gap"],
        ratio_low=parameters["ratio_low"],
        ratio_high=parameters["ratio_high"],
        correction=_CORRECTIONS[parameters["correction"]],
        max_ways=parameters["max_level"],
        n_resamples=parameters["n_replicates"],
        simultaneous=parameters["simultaneous"],
        target_n=target_n,
    )


def measure_coverage(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Whether the data set has the target's composition, where not, and what to collect."""
    work = material_of(run)
    found = _representation(work)
    shown = found.as_dict()
    result = {
        "population": described(work),
        **shown,
        "n_counted": found.overall.n_items,
        "target_lacking": _lacking(work),
        "placed": work.placed.placed,
        "warnings": _warnings(work),
        "conventions": _conventions(work),
    }
    result |= adequacy(work.counts, work.domains, work.target, work.parameters, work.attributes)
    result["label_patterns"] = _label_patterns(run, work)
    if should_stop():
        # Nobody will read it: the run was cancelled, and planning takes longest.
        return result
    result["collection_plan"] = plan_of(work) | {"to_target": composition_of(found)}
    return result


def _label_patterns(run: Run, work: Material) -> dict[str, Any] | None:
    """Subgroups that lack items of a label, where a question was asked for."""
    if work.parameters["label"] is None:
        return None
    question = run.dataset.questions.get(name=work.parameters["label"])
    counts, name = queries.counts_with_label(question)
    domains = work.domains | {name: [str(value) for value in question.values]}
    names = work.parameters["attributes"]
    asked = work.parameters | {"attributes": None if names is None else [*names, name]}
    found = adequacy(counts, domains, work.target, asked, work.attributes)
    rows = [row for row in found["uncovered_patterns"] if name in row["attributes"]]
    return {"attribute": name, "threshold": work.parameters["min_items"], "patterns": rows}


def _representation(work: Material) -> Representation:
    """The measure's answer, with the full joint beside the smaller attribute sets."""
    shared = [name for name in work.target.names if name in work.domains]
    if not shared:
        raise Refusal(
            f"The population {work.population.name!r} has {', '.join(work.target.names)}, none of "
            f"which is an attribute of {work.population.of}s; upload those attributes first.",
            code="attribute_missing",
        )
    # An attribute that no item has yet still has cells: those of the target, all empty.
    domains = {name: work.domains[name] or list(work.target.values(name)) for name in shared}
    cube = queries.cube_of(work.counts, domains)
    rules = rules_of(work.parameters, work.population.sample_size)
    found = representation(cube, work.target, rng=work.rng, rules=rules)
    is_joint = work.population.kind == "joint"
    if is_joint and len(shared) > rules.max_ways and found.overall.n_cells <= rules.max_cells:
        whole = family_of(cube, work.target, shared, rules)
        return replace(found, families=(*found.families, whole))
    return found


def _lacking(work: Material) -> list[dict[str, Any]]:
    """Values that the target has and nobody in the data set."""
    met = queries.values_met(work.counts, work.domains)
    lacking = []
    for name in work.target.names:
        shares, _ = work.target.shares([name])
        for place, value in enumerate(work.target.values(name)):
            if value not in met.get(name, ()):
                share = None if shares is None else float(shares[place])
                lacking.append({"attributes": {name: value}, "n": 0, "target_share": share})
    return lacking


def _warnings(work: Material) -> list[str]:
    said = [
        f"{name}: the values {', '.join(values[:10])} of the population lie in no one band."
        for name, values in work.placed.unplaced.items()
    ]
    met = queries.values_met(work.counts, work.domains)
    said += [
        f"{name}: no value of the data set is one that the population knows; declare bands for "
        "numbers, or say in the population's mapping which values are the same."
        for name in work.target.names
        if met.get(name) and not set(met[name]) & set(work.target.values(name))
    ]
    if work.placed.weight_missing:
        said.append("Cells with a missing code were left out of the population's shares.")
    if work.n_differing:
        said.append(
            f"{work.n_differing:,} groups have items that differ in attributes; each counts with "
            "the values of its first item."
        )
    return said


def _conventions(work: Material) -> dict[str, str]:
    correction = {"bh": "Benjamini-Hochberg", "holm": "Holm"}[work.parameters["correction"]]
    counted = "group" if work.parameters["unit"] == "groups" else work.population.of
    return {
        "n": f"{counted}s whose values are known to the data set and to the target; "
        "the others are counted in missing and outside_target",
        "overall": "over all attributes of the target together"
        + ("" if work.population.kind == "joint" else ", which its margins state only one by one"),
        "basis": "given: the target states the share; assumes_no_interaction: it is fitted to the "
        "target's margins",
        "total_variation": "half the sum of absolute differences of shares, in [0, 1]",
        "jensen_shannon": "divergence (not its square root) with base-2 logarithms, in [0, 1]",
        "asmd": "|p - q| / sqrt(q (1 - q)): the mean over the values of an attribute; overall, the "
        "mean over attributes",
        "psi": "natural logarithms; half an item is added to every cell if one is empty",
        "chi_squared": "Pearson's statistic over cells with a target share",
        "noise": "noise_floor is the mean, noise_high the upper limit, of the distance when as "
        "many items are drawn from the target itself",
        "interval": "shares: Wilson, below 30 items Clopper-Pearson, or simultaneous over a set of "
        "attributes where asked for; the target taken as exact, or, with a sample_size, with its "
        "own Wilson interval (gap: Newcombe; ratio: Donner and Zou; test: two-sample score); "
        "distances: basic bootstrap, seeded by the run",
        "p_adjusted": f"{correction}, within each set of attributes",
        "gap": "share minus target share, as a fraction",
        "ratio": "share over target share; an empty cell has ratio 0 with an upper bound",
        "deficit_at_fixed_n": "items that others should have given to this cell at the present n",
        "topup_no_removal": "items to add, removing none, until every cell has its target share",
        "status": "gap: significant at alpha and beyond the practical margins; "
        "insufficient_evidence: too few to say; not_estimable: nothing to compare",
        "uncovered_patterns": "maximal: fewer items than the threshold, while everything more "
        "general has enough. n counts known values; n_with_unknown also the items that might "
        "belong, and certain says that even they are too few",
        "collection_plan": "items so that every subgroup of up to plan_level attributes has "
        "min_items; one item fills every subgroup it belongs to; lower_bound: no plan is cheaper. "
        "to_target is another question: items that others should have given (deficit_at_fixed_n), "
        "or that are to be added with none given up (topup_no_removal), for the target's shares",
        "precision": "half_width: of Wilson's interval of a share of expected_share, with the "
        "subgroup's items, and with those of the plan that are sure to belong to it",
        "calibration": "overconfidence: mean confidence minus accuracy of a model; its half_width "
        "is z s / sqrt(n), s of the whole below 10 items; n_more: items with reference labels "
        "until it is that of the plan",
    }

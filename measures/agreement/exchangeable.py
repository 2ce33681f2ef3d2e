"""Coefficients that do not ask who labelled, for every replicate at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from measures.agreement import formulas, standard_errors
from measures.agreement.formulas import Computed
from measures.agreement.patterns import AgreementStatistics
from measures.agreement.plan import EXCHANGEABLE, Coefficient, Plan
from measures.agreement.resampling import Draws
from measures.agreement.scales import FloatArray
from measures.agreement.sums import (
    PatternMoments,
    Sums,
    blocked_moments,
    pattern_moments,
    summed,
)


def planned_moments(statistics: AgreementStatistics, plan: Plan) -> PatternMoments:
    """What one item of each pattern adds to the sums that the plan needs."""
    wanted = plan.ordinal and any(one.weights == "ordinal" for one in plan.coefficients)
    return pattern_moments(statistics.patterns, plan.weights, plan.distances, ordinal=wanted)


def exchangeable_points(
    statistics: AgreementStatistics, plan: Plan, moments: PatternMoments
) -> dict[str, Computed]:
    """Each coefficient of the plan on the items as they are, one replicate."""
    times = statistics.multiplicity.astype(np.float64)[None, :]
    sums = summed(moments, times)
    return {one.key: computed(one, plan, sums) for one in _chosen(plan)}


def exchangeable_replicates(
    plan: Plan, moments: PatternMoments, draws: Draws
) -> dict[str, FloatArray]:
    """Each coefficient of the plan on resampled items (or clusters), by replicate."""
    chunks: dict[str, list[FloatArray]] = {one.key: [] for one in _chosen(plan)}
    if draws.blocks is not None:
        moments = blocked_moments(moments, draws.blocks)
    for times in draws:
        sums = summed(moments, times)
        for one in _chosen(plan):
            chunks[one.key].append(computed(one, plan, sums).value)
    return {key: np.concatenate(parts) for key, parts in chunks.items() if parts}


def computed(coefficient: Coefficient, plan: Plan, sums: Sums) -> Computed:
    """One coefficient of the plan from sums."""
    name = coefficient.weights
    if coefficient.formula == "alpha":
        return formulas.krippendorff_alpha(sums, name, plan.distances.get(name))
    if coefficient.formula == "percent":
        return formulas.percent_agreement(sums, name)
    return _FORMULAS[coefficient.formula](sums, name, plan.weights[name])


def exchangeable_se(
    coefficient: Coefficient, statistics: AgreementStatistics, plan: Plan, value: float
) -> float | None:
    """Analytic standard error; None where there is none (clusters, data-dependent distances)."""
    if statistics.clustered:
        return None
    patterns, times = statistics.patterns, statistics.multiplicity
    name = coefficient.weights
    if coefficient.formula == "alpha":
        distance = plan.distances.get(name)
        return None if distance is None else standard_errors.alpha_se(patterns, times, distance)
    if coefficient.formula == "percent":
        return standard_errors.percent_se(patterns, times, plan.weights[name])
    rule = _STANDARD_ERRORS[coefficient.formula]
    return rule(patterns, times, plan.weights[name], value=value)


def _chosen(plan: Plan) -> list[Coefficient]:
    return [one for one in plan.coefficients if one.formula in EXCHANGEABLE and plan.applies(one)]


_FORMULAS = {
    "fleiss": formulas.fleiss_kappa,
    "brennan_prediger": formulas.brennan_prediger,
    "gwet": formulas.gwet_ac,
}
_STANDARD_ERRORS = {
    "fleiss": standard_errors.fleiss_se,
    "brennan_prediger": standard_errors.brennan_prediger_se,
    "gwet": standard_errors.gwet_se,
}

SE_METHODS: Mapping[str, str] = {
    "percent": "item_mean",
    "fleiss": "gwet_2014",
    "brennan_prediger": "gwet_2014",
    "gwet": "gwet_2014",
    "alpha": "gwet_2014",
    "conger": "gwet_2014",
    "cohen": "fleiss_cohen_everitt_1969",
    "cohen_mean": "grouped_jackknife",
    "scott": "gwet_2014_two_annotators",
}

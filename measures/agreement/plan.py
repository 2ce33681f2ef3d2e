"""Which coefficients are asked of a question, by which key, and on what distances or weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from measures.agreement.distances import (
    default_metric,
    default_weights,
    distance_matrix,
    weight_matrix,
)
from measures.agreement.scales import Domain, FloatArray, Scale

# Formulas that need label counts only, and formulas that need to know who labelled.
EXCHANGEABLE = ("percent", "fleiss", "brennan_prediger", "gwet", "alpha")
PAIRWISE = ("cohen", "scott")


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One requested number: its key in the results, its formula, and its weights or metric."""

    key: str
    formula: str
    weights: str


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The coefficients of one question with the matrices they need.

    Parameters
    ----------
    coefficients : tuple of Coefficient
    weights : dict of str to array of shape (K, K)
        Named credits that exist for the values.
    distances : dict of str to array of shape (K, K)
        Named fixed distances that exist for the values.
    ordinal : bool
        Whether the ordinal distance exists.
    """

    coefficients: tuple[Coefficient, ...]
    weights: Mapping[str, FloatArray]
    distances: Mapping[str, FloatArray]
    ordinal: bool

    def applies(self, coefficient: Coefficient) -> bool:
        """Whether the coefficient has a meaning for the declared values."""
        if coefficient.formula != "alpha":
            return coefficient.weights in self.weights
        if coefficient.weights == "ordinal":
            return self.ordinal
        return coefficient.weights in self.distances


def plan_coefficients(domain: Domain, extra_weights: Sequence[str]) -> Plan:
    """The standard coefficients of a question, and the weighted variants asked for by name.

    Parameters
    ----------
    domain : Domain
    extra_weights : sequence of str
        Names of weights, such as ``"quadratic"``.

    Raises
    ------
    ValueError
        When a name is unknown.
    """
    names = {"identity", "linear", "quadratic", default_weights(domain.scale), *extra_weights}
    weights = {name: weight_matrix(domain, name) for name in sorted(names)}
    metrics = ["nominal", "interval", "ratio", default_metric(domain.scale)]
    metrics += ["jaccard", "masi"] if domain.scale is Scale.SET else []
    distances = {
        name: distance_matrix(domain, name) for name in dict.fromkeys(metrics) if name != "ordinal"
    }
    for name in extra_weights:
        credit = weights[name]
        distances[f"weighted_{name}"] = None if credit is None else 1.0 - credit
    return Plan(
        coefficients=_standard(domain) + weighted_coefficients(extra_weights),
        weights={name: matrix for name, matrix in weights.items() if matrix is not None},
        distances={name: matrix for name, matrix in distances.items() if matrix is not None},
        ordinal=domain.ordered,
    )


def subgroup_plan(domain: Domain) -> Plan:
    """The coefficients shown for every subgroup: those that need label counts only."""
    metric = default_metric(domain.scale)
    keys = ("percent_agreement", "fleiss_kappa", "krippendorff_alpha", "gwet_ac1")
    chosen = tuple(one for one in _standard(domain) if one.key in keys) + tuple(
        one for one in _standard(domain) if one.key == "krippendorff_alpha_nominal"
    )
    distances = {name: distance_matrix(domain, name) for name in {"nominal", metric} - {"ordinal"}}
    identity = weight_matrix(domain, "identity")
    return Plan(
        coefficients=chosen,
        weights={} if identity is None else {"identity": identity},
        distances={name: matrix for name, matrix in distances.items() if matrix is not None},
        ordinal=domain.ordered,
    )


def _standard(domain: Domain) -> tuple[Coefficient, ...]:
    metric = default_metric(domain.scale)
    alphas = ["nominal", "ordinal", "interval", "ratio"]
    alphas += ["jaccard", "masi"] if domain.scale is Scale.SET else []
    alphas += ["circular"] if domain.scale is Scale.CIRCULAR else []
    return (
        Coefficient("percent_agreement", "percent", "identity"),
        Coefficient("cohen_kappa", "cohen", "identity"),
        Coefficient("cohen_kappa_linear", "cohen", "linear"),
        Coefficient("cohen_kappa_quadratic", "cohen", "quadratic"),
        Coefficient("cohen_kappa_mean_pairwise", "cohen_mean", "identity"),
        Coefficient("scott_pi", "scott", "identity"),
        Coefficient("fleiss_kappa", "fleiss", "identity"),
        Coefficient("conger_kappa", "conger", "identity"),
        Coefficient("brennan_prediger", "brennan_prediger", "identity"),
        Coefficient("gwet_ac1", "gwet", "identity"),
        Coefficient("gwet_ac2", "gwet", default_weights(domain.scale)),
        Coefficient("krippendorff_alpha", "alpha", metric),
        *(Coefficient(f"krippendorff_alpha_{name}", "alpha", name) for name in alphas),
    )


def weighted_coefficients(names: Sequence[str]) -> tuple[Coefficient, ...]:
    """The coefficients that these weights are asked for."""
    formulas = {
        "percent_agreement": "percent",
        "scott_pi": "scott",
        "fleiss_kappa": "fleiss",
        "conger_kappa": "conger",
        "brennan_prediger": "brennan_prediger",
        "gwet_ac2": "gwet",
    }
    planned = []
    for name in dict.fromkeys(names):
        for key, formula in formulas.items():
            planned.append(Coefficient(f"{key}_{name}", formula, name))
        if name not in ("linear", "quadratic"):
            planned.append(Coefficient(f"cohen_kappa_{name}", "cohen", name))
        planned.append(
            Coefficient(f"krippendorff_alpha_weighted_{name}", "alpha", f"weighted_{name}")
        )
    return tuple(planned)

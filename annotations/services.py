"""Agreement runs: labels in, one result object out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations import queries
from annotations.parameters import DEFAULTS
from catalog.models import Attribute, Dataset, Question, Run
from catalog.queries import Subgroups, item_subgroups
from measures.agreement import (
    Agreement,
    AgreementStatistics,
    Domain,
    agreement,
    agreement_statistics,
    declare_domain,
)
from measures.agreement.annotators import annotator_agreement
from measures.agreement.benchmarks import benchmark_by_replicates
from measures.agreement.items import item_disagreement
from measures.agreement.numeric import numeric_agreement, numeric_statistics
from measures.agreement.pairs import PairTable, pairwise_agreement
from measures.agreement.second_opinion import second_opinion
from measures.agreement.subgroups import Labels, subgroup_agreement
from measures.agreement.two_annotators import paradox_indices
from measures.agreement.values import value_agreement
from measures.estimates import Estimate, Reason, undefined

MAX_VALUES = 200
MAX_PAIRS = 1000
MAX_ITEMS = 100
Numbers = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class _Work:
    """What every part of a result is computed from."""

    question: Question
    labels: queries.LabelArrays
    code: NDArray[np.int64]
    domain: Domain
    statistics: AgreementStatistics
    rng: np.random.Generator
    n_replicates: int
    ci_level: float

    @property
    def options(self) -> dict[str, Any]:
        return {"rng": self.rng, "n_replicates": self.n_replicates, "ci_level": self.ci_level}


def measure_agreement(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """How far the annotators of a question agree: overall, by pair, annotator, value, subgroup."""
    question = Question.objects.get(dataset=run.dataset, name=run.parameters["question"])
    labels = queries.read_labels(question)
    rng = np.random.default_rng(int(run.digest[:16], 16))
    if question.is_numeric and len(np.unique(labels.number)) > MAX_VALUES:
        return _measure_many_numbers(run, question, labels, rng)
    code, domain = _coded(question, labels)
    statistics = agreement_statistics(labels.item, labels.annotator, code, n_values=domain.size)
    work = _Work(
        question,
        labels,
        code,
        domain,
        statistics,
        rng,
        run.parameters["n_replicates"],
        run.parameters["ci_level"],
    )
    overall = agreement(statistics, domain, **work.options)
    pairs = pairwise_agreement(statistics, domain, ci_level=work.ci_level, max_pairs=MAX_PAIRS)
    return {
        **_headline(question, overall, domain),
        "pairs": [
            {
                "annotators": list(pair.annotators),
                "n_items": pair.n_items,
                **_numbers(pair.coefficients),
            }
            for pair in pairs.pairs
        ],
        "n_pairs": pairs.n_pairs,
        "annotators": _annotators(work),
        "values": _values(work),
        "subgroups": [] if should_stop() else _subgroups(run.dataset, work),
        "items": _items(work),
        "second_opinion": _second_opinion(work, overall, pairs),
    }


def _coded(question: Question, labels: queries.LabelArrays) -> tuple[NDArray[np.int64], Domain]:
    """The labels as codes, and the values that the codes stand for."""
    if question.is_numeric:
        met, code = np.unique(labels.number, return_inverse=True)
        values = sorted({float(v) for v in question.values} | set(met.tolist()))
        place = np.searchsorted(np.array(values), met)
        return place[code].astype(np.int64), declare_domain(values, question.scale)
    if question.scale == Question.Scale.SET:
        sets = [frozenset(question.values[i] for i in c) for c in question.combinations]
        return labels.code, declare_domain(sets, question.scale)
    return labels.code, declare_domain(question.values, question.scale)


def _headline(question: Question, overall: Agreement, domain: Domain) -> dict[str, Any]:
    names = (
        "n_items",
        "n_items_pairable",
        "n_labels",
        "n_labels_pairable",
        "n_annotators",
        "q_declared",
        "q_used",
    )
    alpha = overall.replicates.get("krippendorff_alpha", np.zeros(0))
    return {
        "question": question.name,
        "scale": question.scale,
        "coefficients": _numbers(overall.coefficients),
        "parts": {key: asdict(parts) for key, parts in overall.parts.items()},
        **{name: getattr(overall, name) for name in names},
        "warnings": list(overall.warnings),
        "benchmarks": {
            scheme: [asdict(band) for band in benchmark_by_replicates(alpha, scheme=scheme)]
            for scheme in ("krippendorff", "landis_koch")
        },
        "conventions": _conventions(question),
    }


def _conventions(question: Question) -> dict[str, str]:
    return {
        "n": "items with two labels or more",
        "krippendorff_alpha": f"metric of the question's scale ({question.scale}); items with one "
        "label are left out of observed and expected disagreement",
        "expected_agreement": "items with one label count for the kappas' and AC's expected "
        "agreement, as in Gwet (2014), and not for alpha's",
        "values": "declared values count for AC1, AC2 and Brennan-Prediger, used or not",
        "interval": "percentile bootstrap over items with all their labels, seeded by the run",
        "repeated_labels": "repeated labels by one annotator count as so many labels",
        "benchmarks": "names of ranges by convention, with the share of replicates in each",
    }


def _numbers(estimates: Any) -> Numbers:
    return {key: estimate.as_dict() for key, estimate in estimates.items()}


def _annotators(work: _Work) -> list[dict[str, Any]]:
    return [
        {
            "annotator": one.annotator,
            "n_labels": one.n_labels,
            "n_items": one.n_items,
            "n_items_shared": one.n_items_shared,
            "value_counts": list(one.value_counts),
            "agreement_with_others": one.agreement_with_others.as_dict(),
            "alpha_without": one.alpha_without.as_dict(),
            "alpha_change": one.alpha_change,
        }
        for one in annotator_agreement(work.statistics, work.domain, ci_level=work.ci_level)
        if one.n_labels
    ]


def _value_name(work: _Work, code: int) -> Any:
    value = work.domain.values[code]
    return sorted(value) if isinstance(value, frozenset) else value


def _values(work: _Work) -> list[dict[str, Any]]:
    return [
        {
            "value": _value_name(work, one.code),
            "n_labels": one.n_labels,
            "krippendorff_alpha": one.alpha.as_dict(),
            "fleiss_kappa": one.fleiss_kappa.as_dict(),
        }
        for one in value_agreement(work.statistics, **work.options)
    ]


def _subgroups(dataset: Dataset, work: _Work) -> list[dict[str, Any]]:
    """Agreement per value of every attribute of items and of annotators."""
    found = []
    for of, subgroups, number in (
        (Attribute.Of.ITEM, item_subgroups(dataset), work.labels.item),
        (Attribute.Of.ANNOTATOR, queries.annotator_subgroups(dataset), work.labels.annotator),
    ):
        for name in subgroups.attributes:
            found += _by_attribute(work, of, name, subgroups, subgroups.codes[name][number])
    return found


def _by_attribute(
    work: _Work, of: str, name: str, subgroups: Subgroups, group: NDArray[np.int64]
) -> list[dict[str, Any]]:
    known = group >= 0
    labels = Labels(work.labels.item[known], work.labels.annotator[known], work.code[known])
    values = subgroups.values[name]
    if not values:
        return []
    return [
        {
            "of": str(of),
            "attributes": {name: values[one.group]},
            "coefficients": _numbers(one.coefficients),
            "n_labels": one.n_labels,
            "n_items": one.n_items,
            "n_items_pairable": one.n_items_pairable,
            "n_annotators": one.n_annotators,
            "warnings": list(one.warnings),
        }
        for one in subgroup_agreement(
            labels, group[known], work.domain, n_groups=len(values), **work.options
        )
    ]


def _items(work: _Work) -> dict[str, Any]:
    """The items that contribute most to the disagreement; item numbers are named on the way out."""
    found = item_disagreement(work.labels.item, work.code, work.domain)
    worst = np.argsort(-found.contribution, kind="stable")[:MAX_ITEMS]
    worst = worst[found.contribution[worst] > 0]
    return {
        "n_disagreeing": int((found.disagreement > 0).sum()),
        "most_disagreeing": [
            {
                "item": int(found.item[i]),
                "n_labels": int(found.n_labels[i]),
                "disagreement": float(found.disagreement[i]),
                "contribution": float(found.contribution[i]),
                "entropy": float(found.entropy[i]),
            }
            for i in worst
        ],
    }


def _second_opinion(work: _Work, overall: Agreement, pairs: PairTable) -> list[dict[str, Any]]:
    opinions = second_opinion(work.statistics, work.domain, overall, pairs=pairs)
    found = [asdict(opinion) for opinion in opinions]
    if len(pairs.pairs) == 1:
        indices = paradox_indices(work.statistics)
        found += [
            {"coefficient": key, "library": None, "version": None, **number}
            for key, number in _numbers(indices).items()
        ]
    return found


def _measure_many_numbers(
    run: Run, question: Question, labels: queries.LabelArrays, rng: np.random.Generator
) -> dict[str, Any]:
    """Alpha of numbers that are nearly all distinct; coefficients of categories do not apply."""
    statistics = numeric_statistics(labels.item, labels.annotator, labels.number)
    options = {name: run.parameters[name] for name in DEFAULTS}
    computed = numeric_agreement(statistics, rng=rng, **options)
    n = next(iter(computed.values())).n
    coefficients: dict[str, Estimate] = {
        key: undefined(Reason.NOT_APPLICABLE, n) for key in _CATEGORY_KEYS
    }
    coefficients |= computed
    coefficients["krippendorff_alpha"] = computed[f"krippendorff_alpha_{question.scale}"]
    pairable = statistics.n_labels[statistics.n_labels > 1]
    return {
        "question": question.name,
        "scale": question.scale,
        "coefficients": _numbers(coefficients),
        "n_items": len(statistics.n_labels),
        "n_items_pairable": len(pairable),
        "n_labels": labels.n_labels,
        "n_labels_pairable": int(pairable.sum()),
        "n_annotators": statistics.n_annotators,
        "warnings": ["many_distinct_numbers"],
        "conventions": _conventions(question),
        "pairs": [],
        "annotators": [],
        "values": [],
        "subgroups": [],
        "items": {"n_disagreeing": None, "most_disagreeing": []},
        "second_opinion": [],
    }


_CATEGORY_KEYS = (
    "percent_agreement",
    "cohen_kappa",
    "fleiss_kappa",
    "scott_pi",
    "conger_kappa",
    "brennan_prediger",
    "gwet_ac1",
    "gwet_ac2",
    "krippendorff_alpha_nominal",
)

"""What every part of an agreement result is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.agreement.counting import (
    Bearers,
    Counted,
    View,
    all_labels,
    bearers_of,
    counts_of,
    is_drawn,
    share_of,
)
from annotations.columnar import Parts
from catalog.columns import Columns
from catalog.models import Item, Question, Run
from catalog.problems import Refusal
from catalog.queries import group_codes
from measures.agreement import (
    AgreementStatistics,
    Domain,
    Labels,
    agreement_statistics,
    declare_domain,
)
from measures.agreement.subgroups import subgroup_statistics

Numbers = dict[str, dict[str, Any]]
Row = dict[str, Any]
# More clusters than this are drawn in random sets: the variance is the same, the work is not.
MAX_CLUSTERS = 2_000


@dataclass(frozen=True)
class Work:
    """The labels of a question, counted, and how the run wants them measured.

    Parameters
    ----------
    parts : Parts
        The labels, as a copy and what changed since; :attr:`columns` joins them, which costs more
        than all that the counts can answer.
    counts : Counted or None
        The labels counted; ``None`` where groups of items are resampled or labels are numbers.
    coded : int64 array or None
        The labels as codes of the domain where they are numbers.
    identified : AgreementStatistics
        With who gave what: the statistics, or those of a random part of the items where the crowd
        is too large.
    cluster : int64 array or None
        For each label the group of its item, where groups are resampled.
    """

    run: Run
    question: Question
    parts: Parts
    bearers: Bearers
    counts: Counted | None
    coded: NDArray[np.int64] | None
    domain: Domain
    statistics: AgreementStatistics
    identified: AgreementStatistics
    cluster: NDArray[np.int64] | None
    n_groups: int
    rng: np.random.Generator

    @cached_property
    def columns(self) -> Columns:
        return all_labels(self.question, self.parts)

    @property
    def code(self) -> NDArray[np.int64]:
        code: NDArray[np.int64] = self.columns.arrays["value"] if self.coded is None else self.coded
        return code

    @property
    def item(self) -> NDArray[np.int64]:
        return self.columns.arrays["item"]

    @property
    def annotator(self) -> NDArray[np.int64]:
        return self.columns.arrays["annotator"]

    @property
    def resampled(self) -> str:
        return "items" if self.cluster is None else "groups"

    @property
    def ci_level(self) -> float:
        return float(self.run.parameters["ci_level"])

    @property
    def options(self) -> dict[str, Any]:
        return {
            "rng": self.rng,
            "n_replicates": self.run.parameters["n_replicates"],
            "ci_level": self.ci_level,
        }

    def view(self, view: View) -> list[AgreementStatistics]:
        """The labels of each group of a view, counted."""
        if self.counts is not None:
            return self.counts.views[view]
        group = self.bearers.groups(view, self.columns)
        known = group >= 0
        n_groups = self.bearers.views()[view]
        labels = self.labels() if known.all() else self.labels(known)
        return subgroup_statistics(labels, group[known], self.domain, n_groups=n_groups)

    def labels(self, which: Any = slice(None)) -> Labels:
        """The labels that ``which`` takes, with their clusters where groups are resampled."""
        cluster = None if self.cluster is None else self.cluster[which]
        return Labels(self.item[which], self.annotator[which], self.code[which], cluster)


def begin(run: Run, question: Question, parts: Parts, rng: np.random.Generator) -> Work:
    """Code and count the labels."""
    bearers = bearers_of(question)
    if not question.is_numeric and not may_cluster(question, run.parameters["resample"]):
        domain = domain_of(question)
        counts = counts_of(question, domain, parts, bearers)
        found = (counts.statistics, counts.identified)
        return Work(run, question, parts, bearers, counts, None, domain, *found, None, 0, rng)
    columns = all_labels(question, parts)
    code, domain = coded(question, columns.arrays["value"])
    item, annotator = columns.arrays["item"], columns.arrays["annotator"]
    cluster, n_groups = clusters(question, item, run.parameters["resample"], rng)
    statistics = agreement_statistics(item, annotator, code, n_values=domain.size, cluster=cluster)
    identified = statistics
    if statistics.panel is None and statistics.crowd is None:
        drawn = np.flatnonzero(is_drawn(item, share_of(item.size)))
        identified = agreement_statistics(
            item[drawn], annotator[drawn], code[drawn], n_values=domain.size
        )
    found = (statistics, identified)
    return Work(run, question, parts, bearers, None, code, domain, *found, cluster, n_groups, rng)


def refuse_negative(question: Question, value: NDArray[Any]) -> None:
    """Refuse numbers below 0 of a question that was declared as ratio after they were stored."""
    if question.scale == Question.Scale.RATIO and value.size and value.min() < 0:
        raise Refusal(
            f"Question {question.name!r} has labels below 0 (the least is {value.min():g}), and on "
            "the ratio scale 0 is the least; make it an interval question again "
            f"(PATCH questions/{question.name}/), or correct the labels."
        )


def coded(question: Question, value: NDArray[Any]) -> tuple[NDArray[np.int64], Domain]:
    """The labels as codes, and the values that the codes stand for."""
    if question.is_numeric:
        met, code = np.unique(value, return_inverse=True)
        values = sorted({float(v) for v in question.values} | set(met.tolist()))
        place = np.searchsorted(np.array(values), met)
        return place[code].astype(np.int64), declare_domain(values, question.scale)
    return value, domain_of(question)


def domain_of(question: Question) -> Domain:
    """The values that a question's codes stand for."""
    if question.scale == Question.Scale.SET:
        sets = [frozenset(question.values[i] for i in c) for c in question.combinations]
        return declare_domain(sets, question.scale)
    return declare_domain(question.values, question.scale)


def may_cluster(question: Question, resample: str) -> bool:
    """Whether groups of items are resampled if enough of the labelled items have one."""
    if resample == "items":
        return False
    return Item.objects.filter(dataset=question.dataset, group__isnull=False).exists()


def clusters(
    question: Question, item: NDArray[np.int64], resample: str, rng: np.random.Generator
) -> tuple[NDArray[np.int64] | None, int]:
    """The group of each label's item, or None where items are resampled; and how many groups.

    By default groups are resampled where at least half of the labelled items have one; an item
    without a group is then one of its own.
    """
    is_grouped = may_cluster(question, resample)
    if resample == "items" or not item.size or (resample == "auto" and not is_grouped):
        return None, 0
    group = group_codes(question.dataset)
    labelled = np.unique(item)
    if resample == "auto" and (group[labelled] >= 0).mean() < 0.5:
        return None, 0
    _, place = np.unique(group[labelled], return_inverse=True)
    n_groups = int(place.max()) + 1
    if n_groups > MAX_CLUSTERS:
        place = (rng.permutation(n_groups) % MAX_CLUSTERS)[place]
    return place.astype(np.int64)[np.searchsorted(labelled, item)], n_groups


def numbers(estimates: Any) -> Numbers:
    """Estimates by key as the REST contract's numbers."""
    return {key: estimate.as_dict() for key, estimate in estimates.items()}

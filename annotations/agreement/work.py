"""What every part of an agreement result is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.columns import Columns
from catalog.models import Item, Question, Run
from catalog.queries import group_codes
from measures.agreement import (
    AgreementStatistics,
    Domain,
    Labels,
    agreement_statistics,
    declare_domain,
)

Numbers = dict[str, dict[str, Any]]
Row = dict[str, Any]
# More clusters than this are drawn in random sets: the variance is the same, the work is not.
MAX_CLUSTERS = 2_000
# In a crowd too large to keep who gave what, pairs and annotators are judged on so many labels.
SAMPLE_LABELS = 2_000_000


@dataclass(frozen=True)
class Work:
    """The labels of a question, counted, and how the run wants them measured.

    Parameters
    ----------
    identified : AgreementStatistics
        With who gave what: the statistics, or those of a random part of the items where the crowd
        is too large.
    cluster : int64 array or None
        For each label the group of its item, where groups are resampled.
    """

    run: Run
    question: Question
    columns: Columns
    code: NDArray[np.int64]
    domain: Domain
    statistics: AgreementStatistics
    identified: AgreementStatistics
    cluster: NDArray[np.int64] | None
    n_groups: int
    rng: np.random.Generator

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

    def labels(self, which: Any = slice(None)) -> Labels:
        """The labels that ``which`` takes, with their clusters where groups are resampled."""
        cluster = None if self.cluster is None else self.cluster[which]
        return Labels(self.item[which], self.annotator[which], self.code[which], cluster)


def begin(run: Run, question: Question, columns: Columns, rng: np.random.Generator) -> Work:
    """Code and count the labels."""
    code, domain = coded(question, columns.arrays["value"])
    cluster, n_groups = clusters(question, columns.arrays["item"], run.parameters["resample"], rng)
    statistics = agreement_statistics(
        columns.arrays["item"],
        columns.arrays["annotator"],
        code,
        n_values=domain.size,
        cluster=cluster,
    )
    identified = statistics
    if statistics.panel is None:
        identified = _sampled(columns, code, statistics, rng)
    return Work(
        run, question, columns, code, domain, statistics, identified, cluster, n_groups, rng
    )


def _sampled(
    columns: Columns,
    code: NDArray[np.int64],
    statistics: AgreementStatistics,
    rng: np.random.Generator,
) -> AgreementStatistics:
    """Who gave what, for a random part of the items."""
    item, annotator = columns.arrays["item"], columns.arrays["annotator"]
    drawn = rng.random(int(item[-1]) + 1) < SAMPLE_LABELS / item.size
    which = np.flatnonzero(drawn[item])
    return agreement_statistics(
        item[which],
        annotator[which],
        code[which],
        n_values=statistics.n_values,
        n_annotators=len(statistics.annotator_values),
    )


def coded(question: Question, value: NDArray[Any]) -> tuple[NDArray[np.int64], Domain]:
    """The labels as codes, and the values that the codes stand for."""
    if question.is_numeric:
        met, code = np.unique(value, return_inverse=True)
        values = sorted({float(v) for v in question.values} | set(met.tolist()))
        place = np.searchsorted(np.array(values), met)
        return place[code].astype(np.int64), declare_domain(values, question.scale)
    if question.scale == Question.Scale.SET:
        sets = [frozenset(question.values[i] for i in c) for c in question.combinations]
        return value, declare_domain(sets, question.scale)
    return value, declare_domain(question.values, question.scale)


def clusters(
    question: Question, item: NDArray[np.int64], resample: str, rng: np.random.Generator
) -> tuple[NDArray[np.int64] | None, int]:
    """The group of each label's item, or None where items are resampled; and how many groups.

    By default groups are resampled where at least half of the labelled items have one; an item
    without a group is then one of its own.
    """
    is_grouped = Item.objects.filter(dataset=question.dataset, group__isnull=False).exists()
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

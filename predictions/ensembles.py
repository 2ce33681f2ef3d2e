"""Ensemble runs: what the members agree on, where they differ, and whether more would help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.models import Run
from catalog.queries import item_subgroups, n_numbers
from measures.calibration.resampling import Bootstrap, Draws, divide, draw, with_interval
from measures.ensemble_sizes import SizePlan, size_plan, size_points, size_sums
from measures.ensembles import (
    KEYS,
    ambiguity_columns,
    item_uncertainty,
    mean_estimate,
    member_losses,
)
from measures.estimates import Estimate, Reason, undefined
from predictions.evidence import clusters_of, outcomes
from predictions.models import ModelVersion
from predictions.parameters import model_of_run
from predictions.probabilities import MemberPredictions, read_members
from predictions.queries import members_of
from predictions.subgroups import Family, shown_numbers, single_families

AMBIGUITY = ("member_brier", "ensemble_brier", "diversity")
LOSSES = ("brier", "log_loss", "accuracy")
CONVENTIONS = {
    "members": "the column member of the predictions; the folds of a member are averaged",
    "n": "items that every member predicted, training split left out; for scores, those of "
    "them with a reference label among the classes",
    "mean": "of the members' probabilities, not of their logits",
    "entropy": "in nats; total = aleatoric (doubt the members share) + epistemic (their "
    "disagreement)",
    "variance": "summed over classes and halved; total = aleatoric + epistemic",
    "brier": "half the sum over classes",
    "ambiguity": "member_brier - ensemble_brier = diversity (Krogh and Vedelsby 1995)",
    "sizes": "mean over random orders of the members, with their 5 to 95 % range",
    "seed": "first 64 bits of the run's digest",
}


@dataclass
class _Sums:
    """What has been seen so far: columns of each item, and sums that do not grow with items."""

    item: list[NDArray[np.int64]]
    uncertainty: list[NDArray[np.float64]]
    labelled: list[NDArray[np.int64]]
    ambiguity: list[NDArray[np.float64]]
    #: By resampling unit, member and loss.
    losses: NDArray[np.float64]
    sizes: NDArray[np.float64]
    n_incomplete: int = 0

    def add(
        self, part: MemberPredictions, truth: NDArray[np.int64], plan: SizePlan, draws: Draws
    ) -> None:
        self.n_incomplete += part.n_incomplete
        found = item_uncertainty(part.probabilities)
        self.item.append(part.item)
        self.uncertainty.append(np.stack([found.columns[key] for key in KEYS], axis=1))
        known = truth >= 0
        if not known.any():
            return
        members, outcome, item = part.probabilities[:, known], truth[known], part.item[known]
        columns = ambiguity_columns(members, outcome)
        self.labelled.append(item)
        self.ambiguity.append(np.stack([columns[key] for key in AMBIGUITY], axis=1))
        losses = member_losses(members, outcome)
        for k, key in enumerate(LOSSES):
            for m, each in enumerate(losses[key]):
                self.losses[:, m, k] += np.bincount(draws.unit[item], each, minlength=draws.n_units)
        self.sizes += size_sums(members, outcome, plan)


def measure_ensembles(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """What the members of an ensemble agree on, and what each of them is worth."""
    model = model_of_run(run)
    members = members_of(model)
    rng = np.random.default_rng(int(run.digest[:16], 16))
    bootstrap = Bootstrap(rng, run.parameters["n_replicates"], run.parameters["ci_level"])
    head = {
        **model.described(),
        "n_members": len(members),
        "conventions": CONVENTIONS,
    }
    if len(members) < 2:
        return {**head, **_nothing(members)}
    everyone = np.arange(n_numbers(run.dataset))
    draws = draw(len(everyone), clusters_of(run.dataset, everyone), bootstrap)
    plan = size_plan(len(members), rng, n_subsets=run.parameters["n_subsets"])
    sums = _collect(model, members, plan, draws, should_stop)
    return {**head, **_shown(run, members, sums, plan, draws)}


def _collect(
    model: ModelVersion,
    members: list[int],
    plan: SizePlan,
    draws: Draws,
    should_stop: Callable[[], bool],
) -> _Sums:
    losses = np.zeros((draws.n_units, len(members), len(LOSSES)))
    sizes = np.zeros((len(plan.orders), len(plan.sizes), 2))
    sums = _Sums([], [], [], [], losses, sizes)
    truth = outcomes(model, np.arange(n_numbers(model.dataset)))[0]
    for part in read_members(model, members):
        if should_stop():
            break
        if len(part.item):
            sums.add(part, truth[part.item], plan, draws)
        else:
            sums.n_incomplete += part.n_incomplete
    return sums


def _nothing(members: list[int]) -> dict[str, Any]:
    """One member has nobody to disagree with: null, not 0."""
    reason = Reason.NOT_APPLICABLE if members else Reason.NO_DATA
    missing = undefined(reason, 0)
    return {
        "reason": reason.value,
        "n_items": 0,
        "n_items_scored": 0,
        "n_incomplete": 0,
        "uncertainty": shown_numbers(dict.fromkeys(KEYS, missing)),
        "ambiguity": shown_numbers(dict.fromkeys(AMBIGUITY, missing)),
        "members": [],
        "sizes": [],
        "subgroups": [],
        "warnings": [],
    }


def _shown(
    run: Run, members: list[int], sums: _Sums, plan: SizePlan, draws: Draws
) -> dict[str, Any]:
    item = np.concatenate([np.zeros(0, np.int64), *sums.item])
    uncertainty = np.concatenate([np.zeros((0, len(KEYS))), *sums.uncertainty])
    labelled = np.concatenate([np.zeros(0, np.int64), *sums.labelled])
    ambiguity = np.concatenate([np.zeros((0, len(AMBIGUITY))), *sums.ambiguity])
    families = single_families(item_subgroups(run.dataset), item)
    warnings = {
        "incomplete_items_left_out": sums.n_incomplete,
        "no_overlap": len(item) and not len(labelled),
    }
    return {
        "reason": None if len(item) else Reason.NO_OVERLAP.value,
        "n_items": len(item),
        "n_items_scored": len(labelled),
        "n_incomplete": sums.n_incomplete,
        "uncertainty": _means(KEYS, item, uncertainty, draws),
        "ambiguity": _means(AMBIGUITY, labelled, ambiguity, draws),
        "members": _each(members, sums.losses, draws, len(labelled), labelled),
        "sizes": [asdict(point) for point in size_points(sums.sizes, len(labelled), plan)],
        "subgroups": [
            one
            for family in families
            for one in _subgroups(family, item, uncertainty, draws, run.parameters["min_items"])
        ],
        "warnings": [name for name, holds in warnings.items() if holds],
    }


def _means(
    keys: tuple[str, ...], item: NDArray[np.int64], columns: NDArray[np.float64], draws: Draws
) -> dict[str, dict[str, Any]]:
    own = draws.of(item)
    means = [mean_estimate(column, own) for column in columns.T]
    return shown_numbers(dict(zip(keys, means, strict=True)))


def _each(
    members: list[int],
    losses: NDArray[np.float64],
    draws: Draws,
    n: int,
    labelled: NDArray[np.int64],
) -> list[dict[str, Any]]:
    """Each member's own scores."""
    size = np.bincount(draws.unit[labelled], minlength=draws.n_units).astype(float)
    again_n = draws.replicates(size)

    def score(m: int, k: int) -> Estimate:
        if n == 0:
            return undefined(Reason.NO_DATA, 0)
        again = divide(draws.replicates(losses[:, m, k]), again_n)
        return with_interval(float(losses[:, m, k].sum() / n), n, again, draws)

    return [
        {
            "member": member,
            "n": n,
            "scores": shown_numbers({key: score(m, k) for k, key in enumerate(LOSSES)}),
        }
        for m, member in enumerate(members)
    ]


def _subgroups(
    family: Family,
    item: NDArray[np.int64],
    uncertainty: NDArray[np.float64],
    draws: Draws,
    min_items: int,
) -> list[dict[str, Any]]:
    found = []
    for code, attributes in enumerate(family.attributes):
        own = family.codes == code
        n = int(own.sum())
        small = undefined(Reason.TOO_FEW_ITEMS if n else Reason.NO_DATA, n)
        enough = n >= max(min_items, 1)
        found.append(
            {
                "of": "item",
                "attributes": attributes,
                "n": n,
                "uncertainty": _means(KEYS, item[own], uncertainty[own], draws)
                if enough
                else shown_numbers(dict.fromkeys(KEYS, small)),
            }
        )
    return found

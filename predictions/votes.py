"""Calibration against the annotators' votes: fractional outcomes, and the noise in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog import exchange
from catalog.exchange import Votes
from catalog.models import Run
from measures.calibration.binning import bins_asked
from measures.calibration.corp import corp_curve
from measures.calibration.curve import calibration_curve
from measures.calibration.ece import calibration_errors
from measures.calibration.label_noise import (
    SCORES,
    NoiseBand,
    OneLabel,
    against_one_label,
    noise_band,
    null_error,
)
from measures.calibration.resampling import Bootstrap, draw
from measures.calibration.significance import cox_calibration
from measures.calibration.votes import (
    VoteForecasts,
    total_variation,
    vote_forecasts,
    vote_scores,
)
from predictions.evidence import clusters_of, outcomes
from predictions.models import ModelVersion
from predictions.parameters import model_of_run
from predictions.probabilities import read_predictions
from predictions.subgroups import measure_subgroups, shown_numbers

CONVENTIONS = {
    "outcome": "the share of an item's votes for the event; an annotator has one vote an item, the "
    "last round that was answered; each item counts once, however many votes it has",
    "brier": "half the squared distance to the shares of votes, summed over classes (brier_sum)",
    "brier_votes": "the same to each single vote; label_noise is its unbiased floor "
    "(1 - sum n_k (n_k - 1) / (n (n - 1)), halved), excess what the model adds",
    "log_loss": "natural, against each single vote; its floor is Zhang's entropy estimate, which "
    "is never above the true entropy in expectation",
    "label_noise": "from items with two votes or more; n counts them",
    "total_variation": "mean over items of half the absolute difference between probabilities and "
    "shares; total_variation_if_calibrated is what the number of votes alone would give",
    "ece_if_calibrated": "differences between outcome and probability keep their size and get "
    "random signs",
    "band": "for one label an item, so it is wide for shares of votes",
    "tests": "Cox's, with the sandwich variance, since fractions vary less than labels",
    "noise_band": "each item's votes are drawn again from its shares, their majority (ties at "
    "random) is its label: between low and high lie the figures against the consensus that other "
    "annotators, as unsure as these, would have given; explained: the figure of the reference "
    "labels, or the diagonal in a bin of the curve, lies there too",
}


@dataclass(frozen=True)
class VoteEvidence:
    """The predicted items that have a vote for one of the model's classes."""

    forecasts: VoteForecasts
    item: NDArray[np.int64]
    truth: NDArray[np.int64]
    counts: dict[str, int]


def measure_against_votes(run: Run, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Do a model's probabilities come true in what annotators say, noise and all."""
    model = model_of_run(run)
    evidence = _gather(run, model)
    rng = np.random.default_rng(int(run.digest[:16], 16))
    bootstrap = Bootstrap(rng, run.parameters["n_replicates"], run.parameters["ci_level"])
    forecasts = evidence.forecasts
    binary = forecasts.binary()
    subgroups, n_left_out = measure_subgroups(run, binary, evidence.item, bootstrap, should_stop)
    return {
        "against": "votes",
        **model.described(),
        "positive_class": model.positive_class or None,
        "notion": binary.notion,
        **evidence.counts,
        "n_groups": None if forecasts.clusters is None else len(np.unique(forecasts.clusters)),
        **_measured(evidence, bootstrap, run.parameters["n_bins"]),
        "subgroups": subgroups,
        "n_intersections_left_out": n_left_out,
        "warnings": _warnings(model, evidence),
        "conventions": {
            **CONVENTIONS,
            "resampled": "items" if forecasts.clusters is None else "groups of items",
            "seed": "first 64 bits of the run's digest",
        },
    }


def _gather(run: Run, model: ModelVersion) -> VoteEvidence:
    predicted = read_predictions(model)
    votes = exchange.votes(model.question)
    counts, n_other = _counts_of(model, predicted.item, votes)
    used = counts.sum(axis=1) > 0
    item, counts = predicted.item[used], counts[used]
    positive = model.classes.index(model.positive_class) if model.is_binary else None
    forecasts = vote_forecasts(
        counts,
        predicted.probabilities[used],
        positive=positive,
        clusters=clusters_of(run.dataset, item),
    )
    n_votes = counts.sum(axis=1)
    told = {
        "n_items": len(item),
        "n_votes": int(n_votes.sum()),
        "n_items_of_several_votes": int((n_votes > 1).sum()),
        "n_predicted": len(predicted.item),
        "n_without_votes": int((~used).sum()),
        "n_votes_not_a_class": n_other,
        "n_train_left_out": predicted.n_train_left_out,
    }
    return VoteEvidence(forecasts, item, outcomes(model, item)[0], told)


def _counts_of(
    model: ModelVersion, item: NDArray[np.int64], votes: Votes | None
) -> tuple[NDArray[np.int64], int]:
    """Votes on each predicted item in the model's order of classes, and those for no class."""
    counts = np.zeros((len(item), len(model.classes)), np.int64)
    if votes is None:
        return counts, 0
    _, mine, theirs = np.intersect1d(item, votes.item, assume_unique=True, return_indices=True)
    column = {name: i for i, name in enumerate(votes.values)}
    for k, name in enumerate(model.classes):
        if name in column:
            counts[mine, k] = votes.counts[theirs, column[name]]
    return counts, int(votes.counts[theirs].sum() - counts.sum())


def _measured(evidence: VoteEvidence, bootstrap: Bootstrap, asked: int | str) -> dict[str, Any]:
    forecasts = evidence.forecasts
    binary = forecasts.binary()
    n_bins = bins_asked(asked, forecasts.n)
    draws = draw(forecasts.n, forecasts.clusters, bootstrap)
    found = vote_scores(forecasts, draws)
    variation, by_chance = total_variation(forecasts, draws)
    errors = calibration_errors(binary, bootstrap, draws)
    corp = corp_curve(binary, bootstrap)
    band = noise_band(forecasts, bootstrap, n_bins=n_bins)
    bins = [one.as_dict() for one in calibration_curve(binary, n_bins=n_bins)]
    return {
        "scores": shown_numbers(found.scores),
        "label_noise": shown_numbers(found.noise),
        "excess": shown_numbers(found.excess),
        "annotator_agreement": found.annotator_agreement.as_dict(),
        "total_variation": variation.as_dict(),
        "total_variation_if_calibrated": by_chance.as_dict(),
        "ece": shown_numbers(errors.errors),
        "ece_if_calibrated": {"uniform_10": null_error(binary, draws, bootstrap).as_dict()},
        "curve": {
            "bins": [_with_noise(one, band, b) for b, one in enumerate(bins)],
            "corp": [asdict(step) for step in corp.steps],
            "band": [asdict(point) for point in corp.band],
            "band_level": corp.level,
            "band_draws": corp.n_draws,
        },
        "tests": {"cox": cox_calibration(forecasts.apart(), level=bootstrap.level).as_dict()},
        "noise_band": _noise_rows(evidence, band, bootstrap),
    }


def _with_noise(row: dict[str, Any], band: NoiseBand | None, b: int) -> dict[str, Any]:
    """A bin with where the rate against a majority of votes lies, and whether the diagonal does."""
    if band is None or not row["n"]:
        return {**row, "majority": None, "noise": None}
    low, high = float(band.low[b]), float(band.high[b])
    return {
        **row,
        "majority": float(band.majority.rates[b]),
        "noise": {"low": low, "high": high, "explained": low <= row["mean_predicted"] <= high},
    }


def _noise_rows(
    evidence: VoteEvidence, band: NoiseBand | None, bootstrap: Bootstrap
) -> list[dict[str, Any]]:
    """Scores against the votes' majority and the reference labels, beside what noise gives.

    Of the items that have a reference label; where none has, of all and without that figure.
    """
    known = evidence.truth >= 0
    reference: OneLabel | None = None
    if known.any():
        some = evidence.forecasts if known.all() else evidence.forecasts.rows(known)
        reference = against_one_label(some, evidence.truth[known])
        band = band if known.all() else noise_band(some, bootstrap)
    if band is None:
        return []
    rows = []
    for key in SCORES:
        low, high = band.scores[key]
        own = None if reference is None else reference.scores[key]
        rows.append(
            {
                "score": key,
                "n": band.n,
                "n_contested": band.n_contested,
                "reference": own,
                "majority": band.majority.scores[key],
                "low": low,
                "high": high,
                "level": band.level,
                "n_draws": band.n_draws,
                "explained": None if own is None else low <= own <= high,
            }
        )
    return rows


def _warnings(model: ModelVersion, evidence: VoteEvidence) -> list[str]:
    counts = evidence.counts
    found = {
        "no_votes": not counts["n_items"],
        "single_votes": counts["n_items"] and not counts["n_items_of_several_votes"],
        "in_sample": model.out_of_fold is False,
        "out_of_fold_not_stated": model.out_of_fold is None,
        "no_reference": not (evidence.truth >= 0).any(),
        "train_left_out": counts["n_train_left_out"],
    }
    return [name for name, holds in found.items() if holds]

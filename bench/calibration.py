"""Calibration of millions of binary predictions, against reading them and against scikit-learn.

``./trust bench calibration [--rows 10000000] [--picture FILE]``. In memory: curve, calibration
errors, scores and 100 subgroups together, and all that a result tells of each of them; the base
is reading the same predictions from their table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve as their_curve
from sklearn.isotonic import IsotonicRegression

from bench.growth import draw, picture_option
from bench.measuring import measure, medians, show
from catalog.ingest.copying import Column, copy_in, copy_out
from catalog.models import Dataset, Question
from measures.calibration.bin_errors import (
    debiased_squared_error,
    expected_calibration_error,
    expected_ece_if_calibrated,
    maximum_calibration_error,
    root_mean_square_calibration_error,
)
from measures.calibration.binning import bin_sums, joined_edges, quantile_edges, uniform_edges
from measures.calibration.corp import isotonic, pooled
from measures.calibration.curve import calibration_curve
from measures.calibration.forecasts import BinaryForecasts, binary_forecasts
from measures.calibration.resampling import Bootstrap
from measures.calibration.resampling import draw as draw_units
from measures.calibration.smooth import smooth_ece
from measures.calibration.subgroups import subgroup_calibration
from measures.scores import score_sums
from predictions.models import ModelVersion, Prediction

GROWING = (
    "curve, errors, scores, 100 subgroups",
    "the same with 1,000 replicates",
    "ten bins: ours",
    "ten bins: scikit-learn",
)
N_SUBGROUPS = 100
N_REPLICATES = 1000
N_CLUSTERS = 5000
#: As in the service: more units than this are put together at random.
MAX_UNITS = 500
ERRORS = (
    expected_calibration_error,
    maximum_calibration_error,
    root_mean_square_calibration_error,
    debiased_squared_error,
    expected_ece_if_calibrated,
)


@dataclass(frozen=True)
class Case:
    """Predictions that are a little too bold, in 100 subgroups and 5,000 clusters."""

    forecasts: BinaryForecasts
    codes: NDArray[np.int64]

    def first(self, n: int) -> Case:
        f = self.forecasts
        part = BinaryForecasts(f.y_true[:n], f.y_prob[:n], f.weights[:n], f.clusters[:n])  # type: ignore[index]
        return Case(part, self.codes[:n])


def make_case(n: int) -> Case:
    rng = np.random.default_rng(0)
    p = rng.random(n)
    y = (rng.random(n) < 0.05 + 0.9 * p).astype(float)
    clusters = rng.integers(N_CLUSTERS, size=n)
    return Case(binary_forecasts(y, p, clusters=clusters), rng.integers(N_SUBGROUPS, size=n))


def everything(case: Case) -> list[Any]:
    """Curve, the errors by three binnings, scores, and all of that in each subgroup."""
    f = case.forecasts
    ways = [uniform_edges(10), uniform_edges(15), quantile_edges(f.y_prob, 10)]
    fine = bin_sums(f, joined_edges(*ways), codes=case.codes, n_codes=N_SUBGROUPS)
    found: list[Any] = [calibration_curve(f, n_bins=10), smooth_ece(f)]
    found += [error(fine.merged(edges)) for edges in ways for error in ERRORS]
    return [*found, score_sums(f, codes=case.codes, n_codes=N_SUBGROUPS)]


def resampled(case: Case) -> list[Any]:
    """1,000 cluster-bootstrap replicates of the errors and scores of every subgroup."""
    f = case.forecasts
    rng = np.random.default_rng(1)
    draws = draw_units(f.n, f.clusters, Bootstrap(rng, N_REPLICATES), max_units=MAX_UNITS)
    both = case.codes * draws.n_units + draws.unit
    n_both = N_SUBGROUPS * draws.n_units
    ways = [uniform_edges(10), uniform_edges(15), quantile_edges(f.y_prob, 10)]
    sums = bin_sums(f, joined_edges(*ways), codes=both, n_codes=n_both)
    scores = score_sums(f, codes=both, n_codes=n_both).totals
    found: list[Any] = []
    for code in range(N_SUBGROUPS):
        rows = slice(code * draws.n_units, (code + 1) * draws.n_units)
        again = type(sums)(sums.edges, draws.replicates(sums.totals[rows]))
        found += [expected_calibration_error(again.merged(edges)) for edges in ways]
        found.append(draws.replicates(scores[rows]))
    return found


def reported(case: Case) -> Any:
    """All that a result tells of each subgroup: curves with bands, tests and intervals too."""
    bootstrap = Bootstrap(np.random.default_rng(1), N_REPLICATES)
    return subgroup_calibration(case.forecasts, case.codes, bootstrap, n_subgroups=N_SUBGROUPS)


def their_subgroups(case: Case) -> list[Any]:
    """What one would write with pandas and scikit-learn."""
    f = case.forecasts
    table = pd.DataFrame({"y": f.y_true, "p": f.y_prob, "code": case.codes})
    groups = table.groupby("code")
    return [their_curve(part["y"], part["p"], n_bins=10) for _, part in groups]


def our_subgroups(case: Case) -> Any:
    """The same bins, of all subgroups in one pass."""
    return bin_sums(case.forecasts, uniform_edges(10), codes=case.codes, n_codes=N_SUBGROUPS)


def our_isotonic(case: Case) -> Any:
    groups = pooled(case.forecasts)
    return isotonic(groups.rate, groups.weight)


def their_isotonic(case: Case) -> Any:
    return IsotonicRegression().fit(case.forecasts.y_prob, case.forecasts.y_true)


def store(case: Case) -> ModelVersion:
    """The predictions as rows, where the service keeps them."""
    dataset = Dataset.objects.create(slug="bench-calibration", name="bench")
    question = Question.objects.create(dataset=dataset, name="q", scale="nominal")
    model = ModelVersion.objects.create(
        dataset=dataset, name="m", question=question, classes=["no", "yes"], positive_class="yes"
    )
    n, step = case.forecasts.n, 1_000_000
    for start in range(0, n, step):
        p = case.forecasts.y_prob[start : start + step]
        zeros = np.zeros(len(p), np.int64)
        columns = [
            Column("model_id", "int8", zeros + model.pk),
            Column("item_id", "int8", (dataset.pk << 32) + start + np.arange(len(p))),
            Column("member", "int2", zeros),
            Column("fold", "int2", zeros - 1),
            Column("probabilities", "float8[]", np.column_stack([1 - p, p])),
            Column("upload_id", "uuid", np.full(len(p), b"\0" * 16, "S16")),
        ]
        copy_in(Prediction._meta.db_table, columns)
    return model


def touch(f: BinaryForecasts) -> float:
    """The floor: what it takes to read probabilities and outcomes from memory at all."""
    return float(f.y_prob.sum() + f.y_true.sum())


def read(model: ModelVersion) -> Any:
    return copy_out(
        f"SELECT item_id, probabilities FROM {Prediction._meta.db_table} WHERE model_id = %s",
        (model.pk,),
        {"item": "int8"},
        vector=("probabilities", 2),
    )


def side_by_side(case: Case) -> dict[str, Callable[[], Any]]:
    """Our steps in memory and their counterparts."""
    f = case.forecasts
    return {
        "read both columns once (numpy sums)": partial(touch, f),
        "bins: ours": partial(calibration_curve, f, n_bins=10),
        "bins: scikit-learn calibration_curve": partial(their_curve, f.y_true, f.y_prob, n_bins=10),
        "quantile bins: ours": partial(calibration_curve, f, n_bins=10, strategy="quantile"),
        "quantile bins: scikit-learn": partial(
            their_curve, f.y_true, f.y_prob, n_bins=10, strategy="quantile"
        ),
        "100 subgroups: ours": partial(our_subgroups, case),
        "100 subgroups: groupby + calibration_curve": partial(their_subgroups, case),
        "isotonic: ours": partial(our_isotonic, case),
        "isotonic: scikit-learn": partial(their_isotonic, case),
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="trust bench calibration")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    picture_option(parser)
    chosen = parser.parse_args(arguments)
    case = make_case(chosen.rows)
    ours = {
        "curve, errors, scores, 100 subgroups": partial(everything, case),
        "1,000 cluster-bootstrap replicates of them": partial(resampled, case),
        "100 subgroups as a result tells of them": partial(reported, case),
    }
    draw_growth(show_growth(case), chosen.picture)
    show(
        f"{chosen.rows:,} predictions in memory",
        medians(side_by_side(case), chosen.runs),
        "bins: ours",
    )
    model = store(case)
    try:
        steps = {"read them by binary COPY": partial(read, model), **ours}
        found = medians(steps, chosen.runs)
        show(f"{chosen.rows:,} predictions", found, "read them by binary COPY")
    finally:
        model.dataset.delete()


def show_growth(case: Case) -> dict[str, list[tuple[float, float]]]:
    """What ten times the predictions cost: CPU seconds of each step by number of rows."""
    grown: dict[str, list[tuple[float, float]]] = {name: [] for name in GROWING}
    print(f"\n{'predictions':>12} {'cpu s':>8} {'with replicates':>16} {'MiB so far':>11}")
    n = 10_000
    while n <= case.forecasts.n:
        part = case.first(n)
        one, two = measure(partial(everything, part)), measure(partial(resampled, part))
        print(f"{n:>12,} {one.own:8.3f} {one.own + two.own:16.3f} {two.peak:11.0f}")
        curve = partial(calibration_curve, part.forecasts, n_bins=10)
        theirs = partial(their_curve, part.forecasts.y_true, part.forecasts.y_prob, n_bins=10)
        costs = (one.own, one.own + two.own, measure(curve).own, measure(theirs).own)
        for name, cost in zip(GROWING, costs, strict=True):
            grown[name].append((n, max(cost, 1e-5)))
        n *= 10
    return grown


def draw_growth(grown: dict[str, list[tuple[float, float]]], picture: Path | None) -> None:
    rows = int(grown[GROWING[0]][-1][0])
    command = ["calibration", "--rows", str(rows), "--picture", str(picture)]
    title = "Calibration of binary predictions in memory"
    draw(picture, grown, title=title, x="Predictions", command=command)

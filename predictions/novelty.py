"""Novelty runs: items unlike those that the model was fitted on, and how sure it is of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from catalog import runs
from catalog.ingest.copying import Column, constant, copy_in
from catalog.models import Dataset, Run
from catalog.queries import item_subgroups
from measures.calibration.resampling import Bootstrap, Draws, draw
from measures.estimates import Reason
from measures.novelty import FittedNovelty, fit_novelty
from measures.novelty_shares import smallest_p
from predictions.evidence import clusters_of, outcomes
from predictions.models import FeatureSet, ItemNovelty, ModelVersion
from predictions.novelty_parameters import Reference, features_of
from predictions.novelty_results import Judged, shown
from predictions.probabilities import read_predictions
from predictions.queries import find_model, split_items
from predictions.vectors import items_with_vectors, read_vectors, whole_matrix

#: The reference is held in memory whole: numbers of 64 bits.
MAX_REFERENCE_NUMBERS = 40_000_000
Items = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Parts:
    """Who is the reference, and who is judged against it; numbers of items, ascending."""

    available: Items
    reference: Items
    query: Items
    n_not_stated: int


def measure_novelty(run: Run, should_stop: Callable[[], bool]) -> None:
    """Judge every item against the reference, and store what was found with its rows."""
    told = run.parameters
    features = features_of(run.dataset, told["features"])
    model = None if told["model"] is None else find_model(run.dataset, told["model"])
    rng = np.random.default_rng(int(run.digest[:16], 16))
    items = items_with_vectors(features)
    parts = _parts(run, items, model, rng, features.width)
    bootstrap = Bootstrap(rng, told["n_replicates"], told["ci_level"])
    fitted = _fitted(run, features, parts, rng)
    scores, p_values = _judged(features, fitted, parts.query, should_stop)
    if should_stop():
        raise runs.Lost(f"Run {run.pk} was cancelled while it was computed.")
    judged = Judged(
        run,
        parts.query,
        p_values,
        fitted,
        *_confidence(model, parts.query),
        _draws(run.dataset, parts.query, bootstrap),
        _groups(run.dataset, parts),
        item_subgroups(run.dataset),
    )
    head = {
        "features": features.name,
        "width": features.width,
        "model": None if model is None else model.name,
        "model_version": None if model is None else model.version,
        "reference": told["reference"],
        "reason": None if len(parts.available) else Reason.NOT_APPLICABLE.value,
        "n_items": len(items),
        "n_reference_available": len(parts.available),
        "n_reference": len(parts.reference),
        "n_query": len(parts.query),
        "n_split_not_stated": parts.n_not_stated,
        "smallest_p": smallest_p(len(parts.reference)) if len(parts.reference) else None,
    }
    _store(run, {**head, **shown(judged, model)}, judged, scores)


def _parts(
    run: Run,
    items: Items,
    model: ModelVersion | None,
    rng: np.random.Generator,
    width: int,
) -> _Parts:
    """The reference as it was stated; whoever is not in it is judged."""
    said = run.parameters["reference"]
    nobody = np.zeros(0, np.int64)
    if said is None:
        return _Parts(nobody, nobody, nobody, len(items))
    inside, known = _inside(run.dataset, model, Reference(said), items)
    available = items[inside]
    most = min(run.parameters["max_reference"], max(1, MAX_REFERENCE_NUMBERS // width))
    chosen = available
    if len(available) > most:
        chosen = np.sort(rng.choice(available, most, replace=False))
    return _Parts(available, chosen, items[~inside], int((~known).sum()))


def _inside(
    dataset: Dataset, model: ModelVersion | None, reference: Reference, items: Items
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which items are of the reference, and of which anything was stated."""
    if reference.by_predictions and model is not None:
        train, other = split_items(model)
        inside = np.isin(items, train)
        return inside, inside | np.isin(items, other)
    name, value = reference.attribute
    subgroups = item_subgroups(dataset, [name])
    codes = subgroups.codes[name][items]
    return codes == subgroups.values[name].index(value), codes >= 0


def _fitted(
    run: Run, features: FeatureSet, parts: _Parts, rng: np.random.Generator
) -> dict[str, FittedNovelty | Reason]:
    """Each method's reference; the reason where there is too little of it, or none stated."""
    methods = run.parameters["methods"]
    if not len(parts.reference):
        stated = run.parameters["reference"] is not None
        reason = Reason.NO_DATA if stated else Reason.NOT_APPLICABLE
        return dict.fromkeys(methods, reason)
    matrix = whole_matrix(features, parts.reference).astype(np.float64)
    groups = clusters_of(run.dataset, parts.reference)
    told = {name: run.parameters[name] for name in ("k", "standardise")}
    return {
        method: fit_novelty(matrix, method=method, groups=groups, rng=rng, **told)
        for method in methods
    }


def _judged(
    features: FeatureSet,
    fitted: dict[str, FittedNovelty | Reason],
    query: Items,
    should_stop: Callable[[], bool],
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Scores and p-values of each method that has a reference, ranges of items at a time."""
    able = {name: one for name, one in fitted.items() if isinstance(one, FittedNovelty)}
    scores = {name: np.zeros(len(query)) for name in able}
    p_values = {name: np.ones(len(query)) for name in able}
    done = 0
    for some, part in read_vectors(features, query) if able else ():
        if should_stop():
            break
        place = slice(done, done + len(some))
        for name, one in able.items():
            scores[name][place], p_values[name][place] = one.judge(part)
        done += len(some)
    return scores, p_values


def _confidence(
    model: ModelVersion | None, query: Items
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """How sure the model is of each item (NaN: it said nothing), and where it is known right."""
    sure = np.full(len(query), np.nan)
    right, known = np.zeros(len(query), bool), np.zeros(len(query), bool)
    if model is None:
        return sure, right, known
    predicted = read_predictions(model)
    said = np.isin(query, predicted.item)
    own = predicted.probabilities[np.isin(predicted.item, query)]
    sure[said] = own.max(axis=1, initial=0)
    truth, labelled, _ = outcomes(model, query)
    # A true value that is no class of the model's is known too: the model cannot have been right.
    known = said & labelled
    chosen = np.full(len(query), -1)
    chosen[said] = own.argmax(axis=1)
    right = known & (chosen == truth)
    return sure, right, known


def _draws(dataset: Dataset, query: Items, bootstrap: Bootstrap) -> Draws | None:
    """Resampled groups, where items have groups."""
    clusters = clusters_of(dataset, query)
    return None if clusters is None else draw(len(query), _dense(clusters), bootstrap)


def _dense(clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(clusters, return_inverse=True)[1].astype(np.int64)


def _groups(dataset: Dataset, parts: _Parts) -> tuple[int, NDArray[np.int64]] | None:
    """How many groups the reference has, and the group of each judged item."""
    known, new = clusters_of(dataset, parts.reference), clusters_of(dataset, parts.query)
    if new is None and known is None:
        return None
    n_known = len(parts.reference) if known is None else len(np.unique(known))
    own = np.arange(len(parts.query)) if new is None else _dense(new)
    return n_known, own


def _store(run: Run, result: dict[str, Any], judged: Judged, scores: dict[str, Floats]) -> None:
    """Result and rows in one transaction; the rows of earlier results of this subject go."""
    with transaction.atomic():
        # A run that was overtaken leaves the items of the later version alone.
        older = Run.objects.filter(
            dataset=run.dataset_id,
            kind=run.kind,
            subject=run.subject,
            version__lte=run.version,
        )
        ItemNovelty.objects.filter(run__in=older.values("pk")).delete()
        if scores:
            copy_in(ItemNovelty._meta.db_table, _rows(run, judged, scores))
        if not runs.succeed(run, result):
            raise runs.Lost(f"Run {run.pk} was cancelled or taken over; nothing was stored.")


def _rows(run: Run, judged: Judged, scores: dict[str, Floats]) -> list[Column]:
    said = np.isfinite(judged.confidence)
    return [
        Column("run_id", "uuid", constant(run.pk.bytes, len(judged.query), "S16")),
        Column("item_id", "int8", (run.dataset_id << 32) + judged.query),
        Column("scores", "float8[]", np.column_stack(list(scores.values()))),
        Column("p_values", "float8[]", np.column_stack(list(judged.p_values.values()))),
        Column("confidence", "float8", np.where(said, judged.confidence, 0), ~said),
    ]

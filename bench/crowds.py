"""Crowds: Dawid and Skene's model, ours and crowd-kit's, to the same log-likelihood.

The labels are made up: five of them an item on five values, by annotators drawn at random from
500, each right as often as is their own. Each fit runs in a process of its own, so that its peak
memory is its own. A peer that is not installed is named and left out; it is installed as
bench/__main__.py says.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import multiprocessing
import os
import resource
import time
import warnings
from dataclasses import dataclass

import numpy as np

from bench.growth import draw, picture_option
from measures.consensus import dawid_skene, label_counts

ANNOTATORS = 500
LABELS_AN_ITEM = 5
OURS, PEER = "ours", "crowd-kit"
# Log-likelihoods that differ by less than this share are the same.
SAME = 1e-8
Labels = tuple[np.ndarray, np.ndarray, np.ndarray]
Parameters = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Fit:
    """What a fit cost and where it came to; mebibytes with the interpreter and the labels."""

    cpu: float
    peak: float
    steps: int
    likelihood: float
    trace: tuple[float, ...] = ()


def made_up(n_items: int, n_values: int) -> Labels:
    """Item, annotator and code of each label, in the order of items."""
    rng = np.random.default_rng(4)
    item = np.repeat(np.arange(n_items), LABELS_AN_ITEM)
    place = np.tile(np.arange(LABELS_AN_ITEM), n_items)
    first, apart = rng.integers(0, ANNOTATORS, n_items), rng.integers(1, 100, n_items)
    annotator = (first[item] + apart[item] * place) % ANNOTATORS
    skill = rng.uniform(0.3, 0.9, ANNOTATORS)[annotator]
    truth = rng.integers(0, n_values, n_items)[item]
    guess = rng.integers(0, n_values, item.size)
    return item, annotator, np.where(rng.random(item.size) < skill, truth, guess)


def likelihood(labels: Labels, parameters: Parameters) -> float:
    """Log-likelihood of labels, given the prevalence and confusions[annotator, true, given]."""
    item, annotator, code = labels
    prevalence, confusion = parameters
    with np.errstate(divide="ignore"):
        prior, logs = np.log(prevalence), np.log(confusion)
    joint = np.stack(
        [prior[v] + np.bincount(item, logs[annotator, v, code]) for v in range(len(prior))]
    )
    return float(np.logaddexp.reduce(joint, axis=0).sum())


def _ours(labels: Labels, n_values: int, max_steps: int) -> tuple[Parameters, tuple[float, ...]]:
    counts = label_counts(*labels, n_values=n_values)
    model = dawid_skene(counts, max_steps=max_steps, min_labels=0)
    return (model.prevalence, model.confusion), model.climb.trace


def _peer(labels: Labels, n_values: int, max_steps: int) -> tuple[Parameters, tuple[float, ...]]:
    pandas = importlib.import_module("pandas")
    peer = importlib.import_module("crowdkit.aggregation")
    frame = pandas.DataFrame(dict(zip(("task", "worker", "label"), labels, strict=True)))
    model = peer.DawidSkene(n_iter=max_steps).fit(frame)
    every = range(n_values)
    index = pandas.MultiIndex.from_product([range(ANNOTATORS), every])
    # By annotator and value given, a column for each true value; what nobody gave is 0.
    errors = model.errors_.reindex(index=index, columns=every, fill_value=0.0).to_numpy()
    confusion = errors.reshape(ANNOTATORS, n_values, n_values).transpose(0, 2, 1)
    prevalence = model.priors_.reindex(every, fill_value=0.0).to_numpy()
    return (prevalence, confusion), tuple(model.loss_history_)


def _fitted(who: str, n_items: int, n_values: int, max_steps: int) -> Fit:
    """One fit in this process; imports and the making of labels are not counted."""
    warnings.simplefilter("ignore")
    fit = _ours if who == OURS else _peer
    fit(made_up(100, n_values), n_values, 2)
    labels = made_up(n_items, n_values)
    before = time.process_time()
    parameters, trace = fit(labels, n_values, max_steps)
    cpu = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Fit(cpu, peak, len(trace), likelihood(labels, parameters), trace)


def fitted(who: str, n_items: int, n_values: int, max_steps: int, runs: int = 1) -> Fit:
    """The fit of median cost among ``runs``, each in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, maxtasksperchild=1) as pool:
        found = [pool.apply(_fitted, (who, n_items, n_values, max_steps)) for _ in range(runs)]
    return sorted(found, key=lambda one: one.cpu)[len(found) // 2]


def main(arguments: list[str]) -> None:
    """``python -m bench crowds --rows 100000 1000000 --runs 3``."""
    parser = argparse.ArgumentParser(prog="bench crowds")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--values", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="1,000,000 items on 10 values")
    picture_option(parser)
    asked = parser.parse_args(arguments)
    curves: dict[str, list[tuple[float, float]]] = {}
    for n_labels in sorted(asked.rows):
        for name, fit in _compared(n_labels // LABELS_AN_ITEM, asked.values, asked.runs).items():
            curves.setdefault(name, []).append((n_labels, max(fit.cpu, 0.001)))
    draw(
        asked.picture,
        curves,
        title="Dawid and Skene's model: cost by the number of labels",
        x="labels",
        command=["crowds", *arguments],
    )
    if asked.large:
        large = fitted(OURS, 1_000_000, 10, 10)
        _show("1,000,000 items on 10 values, ten steps", {OURS: large})


def _compared(n_items: int, n_values: int, runs: int) -> dict[str, Fit]:
    """The peer to its own stop, ours to where that came, and ours to its own stop."""
    whole = fitted(OURS, n_items, n_values, 1000, runs)
    found = {f"{OURS}, to its own stop": whole}
    if importlib.util.find_spec("crowdkit") is None:
        print("\ncrowd-kit is not installed (bench/requirements.txt); it is left out.")
    else:
        peer = fitted(PEER, n_items, n_values, 1000, runs)
        enough = peer.likelihood - SAME * abs(peer.likelihood)
        reached = [step for step, at in enumerate(whole.trace, 1) if at >= enough]
        steps = reached[0] if reached else whole.steps
        same = fitted(OURS, n_items, n_values, steps, runs)
        found = {PEER: peer, f"{OURS}, to the peer's likelihood": same, **found}
    _show(f"{n_items * LABELS_AN_ITEM:,} labels on {n_values} values", found)
    return found


def _show(title: str, found: dict[str, Fit]) -> None:
    print(f"\n{title} (load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores)")
    print(f"{'':34} {'cpu s':>8} {'peer/it':>8} {'steps':>6} {'MiB':>6} {'log-likelihood':>18}")
    for name, fit in found.items():
        ratio = f"{found[PEER].cpu / fit.cpu:8.1f}" if PEER in found else " " * 8
        print(
            f"{name:34} {fit.cpu:8.3f} {ratio} {fit.steps:6} {fit.peak:6.0f} {fit.likelihood:18.3f}"
        )

"""Real forecasts through the REST API: figures computed with other libraries, by the README's."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Trust


def rows_of(path: Path) -> list[dict[str, str]]:
    reader = gzip.open if path.suffix == ".gz" else open
    with reader(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def table(header: str, rows: Iterable[Iterable[Any]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return out.getvalue()


def values(numbers: dict[str, Any], *names: str) -> list[float]:
    return [numbers[name]["value"] for name in names]


def measured(
    alice: Trust, path: str, labels: str, predictions: str, classes: list[str], **fields: Any
) -> Any:
    """Define a question and a model, send both files, and look at the calibration."""
    question = {"name": "outcome", "scale": "nominal", "values": sorted(classes)}
    alice.post(f"{path}questions/", question)
    model = {"name": "m", "question": "outcome", "classes": classes, **fields}
    alice.post(f"{path}models/", model)
    alice.send(path, "reference-labels", labels)
    upload = alice.upload(path, "predictions", predictions, model="m")
    assert upload["state"] == "stored", upload["problems"]
    return alice.get(f"{path}calibration/", model="m")


def test_nfl_games(alice: Trust, shared: Path) -> None:
    games = rows_of(shared / "data" / "fcst_538_nfl_games" / "forecasts.csv")
    played = [(i, g) for i, g in enumerate(games) if g["prob1_outcome"] != "0.5"]
    words = {"0": "no", "0.0": "no", "1": "yes", "1.0": "yes"}
    labels = table("item,label", ((i, words[g["prob1_outcome"]]) for i, g in played))
    stated = table("item,probability", ((i, g["prob1"]) for i, g in enumerate(games)))
    path = alice.dataset("nfl")
    alice.upload(
        path, "items", table("item,season", ((i, g["season"]) for i, g in enumerate(games)))
    )
    found = measured(alice, path, labels, stated, ["no", "yes"], positive_class="yes")
    assert (found["n_items"], found["n_without_reference"]) == (1882, 7)
    assert values(
        found["scores"], "brier", "log_loss", "auc", "mcb", "dsc", "unc"
    ) == pytest.approx([0.220826, 0.631516, 0.691782, 0.003846, 0.030783, 0.247764], abs=6e-7)
    assert values(found["ece"], "uniform_10", "uniform_15", "quantile_10") == pytest.approx(
        [0.032302, 0.032595, 0.029562], abs=6e-7
    )
    seasons = {one["attributes"]["season"]: one["n"] for one in found["subgroups"]}
    assert sum(seasons.values()) == 1882
    assert all(abs(one["difference"]) < 1e-9 for one in found["second_opinion"])


def test_cifar_vgg(alice: Trust, shared: Path) -> None:
    folder = shared / "data" / "pred_cifar10_vgg"
    rows = rows_of(folder / "predictions.csv")
    path = alice.dataset("cifar")
    classes = [str(k) for k in range(10)]
    alice.post(f"{path}questions/", {"name": "object", "scale": "nominal"})
    alice.post(f"{path}models/", {"name": "vgg", "question": "object", "classes": classes})
    assert alice.get(f"{path}questions/object/")["values"] == classes
    labels = table("item,label", ((r["item"], r["label"]) for r in rows))
    alice.send(path, "reference-labels", labels)
    upload = alice.upload(
        path,
        "predictions",
        (folder / "predictions.csv").read_bytes(),
        columns=json.dumps({f"p_{k}": f"p{k}" for k in classes}),
        ignore="label",
    )
    assert (upload["state"], upload["rows"]["stored"], upload["warnings"]) == ("stored", 10_000, [])
    found = alice.get(f"{path}calibration/")
    assert values(found["scores"], "accuracy", "brier_sum", "log_loss") == pytest.approx(
        [0.9359, 0.105446, 0.257065], abs=6e-7
    )
    assert values(found["ece"], "uniform_15", "uniform_10", "classwise_15") == pytest.approx(
        [0.039780, 0.039907, 0.008837], abs=6e-7
    )
    assert (found["notion"], found["positive_class"]) == ("confidence", None)
    assert found["tests"]["cox"]["slope"]["ci_high"] < 1
    assert found["recalibration"]["recommended"] != "none"


def test_two_classes_of_modeldata(alice: Trust, shared: Path) -> None:
    rows = rows_of(shared / "data" / "pred_two_class_example" / "predictions.csv")
    labels = table("item,label", ((r["rownames"], r["truth"]) for r in rows))
    stated = table(
        "item,p_Class1,p_Class2", ((r["rownames"], r["Class1"], r["Class2"]) for r in rows)
    )
    classes = ["Class1", "Class2"]
    path = alice.dataset("two")
    found = measured(alice, path, labels, stated, classes, positive_class="Class1")
    assert values(found["scores"], "accuracy", "auc", "brier", "log_loss", "mcb") == pytest.approx(
        [0.838, 0.939314, 0.105619, 0.32831, 0.013302], abs=6e-7
    )
    assert values(found["ece"], "uniform_10", "quantile_10") == pytest.approx(
        [0.061663, 0.052825], abs=6e-7
    )


def test_world_cup_matches(alice: Trust, shared: Path) -> None:
    rows = rows_of(shared / "data" / "fcst_538_world_cup_matches_men" / "forecasts.csv")
    sent = {"prob1": "win", "probtie": "tie", "prob2": "loss"}
    outcome = [
        next(word for name, word in sent.items() if float(r[f"{name}_outcome"]) == 1) for r in rows
    ]
    labels = table("item,label", enumerate(outcome))
    # The file's columns are in another order than the classes: they are matched by name.
    stated = table(
        "p_loss,item,p_win,p_tie",
        ((r["prob2"], i, r["prob1"], r["probtie"]) for i, r in enumerate(rows)),
    )
    path = alice.dataset("cup")
    found = measured(alice, path, labels, stated, ["win", "tie", "loss"])
    assert found["n_items"] == 176
    assert values(found["scores"], "brier_sum", "log_loss", "accuracy") == pytest.approx(
        [0.537532, 0.899169, 0.602273], abs=6e-7
    )
    assert found["ece"]["uniform_10"]["value"] == pytest.approx(0.073926, abs=6e-7)
    accuracy = found["scores"]["accuracy"]
    assert accuracy["ci_high"] - accuracy["ci_low"] > 0.12


# Attribute value -> n, accuracy, AUC, Brier score, ECE in ten bins.
MASSACHUSETTS = {
    ("sex", "1"): (33094, 0.846317, 0.92039, 0.110604, 0.011456),
    ("sex", "2"): (35691, 0.809392, 0.883378, 0.134288, 0.007408),
    ("race", "1"): (56119, 0.828703, 0.903495, 0.122506, 0.007393),
    ("race", "2"): (4134, 0.832124, 0.904209, 0.120792, 0.016602),
    ("race", "3"): (71, 0.802817, 0.885522, 0.134163, 0.09593),
    ("race", "6"): (4273, 0.803651, 0.890546, 0.132115, 0.011382),
    ("race", "7"): (22, 0.772727, 0.91453, 0.140496, 0.15716),
    ("race", "8"): (2271, 0.804491, 0.883287, 0.135009, 0.030358),
    ("race", "9"): (1837, 0.853566, 0.929686, 0.102271, 0.025333),
    ("disability", "1"): (9330, 0.845659, 0.834533, 0.111287, 0.01568),
    ("disability", "2"): (59455, 0.824254, 0.894608, 0.124714, 0.007286),
}


def employment(alice: Trust, shared: Path) -> Any:
    rows = rows_of(shared / "data" / "pred_nannyml_ma_employment" / "predictions_2015.csv.gz")
    path = alice.dataset("employment", min_cell=25)
    age = {"name": "age", "of": "item", "kind": "numeric", "bands": ["0-15", "16-120"]}
    alice.post(f"{path}attributes/", age)
    names = ("id", "SEX", "RAC1P", "DIS", "AGEP")
    alice.send(
        path,
        "items",
        table("item,sex,race,disability,age", ([r[name] for name in names] for r in rows)),
    )
    labels = table("item,label", ((r["id"], r["employed"]) for r in rows))
    stated = table("item,probability", ((r["id"], r["predicted_probability"]) for r in rows))
    return measured(alice, path, labels, stated, ["0", "1"])


def test_massachusetts_employment(
    alice: Trust, person: Callable[[str], Trust], shared: Path
) -> None:
    found = employment(alice, shared)
    assert values(found["scores"], "accuracy", "auc", "brier") == pytest.approx(
        [0.827157, 0.903361, 0.122893], abs=6e-7
    )
    assert found["ece"]["uniform_10"]["value"] == pytest.approx(0.006176, abs=6e-7)
    by_value = {next(iter(one["attributes"].items())): one for one in found["subgroups"]}
    for key, expected in MASSACHUSETTS.items():
        one = by_value[key]
        got = [
            *values(one["scores"], "accuracy", "auc", "brier"),
            one["ece"]["uniform_10"]["value"],
        ]
        assert (one["n"], *got) == pytest.approx(expected, abs=6e-7)
    alone, children = by_value[("race", "4")], by_value[("age", "0-15")]
    assert (alone["n"], alone["scores"]["brier"]["reason"]) == (1, "too_few_items")
    assert (children["n"], children["scores"]["auc"]["reason"]) == (11047, "one_class")
    auditor = person("audrey")
    alice.post("datasets/employment/members/", {"user": "audrey", "role": "auditor"})
    shown = auditor.get("datasets/employment/calibration/")
    few = next(one for one in shown["subgroups"] if one["attributes"] == {"race": "7"})
    assert few["n"] is None
    assert few["scores"]["brier"] == {
        **dict.fromkeys(few["scores"]["brier"]),
        "reason": "suppressed",
    }

"""One subgroup over REST: all that is measured of the whole, by its attribute values."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from measures.multiplicity import benjamini_hochberg
from predictions import parameters
from tests.conftest import Trust
from tests.predictions.conftest import make_file

N = 400
RNG = np.random.default_rng(6)
SITES = ["north" if k % 4 else "south" for k in range(N)]
AGES = ["young" if k % 3 else "old" for k in range(N)]
SAID = RNG.beta(2, 2, N).round(6)
#: In the south things happen more often than stated.
LABELS = np.where(RNG.random(N) < SAID + 0.25 * (np.array(SITES) == "south"), "yes", "no")
NAMES = [f"p{k}" for k in range(N)]
WHOLE = {"scores", "ece", "ece_if_calibrated", "curve", "murphy", "other_libraries"}


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in parameters.DEFAULTS.values():
        monkeypatch.setitem(kind, "n_replicates", 50)


@pytest.fixture
def sites(alice: Trust, mail: str) -> str:
    """Mails of two sites and ages, judged; nothing is off in the north."""
    everywhere = ["all"] * N
    attributes = make_file("item,site,age,domain", NAMES, SITES, AGES, everywhere)
    alice.send(mail, "items", attributes)
    alice.send(mail, "reference-labels", make_file("item,label", NAMES, LABELS))
    alice.upload(mail, "predictions", make_file("item,probability", NAMES, SAID))
    return mail


def test_a_subgroup_answers_under_the_keys_of_the_whole(alice: Trust, sites: str) -> None:
    whole = alice.get(f"{sites}calibration/")
    south = alice.get(f"{sites}calibration/", attribute="site", value="south")
    assert (south["subgroup"], south["n_items"]) == ({"site": "south"}, 100)
    assert south["run"] == whole["run"]
    for part in WHOLE | {"tests"}:
        assert south[part].keys() == whole[part].keys() if isinstance(south[part], dict) else True
    at = np.array(SITES) == "south"
    brier = np.mean((SAID[at] - (LABELS[at] == "yes")) ** 2)
    assert south["scores"]["brier"]["value"] == pytest.approx(brier)
    assert sum(one["n"] for one in south["curve"]["bins"]) == 100
    assert sum(one["n"] for one in south["curve"]["corp"]) == 100
    assert south["tests"]["cox"]["test"]["p_adjusted"] < 0.01
    assert south["tests"]["cox"]["in_the_large"]["ci_low"] > 0
    assert south["detectable"]["n_more_for_target"] > 0


def test_the_subgroup_of_everybody_equals_the_whole(alice: Trust, sites: str) -> None:
    whole = alice.get(f"{sites}calibration/")
    part = alice.get(f"{sites}calibration/", attribute="domain", value="all")

    def values(body: dict[str, Any]) -> dict[str, Any]:
        numbers = {**body["scores"], **body["ece"], **body["tests"]["cox"]}
        numbers |= {name: body["tests"][name] for name in ("spiegelhalter", "kuiper", "mcb")}
        return {key: one["value"] for key, one in numbers.items() if isinstance(one, dict)}

    assert values(part) == pytest.approx(values(whole), nan_ok=True)
    assert part["curve"]["corp"] == whole["curve"]["corp"]
    assert part["curve"]["bins"] == whole["curve"]["bins"]
    assert part["murphy"] == whole["murphy"]
    assert part["other_libraries"] == whole["other_libraries"]
    assert part["tests"]["isotonic_gaps"] == whole["tests"]["isotonic_gaps"]


def test_two_attributes_that_meet_are_a_subgroup_of_their_own(alice: Trust, sites: str) -> None:
    asked = json.dumps({"age": "old", "site": "south"})
    missing = alice.get(f"{sites}calibration/", subgroup=json.dumps({"site": "west"}), expect=404)
    assert missing["code"] == "unknown_subgroup"
    assert "it has: site=north; site=south" in missing["detail"]
    found = alice.get(f"{sites}calibration/", subgroup=asked)
    n = sum(s == "south" and a == "old" for s, a in zip(SITES, AGES, strict=True))
    assert found["n_items"] == n
    bins = alice.get(f"{sites}calibration/curve.json", subgroup=asked)["results"]
    assert bins == found["curve"]["bins"]
    pairs = alice.get(f"{sites}calibration/subgroups.json", level="2", value="south")["results"]
    assert [one["attributes"] for one in pairs] == [
        {"age": "old", "site": "south"},
        {"age": "young", "site": "south"},
        {"domain": "all", "site": "south"},
    ]
    lines = alice.http.get(f"/api/v1/{sites}calibration/subgroups.csv").content.decode()
    columns = lines.splitlines()[0].split(",")
    assert {"tests.kuiper.p_adjusted", "murphy.uniform_10.resolution"} <= set(columns)
    assert not any(name.startswith("curve") for name in columns)


@pytest.mark.parametrize(
    ("address", "asked", "said"),
    [
        ("", {"attribute": "site"}, "send both"),
        ("curve.csv", {"value": "south"}, "send both"),
        ("", {"subgroup": "site=south"}, "must be a JSON object"),
        ("", {"subgroup": '{"site": 1}'}, "must be a JSON object"),
        ("folds.csv", {"attribute": "site", "value": "south"}, "about all items"),
        ("curve.csv", {"level": "1"}, "about the table subgroups"),
        ("", {"site": "south"}, "is not known here"),
    ],
)
def test_half_a_subgroup_is_refused_in_words(
    alice: Trust, mail: str, address: str, asked: dict[str, str], said: str
) -> None:
    alice.send(mail, "reference-labels", make_file("item,label", NAMES[:40], LABELS[:40]))
    alice.upload(mail, "predictions", make_file("item,probability", NAMES[:40], SAID[:40]))
    answer = alice.get(f"{mail}calibration/{address}", expect=400, **asked)
    assert said in answer["detail"]


def test_each_test_is_adjusted_by_itself_and_by_depth(alice: Trust, sites: str) -> None:
    rows = alice.get(f"{sites}calibration/")["subgroups"]
    for depth in (1, 2):
        part = [one for one in rows if len(one["attributes"]) == depth]
        for name in ("test", "spiegelhalter", "kuiper", "mcb"):
            tests = [one["tests"][name] for one in part]
            expected = benjamini_hochberg([one["p_value"] for one in tests])
            assert [one["p_adjusted"] for one in tests] == pytest.approx(expected)


def test_an_auditor_sees_no_bin_of_few_items_in_a_subgroup(
    alice: Trust, sites: str, person: Callable[[str], Trust]
) -> None:
    audrey = person("audrey")
    alice.post(f"{sites}members/", {"user": "audrey", "role": "auditor"})
    full = alice.get(f"{sites}calibration/", attribute="site", value="south")["curve"]
    shown = audrey.get(f"{sites}calibration/", attribute="site", value="south")["curve"]
    hidden = [b for b, one in enumerate(shown["bins"]) if one["n"] is None]
    assert {b for b, one in enumerate(full["bins"]) if one["n"] < 10} <= set(hidden)
    assert 2 <= len(hidden) < 10
    for b, one in enumerate(shown["bins"]):
        if b in hidden:
            assert one["observed"]["reason"] == "suppressed"
            assert one["mean_predicted"] is None
    assert all(one["n"] >= 10 for one in shown["corp"])
    assert sum(one["n"] for one in shown["corp"]) == 100
    assert len(shown["band"]) <= 100 // 10
    other = audrey.get(f"{sites}calibration/", attribute="site", value="north")["curve"]
    # What is withheld of one of two sites goes along in the other: the whole less it would tell.
    assert [b for b, one in enumerate(other["bins"]) if one["n"] is None] == hidden
    table = audrey.get(f"{sites}calibration/curve.json", attribute="site", value="south")
    assert table["results"] == shown["bins"]


def test_three_classes_have_their_readings_in_each_subgroup(alice: Trust, pets: str) -> None:
    kinds = ["cat", "dog", "fox"]
    truth = [kinds[k % 3] for k in range(60)]
    stated = RNG.dirichlet((2, 2, 2), 60).round(6)
    stated[:, 2] = 1 - stated[:, 0] - stated[:, 1]
    names = NAMES[:60]
    alice.send(pets, "items", make_file("item,home", names, ["farm", "flat"] * 30))
    alice.send(pets, "reference-labels", make_file("item,label", names, truth))
    alice.upload(
        pets, "predictions", make_file("item,p_cat,p_dog,p_fox", names, *stated.T.tolist())
    )
    farm = alice.get(f"{pets}calibration/", attribute="home", value="farm")
    assert (farm["notion"], farm["n_items"]) == ("confidence", 30)
    assert farm["ece"]["classwise_15"]["value"] > 0
    assert farm["ece"]["toplabel_10"]["value"] > 0
    assert sum(one["n"] for one in farm["curve"]["bins"]) == 30

"""A recalibration map that was chosen: applied to later predictions, and judged on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit, logit

from predictions import parameters
from tests.conftest import Trust
from tests.predictions.conftest import make_file
from tests.predictions.test_conformal import reference_applier

N, NEW = 400, 300
RNG = np.random.default_rng(8)
P = np.round(RNG.random(N + NEW) * 0.98 + 0.01, 4)
#: The model is too bold: true log-odds are half the stated ones.
HAPPENED = RNG.random(N + NEW) < expit(0.5 * logit(P))
NAMES = [f"i{k}" for k in range(N + NEW)]
LABELS = ["yes" if one else "no" for one in HAPPENED]


def sent(start: int, stop: int) -> str:
    return make_file("item,probability", NAMES[start:stop], P[start:stop])


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("calibration", "conformal", "ensembles"):
        monkeypatch.setitem(parameters.DEFAULTS[kind], "n_replicates", 60)


@pytest.fixture
def bold(alice: Trust, mail: str) -> str:
    alice.send(mail, "reference-labels", make_file("item,label", NAMES, LABELS))
    alice.upload(mail, "predictions", sent(0, N))
    return mail


def test_a_chosen_map_is_applied_to_later_uploads_and_judged_on_them(
    alice: Trust, bold: str
) -> None:
    before = alice.get(f"{bold}calibration/")
    assert before["adopted"] is None
    fitted = alice.get(f"{bold}recalibrations/platt.json")
    chosen = alice.post(f"{bold}recalibrations/platt/adopt/")
    assert (chosen["run"], chosen["version"]) == (before["run"], before["version"])
    assert chosen["recommended"] == (before["recalibration"]["recommended"] == "platt")
    # Some of the old ones come again: they were seen, whatever is said of them now.
    alice.upload(bold, "predictions", sent(N - 50, N + NEW))
    found = alice.get(f"{bold}calibration/")["adopted"]
    assert (found["n_items"], found["n_seen_left_out"]) == (NEW, N)
    assert found["digest"] == chosen["digest"]
    recalibrate = reference_applier()["recalibrate"]
    calibrated = np.array([recalibrate(fitted, p) for p in P[N:].tolist()])
    stated, truth = P[N:], HAPPENED[N:]
    was, now = ((stated - truth) ** 2).mean(), ((calibrated - truth) ** 2).mean()
    assert found["before"]["scores"]["brier"]["value"] == pytest.approx(was)
    assert found["after"]["scores"]["brier"]["value"] == pytest.approx(now)
    assert found["brier_gain"]["value"] == pytest.approx(was - now)
    assert found["brier_gain"]["ci_low"] < was - now < found["brier_gain"]["ci_high"]
    assert found["after"]["tests"]["slope"]["value"] > found["before"]["tests"]["slope"]["value"]


def test_the_map_stays_as_it_was_when_it_was_chosen(alice: Trust, bold: str) -> None:
    fitted = alice.get(f"{bold}recalibrations/platt.json")
    chosen = alice.post(f"{bold}recalibrations/platt/adopt/")
    alice.upload(bold, "predictions", sent(N, N + NEW))
    kept = alice.get(f"{bold}recalibrations/adopted.json")
    assert kept["parameters"] == fitted["parameters"]
    assert alice.get(f"{bold}recalibrations/platt.json")["parameters"] != fitted["parameters"]
    answer = alice.http.get(f"/api/v1/{bold}confidence.json?page_size=1000")
    assert answer["X-Recalibration"] == "platt"
    assert answer["X-Recalibration-Digest"] == chosen["digest"]
    assert answer["X-Recalibration-Run"] == chosen["run"]
    rows = {one["item"]: one for one in answer.json()["results"]}
    recalibrate = reference_applier()["recalibrate"]
    for k in (0, N - 1, N, N + NEW - 1):
        row = rows[f"i{k}"]
        assert row["probabilities"]["yes"] == pytest.approx(P[k])
        assert row["calibrated"]["yes"] == pytest.approx(recalibrate(kept, float(P[k])), abs=1e-12)
        assert row["seen_by_map"] == (k < N)


def test_the_use_of_a_map_can_be_ended(alice: Trust, bold: str) -> None:
    alice.post(f"{bold}recalibrations/platt/adopt/")
    alice.post(f"{bold}recalibrations/beta/adopt/")
    assert alice.get(f"{bold}recalibrations/adopted.json")["method"] == "beta"
    alice.post(f"{bold}recalibrations/none/adopt/")
    assert alice.get(f"{bold}recalibrations/adopted.json", expect=404)["code"] == "no_result"
    listed = alice.get(f"{bold}recalibrations/adopted/")["results"]
    assert [one["method"] for one in listed] == ["none", "beta", "platt"]
    assert {one["adopted_by"] for one in listed} == {"alice"}
    alice.upload(bold, "predictions", sent(N, N + 20))
    assert alice.get(f"{bold}calibration/")["adopted"] is None


def test_before_anything_came_later_there_are_reasons(alice: Trust, bold: str) -> None:
    alice.post(f"{bold}recalibrations/platt/adopt/")
    alice.upload(bold, "reference-labels", "item,label\nnobody,yes\n")
    found = alice.get(f"{bold}calibration/")["adopted"]
    assert (found["n_items"], found["brier_gain"]["reason"]) == (0, "no_data")


def test_only_maps_that_exist_are_chosen_and_only_by_managers(
    alice: Trust, bold: str, person: Callable[[str], Trust]
) -> None:
    refused = alice.post(f"{bold}recalibrations/plat/adopt/", expect=404)
    assert "platt" in refused["detail"]
    auditor = person("audrey")
    alice.post(f"{bold}members/", {"user": "audrey", "role": "auditor"})
    auditor.post(f"{bold}recalibrations/platt/adopt/", expect=403)
    alice.post(f"{bold}recalibrations/platt/adopt/")
    assert auditor.get(f"{bold}recalibrations/adopted.json")["method"] == "platt"

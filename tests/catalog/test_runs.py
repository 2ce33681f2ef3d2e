"""Runs: asked once, claimed once, ended in words, found again when lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from catalog import kinds, runs
from catalog.models import Dataset, Run, Upload
from catalog.problems import Refusal
from catalog.tasks import work_run
from tests.conftest import Trust, work_off


@pytest.fixture
def dataset(alice: Trust) -> Dataset:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    return Dataset.objects.get()


def launch(dataset: Dataset, **parameters: Any) -> Run:
    with transaction.atomic():
        return runs.launch(dataset, "agreement", {"question": "pet", **parameters})[0]


def test_the_same_question_about_the_same_version_is_one_run(dataset: Dataset) -> None:
    first = launch(dataset)
    assert launch(dataset).pk == first.pk
    assert launch(dataset, n_replicates=10).pk != first.pk
    work_off()
    assert launch(dataset).pk == first.pk
    Dataset.objects.update(version=99)
    dataset.refresh_from_db()
    assert launch(dataset).pk != first.pk


def test_a_failed_or_cancelled_run_can_be_asked_again(dataset: Dataset) -> None:
    first = launch(dataset)
    assert runs.cancel(first)
    assert launch(dataset).pk != first.pk


def test_only_one_worker_gets_a_run(dataset: Dataset) -> None:
    run = launch(dataset)
    assert runs.claim(str(run.pk)) is not None
    assert runs.claim(str(run.pk)) is None


def test_a_result_comes_with_its_provenance(dataset: Dataset) -> None:
    run = launch(dataset)
    work_off()
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert run.result["coefficients"]["krippendorff_alpha"]["reason"] == "no_data"
    assert run.version == dataset.version
    assert run.code_version
    assert run.libraries["numpy"]
    assert run.etag == runs.digest_of(run.result)


def test_a_cancelled_run_keeps_no_result(dataset: Dataset) -> None:
    run = launch(dataset)
    claimed = runs.claim(str(run.pk))
    assert claimed is not None
    assert runs.cancel(run)
    assert not runs.succeed(claimed, {"late": True})
    run.refresh_from_db()
    assert (run.state, run.result) == ("cancelled", None)
    assert not runs.cancel(run)


def test_a_worker_that_lost_its_lease_cannot_overwrite_its_successor(dataset: Dataset) -> None:
    run = launch(dataset)
    first = runs.claim(str(run.pk))
    assert first is not None
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    runs.sweep()
    second = runs.claim(str(run.pk))
    assert second is not None
    assert second.attempt == 2
    assert not runs.extend_lease(first)
    assert not runs.succeed(first, {"from": "first"})
    assert runs.succeed(second, {"from": "second"})
    run.refresh_from_db()
    assert run.result == {"from": "second"}


def test_three_dead_workers_end_a_run_in_words(dataset: Dataset) -> None:
    run = launch(dataset)
    for _ in range(3):
        assert runs.claim(str(run.pk)) is not None
        Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        runs.sweep()
    run.refresh_from_db()
    assert run.state == "failed"
    assert "worker" in run.failure
    assert "3 times" in run.failure
    assert runs.claim(str(run.pk)) is None


def test_a_run_that_nobody_heard_is_rung_again_with_growing_pauses(dataset: Dataset) -> None:
    run = launch(dataset)
    run.refresh_from_db()
    assert run.rings == 1
    assert runs.sweep() == 0
    Run.objects.update(published_at=timezone.now() - timedelta(seconds=11))
    assert runs.sweep() == 1
    Run.objects.update(published_at=timezone.now() - timedelta(seconds=11))
    assert runs.sweep() == 0


def test_a_broker_that_is_down_delays_and_loses_nothing(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ConnectionRefusedError("no broker")

    monkeypatch.setattr("celery.app.base.Celery.send_task", refuse)
    run = launch(dataset)
    assert run.state == "waiting"


def test_an_error_in_the_code_ends_the_run_in_words(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: dict[str, tuple[Exception, str, str]] = {
        "bug": (KeyError("x"), "failed", "An error in the service (KeyError)"),
        "refusal": (Refusal("The question was deleted."), "failed", "The question was deleted."),
        "memory": (MemoryError(), "failed", "It needed more memory"),
        "database": (
            OperationalError("gone"),
            "waiting",
            "The database cannot be reached; try again in a few seconds.",
        ),
    }
    for replicates, (error, state, failure) in enumerate(outcomes.values()):
        run = launch(dataset, n_replicates=replicates)

        def compute(run: Run, should_stop: Any, error: Exception = error) -> dict[str, Any]:
            raise error

        runs.work(str(run.pk), compute)
        run.refresh_from_db()
        assert run.state == state
        assert run.failure.startswith(failure)


def test_a_failed_upload_run_fails_its_upload(alice: Trust, dataset: Dataset) -> None:
    sent = alice.send("datasets/pets/", "labels", "item,annotator,label\n")

    def compute(run: Run, should_stop: Any) -> dict[str, Any]:
        raise KeyError("x")

    runs.work(str(Run.objects.get().pk), compute)
    upload = Upload.objects.get(pk=sent["id"])
    assert upload.state == "failed"
    assert upload.failure


def test_unknown_kinds_and_parameters_are_refused(alice: Trust, dataset: Dataset) -> None:
    path = "datasets/pets/runs/"
    unknown = alice.post(path, {"kind": "magic"}, expect=400)
    assert unknown["code"] == "unknown_kind"
    wrong = {"kind": "agreement", "parameters": {"question": "song"}}
    assert "it has: pet" in alice.post(path, wrong, expect=400)["detail"]
    wrong = {"kind": "agreement", "parameters": {"question": "pet", "seed": 1}}
    assert alice.post(path, wrong, expect=400)["code"] == "unknown_parameter"
    wrong = {"kind": "agreement", "parameters": {"question": "pet", "n_replicates": -1}}
    assert "n_replicates" in alice.post(path, wrong, expect=400)["detail"]
    good = {"kind": "agreement", "parameters": {"question": "pet"}}
    assert alice.post(path, good, expect=202)["state"] == "waiting"


def test_runs_are_listed_looked_at_and_cancelled(alice: Trust, dataset: Dataset) -> None:
    run = launch(dataset)
    listed = alice.get("datasets/pets/runs/", kind="agreement")["results"]
    assert [r["id"] for r in listed] == [str(run.pk)]
    assert alice.get(f"datasets/pets/runs/{run.pk}/")["state"] == "waiting"
    cancelled = alice.post(f"datasets/pets/runs/{run.pk}/cancel/", expect=200)
    assert cancelled["state"] == "cancelled"
    again = alice.post(f"datasets/pets/runs/{run.pk}/cancel/", expect=409)
    assert again["code"] == "already_ended"
    alice.get("datasets/pets/runs/not-a-uuid/", expect=404)


def test_a_stored_upload_launches_the_standard_runs(alice: Trust, dataset: Dataset) -> None:
    alice.upload("datasets/pets/", "labels", "item,annotator,label\ni1,ann,cat\ni1,bob,cat\n")
    run = Run.objects.get(kind="agreement")
    assert (run.state, run.subject) == ("succeeded", "pet")
    assert run.version == Dataset.objects.get().version


def test_every_room_registers_its_kinds() -> None:
    assert set(kinds.run_kinds()) >= {"agreement", "coverage", "calibration"}
    assert set(kinds.upload_kinds()) == {
        "items",
        "annotators",
        "labels",
        "reference-labels",
        "population",
        "predictions",
        "features",
    }


@pytest.mark.parametrize("missing", ["annotations.nowhere.compute", None])
def test_a_run_that_this_worker_cannot_compute_waits_for_others_and_fails_after_a_while(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, missing: str | None
) -> None:
    run = launch(dataset)
    known = kinds.run_kinds()
    with monkeypatch.context() as old_code:
        others = {name: kind for name, kind in known.items() if name != "agreement"}
        if missing is not None:
            others["agreement"] = replace(known["agreement"], compute=missing)
        again = launch(dataset, n_replicates=10)
        old_code.setattr(kinds, "run_kinds", lambda: others)
        work_run(str(run.pk))
        run.refresh_from_db()
        assert (run.state, run.attempt) == ("waiting", 0)
        assert "No worker could compute it yet" in run.failure
        Run.objects.filter(pk=run.pk).update(rings=8)
        work_run(str(run.pk))
        work_run(str(again.pk))
    run.refresh_from_db()
    assert (run.state, run.finished_at is None) == ("failed", False)
    assert "restart the workers" in run.failure
    # A worker of the new version has come in time for the other.
    work_run(str(again.pk))
    again.refresh_from_db()
    assert (again.state, again.failure) == ("succeeded", "")

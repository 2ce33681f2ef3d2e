"""After any uploads and withdrawals: what is refreshed equals what is computed afresh."""

from __future__ import annotations

import random
from typing import Any

import pytest

from annotations import columnar
from annotations.agreement import counting
from annotations.columnar import label_parts
from annotations.parameters import DEFAULTS
from annotations.services import measure_agreement
from catalog import columns
from catalog.models import ColumnBlock, Dataset, Question, Run, Upload
from catalog.tasks import work_run
from measures.agreement import panels, patterns
from tests.annotations.test_agreement_results import asked
from tests.annotations.test_columnar import TIMED, agree
from tests.conftest import Trust

ITEMS, ANNOTATORS = 30, 6
Path = str


@pytest.fixture(autouse=True)
def _copies_of_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MIN_ROWS", 1)
    monkeypatch.setattr(columns, "BLOCK_ROWS", 11)
    monkeypatch.setattr(columnar, "MAX_CHANGED", 0.6)


def some_labels(rng: random.Random, n: int, n_annotators: int = ANNOTATORS) -> str:
    """Labels of old and new items and annotators; some skipped, in rounds, with batches."""
    rows = {}
    for _ in range(n):
        item, annotator = rng.randrange(ITEMS), rng.randrange(n_annotators)
        label, status = rng.choice("abc"), ""
        if rng.random() < 0.1:
            label, status = "", "skipped"
        when = rng.choice(["", "2026-01-02T00:00:00Z", "2026-02-03T00:00:00Z"])
        batch, guide = rng.choice(["", "b1", "b2", f"b{rng.randrange(9)}"]), rng.choice(["", "v1"])
        turn = 2 if rng.random() < 0.1 and n_annotators == ANNOTATORS else 1
        rows[item, annotator, turn] = (
            f"i{item:03},w{annotator},{label},{when},{batch},{guide},{status},{turn}"
        )
    return TIMED.strip() + ",status,round\n" + "\n".join(rows.values()) + "\n"


def send(alice: Trust, path: Path, kind: str, body: str) -> None:
    """Store a file, and leave out the runs that follow: the test computes itself."""
    alice.send(path, kind, body, on_error="skip")
    only_uploads()


def only_uploads() -> None:
    Run.objects.filter(state="waiting").exclude(kind="upload").update(state="cancelled")
    while (run := Run.objects.filter(state="waiting", kind="upload").first()) is not None:
        work_run(str(run.pk))
    Run.objects.filter(state="waiting").update(state="cancelled")


def step(alice: Trust, path: Path, rng: random.Random, n_annotators: int = ANNOTATORS) -> None:
    """One of the things that people do to a data set."""
    kind = rng.choice(["labels"] * 6 + ["withdraw", "withdraw", "items", "annotators", "define"])
    if kind == "labels":
        send(alice, path, "labels", some_labels(rng, rng.choice([1, 3, 12]), n_annotators))
    elif kind == "withdraw":
        uploads = Upload.objects.filter(kind="labels", state="stored", rows_stored__gt=0)
        newest = uploads.order_by("-received_at").first()
        if newest is not None and uploads.count() > 1:
            alice.http.delete(f"/api/v1/{path}uploads/{newest.pk}/")
    elif kind == "items":
        send(alice, path, "items", f"item,site\ni{rng.randrange(ITEMS):03},{rng.choice('xyz')}\n")
    elif kind == "annotators":
        name = f"w{rng.randrange(ANNOTATORS)}"
        send(alice, path, "annotators", f"annotator,sex\n{name},{rng.choice('fm')}\n")
    else:
        alice.patch(f"{path}questions/q/", {"missing_codes": [rng.choice("?!.")]})
    only_uploads()


@pytest.mark.parametrize("seed", range(2))
def test_a_copy_and_what_changed_since_are_the_rows(alice: Trust, seed: int) -> None:
    rng = random.Random(seed)
    path = asked(alice, "moving", [])
    send(alice, path, "labels", some_labels(rng, 80))
    n_refreshed = 0
    for _ in range(9):
        step(alice, path, rng)
        parts = label_parts(Question.objects.get())
        n_refreshed += parts.fresh is not None
        assert agree("moving")
    assert n_refreshed >= 2


def result() -> dict[str, Any]:
    """What an agreement run on the newest version finds; the same draws each time."""
    asked_for = {"question": "q", "n_replicates": 20, "n_permutations": 9}
    run = Run(
        dataset=Dataset.objects.get(),
        kind="agreement",
        digest="0123456789abcdef",
        parameters={**DEFAULTS, **asked_for},
    )
    return measure_agreement(run, lambda: False)


@pytest.mark.parametrize(
    ("seed", "n_annotators", "crowd_labels", "max_labels"),
    [(1, ANNOTATORS, 10**6, 10**7), (2, 30, 0, 10**7), (3, 30, 0, 60)],
    ids=["a few annotators", "a crowd in sums", "a crowd judged on a part of its items"],
)
def test_a_refreshed_result_is_a_fresh_one_to_the_last_bit(
    alice: Trust,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    n_annotators: int,
    crowd_labels: int,
    max_labels: int,
) -> None:
    """Whatever uploads, replacements, withdrawals, attributes and definitions came between."""
    monkeypatch.setattr("measures.agreement.patterns.CROWD_LABELS", crowd_labels)
    for module in (counting, panels, patterns):
        monkeypatch.setattr(module, "MAX_CROWD_LABELS", max_labels)
    monkeypatch.setattr(counting, "SAMPLE_LABELS", 70)
    refreshes: list[bool] = []
    refresh = counting._refreshed

    def watched(*given: Any) -> Any:
        found = refresh(*given)
        refreshes.append(found is not None)
        return found

    monkeypatch.setattr(counting, "_refreshed", watched)
    rng = random.Random(seed)
    path = asked(alice, "refreshed", [])
    sites = "".join(f"i{i:03},{'xyz'[i % 3] if i < 9 else ''}\n" for i in range(ITEMS))
    send(alice, path, "items", "item,site\n" + sites)
    people = "".join(f"w{a},{'fm'[a % 2] if a < 4 else ''}\n" for a in range(n_annotators))
    send(alice, path, "annotators", "annotator,sex\n" + people)
    send(alice, path, "labels", some_labels(rng, 120, n_annotators))
    result()
    for _ in range(8):
        step(alice, path, rng, n_annotators)
        found = result()
        with monkeypatch.context() as alone:
            for name, nothing in (("find", None), ("keep", False), ("keep_arrays", False)):
                alone.setattr(columns, name, lambda *_, nothing=nothing: nothing)
            assert found == result()
    assert sum(refreshes) >= 3


def test_what_nobody_described_makes_the_copy_useless(alice: Trust) -> None:
    path = asked(alice, "defined", [])
    alice.upload(path, "labels", some_labels(random.Random(1), 40))
    question = Question.objects.get()
    assert columns.find(question.dataset_id, "labels", question.pk) is not None
    alice.patch(f"{path}questions/q/", {"missing_codes": ["?"]})
    assert columns.find(question.dataset_id, "labels", question.pk) is None


def test_a_file_of_attributes_leaves_the_labels_copy_as_good_as_it_was(alice: Trust) -> None:
    path = asked(alice, "beside", [])
    alice.upload(path, "labels", some_labels(random.Random(2), 40))
    before = set(ColumnBlock.objects.filter(of="labels").values_list("pk", flat=True))
    alice.upload(path, "items", "item,site\ni001,x\ni002,y\n")
    question = Question.objects.get()
    kept = columns.find(question.dataset_id, "labels", question.pk)
    assert kept is not None
    assert kept.changed.size == 0
    assert kept.kinds == {"items"}
    assert kept.version == Dataset.objects.get().version > kept.columns.version
    assert set(ColumnBlock.objects.filter(of="labels").values_list("pk", flat=True)) == before
    assert Run.objects.filter(kind="agreement", state="failed").count() == 0

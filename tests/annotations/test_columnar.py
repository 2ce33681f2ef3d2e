"""The columnar copy of a version: always what the rows say, or not there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from annotations import columnar
from annotations.columnar import BASIC, joined, label_columns, label_parts, read_rows
from catalog import columns
from catalog.models import ColumnBlock, Dataset, Question, Run
from catalog.tasks import work_run
from tests.annotations.test_agreement_results import again, asked, crowd, labels_csv
from tests.conftest import Trust, work_off


@pytest.fixture(autouse=True)
def _copies_of_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MIN_ROWS", 1)
    monkeypatch.setattr(columns, "BLOCK_ROWS", 7)
    monkeypatch.setattr(columnar, "MAX_CHANGED", 1)


def question_of(slug: str) -> Question:
    return Question.objects.get(dataset__slug=slug)


def found(slug: str) -> columns.Columns | None:
    """What the copy and the items read again say together; ``None`` without a copy of use."""
    question = question_of(slug)
    if columns.find(question.dataset_id, "labels", question.pk) is None:
        return None
    return joined(label_parts(question))


def agree(slug: str) -> bool:
    """Whether there is a copy, and it says what the rows say."""
    copy, rows = found(slug), read_rows(question_of(slug))
    if copy is None:
        return False
    assert copy.arrays.keys() == rows.arrays.keys()
    for name, array in rows.arrays.items():
        assert np.array_equal(copy.arrays[name], array), name
    assert dict(copy.names) == dict(rows.names)
    return copy.version == rows.version == Dataset.objects.get(slug=slug).version


def n_versions(slug: str) -> int:
    blocks = ColumnBlock.objects.filter(dataset__slug=slug, of="labels")
    return len(set(blocks.values_list("version", flat=True)))


TIMED = "item,annotator,label,labelled_at,batch,guideline_version\n"


def test_an_agreement_run_leaves_a_copy_that_equals_the_rows(alice: Trust) -> None:
    asked(alice, "kept", crowd())
    assert agree("kept")
    assert ColumnBlock.objects.filter(dataset__slug="kept", column="value").count() > 3


def test_a_copy_whose_items_were_kept_as_numbers_is_still_read(alice: Trust) -> None:
    """Copies written before items were kept as steps."""
    asked(alice, "older", [(f"i{i}", f"w{a}", "a") for i in range(0, 90, 7) for a in range(3)])
    assert agree("older")
    blocks = ColumnBlock.objects.filter(dataset__slug="older", of="labels", column="item")
    assert blocks.count() > 3
    items = read_rows(question_of("older")).arrays["item"]
    start = 0
    for block in blocks.order_by("number"):
        assert block.dtype == "+|i1"
        numbers = items[start : start + block.n_rows]
        block.dtype, block.body = "<i4", numbers.astype("<i4").tobytes()
        block.save()
        start += block.n_rows
    assert agree("older")


def test_time_batch_and_guideline_are_copied_with_their_names(alice: Trust) -> None:
    rows = [
        (
            i,
            a,
            v,
            f"2026-0{1 + n % 3}-02T00:00:00Z" if n % 5 else "",
            f"b'{n % 4}" if n % 3 else "",
            "é",
        )
        for n, (i, a, v) in enumerate(crowd(12))
    ]
    path = asked(alice, "timed", [])
    alice.upload(path, "labels", labels_csv(rows, TIMED))
    assert agree("timed")
    copy = found("timed")
    assert copy is not None
    assert copy.names["batch"] == ["b'0", "b'1", "b'2", "b'3"]
    assert copy.names["guideline_version"] == ["é"]
    assert copy.arrays["week"].min() == -1


def test_numbers_are_copied_to_the_last_bit(alice: Trust) -> None:
    numbers = [(f"i{i}", f"w{a}", 1 / (i + a + 3)) for i in range(9) for a in range(2)]
    asked(alice, "numbers", numbers, scale="interval", values=[])
    assert agree("numbers")


def test_a_copy_follows_uploads_replacements_and_definitions(alice: Trust) -> None:
    rows = crowd()
    path = asked(alice, "moving", rows)
    changed = [(i, a, "c" if n < 3 else v) for n, (i, a, v) in enumerate(rows)]
    steps: list[Any] = [
        lambda: alice.upload(path, "labels", labels_csv(changed)),
        lambda: alice.upload(path, "labels", labels_csv([("new", "w0", "a"), ("new", "w9", "b")])),
        lambda: alice.upload(path, "items", "item,source\ni001,web\n"),
        lambda: alice.patch(f"{path}questions/q/", {"missing_codes": ["?"]}),
    ]
    for step in steps:
        before = found("moving")
        version = Dataset.objects.get(slug="moving").version
        step()
        work_off()
        assert Dataset.objects.get(slug="moving").version > version
        assert agree("moving")
        assert n_versions("moving") == 1
        assert before is not None
        assert before.version == version


def test_between_an_upload_and_its_run_only_what_changed_is_read_again(alice: Trust) -> None:
    path = asked(alice, "between", crowd())
    old = found("between")
    upload = alice.send(path, "labels", labels_csv([("new", "w0", "a")]))
    work_run(str(Run.objects.get(upload=upload["id"]).pk))
    question = question_of("between")
    parts = label_parts(question)
    assert old is not None
    assert parts.base.version == old.version == parts.version - 1
    assert parts.fresh is not None
    assert parts.fresh.n_rows == parts.changed.size == 1
    assert label_columns(question).n_rows == old.n_rows + 1
    assert agree("between")
    assert n_versions("between") == 1


def test_a_copy_of_rows_that_have_moved_on_is_not_written(alice: Trust) -> None:
    path = asked(alice, "late", crowd())
    question = question_of("late")
    stale = read_rows(question)
    alice.upload(path, "labels", labels_csv([("new", "w0", "a")]))
    ColumnBlock.objects.all().delete()
    assert not columns.keep(question.dataset_id, "labels", question.pk, stale)
    assert found("late") is None


def test_copies_go_with_the_data_set(alice: Trust) -> None:
    path = asked(alice, "gone", crowd())
    assert ColumnBlock.objects.exists()
    alice.delete(path)
    assert not ColumnBlock.objects.exists()


def test_results_from_rows_and_from_the_copy_are_the_same(alice: Trust) -> None:
    path = asked(alice, "twice", crowd())
    assert agree("twice")
    from_copy = again(alice, path, half_width=0.04)
    ColumnBlock.objects.all().delete()
    # Another run, since the same one is not computed twice; only what was asked for differs.
    from_rows = again(alice, path, half_width=0.03)
    for name in ("n_items", "n_labels", "annotators", "pairs"):
        assert from_copy[name] == from_rows[name]
    for key, number in from_rows["coefficients"].items():
        assert from_copy["coefficients"][key]["value"] == number["value"]


def test_a_part_of_the_columns_can_be_read_alone(alice: Trust) -> None:
    rows = [(i, a, v, "", f"b{n % 2}", "") for n, (i, a, v) in enumerate(crowd(5))]
    path = asked(alice, "part", [])
    alice.upload(path, "labels", labels_csv(rows, TIMED))
    assert set(label_columns(question_of("part"), BASIC).arrays) == set(BASIC)
    assert "batch" in label_columns(question_of("part")).arrays


def test_blocks_are_cut_between_items() -> None:
    item = np.array([0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 4, 4, 9, 9, 9, 9, 10, 11, 12])
    edges = columns._edges(item)
    assert edges[0] == 0
    assert edges[-1] == item.size
    for edge in edges[1:-1]:
        assert item[edge - 1] != item[edge]

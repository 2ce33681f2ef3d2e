"""What holds for every export: whatever stands in it, the answer is a table that says why."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from catalog.reading import Layout, Limits, Options, read_in_child
from catalog.reading.columns import EXPORTS, Export
from tests.catalog.export_rows import COLUMNS, codes, read_export, rows
from tests.catalog.test_exports_argilla import BODY as ARGILLA
from tests.catalog.test_exports_doccano import packed
from tests.catalog.test_exports_doccano import record as doccano
from tests.catalog.test_exports_labelstudio import CSV, MIN, annotation, choice, result, task
from tests.catalog.test_exports_lewidi import entry
from tests.catalog.test_exports_prodigy import choice as prodigy
from tests.catalog.test_exports_prodigy import task as decision
from tests.catalog.test_reading_laws import mutate

STARS = result("stars", "rating", rating=4)
TASKS = [
    task(1, annotation(7, choice("glad"), STARS), annotation({"id": 8}, was_cancelled=True)),
    task(2, annotation(7, choice("sad"), parent_prediction=3), drafts=[{}], predictions=[{}]),
    task(3, annotation(9, choice("sad"), ground_truth=True), annotation(9)),
]
DOCUMENTS: dict[str, Any] = {
    "labelstudio": TASKS,
    "labelstudio-min": MIN,
    "lewidi": {"1": entry("a,b", "0,1"), "2": entry("a", {"a": ["x"]})},
    "argilla": ARGILLA,
    "prodigy": [prodigy(1, "glad"), decision(2, label="x"), prodigy(3, answer="ignore")],
    "doccano": [doccano(1, "glad"), doccano(2), doccano(3, "sad")],
}
TEXTS = {
    "wide": "item,ann,bob\ni1,cat,\ni2,dog,cat\n",
    "dices": 'item_id,rater_id,rater_age,mood\ni1,r1,9,"a"\ni2,r1,9,b\n',
    "labelstudio-csv": CSV,
}
LINES = {"prodigy", "doccano"}
SAID: dict[str, Any] = {"subject": "mood", "known": ("mood", "stars")}
JUNK: list[Any] = [None, True, 0, -1.5, "", "x", "1e999999999", "\x00", "\ud800", [], {}, [[]]]
JUNK += [[{}], {"a": [1]}, 10**400, "2024-13-45", "x" * 300, ["a", "a"], "\u202e", 1e308]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laws") / "upload"


def said(form: str) -> dict[str, Any]:
    more: dict[str, Any] = {"orientation": "items_in_rows"} if form == "wide" else {}
    more |= {"annotator": "ann"} if form == "doccano" else {}
    return {**SAID, **more}


def written(form: str, document: Any) -> str:
    if form in LINES:
        return "".join(json.dumps(record) + "\n" for record in document)
    return json.dumps(document)


def spoil(value: Any, rng: random.Random) -> Any:
    """The document with one of its parts replaced, doubled or taken away."""
    if not isinstance(value, (list, dict)) or not value or rng.random() < 0.15:
        return rng.choice(JUNK)
    if isinstance(value, dict):
        key = rng.choice(list(value))
        if rng.random() < 0.2:
            return {name: part for name, part in value.items() if name != key}
        return {**value, key: spoil(value[key], rng)}
    place = rng.randrange(len(value))
    if rng.random() < 0.2:
        return [*value, value[place]]
    return [spoil(part, rng) if n == place else part for n, part in enumerate(value)]


def check(table: Any) -> None:
    assert (table.n_problems == 0) == (not table.problems)
    assert all(problem.message and problem.message.isprintable() for problem in table.problems)
    assert all(p.code.value not in ("reader_failed",) for p in table.problems)
    assert table.ok or not table.complete or len(table.problem_rows)
    assert {len(column.missing) for column in table.columns.values()} <= {table.n_rows}
    kept = table.without_problem_rows()
    for name in ("item", "annotator", "label"):
        for value in kept.columns[name].values if name in kept.columns else []:
            value.encode("utf-8")


def test_every_export_has_a_sound_sample(file: Path) -> None:
    assert sorted([*DOCUMENTS, *TEXTS]) == sorted(EXPORTS)
    for form, document in DOCUMENTS.items():
        more = {**said(form), "sets": ("mood",)}
        assert rows(read_export(file, form, written(form, document), **more), "item"), form
    for form, text in TEXTS.items():
        more = {**said(form), "sets": ("mood",) if form == "labelstudio-csv" else ()}
        assert rows(read_export(file, form, text, **more), "item"), form


@pytest.mark.parametrize("form", sorted(DOCUMENTS))
@pytest.mark.parametrize("seed", range(60))
def test_a_spoilt_document_is_read_or_refused(form: str, seed: int, file: Path) -> None:
    rng = random.Random(f"{form}{seed}")
    document = DOCUMENTS[form]
    for _ in range(rng.randint(1, 3)):
        spoilt = spoil(document, rng)
        document = spoilt if isinstance(spoilt, list) or form not in LINES else document
    check(read_export(file, form, written(form, document).encode(), **said(form)))


@pytest.mark.parametrize("form", sorted([*DOCUMENTS, *TEXTS]))
@pytest.mark.parametrize("seed", range(40))
def test_mutated_bytes_are_read_or_refused(form: str, seed: int, file: Path) -> None:
    rng = random.Random(f"{form}{seed}")
    text = TEXTS[form] if form in TEXTS else written(form, DOCUMENTS[form])
    check(read_export(file, form, mutate(text.encode(), rng), **said(form)))


@pytest.mark.parametrize("seed", range(60))
def test_a_mutated_zip_is_read_or_refused(seed: int, file: Path) -> None:
    members = {"ann.jsonl": written("doccano", DOCUMENTS["doccano"]), "bo.jsonl": '{"id": 1}\n'}
    body = mutate(packed(members), random.Random(seed))
    check(read_export(file, "doccano", body, compression="zip", **said("doccano")))


def test_exports_are_read_in_a_child_with_what_was_said(file: Path) -> None:
    file.write_text(json.dumps(TASKS))
    options = Options(
        format="labelstudio",
        export=Export(questions={"feeling": "mood"}, known=("feeling",), ignore=("stars",)),
    )
    table = read_in_child(file, Layout(COLUMNS), options, memory_limit=512 << 20, time_limit=30)
    assert rows(table, "question", "label", "status")[0] == (1, "feeling", "glad", "answered")
    assert [notice.code.value for notice in table.notices][-1] == "pre_annotated"


def test_too_many_rows_and_too_much_json_are_refused(file: Path) -> None:
    file.write_text(json.dumps(TASKS))
    for limits, code in (
        (Limits(max_rows=2), "too_many_rows"),
        (Limits(max_json=9), "file_too_large"),
    ):
        options = Options(format="labelstudio", limits=limits, export=Export(subject="mood"))
        table = read_in_child(file, Layout(COLUMNS), options, memory_limit=512 << 20, time_limit=30)
        assert codes(table) == [code]
        assert not table.complete

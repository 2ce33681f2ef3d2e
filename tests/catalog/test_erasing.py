"""An annotator asks to be forgotten: the name goes from everywhere, the figures stay."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from annotations.models import Label, SupersededLabel
from catalog.ingest.mentioning import Name
from catalog.models import Annotator, Erasure, Membership, Run
from tests.conftest import Trust, work_off

NAME = "zoe.ohara"
HEADER = "item,annotator,label,comment\n"
LABELS = HEADER + "".join(
    f"i{k},{who},{'cat' if (k * n) % 3 else 'dog'},{said}\n"
    for k in range(1, 9)
    for n, (who, said) in enumerate(((NAME, "as zoe sees it"), ("bob", "sure"), ("cy", "")), 1)
)
PEOPLE = f"annotator,team\n{NAME},red\nbob,blue\ncy,red\n"


@pytest.fixture
def pets(alice: Trust, person: Callable[[str], Trust]) -> str:
    """A data set in which the name has come to every place that it can come to."""
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    zoe = person("zoe")
    own = {"user": "zoe", "role": "contributor", "annotator": NAME}
    alice.post(f"{path}members/", own)
    alice.upload(path, "labels", LABELS, headers={"Idempotency-Key": f"key-of-{NAME}"})
    alice.upload(path, "annotators", PEOPLE)
    alice.upload(path, "annotators", PEOPLE.replace("red", "green"))
    zoe.upload(path, "labels", f"{HEADER}i1,{NAME},dog,oh\n", filename=f"{NAME}.csv")
    packed = gzip.compress(f"{HEADER}i2,{NAME},bird,\n".encode())
    assert alice.upload(path, "labels", packed)["state"] == "rejected"
    alice.upload(path, "labels", f"{HEADER}i3,{NAME.upper()},cat,\n", unknown="reject")
    alice.upload(path, "labels", f"item,{NAME}\ni4,emu\n", format="wide", **ITEMS)
    alice.upload(path, "labels", "item,label\ni5,cat\n", annotator=NAME, format="prodigy")
    work_off()
    return path


ITEMS = {"orientation": "items_in_rows"}


def held(text: str) -> list[str]:
    """Where a text stands: every column of every table, and every file that was sent."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(
                f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE %s OR t::text ILIKE %s',
                [f"%{text}%", f"%{text.encode().hex()}%"],
            )
            found += [table] if cursor.fetchone()[0] else []
    for file in sorted(Path(settings.UPLOAD_DIR).rglob("*")):
        if file.is_file():
            data = file.read_bytes()
            data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            found += [file.name] if text.encode().lower() in data.lower() else []
    return found


def figures(alice: Trust, path: str) -> dict[str, Any]:
    """Agreement and annotators, without names, times and runs."""
    agreement = alice.get(f"{path}agreement/")
    people = alice.get(f"{path}annotators/")
    rows = [
        [{**row, "annotator": None} for row in one["annotators"]] for one in (agreement, people)
    ]
    assert len(rows[0]) == len(rows[1]) == 3
    return {"coefficients": agreement["coefficients"], "rows": rows, "n": people["n_labels"]}


def erase(alice: Trust, path: str, expect: int = 202, name: str = NAME) -> Any:
    return alice.post(f"{path}erasures/", {"annotator": name}, expect=expect)


def test_after_an_erasure_the_name_stands_nowhere_and_the_figures_are_the_same(
    alice: Trust, pets: str, caplog: pytest.LogCaptureFixture
) -> None:
    before, version = figures(alice, pets), alice.get(pets)["version"]
    values = list(Label.objects.values_list("item_id", "annotator_id", "code", "round"))
    places = {
        *("catalog_annotator", "catalog_earlierrow", "catalog_membership", "catalog_upload"),
    }
    assert places <= set(held(NAME))
    assert SupersededLabel.objects.filter(comment="as zoe sees it").exists()
    with caplog.at_level(logging.DEBUG):
        erasure = erase(alice, pets)
        work_off()
    assert NAME not in caplog.text
    assert NAME not in str(erasure)
    assert erasure["requested_by"] == "alice"
    assert erasure["version"] == version == alice.get(pets)["version"]
    assert erasure["done"]["annotators"] == 1
    assert erasure["done"]["comments"] == 9
    assert held(NAME) == []
    assert list(Label.objects.values_list("item_id", "annotator_id", "code", "round")) == values
    assert figures(alice, pets) == before
    Run.objects.exclude(kind="upload").delete()
    for kind in ("agreement", "annotators"):
        alice.post(f"{pets}runs/", {"kind": kind, "parameters": {"question": "pet"}}, expect=202)
    work_off()
    assert figures(alice, pets) == before
    assert alice.get(f"{pets}erasures/{erasure['id']}/") == erasure
    assert alice.get(f"{pets}erasures/")["results"] == [erasure]


def test_the_labels_keep_a_pseudonym_that_is_new_each_time(alice: Trust, pets: str) -> None:
    erase(alice, pets)
    pseudonym = Annotator.objects.exclude(external_id__in=["bob", "cy"]).get().external_id
    assert pseudonym.startswith("erased-")
    rows = alice.http.get(f"/api/v1/{pets}labels.csv").getvalue().decode().splitlines()
    assert sum(pseudonym in row for row in rows) == 8
    alice.upload(pets, "labels", f"{HEADER}i1,{NAME},cat,\n", unknown="create")
    erase(alice, pets)
    assert Annotator.objects.filter(external_id__startswith="erased-").count() == 2


def test_a_result_that_a_client_holds_is_sent_again_with_the_pseudonym(
    alice: Trust, pets: str
) -> None:
    def ask(tag: str) -> Any:
        return alice.http.get(f"/api/v1/{pets}agreement/", headers={"If-None-Match": tag})

    held_by_client = ask("")
    assert NAME in held_by_client.content.decode()
    assert ask(held_by_client["ETag"]).status_code == 304
    erase(alice, pets)
    again = ask(held_by_client["ETag"])
    assert again.status_code == 200
    assert NAME not in again.content.decode()
    assert again.json()["coefficients"] == held_by_client.json()["coefficients"]


def test_a_second_request_finds_nothing(alice: Trust, pets: str) -> None:
    erase(alice, pets)
    work_off()
    again = erase(alice, pets, expect=404)
    assert again["code"] == "unknown_annotator"
    assert NAME not in str(again)
    assert erase(alice, pets, expect=404, name="nobody")["code"] == "unknown_annotator"
    assert Erasure.objects.count() == 1


def test_bytes_that_were_erased_are_refused_and_not_kept(alice: Trust, pets: str) -> None:
    sent = alice.get(f"{pets}uploads/", kind="labels")["results"][-1]
    assert sent["file_erased_at"] is None
    erase(alice, pets)
    assert alice.get(f"{pets}uploads/{sent['id']}/")["file_erased_at"] is not None
    answer = alice.send(pets, "labels", LABELS, expect=409)
    assert answer["code"] == "file_erased"
    assert held(NAME) == []
    others = alice.upload(pets, "labels", LABELS.replace(NAME, "dan"), unknown="create")
    assert others["state"] == "stored"


def test_a_name_in_another_file_is_a_new_person(alice: Trust, pets: str) -> None:
    erase(alice, pets)
    upload = alice.upload(pets, "labels", f"{HEADER}i1,{NAME},cat,\n", unknown="create")
    assert "annotators_created" in [w["code"] for w in upload["warnings"]]
    assert Annotator.objects.count() == 4


def test_a_contributor_under_that_name_is_no_member_any_more(
    alice: Trust, pets: str, django_user_model: Any
) -> None:
    zoe = Trust(django_user_model.objects.get(username="zoe"))
    mine = zoe.get(f"{pets}uploads/")["results"]
    assert len(mine) == 1
    erase(alice, pets)
    zoe.get(pets, expect=404)
    assert not Membership.objects.filter(user=zoe.user).exists()
    assert not zoe.user.uploads.exists()
    assert alice.get(f"{pets}uploads/{mine[0]['id']}/")["file_name"] == ""


def test_problems_keep_line_and_code_and_nothing_else(alice: Trust, pets: str) -> None:
    rejected = alice.get(f"{pets}uploads/", state="rejected")["results"]
    named = [one for one in rejected if NAME.lower() in str(one["problems"]).lower()]
    assert named
    erase(alice, pets)
    for one in named:
        problem = alice.get(f"{pets}uploads/{one['id']}/")["problems"][0]
        assert (problem["line"], problem["code"]) == (
            one["problems"][0]["line"],
            one["problems"][0]["code"],
        )
        assert (problem["value"], problem["hint"]) == (None, None)
        table = alice.http.get(f"/api/v1/{pets}uploads/{one['id']}/problems.csv")
        assert NAME not in table.content.decode().lower()


def test_an_upload_can_be_withdrawn_after_an_erasure_without_bringing_the_name_back(
    alice: Trust, pets: str
) -> None:
    last = alice.get(f"{pets}uploads/", kind="annotators", state="stored")["results"][0]
    erase(alice, pets)
    alice.delete(f"{pets}uploads/{last['id']}/", expect=200)
    work_off()
    assert held(NAME) == []
    assert Annotator.objects.get(external_id__startswith="erased-").profile.values == {
        "team": "red"
    }


def test_another_data_set_keeps_its_file_and_its_annotator(alice: Trust, pets: str) -> None:
    other = alice.dataset("other")
    alice.post(f"{other}questions/", {"name": "pet", "scale": "nominal"})
    alice.upload(other, "labels", LABELS)
    assert erase(alice, pets)["done"]["files_kept"] == 1
    alice.send(pets, "labels", LABELS, expect=409)
    assert alice.upload(other, "labels", LABELS)["state"] == "stored"
    assert alice.http.get(f"/api/v1/{other}labels.csv").getvalue().decode().count(NAME) == 8


def test_a_file_that_is_still_being_stored_comes_first(alice: Trust, pets: str) -> None:
    sent = alice.send(pets, "labels", f"{HEADER}i7,{NAME},cat,\n")
    answer = erase(alice, pets, expect=409)
    assert answer["code"] == "upload_unfinished"
    assert sent["id"] in answer["detail"]
    work_off()
    erase(alice, pets)


@pytest.mark.parametrize(("role", "expect"), [("contributor", 403), ("auditor", 403)])
def test_only_managers_and_owners_erase(
    alice: Trust, pets: str, person: Callable[[str], Trust], role: str, expect: int
) -> None:
    eve = person("eve")
    alice.post(f"{pets}members/", {"user": "eve", "role": role})
    erase(eve, pets, expect=expect)
    eve.get(f"{pets}erasures/", expect=expect)
    assert held(NAME)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("ann", b"item,annotator\ni1,bob\n", False),
        ("ann", b"item,annotator\ni1,ann\n", True),
        ("Zo\u00eb", "i1,Zoe\u0308\n".encode(), True),
        ("Zo\u00eb", b'{"annotator": "Zo\\u00eb"}', True),
        ('A "B" C', b'i1,"A ""B"" C",cat\n', True),
        ("ann", b"x" * ((1 << 20) - 2) + b",ann,", True),
        ("ann", b"\x1f\x8b damaged", True),
        ("ann", gzip.compress(b"i1,ann\n"), True),
        ("ann", gzip.compress(b"i1,bob\n"), False),
    ],
)
def test_a_name_is_found_however_a_file_writes_it(
    tmp_path: Path, name: str, content: bytes, found: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert Name(name).stands_in_file(path) is found
    assert Name(name).stands_in_file(path, packed=True) is True

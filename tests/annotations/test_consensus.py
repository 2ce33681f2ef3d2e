"""Annotators, consensus and label issues from upload to REST."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from annotations import consensus, ranked
from annotations.models import RowBlock
from catalog.models import Dataset, Item, ReferenceLabel, Run
from catalog.queries import reference_codes
from tests.conftest import Trust, work_off

ROWS = "abaa aabb abba bbbb bbab bbbc aaaa aabc"
NUMBERS = str.maketrans("abc", "159")
GOLD = "item,label\ni0,a\ni1,a\ni2,b\ni3,b\n"


def labels_of(rows: str) -> str:
    """A labels file from one word an item, one letter an annotator, '.' where there is none."""
    lines = ["item,annotator,label"]
    for i, row in enumerate(rows.split()):
        lines += [f"i{i},ann{a},{value}" for a, value in enumerate(row) if value != "."]
    return "\n".join(lines) + "\n"


def question(alice: Trust, slug: str, **fields: Any) -> str:
    path = alice.dataset(slug)
    fields = {"name": "kind", "scale": "nominal", "values": ["a", "b", "c", "d"], **fields}
    alice.post(f"{path}questions/", fields)
    return path


@pytest.fixture
def crowd(alice: Trust) -> str:
    """Eight items, four annotators, gold for four items."""
    path = question(alice, "crowd")
    alice.upload(path, "labels", labels_of(ROWS))
    alice.upload(path, "reference-labels", GOLD)
    return path


def join(alice: Trust, other: Trust, path: str, role: str, annotator: str = "") -> None:
    fields = {"user": other.user.username, "role": role, "annotator": annotator}
    alice.post(f"{path}members/", fields)


def test_bluebirds_are_told_apart_as_published(alice: Trust, shared: Path) -> None:
    """Zhang et al. (2016): majority errs on 24.07 %, Dawid-Skene on 10 to 11 %."""
    folder = shared / "data" / "crowd_bluebird"
    path = question(alice, "bluebirds", values=["0", "1"])
    columns = json.dumps({"item": "task", "annotator": "worker"})
    alice.upload(path, "labels", (folder / "labels.csv").read_bytes(), columns=columns)
    columns = json.dumps({"item": "task"})
    alice.upload(path, "reference-labels", (folder / "gold.csv").read_bytes(), columns=columns)
    expected = json.loads((folder / "reference.json").read_text())

    found = alice.get(f"{path}consensus/")
    methods = found["methods"]
    assert 1 - methods["majority"]["gold_accuracy"]["value"] == pytest.approx(0.2407, abs=5e-5)
    assert methods["dawid_skene"]["gold_accuracy"]["value"] == pytest.approx(97 / 108)
    assert methods["dawid_skene"]["log_likelihood"] == pytest.approx(expected["DS_loglik"])
    assert methods["dawid_skene"]["converged"] is True
    assert (found["n_items"], found["n_labels"], found["n_annotators"]) == (108, 4212, 39)
    assert len(found["items"]["rows"]) == 108

    annotators = alice.get(f"{path}annotators/")
    assert annotators["prevalence"] == pytest.approx(expected["DS_prior"], abs=1e-6)
    for row in annotators["annotators"]:
        name = row["annotator"]
        matrix = expected["DS_confusion_by_worker"][name]
        assert np.array(row["confusion"]) == pytest.approx(np.array(matrix), abs=2e-6)
        gold = expected["worker_accuracy_vs_gold"][name]
        assert row["gold_accuracy"]["value"] == pytest.approx(gold, abs=1e-6)
        assert row["accuracy"]["ci_low"] < row["accuracy"]["value"] < row["accuracy"]["ci_high"]


def test_the_anaesthetists_are_those_of_the_paper(alice: Trust, shared: Path) -> None:
    """Dawid and Skene (1979): .40 .42 .11 .07; patients 7, 35, 38 are not certain."""
    body = (shared / "data" / "crowd_ds1979_anaesthesia" / "labels.csv").read_bytes()
    path = question(alice, "anaesthesia", scale="ordinal", values=["1", "2", "3", "4"])
    columns = {"item": "task", "annotator": "worker", "round": "occasion"}
    alice.upload(path, "labels", body, columns=json.dumps(columns))
    annotators = alice.get(f"{path}annotators/")
    assert annotators["prevalence"] == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=0.005)
    assert annotators["model"]["log_likelihood"] == pytest.approx(-192.890881, abs=1e-6)
    assert [row["n_labels"] for row in annotators["annotators"]] == [135, 45, 45, 45, 45]
    assert all(row["drift"]["reason"] == "no_data" for row in annotators["annotators"])
    (patient,) = alice.get(f"{path}consensus/", item="35")["items"]["rows"]
    assert patient["posterior"] == pytest.approx({"2": 0.948, "3": 0.052}, abs=5e-4)
    worst = alice.get(f"{path}label-issues/")["items"]["rows"][:3]
    assert [row["item"] for row in worst] == ["35", "38", "7"]


def test_hundreds_of_annotators_are_paged_and_filtered(alice: Trust, shared: Path) -> None:
    """MultiPICo: 506 annotators, 6,761 items, few labels an item."""
    folder = shared / "data" / "lewidi3_mp"
    path = question(alice, "irony", values=["0", "1"])
    for kind in ("annotators", "items", "labels"):
        alice.upload(path, kind, (folder / f"{kind}.csv").read_bytes())
    found = alice.get(f"{path}annotators/")
    assert found["n_annotators"] == len(found["annotators"]) == 506
    with (folder / "annotators.csv").open(newline="") as lines:
        women = [row["annotator"] for row in csv.DictReader(lines) if row["gender"] == "Female"]
    rows = alice.get(f"{path}annotators/", subgroup="gender=Female")["annotators"]
    assert sorted(row["annotator"] for row in rows) == sorted(women)
    consensus = alice.get(f"{path}consensus/", page_size="10")
    assert consensus["items"]["n_items"] == consensus["items"]["n_kept"] == 6761
    assert len(consensus["items"]["rows"]) == 10
    italian = alice.get(f"{path}consensus/", subgroup="lang=it", page_size="10000")
    with (folder / "items.csv").open(newline="") as lines:
        n_italian = sum(row["lang"] == "it" for row in csv.DictReader(lines))
    assert len(italian["items"]["rows"]) == n_italian


def test_a_tie_is_a_tie_until_the_question_has_a_rule(alice: Trust) -> None:
    path = question(alice, "ties")
    alice.upload(path, "labels", labels_of("aabb bbaa aaab bbba"))
    before = alice.get(f"{path}consensus/")["methods"]["majority"]
    assert (before["n_decided"], before["n_ties"]) == (2, 2)
    rows = {row["item"]: row for row in alice.get(f"{path}consensus/")["items"]["rows"]}
    assert rows["i0"]["methods"]["majority"] == {"value": None, "tie": True, "confidence": 0.5}
    assert rows["i2"]["methods"]["majority"]["value"] == "a"
    assert rows["i0"]["labels"] == {"a": 2, "b": 2}
    alice.patch(f"{path}questions/kind/", {"tie_rule": "first"})
    work_off()
    after = alice.get(f"{path}consensus/")["methods"]["majority"]
    assert (after["n_decided"], after["n_ties"]) == (4, 2)


def test_gold_scores_each_method_and_each_annotator(alice: Trust, crowd: str) -> None:
    majority = alice.get(f"{crowd}consensus/")["methods"]["majority"]["gold_accuracy"]
    # i0 a (right), i1 tie a-b (half), i2 tie (half), i3 b (right).
    assert (majority["value"], majority["n"], majority["ci_method"]) == (0.75, 4, "wilson")
    rows = alice.get(f"{crowd}annotators/")["annotators"]
    assert [row["gold_accuracy"]["value"] for row in rows] == [0.75, 0.75, 0.75, 0.5]


def test_a_gold_value_that_nobody_gave_is_not_met(alice: Trust) -> None:
    path = question(alice, "gold")
    alice.upload(path, "labels", labels_of("aa aa bb"))
    alice.upload(path, "reference-labels", "item,label\ni0,d\ni1,a\n")
    found = alice.get(f"{path}consensus/")
    assert found["values"] == ["a", "b"]
    assert found["methods"]["dawid_skene"]["gold_accuracy"]["value"] == 0.5


def test_results_carry_their_provenance_and_an_etag(alice: Trust, crowd: str) -> None:
    for name in ("annotators", "consensus", "label-issues"):
        answer = alice.http.get(f"/api/v1/{crowd}{name}/")
        body = answer.json()
        assert {"run", "version", "computed_at", "parameters", "conventions", "stale"} <= set(body)
        assert body["stale"] is False
        assert body["disclosure"] == "full"
        etag = answer["ETag"]
        again = alice.http.get(f"/api/v1/{crowd}{name}/", headers={"If-None-Match": etag})
        assert again.status_code == 304


def test_a_run_is_asked_for_with_parameters_and_refuses_wrong_ones(
    alice: Trust, crowd: str
) -> None:
    every = ["majority", "dawid_skene", "one_coin", "mace", "glad", "weighted_majority"]
    body = {"kind": "consensus", "parameters": {"question": "kind", "methods": every}}
    alice.post(f"{crowd}runs/", body, expect=202)
    work_off()
    found = alice.get(f"{crowd}consensus/")
    assert set(found["methods"]) == set(every)
    for wrong in (
        {"methods": ["coin"]},
        {"methods": ["mean"]},
        {"methods": []},
        {"methods": "mace"},
        {"smoothing": -1},
        {"smoothing": True},
        {"ci_level": 2},
        {"n": 1},
        {"question": "none"},
    ):
        body = {"kind": "consensus", "parameters": {"question": "kind", **wrong}}
        refused = alice.post(f"{crowd}runs/", body, expect=400)
        assert refused["errors"][0]["pointer"].startswith("/parameters/")


def test_a_large_crowd_is_spared_the_slow_methods(
    alice: Trust, crowd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = {"majority", "dawid_skene", "one_coin", "mace", "glad", "weighted_majority"}
    assert set(alice.get(f"{crowd}consensus/")["methods"]) == every
    monkeypatch.setattr(consensus, "ALL_METHODS_LABELS", 30)
    alice.upload(crowd, "labels", labels_of("aaaa aaaa aaaa"))
    assert set(alice.get(f"{crowd}consensus/")["methods"]) == {
        "majority",
        "dawid_skene",
        "weighted_majority",
    }


def test_tables_have_the_rows_of_the_result(alice: Trust, crowd: str) -> None:
    rows = alice.get(f"{crowd}annotators/")["annotators"]
    assert alice.get(f"{crowd}annotators.json")["results"] == rows
    text = alice.http.get(f"/api/v1/{crowd}annotators.csv").content.decode()
    table = list(csv.DictReader(io.StringIO(text)))
    assert [row["annotator"] for row in table] == ["ann0", "ann1", "ann2", "ann3"]
    assert float(table[0]["accuracy.value"]) == rows[0]["accuracy"]["value"]
    cells = alice.get(f"{crowd}annotators/confusion.json")["results"]
    assert len(cells) == 4 * 3 * 3
    assert cells[1] == {
        "annotator": "ann0",
        "true": "a",
        "given": "b",
        "probability": rows[0]["confusion"][0][1],
    }
    items = alice.get(f"{crowd}consensus.json")["results"]
    assert items == alice.get(f"{crowd}consensus/items.json")["results"]
    assert items == alice.get(f"{crowd}consensus/")["items"]["rows"]
    lines = alice.http.get(f"/api/v1/{crowd}label-issues.ndjson").content.decode().splitlines()
    issues = alice.get(f"{crowd}label-issues/")
    assert [json.loads(line) for line in lines] == issues["labels"]["rows"]
    body = alice.http.get(f"/api/v1/{crowd}label-issues/items.parquet").content
    listed = pq.read_table(io.BytesIO(body)).column("item").to_pylist()
    assert listed == [row["item"] for row in issues["items"]["rows"]]
    assert alice.get(f"{crowd}consensus/nonsense/", expect=404)["code"] == "not_found"
    assert alice.get(f"{crowd}label-issues.xls", expect=404)["code"] == "unknown_format"


def test_rows_come_in_pages_that_follow_each_other(alice: Trust, crowd: str) -> None:
    seen, url = [], f"/api/v1/{crowd}consensus/?page_size=3"
    while url:
        answer = alice.http.get(url)
        page = answer.json()
        seen += [row["item"] for row in page["items"]["rows"]]
        assert page["items"]["n_kept"] == 8
        assert ('rel="next"' in answer.get("Link", "")) == (page["next"] is not None)
        url = page["next"]
    assert seen == [row["item"] for row in alice.get(f"{crowd}consensus/")["items"]["rows"]]
    assert sorted(seen) == [f"i{i}" for i in range(8)]
    cursor = alice.http.get(f"/api/v1/{crowd}consensus/?page_size=3").json()["next"]
    alice.upload(crowd, "labels", labels_of("cccc"))
    assert alice.http.get(cursor).json()["code"] == "bad_cursor"
    assert alice.get(f"{crowd}consensus/", expect=400, cursor="x")["code"] == "bad_cursor"
    alice.get(f"{crowd}consensus/", expect=400, page_size="0")


def in_pages(who: Trust, table: str, size: int = 4) -> list[str]:
    """The items of a table, page by page, by its Link header."""
    seen: list[str] = []
    url = f"/api/v1/{table}?page_size={size}"
    while url:
        answer = who.http.get(url)
        rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
        assert len(rows) <= size
        seen += [row["item"] for row in rows]
        link = answer.get("Link", "")
        url = next((p[1 : p.index(">")] for p in link.split(", ") if 'rel="next"' in p), "")
    return seen


@pytest.mark.parametrize("scale", ["nominal", "interval"])
def test_every_issue_is_reached_beyond_those_within_the_result(
    alice: Trust, monkeypatch: pytest.MonkeyPatch, scale: str
) -> None:
    monkeypatch.setattr(ranked, "FIRST_ROWS", 2)
    monkeypatch.setattr(ranked, "BLOCK_ROWS", 3)
    values = ["a", "b", "c"] if scale == "nominal" else []
    whole = question(alice, "whole", scale=scale, values=values)
    rows = ROWS if scale == "nominal" else (ROWS + " aaaa" * 40 + " aaac").translate(NUMBERS)
    alice.upload(whole, "labels", labels_of(rows))
    found = alice.get(f"{whole}label-issues/")
    run = Run.objects.get(pk=found["run"])
    for name, count in (("items", "n_items"), ("labels", "n_labels")):
        part = found[name]
        assert len(run.result[name]["rows"]) == min(2, part[count])
        assert part["n_kept"] == part[count] == len(part["rows"]) > 0
        seen = in_pages(alice, f"{whole}label-issues/{name}.csv")
        assert seen == [row["item"] for row in part["rows"]]
    last = found["items"]["rows"][-1]
    assert alice.get(f"{whole}label-issues/", item=last["item"])["items"]["rows"] == [last]
    row = found["labels"]["rows"][-1]
    mine = alice.get(f"{whole}label-issues/", annotator=row["annotator"])["labels"]["rows"]
    assert row in mine
    assert {one["annotator"] for one in mine} == {row["annotator"]}


@pytest.mark.parametrize("scale", ["nominal", "interval"])
def test_every_item_is_reached_beyond_those_within_the_result(
    alice: Trust, monkeypatch: pytest.MonkeyPatch, scale: str
) -> None:
    """Blocks of three rows, and two rows in the result: eight items still come, in order."""
    whole = question(
        alice, "whole", scale=scale, values=["a", "b", "c"] if scale == "nominal" else []
    )
    rows = ROWS if scale == "nominal" else ROWS.translate(NUMBERS)
    alice.upload(whole, "labels", labels_of(rows))
    expected = alice.get(f"{whole}consensus/")["items"]["rows"]
    assert len(expected) == 8
    monkeypatch.setattr(ranked, "FIRST_ROWS", 2)
    monkeypatch.setattr(ranked, "BLOCK_ROWS", 3)
    alice.upload(whole, "labels", labels_of(rows + " " + rows[:4]))
    run = Run.objects.filter(kind="consensus").order_by("-version").first()
    assert run is not None
    assert len(run.result["items"]["rows"]) == 2
    found = alice.get(f"{whole}consensus/")["items"]
    assert (found["n_items"], found["n_kept"], len(found["rows"])) == (9, 9, 9)
    by_name = {row["item"]: row for row in found["rows"]}
    if scale == "nominal":
        assert by_name["i1"]["posterior"].keys() == {"a", "b"}
        assert by_name["i1"]["methods"]["majority"] == {
            "value": None,
            "tie": True,
            "confidence": 0.5,
        }
    else:
        assert by_name["i7"]["methods"]["median"] == {"value": 3.0}
        assert by_name["i7"]["methods"]["mean"] == {"value": 4.0}
    seen = in_pages(alice, f"{whole}consensus/items.csv")
    assert seen == [row["item"] for row in found["rows"]]
    (one,) = alice.get(f"{whole}consensus/", item=seen[-1])["items"]["rows"]
    assert one == found["rows"][-1]
    # Only the newest result's rows are kept.
    blocks = RowBlock.objects.filter(run__kind="consensus")
    assert set(blocks.values_list("run", flat=True)) == {run.pk}


def test_rows_can_be_asked_for_by_name_and_by_subgroup(alice: Trust, crowd: str) -> None:
    alice.upload(crowd, "items", "item,site\ni0,north\ni1,north\ni2,south\n")
    alice.upload(crowd, "annotators", "annotator,sex,age\nann0,F,old\nann1,F,young\nann2,M,old\n")
    assert len(alice.get(f"{crowd}consensus/", item="i3")["items"]["rows"]) == 1
    north = alice.get(f"{crowd}consensus/", subgroup="site=north")["items"]["rows"]
    assert sorted(row["item"] for row in north) == ["i0", "i1"]
    found = alice.get(f"{crowd}annotators/", subgroup="sex=F & age=old")["annotators"]
    assert [row["annotator"] for row in found] == ["ann0"]
    issues = alice.get(f"{crowd}label-issues/", annotator="ann3")["labels"]["rows"]
    assert {row["annotator"] for row in issues} == {"ann3"}
    # Nobody has this item, and the attribute is known all the same.
    none = alice.get(f"{crowd}consensus/", item="absent", subgroup="site=north")
    assert none["items"]["rows"] == []
    refused = alice.get(f"{crowd}consensus/", expect=400, subgroup="sex=F")
    assert refused["code"] == "unknown_attribute"
    assert alice.get(f"{crowd}consensus/", expect=400, annotator="x")["code"] == "unknown_filter"


def test_names_are_for_leads_and_everybody_else_sees_less(
    alice: Trust, crowd: str, person: Callable[[str], Trust]
) -> None:
    auditor, manager = person("audrey"), person("maria")
    own, silent, stranger = person("connie"), person("sid"), person("eve")
    join(alice, auditor, crowd, "auditor")
    join(alice, manager, crowd, "manager")
    join(alice, own, crowd, "contributor", annotator="ann2")
    join(alice, silent, crowd, "contributor")
    names = [row["annotator"] for row in manager.get(f"{crowd}annotators/")["annotators"]]
    assert names == ["ann0", "ann1", "ann2", "ann3"]
    seen = auditor.get(f"{crowd}annotators/")
    numbers = {a.external_id: a.pseudonym for a in Dataset.objects.get().annotators.all()}
    assert [row["annotator"] for row in seen["annotators"]] == [numbers[name] for name in names]
    assert seen["disclosure"] == "min_cell_10"
    (row,) = own.get(f"{crowd}annotators/")["annotators"]
    assert row["annotator"] == numbers["ann2"]
    tags = [one.http.get(f"/api/v1/{crowd}annotators/")["ETag"] for one in (own, silent, auditor)]
    assert len(set(tags)) == 3
    assert silent.get(f"{crowd}annotators/")["annotators"] == []
    stranger.get(f"{crowd}annotators/", expect=404)

    for name, part in (("consensus", "items"), ("label-issues", "labels")):
        shown = auditor.get(f"{crowd}{name}/")
        assert shown[part]["rows"] == []
        assert shown["items"]["n_items"] == 8
        auditor.get(f"{crowd}{name}.csv", expect=403)
        own.get(f"{crowd}{name}/", expect=403)
        stranger.get(f"{crowd}{name}/", expect=404)
        manager.http.get(f"/api/v1/{crowd}{name}.csv").content.decode()
    auditor.get(f"{crowd}annotators/", expect=403, annotator="ann0")
    for table in ("annotators", "annotators/confusion"):
        text = own.http.get(f"/api/v1/{crowd}{table}.csv").content.decode()
        assert {row["annotator"] for row in csv.DictReader(io.StringIO(text))} == {numbers["ann2"]}
        text = silent.http.get(f"/api/v1/{crowd}{table}.csv").content.decode()
        assert (text.startswith("annotator,"), text.count("\n")) == (True, 1)
    for text in (json.dumps(auditor.get(f"{crowd}{n}/")) for n in ("consensus", "label-issues")):
        assert "ann0" not in text
        assert '"i0"' not in text


def test_publishing_writes_reference_labels_that_others_read(alice: Trust, crowd: str) -> None:
    dataset = Dataset.objects.get()
    before = dataset.version
    body = {"question": "kind", "method": "majority"}
    run = alice.post(f"{crowd}consensus/publish/", body, expect=202)
    assert run["kind"] == "consensus-publication"
    assert alice.post(f"{crowd}consensus/publish/", body, expect=202)["id"] == run["id"]
    work_off()
    dataset.refresh_from_db()
    assert dataset.version == before + 1
    stored = ReferenceLabel.objects.filter(source="consensus").order_by("item_id")
    assert stored.count() == 8
    assert {row.method for row in stored} == {"majority"}
    assert {str(row.run_id) for row in stored} == {run["id"]}
    ties = [row for row in stored if row.tie]
    assert [row.item.external_id for row in ties] == ["i1", "i2"]
    assert all(row.code is None for row in ties)
    assert stored[0].confidence == 0.75
    asked = dataset.questions.get()
    numbers, codes = reference_codes(asked)
    names = {item.number: item.external_id for item in Item.objects.all()}
    known = {names[n]: asked.values[c] for n, c in zip(numbers, codes, strict=True)}
    # Gold before consensus: i1 and i2 have gold although the labels tie.
    assert known["i1"] == "a"
    assert known["i2"] == "b"
    assert known["i4"] == "b"
    assert alice.get(f"{crowd}consensus/")["stale"] is False
    # A published consensus is no gold.
    accuracy = alice.get(f"{crowd}consensus/")["methods"]["majority"]["gold_accuracy"]
    assert accuracy["n"] == 4


def test_publishing_again_replaces_what_changed(alice: Trust, crowd: str) -> None:
    alice.post(f"{crowd}consensus/publish/", {"method": "majority"}, expect=202)
    work_off()
    version = Dataset.objects.get().version
    same = alice.post(f"{crowd}consensus/publish/", {"method": "majority"}, expect=202)
    work_off()
    counts = Run.objects.get(pk=same["id"]).result["rows"]
    assert counts == {"stored": 0, "replaced": 0, "unchanged": 8, "removed": 0}
    assert Dataset.objects.get().version == version
    other = alice.post(f"{crowd}consensus/publish/", {"method": "dawid_skene"}, expect=202)
    work_off()
    assert Run.objects.get(pk=other["id"]).result["rows"]["replaced"] == 8
    assert Dataset.objects.get().version == version + 1
    assert ReferenceLabel.objects.filter(source="consensus").count() == 8
    assert ReferenceLabel.objects.filter(source="gold").count() == 4


def test_who_may_publish_and_what(alice: Trust, crowd: str, person: Callable[[str], Trust]) -> None:
    auditor, stranger = person("audrey"), person("eve")
    join(alice, auditor, crowd, "auditor")
    auditor.post(f"{crowd}consensus/publish/", {}, expect=403)
    stranger.post(f"{crowd}consensus/publish/", {}, expect=404)
    alice.post(f"{crowd}consensus/publish/", {"method": "coin"}, expect=400)
    refused = alice.post(f"{crowd}consensus/publish/", {"method": "mean"}, expect=400)
    assert refused["code"] == "unknown_method"
    alice.post(f"{crowd}consensus/publish/", {"question": "none"}, expect=400)
    alice.post(f"{crowd}consensus/publish/", {"answer": 1}, expect=400)
    assert not ReferenceLabel.objects.filter(source="consensus").exists()


def test_a_cancelled_publication_publishes_nothing(alice: Trust, crowd: str) -> None:
    run = alice.post(f"{crowd}consensus/publish/", {}, expect=202)
    alice.post(f"{crowd}runs/{run['id']}/cancel/", expect=200)
    work_off()
    assert not ReferenceLabel.objects.filter(source="consensus").exists()


def test_numbers_have_biases_and_noises(alice: Trust) -> None:
    path = question(alice, "numbers", scale="interval", values=[])
    rng = np.random.default_rng(3)
    truth = rng.normal(50, 10, 60)
    bias, noise = [0.0, 3.0, -3.0], [0.5, 0.5, 4.0]
    lines = ["item,annotator,label,labelled_at,duration_ms"]
    for i, value in enumerate(truth):
        for a in range(3):
            said = value + bias[a] + noise[a] * rng.normal()
            when = f"2024-01-01T{i // 60:02}:{i % 60:02}:00Z"
            lines.append(f"i{i},ann{a},{said:.6f},{when},{1000 * (a + 1)}")
    alice.upload(path, "labels", "\n".join(lines) + "\n")
    gold = "".join(f"i{i},{value:.6f}\n" for i, value in enumerate(truth[:20]))
    alice.upload(path, "reference-labels", "item,label\n" + gold)
    rows = alice.get(f"{path}annotators/")["annotators"]
    assert [row["bias"]["value"] for row in rows] == pytest.approx(bias, abs=0.8)
    assert rows[2]["noise"]["ci_low"] < 4.0 < rows[2]["noise"]["ci_high"]
    assert rows[0]["pace"]["median_ms"]["value"] == pytest.approx(1000)
    assert rows[0]["drift"]["n"] == 60
    found = alice.get(f"{path}consensus/")
    error = {name: one["gold_error"]["value"] for name, one in found["methods"].items()}
    assert error["bias_variance"] < error["mean"]
    assert found["methods"]["mean"]["gold_error"]["n"] == 20
    issues = alice.get(f"{path}label-issues/")
    assert len(issues["items"]["rows"]) == 60
    run = alice.post(f"{path}consensus/publish/", {"method": "median"}, expect=202)
    work_off()
    assert Run.objects.get(pk=run["id"]).result["rows"]["stored"] == 60
    stored = ReferenceLabel.objects.filter(source="consensus")
    assert all(row.number is not None and row.code is None for row in stored)


def test_numbers_too_large_to_square_fail_in_words(alice: Trust) -> None:
    path = question(alice, "huge", scale="ratio", values=[])
    alice.upload(path, "labels", "item,annotator,label\ni0,ann0,1e300\ni0,ann1,2\n")
    absent = alice.get(f"{path}annotators/", expect=404)
    assert "numbers beyond 1e+100 in size (1 of them)" in absent["detail"]


def test_time_and_duration_show_who_tires_and_who_hurries(alice: Trust) -> None:
    path = question(alice, "work", values=["a", "b"])
    lines = ["item,annotator,label,labelled_at,duration_ms"]
    for i in range(40):
        truth = "ab"[i % 2]
        for a in range(4):
            tired = a == 3 and i >= 20 and i % 3 > 0
            said = "ba"[i % 2] if tired else truth
            when = f"2024-01-{1 + i // 24:02}T{i % 24:02}:00:00Z"
            lines.append(f"i{i},ann{a},{said},{when},{500 if a == 3 else 2000}")
    alice.upload(path, "labels", "\n".join(lines) + "\n")
    rows = alice.get(f"{path}annotators/")["annotators"]
    assert rows[3]["drift"]["value"] == pytest.approx(-13 / 20)
    assert rows[3]["drift"]["p_adjusted"] < 0.01
    assert rows[0]["drift"]["reason"] == "no_variation"
    assert rows[3]["pace"]["ratio"]["value"] == pytest.approx(0.25)
    assert all(row["assignment"]["comparable"] for row in rows)
    issues = alice.get(f"{path}label-issues/")
    assert {row["annotator"] for row in issues["labels"]["rows"]} == {"ann3"}
    assert issues["labels"]["n_labels"] == 13
    assert issues["plan"]["may_stop"] is True


def test_sets_are_weighed_as_whole_answers(alice: Trust) -> None:
    path = question(alice, "sets", scale="set", values=["x", "y", "z"])
    body = "item,annotator,label\n"
    for i, row in enumerate((("x|y", "x|y", "x"), ("z", "z", "z"), ("x", "x|y", "x"))):
        body += "".join(f'i{i},ann{a},"{value}"\n' for a, value in enumerate(row))
    sent = alice.upload(path, "labels", body)
    assert sent["state"] == "stored", sent["problems"]
    found = alice.get(f"{path}consensus/")
    rows = {row["item"]: row for row in found["items"]["rows"]}
    assert rows["i0"]["methods"]["majority"]["value"] == ["x", "y"]
    assert rows["i1"]["value"] == ["z"]
    assert rows["i0"]["labels"] == {"x": 1, "x | y": 2}


def test_one_annotator_and_no_answer_are_reasons_not_errors(alice: Trust) -> None:
    path = question(alice, "alone")
    alice.upload(path, "labels", "item,annotator,label\ni0,ann0,a\ni1,ann0,b\n")
    (row,) = alice.get(f"{path}annotators/")["annotators"]
    assert row["accuracy"]["reason"] == row["spammer_score"]["reason"] == "no_overlap"
    assert row["consensus_change_without"]["reason"] == "no_overlap"
    assert row["labels_needed"] is None
    empty = question(alice, "empty")
    alice.upload(empty, "labels", "item,annotator,label,status\ni0,ann0,,skipped\n")
    assert alice.get(f"{empty}annotators/")["annotators"] == []
    assert alice.get(f"{empty}consensus/")["methods"] == {}
    assert alice.get(f"{empty}label-issues/")["plan"] is None
    run = alice.post(f"{empty}consensus/publish/", {}, expect=202)
    work_off()
    assert "no answered labels" in Run.objects.get(pk=run["id"]).failure

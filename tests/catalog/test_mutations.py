"""Valid files, damaged at random: stored or refused with a line of the file, never an error.

``TRUST_MUTATIONS`` says how many files are tried; 200 unless it says otherwise.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotations.models import Label
from catalog.models import Annotator, Item, Run, Upload
from catalog.tasks import work_run
from tests.conftest import Trust

SEEDS = int(os.environ.get("TRUST_MUTATIONS", "200"))
#: Every so many files is Parquet, which is read in a process of its own: that takes a while.
PARQUET_EVERY = 50
SPLINTERS = [
    *(b"\0", b"\x80", b"\xff", b'"', b'""', b",", b";", b"\n", b"\r", b"\r\n", b"\t", b"\\", b"{"),
    *(b"}", b"[", b"]", b"\xef\xbb\xbf", b"\xff\xfe", b"\\ud800", b"NaN", b"1e999", b"=1+1", b"-"),
    *("é".encode(), "\u202e".encode(), "\u0301".encode(), "\u2028".encode(), b"\x1a", b"\x1f\x8b"),
    *(b"PK\x03\x04", b"null", b"true", b"9" * 30, b" ", b"\xe2\x80\x8b", b"item", b"x" * 300),
]
ROWS = [
    {
        "item": f"i{k}",
        "annotator": who,
        "label": "cat" if (k + len(who)) % 3 else "dog",
        "confidence": f"0.{k}5",
        "labelled_at": f"2026-01-0{k}T09:30:00Z",
        "comment": 'one, "two"\nthree' if k == 4 else "café",
    }
    for k in range(1, 7)
    for who in ("ann", "bob", "zoë")
]


def as_table(delimiter: str) -> bytes:
    cells = [list(ROWS[0]), *(list(row.values()) for row in ROWS)]
    quoted = [[f'"{c.replace(chr(34), chr(34) * 2)}"' for c in row] for row in cells]
    return "".join(delimiter.join(row) + "\n" for row in quoted).encode()


def as_parquet() -> bytes:
    sink = io.BytesIO()
    numbers = {"confidence": [float(row["confidence"]) for row in ROWS]}
    names = ("item", "annotator", "label")
    pq.write_table(pa.table({n: [row[n] for row in ROWS] for n in names} | numbers), sink)
    return sink.getvalue()


CSV = as_table(",")
FILES: dict[str, tuple[str, bytes]] = {
    "csv": ("text/csv", CSV),
    "tsv": ("text/tab-separated-values", as_table("\t")),
    "ndjson": (
        "application/x-ndjson",
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode(),
    ),
    "json": ("application/json", json.dumps(ROWS, indent=1).encode()),
    "gzip": ("text/csv", gzip.compress(CSV, mtime=0)),
    "parquet": ("application/vnd.apache.parquet", as_parquet()),
}
TEXTS = [name for name in FILES if name != "parquet"]


def damaged(data: bytes, rng: random.Random) -> bytes:
    """One to three damages, each of a kind that files really suffer."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        upto = min(len(data), at + rng.choice((1, 2, 10, 100, 1000)))
        data = rng.choice(
            (
                lambda at=at, d=data: d[:at],
                lambda at=at, upto=upto, d=data: d[:at] + d[upto:],
                lambda at=at, upto=upto, d=data: d[:upto] + d[at:],
                lambda at=at, d=data: d[:at] + rng.choice(SPLINTERS) + d[at:],
                lambda at=at, d=data: d[:at] + bytes([rng.randrange(256)]) + d[at + 1 :],
                lambda at=at, d=data: d[at:] + d[:at],
            )
        )()
    return data


def contents() -> tuple[Any, ...]:
    """All labels, and how many items and annotators there are."""
    fields = ("item_id", "annotator_id", "round", "code", "status", "confidence", "upload_id")
    rows = tuple(Label.objects.values_list(*fields))
    return rows, Item.objects.count(), Annotator.objects.count()


@pytest.fixture
def pets(db: None, django_user_model: Any) -> tuple[Trust, str]:
    alice = Trust(django_user_model.objects.create_user("alice"))
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal", "values": ["cat", "dog"]})
    return alice, path


def last_line(name: str, body: bytes) -> int:
    """The last line that a problem of this file can name; of packed files, a generous one."""
    if name in ("gzip", "parquet"):
        return 2 * len(CSV)
    return len(body.replace(b"\r", b"\n").split(b"\n")) + 1


def check_answer(alice: Trust, path: str, name: str, body: bytes, on_error: str) -> str:
    """Send one damaged file and check what became of it; its state, or its refusal's code."""
    before = contents()
    url = f"/api/v1/{path}uploads/labels/?on_error={on_error}"
    # Said for an empty body too, for which the test client says none.
    promised = {"CONTENT_LENGTH": str(len(body))}
    answer = alice.http.generic("POST", url, body, content_type=FILES[name][0], **promised)
    if answer.status_code != 202:
        assert answer.status_code in (400, 415), answer.content
        assert contents() == before
        return str(answer.json()["code"])
    run = Run.objects.get(upload=answer.json()["id"])
    work_run(str(run.pk))
    upload = alice.get(f"{path}uploads/{answer.json()['id']}/")
    assert upload["state"] in ("stored", "rejected"), upload
    if upload["state"] == "rejected":
        assert upload["problem_count"] >= 1
        assert contents() == before
    last = last_line(name, body)
    for problem in upload["problems"]:
        assert problem["line"] is None or 1 <= problem["line"] <= last, (problem, last)
        assert problem["message"].endswith("."), problem
        assert problem["message"].isprintable(), problem
    return str(upload["state"])


# In parts: one transaction has no room for the locks of thousands of uploads.
@pytest.mark.parametrize("first", range(0, SEEDS, 1000))
def test_a_damaged_file_is_stored_or_refused_with_its_lines(
    first: int, pets: tuple[Trust, str], settings: Any
) -> None:
    settings.RATE_UPLOADS = SEEDS + 1  # the longer profile sends more in a minute than a person may
    alice, path = pets
    seen: dict[str, int] = {}
    for seed in range(first, min(SEEDS, first + 1000)):
        rng = random.Random(seed)
        name = "parquet" if seed % PARQUET_EVERY == 0 else rng.choice(TEXTS)
        body = damaged(FILES[name][1], rng)
        try:
            state = check_answer(alice, path, name, body, rng.choice(("reject", "skip")))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {name}: {body[:300]!r}...: {error}") from error
        seen[state] = seen.get(state, 0) + 1
        Run.objects.exclude(kind="upload").delete()
    assert seen["stored"], seen
    assert seen["rejected"], seen


@pytest.mark.parametrize("name", FILES)
def test_the_undamaged_files_are_stored(pets: tuple[Trust, str], name: str) -> None:
    alice, path = pets
    assert check_answer(alice, path, name, FILES[name][1], "reject") == "stored"
    assert Upload.objects.get().rows_stored == len(ROWS)

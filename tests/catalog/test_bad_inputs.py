"""Every published bad input, through HTTP and a worker, answered as published.

Where the service answers otherwise on purpose, ``DIFFERENT`` says how and why; what other tests
or later parts of the service decide is named in ``ELSEWHERE``. The list lies beside the project.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from annotations.models import Label
from catalog.models import Item, Upload
from predictions.models import Prediction
from tests.catalog.bad_input_files import FILES
from tests.catalog.bad_input_requests import REQUESTS, files_left
from tests.conftest import SHARED, Trust, work_off

PUBLISHED = SHARED / "cases" / "bad_inputs.json"
CASES: dict[str, dict[str, Any]] = (
    {case["id"]: case["expected"] for case in json.loads(PUBLISHED.read_text())["cases"]}
    if PUBLISHED.is_file()
    else {}
)
BUILT = {**FILES, **REQUESTS}

#: What we answer instead, and why.
DIFFERENT: dict[str, tuple[dict[str, Any], str]] = {
    "CSV-25": ({"line": 2_002}, "The limit is lowered to 2,000 rows, to keep this quick."),
    "ID-16": (
        {"http": 202},
        "Whose labels they are stands in the file, which is read after it was received.",
    ),
    "TIME-01-zone": (
        {"code": "nonexistent_time"},
        "With timezone= stated, the hour that is skipped in Paris is named as such.",
    ),
    "ARCHIVE-10-parquet": (
        {"http": 202},
        "Parquet is taken, and read in a process of its own with a memory limit.",
    ),
    "PREDICTION-10": (
        {"outcome": "accepted", "code": None},
        "Predictions may come before the labels; the result then gives the reason no_overlap.",
    ),
    "PREDICTION-13": (
        {"http": 400, "code": "max_length"},
        "A model's version is said where the model is defined, not in a file.",
    ),
    "CONFLICT-16": (
        {"http": 202},
        "Said by the worker, and under mode=add; mode=upsert replaces the cells, as for any file.",
    ),
    "QUERY-04": (
        {"http": 400, "code": "unknown_filter"},
        "Pages are followed by cursor; there is no page number to be out of range.",
    ),
    "QUERY-19": (
        {"code": "unknown_filter"},
        "No parameter takes a pattern, so that it is refused as unknown.",
    ),
}

#: What is decided elsewhere: by another test, or by a part of the service that is not built.
ELSEWHERE = {
    "TRANSPORT-08": "A gigabyte through the web process is measured by ./trust bench.",
    "CONFLICT-07": "tests/journeys/test_bad_transport.py sends two files to one service at once.",
    "CONFLICT-08": "tests/journeys/test_resilience.py sends one file twenty times at once.",
    "CONFLICT-14": "tests/journeys/test_resilience.py sends two files in opposite order at once.",
    "QUERY-13": "Rules for auditors, tested with the disclosure of each room.",
    "QUERY-14": "Results are of one version and frozen: tests/catalog/test_runs.py.",
    "QUERY-16": "tests/audits/test_cases_api.py asks for an item of four as an auditor.",
    "QUERY-17": "tests/catalog/test_quotas.py asks for two hundred computations.",
    "POPULATION-08": "tests/catalog/test_erasing.py looks for the name in every table and file.",
}


def expected_of(case_id: str) -> dict[str, Any]:
    """What is published, with what we answer otherwise on purpose; variants share their case's."""
    published = CASES.get("-".join(case_id.split("-")[:2]), {})
    changed, _ = DIFFERENT.get(case_id, ({}, ""))
    return {**published, **changed}


@pytest.fixture
def named(db: None, django_user_model: Any) -> Callable[[str], Trust]:
    """As ``person``, in a transaction that is rolled back, which is quicker."""
    return lambda name: Trust(django_user_model.objects.create_user(name, password="x"))


@pytest.fixture
def alice(named: Callable[[str], Trust]) -> Trust:
    return named("alice")


@pytest.fixture
def pets(alice: Trust) -> str:
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal"})
    return path


def test_every_published_case_is_built_or_named() -> None:
    if not CASES:
        pytest.skip("the published cases lie beside the project in ../shared, which is absent here")
    known = {*BUILT, *ELSEWHERE}
    assert sorted(set(CASES) - known) == []
    assert not set(ELSEWHERE) & set(BUILT)
    assert set(DIFFERENT) <= set(BUILT)


@pytest.mark.skipif(not CASES, reason="the published cases lie beside the project in ../shared")
@pytest.mark.parametrize("case_id", FILES)
def test_a_bad_file_is_answered_as_published(
    case_id: str, alice: Trust, pets: str, settings: Any
) -> None:
    file, expected = FILES[case_id], expected_of(case_id)
    if file.before is not None:
        file.before(alice, pets)
    for name, value in file.settings.items():
        setattr(settings, name, value)
    before = counts()
    sent = alice.send(
        pets,
        file.kind,
        file.body,
        expect=expected["http"],
        content_type=file.content_type,
        headers=file.headers,
        **file.query,
    )
    if expected["http"] != 202:
        assert sent["code"] == expected["code"]
        assert counts() == before
        return
    upload = work_off_one(alice, pets, sent)
    check_outcome(expected, upload, unchanged=counts() == before)
    if file.then is not None:
        file.then(alice, pets, upload)


def work_off_one(alice: Trust, pets: str, sent: dict[str, Any]) -> dict[str, Any]:
    work_off()
    found: dict[str, Any] = alice.get(f"{pets}uploads/{sent['id']}/")
    return found


def counts() -> tuple[int, ...]:
    return Label.objects.count(), Item.objects.count(), Prediction.objects.count()


def check_outcome(expected: dict[str, Any], upload: dict[str, Any], *, unchanged: bool) -> None:
    """The upload ended as published: state, code, line; and nothing is stored of a refused one."""
    found = [(p["code"], p["line"]) for p in upload["problems"]]
    notices = [w["code"] for w in upload["warnings"]]
    if expected["outcome"] == "rejected":
        assert upload["state"] == "rejected", upload
        assert unchanged
        assert expected["code"] in [code for code, _ in found]
        if "line" in expected:
            assert (expected["code"], expected["line"]) in found
        return
    assert (upload["state"], found) == ("stored", [])
    if expected["code"] is not None:
        assert expected["code"] in notices


@pytest.mark.skipif(not CASES, reason="the published cases lie beside the project in ../shared")
@pytest.mark.parametrize("case_id", REQUESTS)
def test_a_bad_request_is_answered_as_published(
    case_id: str, named: Callable[[str], Trust], alice: Trust, pets: str, settings: Any
) -> None:
    expected, build = expected_of(case_id), REQUESTS[case_id]
    needs_bob = "bob" in getattr(getattr(build, "__code__", None), "co_varnames", ())
    status, body = build(alice, pets, named("bob")) if needs_bob else build(alice, pets)
    assert status == expected["http"]
    if expected["code"] is not None:
        found = {body["code"], *(error["code"] for error in body.get("errors", []))}
        assert expected["code"] in found
    assert files_left(settings.UPLOAD_DIR) == []
    if expected["outcome"] == "rejected" and expected["http"] >= 400:
        assert not Upload.objects.filter(state="stored").exists()

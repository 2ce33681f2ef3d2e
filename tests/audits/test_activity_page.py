"""The page about activity: runs with state, parameters and failure; uploads with problems."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Dataset, Run
from tests.audits.conftest import browser, page
from tests.audits.markup import Markup
from tests.conftest import Trust

ACTIVITY = "/datasets/judged/activity/"


def failed_run(seconds: float = 2.5, n: int = 1) -> None:
    dataset, now = Dataset.objects.get(slug="judged"), timezone.now()
    for k in range(n):
        Run.objects.create(
            dataset=dataset,
            kind="agreement",
            subject="q",
            version=dataset.version,
            parameters={"question": "q", "n_replicates": k},
            digest=f"{k:064}",
            state="failed",
            failure="It needed more memory than this worker may use.",
            code_version="9.9",
            started_at=now - timedelta(seconds=seconds),
            finished_at=now,
        )


def test_runs_stand_with_version_state_duration_and_failure(alice: Trust, judged: str):
    failed_run()
    shown = Markup(page(alice, ACTIVITY))

    assert shown.faults() == []
    assert "failed It needed more memory than this worker may use." in shown.text
    assert "2.5 0 9.9" in shown.text
    assert "n_replicates 0" in shown.text
    for kind in ("calibration", "coverage", "agreement", "label issues", "unknown values"):
        assert kind in shown.text


def test_runs_of_one_state_can_be_picked(alice: Trust, judged: str):
    failed_run()

    shown = Markup(page(alice, f"{ACTIVITY}?state=failed")).text
    runs = shown[: shown.index("Uploads, the newest first")]
    assert runs.count("It needed more memory") == 1
    assert "unknown values" not in runs
    waiting = Markup(page(alice, f"{ACTIVITY}?state=waiting")).text
    assert "No computation is in this state." in waiting
    assert page(alice, f"{ACTIVITY}?state=nonsense")


def test_an_upload_shows_its_first_problems_and_where_the_others_are(alice: Trust, judged: str):
    rows = "".join(f"i{k},Ann,perhaps\n" for k in range(5))
    alice.upload(judged, "labels", f"item,annotator,label\n{rows}", filename="bad.csv")

    shown = Markup(page(alice, ACTIVITY))
    assert shown.faults() == []
    assert shown.text.count("'perhaps'") >= 3
    assert "Line 2, label:" in shown.text
    assert "and 2 more:" in shown.text
    for link in {one for one in shown.links() if one.startswith("/api/v1/datasets/")}:
        assert browser(alice).get(link).status_code == 200, link


def test_an_auditor_is_told_where_a_file_was_wrong_not_what_stood_there(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    csv = "item,annotator,label\ni1,Ann,perhaps\n"
    alice.upload(judged, "labels", csv, filename="bad.csv")

    shown = Markup(page(member("auditor"), ACTIVITY)).text
    assert "Line 2, label: unknown_label" in shown
    assert "perhaps" not in shown


def test_a_contributor_sees_own_uploads_and_no_runs(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    cleo = member("contributor")
    cleo.upload(judged, "labels", "item,annotator,label\ni1,Ann,maybe\n", filename="mine.csv")

    shown = Markup(page(cleo, ACTIVITY))
    assert "mine.csv" in shown.text
    assert "'maybe'" in shown.text
    assert "labels.csv" not in shown.text
    assert "Computations" not in shown.text
    assert shown.faults() == []


def test_pages_lead_on_and_queries_do_not_grow_with_runs(alice: Trust, judged: str):
    with CaptureQueriesContext(connection) as few:
        page(alice, ACTIVITY)
    failed_run(n=60)
    with CaptureQueriesContext(connection) as many:
        first = Markup(page(alice, ACTIVITY))
    assert len(many) <= len(few) <= 25

    assert "Page 1 of" in first.text
    assert "?runs=2#runs" in first.links()
    second = Markup(page(alice, f"{ACTIVITY}?runs=2")).text
    assert "Page 2 of" in second
    assert "?runs=2&state=failed#runs" in Markup(page(alice, f"{ACTIVITY}?state=failed")).links()


def test_an_empty_data_set_says_what_will_stand_here(alice: Trust):
    alice.dataset("d")

    shown = Markup(page(alice, "/datasets/d/activity/"))
    assert "Nothing was computed yet." in shown.text
    assert "Here will stand every file that was sent" in shown.text
    assert shown.faults() == []

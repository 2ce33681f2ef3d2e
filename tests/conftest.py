"""What every test may use: people, clients, data sets, and workers that work off in-process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as examples
from rest_framework.test import APIClient

# No test is about time: a machine that does other work as well is slow, and not wrong.
examples.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("untimed")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_configure() -> None:
    if "DATABASE_URL" not in os.environ:
        raise pytest.UsageError(
            "The tests need PostgreSQL and a broker; run ./trust test, which starts both."
        )


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data sets beside the project; tests that need it skip without it."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the real data sets lie beside the project in ../shared, which is absent here")
    return SHARED


@pytest.fixture(autouse=True)
def _private_uploads(settings: Any, tmp_path: Path) -> None:
    settings.UPLOAD_DIR = tmp_path / "uploads"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _read_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each upload of a test the start of a process, half a second; Parquet keeps its own.

    The child process has tests of its own, and the journeys go through it.
    """
    from catalog.ingest import store  # noqa: PLC0415  models exist only now
    from catalog.reading import read  # noqa: PLC0415

    in_child = store.read_in_child

    def read_text_here(path: Any, layout: Any, options: Any, **limits: Any) -> Any:
        if options.format == "parquet":
            return in_child(path, layout, options, **limits)
        return read(path, layout, options)

    monkeypatch.setattr(store, "read_in_child", read_text_here)


class Trust:
    """A person with a browserless client, and a worker at hand."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self.http = APIClient()
        self.http.force_authenticate(user)

    def get(self, path: str, expect: int = 200, **query: Any) -> Any:
        answer = self.http.get(f"/api/v1/{path}", query)
        assert answer.status_code == expect, answer.content[:2000]
        return answer.json() if answer.content else None

    def post(self, path: str, body: Any = None, expect: int = 201, **headers: Any) -> Any:
        answer = self.http.post(f"/api/v1/{path}", body, format="json", headers=headers)
        assert answer.status_code == expect, answer.content[:2000]
        return answer.json() if answer.content else None

    def patch(self, path: str, body: Any, expect: int = 200) -> Any:
        answer = self.http.patch(f"/api/v1/{path}", body, format="json")
        assert answer.status_code == expect, answer.content[:2000]
        return answer.json()

    def delete(self, path: str, expect: int = 204) -> None:
        answer = self.http.delete(f"/api/v1/{path}")
        assert answer.status_code == expect, answer.content[:2000]

    def dataset(self, slug: str, **fields: Any) -> str:
        """A data set of this person; returns its path below /api/v1/."""
        self.post("datasets/", {"slug": slug, **fields})
        return f"datasets/{slug}/"

    def send(
        self,
        path: str,
        kind: str,
        body: str | bytes,
        *,
        expect: int = 202,
        content_type: str = "text/csv",
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> Any:
        """Send a file as the request's body; the upload as it stands right after."""
        from urllib.parse import urlencode  # noqa: PLC0415

        data = body.encode() if isinstance(body, str) else body
        answer = self.http.generic(
            "POST",
            f"/api/v1/{path}uploads/{kind}/?{urlencode(query)}",
            data,
            content_type=content_type,
            headers=headers or {},
            CONTENT_LENGTH=str(len(data)),
        )
        assert answer.status_code == expect, answer.content[:2000]
        return answer.json()

    def upload(self, path: str, kind: str, body: str | bytes, **options: Any) -> Any:
        """Send a file, let the worker work everything off, and look at the upload again."""
        sent = self.send(path, kind, body, **options)
        work_off()
        return self.get(f"{path}uploads/{sent['id']}/")


def work_off() -> int:
    """Do what a worker does with every waiting run; returns how many there were."""
    from catalog.models import Run  # noqa: PLC0415
    from catalog.tasks import work_run  # noqa: PLC0415

    done = 0
    while (run := Run.objects.filter(state="waiting").order_by("created_at").first()) is not None:
        work_run(str(run.pk))
        done += 1
    return done


@pytest.fixture
def person(transactional_db: None, django_user_model: Any) -> Callable[[str], Trust]:
    """Makes people: ``person("alice")``."""
    return lambda name: Trust(django_user_model.objects.create_user(name, password="correct-horse"))


@pytest.fixture
def alice(person: Callable[[str], Trust]) -> Trust:
    """Who owns the data sets of the tests."""
    return person("alice")


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Doorbells ring nowhere: tests call the worker themselves; the broker is not ours."""
    if "journeys" not in str(request.path):
        monkeypatch.setattr("celery.app.base.Celery.send_task", lambda *args, **kwargs: None)

"""Signs of health for monitors: the process answers; the service can do its work."""

from __future__ import annotations

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from catalog.beats import is_working


def healthz(request: HttpRequest) -> JsonResponse:
    """200 when this process answers at all."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database is reachable and migrated and a worker is alive; else 503, and why."""
    checks = {"database": _database(), "migrations": None, "worker": None}
    if checks["database"] is None:
        checks["migrations"] = _migrations()
        if checks["migrations"] is None and not is_working():
            checks["worker"] = "no worker has given a sign of life for 30 seconds"
    wrong = {name: why for name, why in checks.items() if why is not None}
    status = {name: checks[name] or "ok" for name in checks}
    return JsonResponse(
        {"status": "not ready" if wrong else "ok", "checks": status}, status=503 if wrong else 200
    )


def _database() -> str | None:
    try:
        connection.ensure_connection()
    except DatabaseError:
        return "the database cannot be reached"
    return None


def _migrations() -> str | None:
    if cache.get("migrated"):
        return None
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return "the database is not migrated; run ./trust manage migrate"
    cache.set("migrated", True, 300)
    return None

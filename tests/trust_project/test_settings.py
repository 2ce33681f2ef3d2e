"""Settings from the environment: a bad one is refused by name before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from trust_project.embedded.children import PROJECT

# Only what is named counts, so that the refusal is for the one bad value.
GOOD = {
    "PATH": os.environ["PATH"],
    "DJANGO_SETTINGS_MODULE": "trust_project.settings",
    "SECRET_KEY": "k" * 50,
    "ALLOWED_HOSTS": "trust.example.org,localhost",
    "CSRF_TRUSTED_ORIGINS": "https://trust.example.org",
    "DATABASE_URL": "postgresql://trust:kiwi9@postgres:5432/trust",
    "CELERY_BROKER_URL": "redis://valkey:6379/0",
    "MAX_UPLOAD_BYTES": "1000",
    "LOG_LEVEL": "WARNING",
}


def start(**changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        env=GOOD | changed,
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )


def test_good_settings_start():
    done = start()

    assert (done.returncode, done.stderr) == (0, "")


def test_empty_lists_are_settings_that_were_left_out():
    assert start(ALLOWED_HOSTS="", CSRF_TRUSTED_ORIGINS="").returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("SECRET_KEY", "k" * 49, "at least 50 characters; it has 49"),
        ("SECRET_KEY", "", "at least 50 characters; it has 0"),
        ("ALLOWED_HOSTS", "*", "name its hosts"),
        ("CSRF_TRUSTED_ORIGINS", "trust.example.org", "needs scheme and host"),
        ("DATABASE_URL", "mysql://trust:kiwi9@host/trust", "must name a PostgreSQL database"),
        ("DATABASE_URL", "sqlite:///trust.db", "must name a PostgreSQL database"),
        ("DATABASE_URL", "the usual one", "Not a valid database URL"),
        ("CELERY_BROKER_URL", "garbage", "must name a Valkey or Redis server"),
        ("CELERY_BROKER_URL", "amqp://rabbit", "must name a Valkey or Redis server"),
        ("MAX_UPLOAD_BYTES", "-1", "greater than or equal to 1"),
        ("MAX_UPLOAD_BYTES", "1 GB", "Not a valid integer"),
        ("MAX_UPLOAD_ROWS", "0", "greater than or equal to 1"),
        ("READER_MEMORY_BYTES", "1", "greater than or equal to 268435456"),
        ("RUN_LEASE_SECONDS", "1", "greater than or equal to 2"),
        ("SECURE_HSTS_SECONDS", "-5", "greater than or equal to 0"),
        ("SECURE_COOKIES", "maybe", "Not a valid boolean"),
        ("LOG_LEVEL", "LOUD", "Must be one of: DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_a_bad_setting_is_refused_by_its_name(name, value, reason):
    done = start(**{name: value})
    refusal = done.stderr.strip().splitlines()[-1]

    assert done.returncode == 1
    assert name in refusal
    assert reason in refusal
    assert "kiwi9" not in refusal, "a refusal repeats no password"

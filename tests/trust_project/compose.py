"""docker-compose.yml as Docker would read it, and its commands run without Docker.

Only what the container would have differently is replaced: host names, ports, and directories.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from trust_project.embedded.children import PROJECT

REFERENCE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<how>:\?|:-)(?P<text>[^}]*))?\}")


class MissingSettingError(Exception):
    """A setting that the file demands; Docker stops with the same words."""


def services(settings: dict[str, str]) -> dict[str, Any]:
    """The file's services with an .env file's settings filled in."""
    parsed = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    filled: dict[str, Any] = fill(parsed["services"], settings)
    return filled


def fill(value: Any, settings: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: fill(one, settings) for name, one in value.items()}
    if isinstance(value, list):
        return [fill(one, settings) for one in value]
    if isinstance(value, str):
        return REFERENCE.sub(lambda found: setting(found, settings), value)
    return value


def setting(found: re.Match[str], settings: dict[str, str]) -> str:
    # With a colon an empty value counts as none.
    given = settings.get(found["name"], "")
    if not given and found["how"] == ":?":
        raise MissingSettingError(found["text"])
    return given or (found["text"] or "" if found["how"] == ":-" else "")


class Containers:
    """Processes with a container's command and environment, and nothing else of ours."""

    def __init__(self, settings: dict[str, str], replaced: dict[str, str], logs: Path) -> None:
        self.services = services(settings)
        self.replaced = replaced
        self.logs = logs
        self.running: list[subprocess.Popen[bytes]] = []

    def command(self, words: list[str]) -> list[str]:
        return [self.here(word) for word in words]

    def environment(self, service: str) -> dict[str, str]:
        named = self.services[service]["environment"]
        image = {"TRUST_STATE": "/data", "TRUST_UPLOADS": "/data/uploads"}
        programs = str(Path(sys.executable).parent)
        return {
            "PATH": f"{programs}{os.pathsep}{os.defpath}",
            **{name: self.here(value) for name, value in {**image, **named}.items()},
        }

    def here(self, text: str) -> str:
        for theirs, ours in self.replaced.items():
            text = text.replace(theirs, ours)
        return text

    def start(self, service: str) -> subprocess.Popen[bytes]:
        with (self.logs / f"{service}.log").open("wb") as log:
            process = subprocess.Popen(
                self.command(self.services[service]["command"]),
                env=self.environment(service),
                cwd=PROJECT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def is_healthy(self, service: str) -> bool:
        """What the service's own health check says."""
        kind, *words = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        done = subprocess.run(
            self.command(words), env=self.environment(service), capture_output=True
        )
        return done.returncode == 0

    def log(self, service: str) -> str:
        return (self.logs / f"{service}.log").read_text(errors="replace")

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

"""The pages about the REST API name what the service has, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from catalog.serializers import BELOW_DATASET
from trust_project.problem_types import documented

DOCS = Path(__file__).resolve().parents[2] / "docs"
DATASET = "datasets/{slug}/"


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return {path.removeprefix("/api/v1/"): views for path, views in schema["paths"].items()}


def test_every_address_is_documented(paths: dict[str, Any]) -> None:
    page = (DOCS / "api.md").read_text("utf-8")
    # The words of an address; what stands in braces is the reader's to fill in.
    words = {path: set(re.findall(r"(?<![{\w])[a-z][a-z-]+(?![\w}])", path)) for path in paths}
    assert len(paths) > 60
    assert [p for p in paths if any(word not in page for word in words[p])] == []


def test_every_documented_address_exists(paths: dict[str, Any]) -> None:
    page = (DOCS / "api.md").read_text("utf-8")
    said = re.findall(r"^datasets/\{slug\}/([a-z-]+(?:/[a-z-]+)*)[/.]", page, re.MULTILINE)
    known = tuple(paths)
    assert len(said) > 15
    assert [p for p in said if not any(k.startswith(f"{DATASET}{p}") for k in known)] == []


def test_a_data_set_links_to_everything_directly_below_it(paths: dict[str, Any]) -> None:
    below = {re.fullmatch(r"datasets/\{slug\}/([a-z-]+)/", path) for path in paths}
    assert {found[1] for found in below if found} == set(BELOW_DATASET.split())


def test_every_query_parameter_is_documented(paths: dict[str, Any]) -> None:
    pages = "\n".join(page.read_text("utf-8") for page in DOCS.rglob("*.md"))
    names = {
        parameter["name"]
        for views in paths.values()
        for view in views.values()
        if isinstance(view, dict)
        for parameter in view.get("parameters", [])
        if parameter["in"] == "query"
    }
    assert len(names) > 20
    assert [n for n in sorted(names) if not re.search(rf"\b{n}=|`{n}`", pages)] == []


def test_every_code_of_a_problem_is_documented() -> None:
    rooms = ("catalog", "annotations", "coverage", "predictions", "audits")
    sources = [path for room in rooms for path in (DOCS.parent / room).rglob("*.py")]
    codes = {
        code
        for path in sources
        for code in re.findall(r'\bcode="([a-z_]+)"', path.read_text("utf-8"))
    }
    assert len(codes) > 60
    assert codes - {row["code"] for row in documented()} == set()

"""Small data sets with a population, built through HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.conftest import Trust

BANDS = ["0-17", "18-64", "65+"]
JOINT = "sex,age,weight\nF,young,30\nF,old,20\nM,young,30\nM,old,20\n"


def items(*groups: tuple[int, str]) -> str:
    """An items file: so many items with each ``sex,age``."""
    lines = [f"i{at}_{k},{values}" for at, (n, values) in enumerate(groups) for k in range(n)]
    return "item,sex,age\n" + "\n".join(lines) + "\n"


@pytest.fixture
def people(alice: Trust) -> str:
    """100 people: sexes 70 to 30, ages 80 to 20, no old men but 5."""
    path = alice.dataset("people")
    stored = alice.upload(
        path, "items", items((55, "F,young"), (15, "F,old"), (25, "M,young"), (5, "M,old"))
    )
    assert stored["state"] == "stored"
    alice.post(f"{path}populations/", {"name": "census", "source": "Office", "year": 2020})
    return path


def codes(upload: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in upload["problems"]]


def notices(upload: dict[str, Any]) -> dict[str, str]:
    return {warning["code"]: warning["message"] for warning in upload["warnings"]}


def cell(cells: Iterable[dict[str, Any]], **attributes: str) -> dict[str, Any]:
    found = [one for one in cells if one["attributes"] == attributes]
    assert len(found) == 1, attributes
    return found[0]

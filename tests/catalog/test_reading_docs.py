"""The page for people who upload names every problem a file can have."""

from __future__ import annotations

import re
from pathlib import Path

from catalog.reading import Code

PAGE = Path(__file__).resolve().parents[2] / "docs" / "uploads.md"


def test_every_code_is_documented_once_with_what_to_do() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9_]+)` \| (.+) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert sorted(code for code, _, _ in rows) == sorted(code.value for code in Code)
    assert all(meaning.strip() and advice.strip() for _, meaning, advice in rows)

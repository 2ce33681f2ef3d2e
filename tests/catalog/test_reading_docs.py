"""The page for people who upload names every problem and notice that a file can have."""

from __future__ import annotations

import re
from pathlib import Path

from catalog.ingest.checks import NoticeCode, RowCode
from catalog.reading import Code
from catalog.reading.columns import FORMATS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "uploads.md"


def test_every_code_is_documented_once_with_what_to_do() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9_]+)` \| (.+) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    codes = {code.value for kind in (Code, RowCode, NoticeCode) for code in kind}
    assert sorted(code for code, _, _ in rows) == sorted(codes)
    assert all(meaning.strip() and advice.strip() for _, meaning, advice in rows)


def test_every_format_is_documented() -> None:
    text = PAGE.read_text("utf-8")
    assert [name for name in FORMATS if f"| `{name}` |" not in text] == []

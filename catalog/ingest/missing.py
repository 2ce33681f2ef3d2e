"""Words that programs and people write where nothing is known; told, never taken for granted."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.ingest.checks import NoticeCode
from catalog.ingest.incoming import Incoming

_WORDS = frozenset(
    [
        "na",
        "n/a",
        "#n/a",
        "nan",
        "null",
        "none",
        "nil",
        "?",
        "-",
        "--",
        ".",
        "unk",
        "unknown",
        "missing",
        "data_expired",
        "consent_revoked",
        "-99",
        "-999",
        "<na>",
    ]
)


def looks_missing(text: str) -> bool:
    """Whether a text is what stands in tables where nothing is known."""
    return text.strip().casefold() in _WORDS


def tell_of_missing(incoming: Incoming, whose: str, learned: Iterable[str]) -> None:
    """Say which values were learned that may mean that there is none."""
    found = [value for value in learned if looks_missing(value)]
    if found:
        shown = ", ".join(repr(value) for value in found)
        incoming.warn(
            NoticeCode.LOOKS_MISSING,
            f"{shown} became a value of {whose}; if it means that nothing is known, declare it "
            "in missing_codes.",
            len(found),
        )

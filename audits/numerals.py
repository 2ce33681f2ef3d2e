"""Numbers as the reader's language writes them."""

from __future__ import annotations

from django.utils.translation import get_language

_FRENCH = str.maketrans({",": "\u202f", ".": ","})


def localized(text: str) -> str:
    """``1,234.5`` as French writes it, ``1 234,5``, where the page is French."""
    return text.translate(_FRENCH) if (get_language() or "").startswith("fr") else text


def between() -> str:
    """What stands between the two ends of an interval: a comma would be read as a decimal one."""
    return " ; " if localized(".") == "," else ", "

"""Numbers as the reader's language writes them."""

from __future__ import annotations

from django.utils.translation import get_language, ngettext_lazy

# The one way to say how many: each noun with both its forms, in every language.
_THINGS = {
    "item": ngettext_lazy("%(shown)s item", "%(shown)s items", "n"),
    "annotator": ngettext_lazy("%(shown)s annotator", "%(shown)s annotators", "n"),
    "label": ngettext_lazy("%(shown)s label", "%(shown)s labels", "n"),
    "more label": ngettext_lazy("%(shown)s more label", "%(shown)s more labels", "n"),
    "prediction": ngettext_lazy("%(shown)s prediction", "%(shown)s predictions", "n"),
}
_FRENCH = str.maketrans({",": "\u202f", ".": ","})


def localized(text: str) -> str:
    """``1,234.5`` as French writes it, ``1 234,5``, where the page is French."""
    return text.translate(_FRENCH) if (get_language() or "").startswith("fr") else text


def things(n: float, noun: str, shown: str | None = None) -> str:
    """``1 item``, ``1,200 items``, in the reader's language; ``shown`` in place of the number."""
    return _THINGS[noun] % {"n": round(n), "shown": shown or localized(f"{n:,.0f}")}


def between() -> str:
    """What stands between the two ends of an interval: a comma would be read as a decimal one."""
    return " ; " if localized(".") == "," else ", "

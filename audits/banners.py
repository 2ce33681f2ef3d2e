"""What every page says at its top."""

from __future__ import annotations

from django.http import HttpRequest

from catalog.beats import is_working


def workers(request: HttpRequest) -> dict[str, bool]:
    """Whether to warn that no worker computes anything at the moment."""
    signed_in = hasattr(request, "user") and request.user.is_authenticated
    return {"no_worker": bool(signed_in) and not is_working()}

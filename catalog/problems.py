"""How the service says no: one exception that every layer above the statistics understands."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):  # noqa: N818  it is an answer, not a programming error
    """A request or a file that cannot be accepted, said so that the sender can mend it.

    Parameters
    ----------
    detail : str, one sentence: what is wrong, where, which value, what to do
    code : str, stable and documented
    status : int, the HTTP status where it reaches a client
    errors : list of dict, the problems one by one (line, column, value, code, message, hint)
    headers : dict of str, sent with the answer, for example ``Retry-After``
    """

    def __init__(
        self,
        detail: str,
        *,
        code: str = "invalid",
        status: int = 400,
        pointer: str | None = None,
        errors: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.status = status
        self.headers = headers or {}
        if errors is None:
            errors = [{"pointer": pointer, "code": code, "message": detail}]
        self.errors = errors

"""JSON bodies are read strictly: UTF-8, bounded depth, no NaN, no key twice, an object."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import IO, Any

from django.http import RawPostDataException
from rest_framework.parsers import BaseParser

from catalog.problems import Refusal

MAX_BODY = 1 << 20
MAX_DEPTH = 32
MAX_DIGITS = 1000
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class StrictJSONParser(BaseParser):
    """Refuses by name what the standard library's parser silently accepts."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        if "charset" in (media_type or "").lower() and "utf-8" not in (media_type or "").lower():
            raise _refused("encoding_not_utf8", "JSON must be sent as UTF-8; save it as that.")
        try:
            body = stream.read(MAX_BODY + 1)
        except RawPostDataException as error:
            raise _refused("incomplete_body", f"The body could not be read: {error}.") from None
        if len(body) > MAX_BODY:
            raise Refusal(
                f"The body is larger than the {MAX_BODY:,} bytes that this address takes.",
                code="body_too_large",
                status=413,
            )
        value = parse_json(body)
        if not isinstance(value, dict):
            raise _refused("type", f"The body must be a JSON object; it is {_kind_of(value)}.")
        return value


def _kind_of(value: Any) -> str:
    kinds = {list: "an array", str: "a string", type(None): "null", bool: "true or false"}
    return kinds.get(type(value), "a number")


def _refused(code: str, detail: str) -> Refusal:
    return Refusal(detail, code=code)


def parse_json(body: bytes) -> Any:
    """Parse JSON text; raises :class:`Refusal` naming what is wrong with it."""
    if not body.strip():
        raise _refused("type", "The body is empty; send a JSON object.")
    _check_depth(body)
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique_pairs,
            parse_constant=_no_constant,
            parse_int=_bounded_int,
            parse_float=_finite_float,
        )
    except UnicodeDecodeError as error:
        raise _refused(
            "invalid_utf8", f"The body is not UTF-8 at byte {error.start}; save it as UTF-8."
        ) from None
    except ValueError as error:
        raise _refused("json_parse", f"The body is not JSON: {error}.") from None
    _check_text(value)
    return value


def _check_depth(body: bytes) -> None:
    depth = 0
    for char in _STRING.sub(b"", body):
        if char in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _refused(
                    "json_too_deep", f"The body is nested deeper than {MAX_DEPTH} levels."
                )
        elif char in b"]}":
            depth -= 1


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if sum(k == key for k, _ in pairs) > 1)
        raise _refused("json_duplicate_key", f"The key {twice!r} stands twice in one object.")
    return found


def _no_constant(name: str) -> Any:
    raise _refused("json_not_finite", f"{name} is not a number in JSON; send null or leave it out.")


def _bounded_int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _refused("json_number_too_long", f"A number of {len(text):,} digits is too long.")
    return int(text)


def _finite_float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _refused("json_number_range", f"The number {text[:40]} is out of range.")
    return number


def _check_text(value: Any) -> None:
    """Text that the database cannot hold is refused wherever it stands, keys too."""
    if isinstance(value, str):
        if "\x00" in value:
            raise _refused("nul_character", "A text holds the character NUL; remove it.")
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise _refused(
                "unpaired_surrogate", "A text holds half a character (a lone surrogate)."
            )
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)

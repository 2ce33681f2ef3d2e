"""Columns that tell who somebody is: by their name, or by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NAMING = re.compile(
    r"(e_?mail|phone|telephone|ssn|(first|last|full|sur|fore|given|family|middle|maiden"
    r"|patient|user|participant|subject)_?name|name|nom|prenom|prénom|vorname|nachname|address"
    r"|passport|iban)",
    re.IGNORECASE,
)
_BIRTH = re.compile(
    r"(birth_?(date|day)|(date|day)_?of_?birth|dob|b_?day|born(_?on)?|geburts(datum|tag)"
    r"|(date_?(de_?)?)?naissance|fecha_?(de_?)?nacimiento|nascimento)",
    re.IGNORECASE,
)
_DATE = re.compile(r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([T ].*)?")

_CONTACTS = (
    ("e-mail addresses", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")),
    ("addresses of computers", re.compile(r"(\d{1,3}\.){3}\d{1,3}", re.ASCII)),
)


def why_identifying(name: str, values: Sequence[str]) -> str | None:
    """What about a column that nobody declared looks like it tells who somebody is; else None."""
    plain = re.sub(r"[\s-]+", "_", name.strip())
    # userName and user_name are one word to a reader.
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", plain)
    if _NAMING.fullmatch(plain):
        return "looks like it names a person"
    if _BIRTH.fullmatch(plain):
        return "looks like a date of birth"
    filled = [value for value in values if value.strip()]
    dates = sum(_DATE.fullmatch(value.strip()) is not None for value in filled)
    if dates and 2 * dates >= len(filled):
        return "holds full dates, such as of birth, which single a person out"
    for what, form in _CONTACTS:
        if sum(form.fullmatch(value.strip()) is not None for value in filled) * 2 > len(filled):
            return f"holds {what}, which single a person out"
    return None

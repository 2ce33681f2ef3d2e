"""Columns that tell who somebody is: by their name, or by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PERSON = (
    "first|last|full|sur|fore|given|family|middle|maiden|birth|nick|legal|real|login|patient|user"
    "|participant|subject|person|customer|client|employee|student|pupil|respondent|owner|author"
    "|doctor|physician|nurse|contact|parent|mother|father|child|spouse|rater|annotator"
)
_NAMING = re.compile(
    rf"(e_?mail(_address)?|(tele|mobile_?)?phone(_number)?|ssn|(({_PERSON})_?)+name|name"
    rf"|name_of_(the_)?({_PERSON})|nom(_de_famille)?|prenom|prénom|nombres?|apellidos?|cognome"
    r"|(vor|nach|familien|geburts)name|address|passport|iban)",
    re.IGNORECASE,
)
_BIRTH = re.compile(
    r"(([a-z]+_)?(birth_?(date|day)|(date|day)_?of_?birth|dob)|b_?day|born(_?on)?"
    r"|geburts(datum|tag)|(date_?(de_?)?)?naissance|fecha_?(de_?)?nacimiento|nascimento)",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
    r"|\d{1,2}\.? [^\W\d]{3,9}\.? \d{4})([T ].*)?"
)

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
    if _are_mostly(_DATE, values):
        return "holds full dates, such as of birth, which single a person out"
    for what, form in _CONTACTS:
        if _are_mostly(form, values):
            return f"holds {what}, which single a person out"
    return None


def _are_mostly(form: re.Pattern[str], values: Sequence[str]) -> bool:
    filled = [value.strip() for value in values if value.strip()]
    alike = sum(form.fullmatch(value) is not None for value in filled)
    return alike > 0 and 2 * alike >= len(filled)

"""Uncovered patterns of a stored result, in words; without the statistics that found them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]


def rows_of(result: dict[str, Any], certainty: str, asked: dict[str, str]) -> Iterator[Row]:
    """The patterns of a result in words: those with an attribute, a value, or a level.

    Parameters
    ----------
    result : dict, of a run of the kind ``patterns``
    certainty : str, ``"possible"`` or ``"certain"``
    asked : dict of str to str, of the keys attribute, value and level
    """
    stored = result[certainty]
    if stored is None:
        stored = result["possible"]
    axes, needed = result["axes"], (result["summary"] or {"threshold": 0})["threshold"]
    for n, upper, *pairs in stored:
        attributes = {
            axes[j]["name"]: axes[j]["nodes"][node]
            for j, node in zip(pairs[::2], pairs[1::2], strict=True)
        }
        if not _is_asked(attributes, asked):
            continue
        yield {
            "attributes": attributes,
            "level": len(attributes),
            "n": n,
            "n_with_unknown": upper,
            "deficit": needed - n,
            "certain": upper < needed,
            "words": in_words(attributes, n, upper, needed),
        }


def _is_asked(attributes: dict[str, str], asked: dict[str, str]) -> bool:
    return (
        ("attribute" not in asked or asked["attribute"] in attributes)
        and ("value" not in asked or asked["value"] in attributes.values())
        and ("level" not in asked or asked["level"] == str(len(attributes)))
    )


def in_words(attributes: dict[str, str], n: int, with_unknown: int, threshold: int) -> str:
    """A pattern as a sentence: who, how many there are, and how many there should be."""
    subgroup = " & ".join(f"{name}={value}" for name, value in attributes.items())
    said = f"{subgroup or 'everything'}: {n:,} of at least {threshold:,}"
    if with_unknown > n:
        said += f"; {with_unknown:,} if every unknown value were this one"
    return said

"""One subgroup of a calibration result, in the shape of the whole result."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from catalog.problems import Refusal

Result = dict[str, Any]
NAMES = ("subgroup", "attribute", "value")
ASKED = [
    OpenApiParameter(
        "attribute", str, description="With value: the result of this one subgroup of items."
    ),
    OpenApiParameter("value", str, description="Value of the attribute."),
    OpenApiParameter(
        "subgroup",
        str,
        description='The same, for values of several attributes: {"sex": "f", "age": "60+"}.',
    ),
]
#: What a result says of the model, and how it was measured: true of each subgroup too.
_COMMON = (
    "against",
    "model",
    "model_version",
    "model_scores",
    "model_parameters",
    "question",
    "classes",
    "positive_class",
    "out_of_fold",
    "notion",
    "population",
    "conventions",
)
_COX = ("test", "slope", "intercept", "in_the_large", "observed_expected", "method", "df")


def asked_subgroup(query: dict[str, str]) -> dict[str, str] | None:
    """The attribute values by which a client names one subgroup; ``None`` where it names none.

    Raises
    ------
    Refusal
        When only half of it is said, or it is no object of texts.
    """
    if "subgroup" not in query:
        pair = [query[name] for name in ("attribute", "value") if name in query]
        if len(pair) == 1:
            raise Refusal(
                "attribute and value name a subgroup together: send both, as in "
                "attribute=sex&value=f.",
                code="invalid_parameter",
                pointer="attribute" if "attribute" in query else "value",
            )
        return dict([pair]) if pair else None
    try:
        said = json.loads(query["subgroup"])
    except ValueError:
        said = None
    if not isinstance(said, dict) or not said or not all(isinstance(v, str) for v in said.values()):
        raise Refusal(
            'subgroup must be a JSON object of values by attribute, as {"sex": "f", "age": "60+"}; '
            f"it is {query['subgroup'][:80]!r}.",
            code="invalid_parameter",
            pointer="subgroup",
        )
    return said


def subgroup_row(result: Result, asked: dict[str, str]) -> Result:
    """What a result says of one subgroup.

    Raises
    ------
    Refusal
        404 when it says nothing of it.
    """
    # Subgroups of a result that an earlier version stored have no curve, so they are none here.
    rows: list[Result] = [row for row in result.get("subgroups", []) if "curve" in row]
    for row in rows:
        if row["attributes"] == asked:
            return row
    names = set(asked)
    near = [row["attributes"] for row in rows if set(row["attributes"]) == names]
    shown = "; ".join(_words(one) for one in near[:5]) or "none of these attributes together"
    more = f" and {len(near) - 5} more" if len(near) > 5 else ""
    raise Refusal(
        f"The result has no subgroup {_words(asked)}; it has: {shown}{more}. Values that meet are "
        "measured from min_items items on, in a run whose depth allows for so many attributes.",
        code="unknown_subgroup",
        status=404,
        pointer="subgroup",
    )


def result_of(result: Result, row: Result) -> Result:
    """A subgroup's numbers under the keys of the whole result, and what is common to both."""
    tests = row["tests"]
    own = {name: value for name, value in row.items() if name not in ("attributes", "n", "tests")}
    return {
        **{name: result[name] for name in _COMMON if name in result},
        "subgroup": row["attributes"],
        "n_items": row["n"],
        **own,
        "tests": {
            "cox": {name: tests[name] for name in _COX},
            **{name: value for name, value in tests.items() if name not in _COX},
            "detectable": row["detectable"],
        },
    }


def _words(attributes: dict[str, str]) -> str:
    return " & ".join(f"{name}={value}" for name, value in attributes.items())

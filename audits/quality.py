"""What the page about annotation quality shows, from the results of its question."""

from __future__ import annotations

from typing import Any

from annotations.crowd_disclosure import visible_annotators, with_names
from audits import charts, conduct, matrices, quality_findings
from audits.frames import Frame, Source, case_address

LISTED = 25
ANNOTATORS = 50
Row = dict[str, Any]

_RELIABILITY = {
    "annotators": "$.annotators[*]",
    "model": "$.model",
    "warnings": "$.warnings[*]",
}
_ISSUES = {
    "plan": "$.plan",
    "items": f"$.items.rows[0 to {LISTED - 1}]",
    "n_items": "$.items.n_items",
    "labels": f"$.labels.rows[0 to {LISTED - 1}]",
    "n_labels": "$.labels.n_labels",
}
_CONSENSUS = {"methods": "$.methods"}


def quality_page(frame: Frame) -> dict[str, Any]:
    """The findings, the pair matrix, the annotators, the queue of disagreements, the groups."""
    reliability = frame.source("annotators", _RELIABILITY, tables=("annotators", "confusion"))
    context = frame.context()
    people = annotator_rows(frame, reliability)
    context |= {
        "reliability": reliability,
        "people": people[:ANNOTATORS],
        "n_people": len(people),
        "has_gold": any((row.get("gold_accuracy") or {}).get("n") for row in people),
        "has_drift": any((row.get("drift") or {}).get("n") for row in people),
        "conduct": conduct.conduct_rows(people)[:ANNOTATORS],
        "is_numeric": bool(people) and "noise" in people[0],
        "people_axis": charts.shared_axis([], None),
        "conventions": quality_findings.CONVENTIONS,
    }
    if frame.found is None or frame.found.run is None:
        return context
    result = frame.result
    context["bands"] = bands_of(result)
    context["coefficients"] = coefficient_rows(result)
    is_summary = result.get("disclosure") == "summary"
    sources = {} if is_summary else _for_readers(frame, context)
    context["findings"] = [
        *quality_findings.findings_of(result, people, sources),
        *conduct.findings_of(people, context.get("again"), context.get("diverging")),
    ]
    return context


def _for_readers(frame: Frame, context: dict[str, Any]) -> dict[str, Source]:
    """What those who read results see beyond the summary; leads see rows about items, too."""
    result = frame.result
    coefficient = pair_coefficient(result)
    issues = frame.source("label-issues", _ISSUES, tables=("items", "labels"))
    consensus = frame.source("consensus", _CONSENSUS, tables=("items",))
    context |= {
        "coefficient": coefficient,
        "matrix": matrices.pair_matrix(result["pairs"], coefficient, result["n_annotators"]),
        "groups": group_rows(result),
        "periods": result.get("periods", []),
        "changes": list((result.get("change") or {}).items()),
        "again": result.get("intra_annotator"),
        "diverging": conduct.diverging(frame),
        "issues": issues,
        "consensus": consensus,
        "methods": list((first(consensus, "methods") or {}).items()),
    }
    if frame.is_lead:
        context |= {
            "queue": _queue(frame, issues.parts.get("items", [])),
            "suspects": _queue(frame, issues.parts.get("labels", [])),
            "most_disagreeing": [
                {**one, "address": case_address(frame.dataset, one["item"])}
                for one in result["items"]["most_disagreeing"][:LISTED]
                if one["item"] is not None
            ],
        }
    return {"issues": issues, "consensus": consensus}


def first(source: Source, part: str) -> Any:
    """The one value of a part whose path names one place."""
    found = source.parts.get(part) or [None]
    return found[0]


def annotator_rows(frame: Frame, reliability: Source) -> list[Row]:
    """Every annotator this reader may see, the least reliable first."""
    stored = reliability.parts.get("annotators", [])
    rows = visible_annotators(frame.request.user, frame.dataset, stored)
    others = {one["annotator"]: one for one in frame.result.get("annotators", [])}
    rows = [{**row, "among_others": others.get(row["annotator"], {})} for row in rows]
    return sorted(rows, key=_worry)


def _worry(row: Row) -> float:
    """Where an annotator stands in the table: by accuracy, or by noise where labels are numbers."""
    accuracy, noise = row.get("accuracy") or {}, row.get("noise") or {}
    if accuracy.get("value") is not None:
        return float(accuracy["value"])
    return 2.0 if noise.get("value") is None else -float(noise["value"])


def pair_coefficient(result: Row) -> str:
    """Which kappa the matrix shows: of ordered values the one that weighs how far apart."""
    keys = ["cohen_kappa"]
    if result["scale"] != "nominal":
        keys = ["cohen_kappa_quadratic", "cohen_kappa"]
    for key in keys:
        if any(pair.get(key, {}).get("value") is not None for pair in result["pairs"]):
            return key
    return "cohen_kappa"


def coefficient_rows(result: Row) -> list[tuple[str, Row, Row]]:
    """Each coefficient that applies, with what it is made of."""
    parts = result.get("parts", {})
    own = f"krippendorff_alpha_{result['scale']}"
    rows = [
        (key, number, parts.get(key, {}))
        for key, number in result["coefficients"].items()
        if number["reason"] != "not_applicable" and key != own
    ]
    return sorted(rows, key=lambda row: row[0] != "krippendorff_alpha")


def bands_of(result: Row) -> list[tuple[str, list[Row]]]:
    """The words of Krippendorff and of Landis and Koch, where there is an interval to judge."""
    found = result.get("benchmarks") or {}
    return [(name, found[name]) for name in ("krippendorff", "landis_koch") if found.get(name)]


def group_rows(result: Row) -> list[Row]:
    """Groups of annotators beside each other, those with a certain difference first."""

    def certainty(row: Row) -> float:
        p = row["association_test"].get("p_adjusted")
        return 2.0 if p is None else float(p)

    return sorted(result.get("groups", []), key=certainty)


def _queue(frame: Frame, rows: list[Row]) -> list[Row]:
    """Rows about items by name, each with the address of its case."""
    named = with_names(frame.dataset, rows)
    return [
        {**row, "address": case_address(frame.dataset, row["item"])}
        for row in named
        if row["item"] is not None
    ]

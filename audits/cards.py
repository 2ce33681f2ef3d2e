"""The cards of a data set's page: a finding, its numbers, where they come from, what is next."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from audits import charts, findings
from audits.evidence import Evidence
from audits.queries import Unfinished
from audits.verdicts import Verdict
from catalog.models import Dataset, Run

LONGEST = 10
SECTIONS = 5
PARAMETER = {"agreement": "question", "coverage": "population", "calibration": "model"}
TABLES = {
    "agreement": ("subgroups", "values", "annotators", "pairs", "items"),
    "coverage": ("attributes", "cells", "missing", "uncovered_patterns", "collection_plan"),
    "calibration": ("scores", "ece", "curve", "subgroups", "recalibration"),
}
ERRORS = ("uniform_15", "uniform_10", "quantile_10", "classwise_15", "toplabel_15", "smooth")


@dataclass
class Card:
    """One result about one question, population or model, ready to be shown."""

    kind: str
    subject: str
    title: str
    verdict: Verdict
    api: str
    run: Run | None = None
    pending: Run | None = None
    failed: Run | None = None
    is_outdated: bool = False
    is_summary: bool = False
    tables: list[tuple[str, str]] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        return f"{self.kind}-{self.subject}".replace(" ", "-")


@dataclass(frozen=True)
class Panel:
    """The subgroups by one attribute: the first rows, and those behind a fold."""

    name: str
    rows: list[dict[str, Any]]
    more: list[dict[str, Any]]


def card_of(dataset: Dataset, found: Evidence, unfinished: Unfinished) -> Card:
    """The card of one question, population or model; one without a result says what it waits for.

    A finding names only numbers that the reader may see.
    """
    card = Card(
        found.kind,
        found.subject,
        title=found.subject,
        verdict=found.verdict,
        api=api_of(dataset, found.kind, found.subject),
        run=found.run,
        pending=unfinished.pending_for(found.kind, found.subject),
        failed=unfinished.failed_for(found.kind, found.subject, found.run),
        is_outdated=found.is_outdated,
        result=found.result,
    )
    if found.run is not None:
        card.title, card.parts = _READ[found.kind](found.verdict, found.result)
        card.is_summary = found.result.get("disclosure") == "summary"
        if not card.is_summary:
            card.tables = tables_of(dataset, found.kind, found.subject)
    return card


def api_of(dataset: Dataset, kind: str, subject: str, table: str = "") -> str:
    """The address of a result, or of one of its tables, in the REST API."""
    query = urlencode({PARAMETER[kind]: subject})
    return f"/api/v1/datasets/{dataset.slug}/{kind}/{table}?{query}"


def tables_of(dataset: Dataset, kind: str, subject: str) -> list[tuple[str, str]]:
    """The name and the address of each table of a result, as CSV."""
    return [
        (name.replace("_", " "), api_of(dataset, kind, subject, f"{name}.csv"))
        for name in TABLES[kind]
    ]


def _agreement(verdict: Verdict, result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    coefficients = result["coefficients"]
    # The alpha of the question's own scale stands first, and need not stand twice.
    own = f"krippendorff_alpha_{result['scale']}"
    defined = [
        (key, number)
        for key, number in coefficients.items()
        if number["reason"] != "not_applicable" and key != own
    ]
    panels = _panels(
        result.get("subgroups", []),
        lambda one: (one["of"], next(iter(one["attributes"]))),
        "n_labels",
    )
    shown = [one["coefficients"]["krippendorff_alpha"] for p in panels for one in p.rows]
    whole = coefficients["krippendorff_alpha"]["value"]
    return findings.agreement_finding(verdict), {
        "coefficients": sorted(defined, key=lambda pair: pair[0] != "krippendorff_alpha"),
        "not_applicable": [k for k, n in coefficients.items() if n["reason"] == "not_applicable"],
        "coefficient_axis": charts.shared_axis([n for _, n in defined], None),
        "subgroup_axis": charts.shared_axis(shown, whole),
        "panels": panels,
        "pairs": _lowest(result.get("pairs", []), "cohen_kappa"),
        "annotators": _lowest(result.get("annotators", []), "agreement_with_others"),
        "items": (result.get("items") or {}).get("most_disagreeing", [])[:LONGEST],
        "second_opinion": _second_opinion(result.get("second_opinion", [])),
    }


def _second_opinion(opinions: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Which libraries computed numbers of a result again, and how far off they were at most."""
    made = [one for one in opinions if one.get("library") and one.get("difference") is not None]
    if not made:
        return None
    libraries = sorted({f"{one['library']} {one['version']}" for one in made})
    return {"libraries": libraries, "difference": max(abs(one["difference"]) for one in made)}


def _lowest(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """The ten rows where a number is lowest, of those that have it."""
    known = [row for row in rows if row.get(key) and row[key]["value"] is not None]
    return sorted(known, key=lambda row: row[key]["value"])[:LONGEST]


def _panels(rows: list[dict[str, Any]], by: Any, size: str) -> list[Panel]:
    """The rows of each attribute; of many, those with most data first."""
    panels = []
    for key, group in groupby(rows, key=by):
        members = list(group)
        of, name = key
        if len(members) > LONGEST:
            members.sort(key=lambda one: -(one.get(size) or 0))
        title = f"{name} ({of})"
        panels.append(Panel(title, members[:LONGEST], members[LONGEST:]))
    return panels


def _coverage(verdict: Verdict, result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    by_attribute = result["attributes"]
    cells = [cell for cells in by_attribute.values() for cell in cells]
    everywhere = [*cells, *result["cells"]]
    gaps = [cell for cell in everywhere if cell["status"] == "gap"]
    numbers = {k: v for k, v in result["overall"].items() if isinstance(v, dict) and "reason" in v}
    return findings.coverage_finding(verdict, result), {
        "overall": list(numbers.items()),
        "axis": charts.ratio_axis(cell["ratio"] for cell in cells),
        "panels": [
            Panel(name, rows[: 2 * LONGEST], rows[2 * LONGEST :])
            for name, rows in by_attribute.items()
        ],
        "gaps": sorted(gaps, key=lambda cell: -abs(cell["gap"]["value"]))[:LONGEST],
        "n_gaps": len(gaps),
        "outside": result.get("outside_target", [])[:LONGEST],
        "missing": [one for one in result.get("missing", []) if one["n"] != 0][:LONGEST],
        "lacking": result.get("target_lacking", [])[:LONGEST],
        "plan": result.get("collection_plan", {}),
        "purchases": result.get("collection_plan", {}).get("purchases", [])[:LONGEST],
        "uncovered": result.get("uncovered_patterns", [])[:LONGEST],
    }


def _calibration(verdict: Verdict, result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    ece, tests = result["ece"], result["tests"]
    by_chance = result["ece_if_calibrated"]
    subgroups = sorted(result["subgroups"], key=_adjusted_p)
    return findings.calibration_finding(verdict), {
        "figure": charts.reliability(result["curve"]),
        "second_opinion": _second_opinion(result.get("second_opinion", [])),
        "errors": [
            (key, ece[key], by_chance.get(key))
            for key in ERRORS
            if key in ece and ece[key]["reason"] != "not_applicable"
        ],
        "scores": [(k, n) for k, n in result["scores"].items() if _is_number(n)],
        "tests": [*_cox(tests["cox"]), *((k, n) for k, n in tests.items() if _is_number(n))],
        "subgroups": subgroups[: 2 * LONGEST],
        "more_subgroups": subgroups[2 * LONGEST :],
        "axis": charts.ratio_axis(one["tests"]["observed_expected"] for one in subgroups),
    }


def _cox(cox: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    numbers = [(key, number) for key, number in cox.items() if _is_number(number)]
    return [("cox" if key == "test" else key, number) for key, number in numbers]


def _is_number(value: Any) -> bool:
    return isinstance(value, dict) and "value" in value and "reason" in value


def _adjusted_p(one: dict[str, Any]) -> float:
    """Order of subgroups: the clearest sign of miscalibration first, none at the end."""
    p = one["tests"]["test"].get("p_adjusted")
    return 2.0 if p is None else float(p)


_READ = {"agreement": _agreement, "coverage": _coverage, "calibration": _calibration}

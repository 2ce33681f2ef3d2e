"""One object that answers: can this be trusted, for whom not, and what to fix first."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from audits import findings
from audits.evidence import Evidence, evidence_of, kinds_for, worst_of
from audits.verdicts import CONVENTIONS, SEVERITY, SIGNIFICANT, Light
from catalog.disclosure import level_for
from catalog.models import Dataset

SUBJECTS = 50
WORST = 5
FEWEST_ITEMS = 30
NAMES = {
    "agreement": "annotation_quality",
    "coverage": "coverage",
    "calibration": "calibration",
}
PARAMETER = {"agreement": "question", "coverage": "population", "calibration": "model"}
UPLOADS = {"agreement": "labels", "coverage": "population", "calibration": "predictions"}
Row = dict[str, Any]


def trust_card(request: Any, dataset: Dataset, role: str) -> dict[str, Any]:
    """The tiles, the worst subgroups and what to fix first, from finished results only."""
    found = {
        kind: evidence_of(request.user, dataset, kind, limit=SUBJECTS) for kind in kinds_for(role)
    }
    rows = [one for kind in found.values() for one in kind if one.run is not None]
    worst = {
        "agreement": _lowest_agreement(rows),
        "coverage": _largest_gaps(rows),
        "calibration": _worst_calibrated(rows),
    }
    return {
        "dataset": dataset.slug,
        "version": dataset.version,
        "disclosure": level_for(request.user, dataset),
        "tiles": {NAMES[kind]: _tile(dataset, kind, own) for kind, own in found.items()},
        "worst_subgroups": worst,
        "fix_first": _fix_first(request, dataset, found, worst),
        "conventions": {
            **CONVENTIONS,
            "worst_subgroups": f"agreement: lowest alpha among subgroups of {FEWEST_ITEMS} items "
            "or more; coverage: largest gap among those with status gap; calibration: smallest "
            f"adjusted p below {SIGNIFICANT}. At most {WORST} of each.",
            "fix_first": "problems before missing evidence before cautions; within each, "
            "collection by how far below its target share a subgroup is.",
            "stale": "the data set has a newer version than the result",
        },
    }


def _tile(dataset: Dataset, kind: str, found: list[Evidence]) -> Row:
    """The worst verdict of a kind of evidence; it names what it is about."""
    one = worst_of(kind, found)
    verdict, run = one.verdict, one.run
    return {
        "verdict": verdict.word,
        "light": verdict.light.value,
        "headline_name": verdict.name,
        "headline": verdict.number,
        "reason": verdict.reason,
        "subject": one.subject or None,
        "run": None if run is None else str(run.pk),
        "version": None if run is None else run.version,
        "computed_at": None if run is None else run.finished_at,
        "stale": None if run is None else run.version != dataset.version,
        "n_subjects": len(found),
        "n_without_result": sum(other.run is None for other in found),
    }


def _lowest_agreement(rows: list[Evidence]) -> list[Row]:
    found = [
        {
            "subject": one.subject,
            "of": row["of"],
            "attributes": row["attributes"],
            "krippendorff_alpha": row["coefficients"]["krippendorff_alpha"],
        }
        for one in rows
        if one.kind == "agreement"
        for row in one.result.get("subgroups", [])
        if row["coefficients"]["krippendorff_alpha"]["value"] is not None
        and row["n_items_pairable"] >= FEWEST_ITEMS
    ]
    return sorted(found, key=lambda row: row["krippendorff_alpha"]["value"])[:WORST]


def _largest_gaps(rows: list[Evidence]) -> list[Row]:
    keys = ("attributes", "n", "share", "target_share", "ratio", "gap", "p_adjusted")
    found = [
        {
            "subject": one.subject,
            **{key: cell[key] for key in keys},
            "topup_no_removal": cell["topup_no_removal"],
        }
        for one in rows
        if one.kind == "coverage"
        for cell in [
            *(cell for cells in one.result["attributes"].values() for cell in cells),
            *one.result["cells"],
        ]
        if cell["status"] == "gap"
    ]
    return sorted(found, key=lambda row: -abs(row["gap"]["value"]))[:WORST]


def _worst_calibrated(rows: list[Evidence]) -> list[Row]:
    found = [
        {
            "subject": one.subject,
            "attributes": row["attributes"],
            "n": row["n"],
            "p_adjusted": row["tests"]["test"]["p_adjusted"],
            "observed_expected": row["tests"]["observed_expected"],
            "ece": row["ece"]["uniform_15"],
        }
        for one in rows
        if one.kind == "calibration"
        for row in one.result["subgroups"]
        if _is_significant(row["tests"]["test"])
    ]
    return sorted(found, key=lambda row: row["p_adjusted"])[:WORST]


def _is_significant(test: Row) -> bool:
    p = test.get("p_adjusted")
    return p is not None and p < SIGNIFICANT


def _fix_first(
    request: Any, dataset: Dataset, found: dict[str, list[Evidence]], worst: dict[str, list[Row]]
) -> list[Row]:
    """What to do, most worrying first; each with its reason, its size and where to look."""
    base = request.build_absolute_uri(f"/api/v1/datasets/{dataset.slug}/")
    steps: list[tuple[int, Row]] = []
    for kind, own in found.items():
        if all(one.run is None for one in own):
            steps.append((SEVERITY[Light.UNKNOWN] * 10 + 10, _missing(base, kind)))
    steps += [(SEVERITY[Light.PROBLEM] * 10, step) for step in _collect(base, worst["coverage"])]
    for kind in ("agreement", "calibration"):
        for one in found.get(kind, []):
            if one.verdict.light in (Light.PROBLEM, Light.CAUTION):
                steps.append((SEVERITY[one.verdict.light] * 10, _STEPS[kind](base, one)))
    for row in worst["calibration"]:
        steps.append((SEVERITY[Light.CAUTION] * 10, _recalibrate_subgroup(base, row)))
    return [step for _, step in sorted(steps, key=lambda pair: -pair[0])]


def _missing(base: str, kind: str) -> Row:
    return {
        "what": f"Send {UPLOADS[kind]}.",
        "why": f"No {kind} was computed, so nothing is known about it.",
        "size": None,
        "link": f"{base}uploads/{UPLOADS[kind]}/",
    }


def _collect(base: str, gaps: list[Row]) -> list[Row]:
    """Collection is a step for the subgroups that are too small; others shrink by it."""
    return [
        {
            "what": f"Collect more of {findings.subgroup_name(row['attributes'])}.",
            "why": f"Its share is {100 * row['share']['value']:.1f} % where population "
            f"{row['subject']!r} has {100 * row['target_share']:.1f} %.",
            "size": {"name": "gap", "value": row["gap"]["value"]},
            "link": _result(base, "coverage", row["subject"]),
        }
        for row in gaps
        if row["gap"]["value"] < 0
    ]


def _revise(base: str, one: Evidence) -> Row:
    return {
        "what": f"Revise the guideline of question {one.subject!r}, and label the items again "
        "that annotators disagree about.",
        "why": f"{findings.agreement_finding(one.verdict)}.",
        "size": _size("krippendorff_alpha", one),
        "link": _result(base, "agreement", one.subject),
    }


def _recalibrate(base: str, one: Evidence) -> Row:
    advice = one.result.get("recalibration") or {}
    method = advice.get("recommended", "none")
    if one.verdict.word == "undecided":
        what = f"Send more reference labels for the predictions of {one.subject!r}."
    elif method == "none":
        what = f"Look at where the probabilities of {one.subject!r} are off."
    else:
        what = f"Recalibrate {one.subject!r} by the {method.replace('_', ' ')} method."
    return {
        "what": what,
        "why": f"{findings.calibration_finding(one.verdict)}. {advice.get('why', '')}".strip(),
        "size": _size("ece.uniform_15", one),
        "link": _result(base, "calibration", one.subject),
    }


def _recalibrate_subgroup(base: str, row: Row) -> Row:
    ratio = row["observed_expected"]["value"]
    said = "" if ratio is None else f" It happens {ratio:.2f} times as often as stated."
    return {
        "what": f"Look at {findings.subgroup_name(row['attributes'])} under {row['subject']!r}.",
        "why": f"Its probabilities are off (adjusted p {row['p_adjusted']:.2g}, "
        f"n = {row['n']:,}).{said}",
        "size": {"name": "observed_expected", "value": ratio},
        "link": _result(base, "calibration", row["subject"]),
    }


def _size(name: str, one: Evidence) -> Row | None:
    number = one.verdict.number
    return None if number is None else {"name": name, "value": number["value"]}


def _result(base: str, kind: str, subject: str) -> str:
    return f"{base}{kind}/?{urlencode({PARAMETER[kind]: subject})}"


_STEPS = {"agreement": _revise, "calibration": _recalibrate}

"""What the page about a model's confidence shows, from the results about that model."""

from __future__ import annotations

from typing import Any

from audits import charts, queries
from audits.confidence_findings import findings_of, says_and_is, titles_of
from audits.confidence_otherwise import folds_section, population_sections, votes_section
from audits.confidence_subgroup import subgroup_address
from audits.frames import Frame, Source
from audits.verdicts import SIGNIFICANT

LISTED = 40
Row = dict[str, Any]


def confidence_page(frame: Frame) -> dict[str, Any]:
    """The verdict, the curve, the subgroups, before and after, sets, when not to answer."""
    context = frame.context()
    sets = frame.whole("conformal", tables=("methods", "subgroups", "risk_coverage"))
    ensembles = frame.whole("ensembles", tables=("uncertainty", "members", "sizes"))
    context |= {"sets": sets, "ensembles": ensembles}
    context |= {"unlabelled": frame.whole("expected-performance"), "unlike": _novelty(frame)}
    if frame.found is None or frame.found.run is None:
        return context
    result = frame.result
    subgroups = [
        {**marked(one), "address": _address(frame, one)}
        for one in by_certainty(result["subgroups"])
    ]
    context |= {
        "sentence": says_and_is(result),
        "findings": findings_of(result, sets.parts, ensembles.parts),
        "titles": titles_of(result, sets.parts, ensembles.parts),
        "subgroups": subgroups[:LISTED],
        "more_subgroups": subgroups[LISTED:],
        "n_off": sum(one["is_off"] for one in subgroups),
        "methods": _methods(frame, result),
        "gain_axis": charts.gain_axis(_gains(result)),
        "risk": charts.risk_curve((sets.parts.get("risk_coverage") or {}).get("points", [])),
        "set_rows": list((sets.parts.get("methods") or {}).items()),
        "set_subgroups": (sets.parts.get("subgroups") or [])[:LISTED],
        "has_ensemble": bool(ensembles.parts.get("members")),
        "parts_of_doubt": _doubt(ensembles),
        "votes": votes_section(frame),
        "populations": population_sections(frame),
        "folds": folds_section(result),
    }
    return context


def by_certainty(subgroups: list[Row]) -> list[Row]:
    """The clearest sign of miscalibration first; never by plain calibration error."""

    def certainty(one: Row) -> float:
        p = one["tests"]["test"].get("p_adjusted")
        return 2.0 if p is None else float(p)

    return sorted(subgroups, key=certainty)


def marked(one: Row) -> Row:
    """A subgroup, with whether its adjusted p says that its probabilities are off."""
    p = one["tests"]["test"].get("p_adjusted")
    return {**one, "is_off": p is not None and p < SIGNIFICANT}


def _address(frame: Frame, one: Row) -> str:
    """The page about a subgroup; none where an earlier version stored no curve of it."""
    if "curve" not in one:
        return ""
    return subgroup_address(frame.dataset, frame.subject, one["attributes"])


def _gains(result: Row) -> list[Row]:
    methods = (result.get("recalibration") or {}).get("methods", [])
    return [one["brier_gain"] for one in methods if one.get("brier_gain")]


def _methods(frame: Frame, result: Row) -> list[Row]:
    """Each recalibration, with the address of its map."""
    advice = result.get("recalibration") or {}
    base = f"/api/v1/datasets/{frame.dataset.slug}/recalibrations/"
    query = frame.source("calibration", {}).api.partition("?")[2]
    return [
        {
            **{key: value for key, value in one.items() if key != "map"},
            "address": f"{base}{one['method']}.json?{query}" if one.get("map") else "",
            "is_recommended": one["method"] == advice.get("recommended"),
        }
        for one in advice.get("methods", [])
    ]


def _novelty(frame: Frame) -> Source | None:
    """What is known of items unlike those the model was fitted on, by its first set of features."""
    subjects = queries.novelty_subjects(frame.dataset, frame.subject) if frame.subject else []
    return frame.whole("novelty", subject=subjects[0]) if subjects else None


def _doubt(ensembles: Source) -> list[tuple[str, Row]]:
    """Total doubt and its two parts, as entropy."""
    found = ensembles.parts.get("uncertainty") or {}
    keys = ("total_entropy", "aleatoric_entropy", "epistemic_entropy", "variation_ratio")
    return [(key, found[key]) for key in keys if key in found]

"""The newest results about a data set as one reader may see them, with the verdict on each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from audits import queries
from audits.queries import Brief
from audits.reading import visible_result
from audits.verdicts import SEVERITY, Light, Number, Verdict, not_yet, worst
from catalog.access import RIGHTS, May, User
from catalog.models import Dataset, Run

HEADLINES = {
    "agreement": "krippendorff_alpha",
    "coverage": "total_variation",
    "calibration": "ece.uniform_15",
}


@dataclass(frozen=True)
class Evidence:
    """What is known about one question, population or model.

    Parameters
    ----------
    kind, subject : str
    verdict : Verdict, on the whole result, with the number as the reader may see it
    run : Run or None, None where nothing was computed yet
    result : dict, what the reader may see
    is_outdated : bool, it was asked for again at a later version
    """

    kind: str
    subject: str
    verdict: Verdict
    run: Run | None = None
    result: dict[str, Any] = field(default_factory=dict)
    is_outdated: bool = False


def kinds_for(role: str) -> tuple[str, ...]:
    """Contributors read the agreement's summary alone."""
    return queries.KINDS if May.READ_RESULTS in RIGHTS[role] else ("agreement",)


def headline_in(kind: str, result: dict[str, Any]) -> Number | None:
    """The number that a verdict rests on."""
    place, key = {
        "agreement": ("coefficients", "krippendorff_alpha"),
        "coverage": ("overall", "total_variation"),
        "calibration": ("ece", "uniform_15"),
    }[kind]
    number: Number | None = result[place].get(key)
    return number


def evidence_of(user: User, dataset: Dataset, kind: str, *, limit: int) -> list[Evidence]:
    """The evidence of one kind, by subject; of many subjects, those with most to worry about."""
    briefs = {brief.subject: brief for brief in queries.briefs_of(dataset, (kind,))}
    subjects = queries.subjects_of(dataset, kind)

    def severity(subject: str) -> int:
        return SEVERITY[briefs[subject].verdict.light if subject in briefs else Light.UNKNOWN]

    chosen = set(sorted(subjects, key=lambda s: -severity(s))[:limit])
    subjects = [subject for subject in subjects if subject in chosen]
    runs = {run.subject: run for run in queries.newest_runs(dataset, kind, subjects)}
    return [_evidence(user, dataset, kind, one, runs.get(one), briefs) for one in subjects]


def evidence_about(user: User, dataset: Dataset, kind: str, subject: str | None) -> Evidence:
    """The evidence about one subject, or about the one with most to worry about."""
    if subject is None:
        found = evidence_of(user, dataset, kind, limit=1)
        return found[0] if found else Evidence(kind, "", not_yet(HEADLINES[kind], "no_data"))
    briefs = {brief.subject: brief for brief in queries.briefs_of(dataset, (kind,))}
    run = queries.newest_runs(dataset, kind, [subject]).first()
    return _evidence(user, dataset, kind, subject, run, briefs)


def _evidence(
    user: User,
    dataset: Dataset,
    kind: str,
    subject: str,
    run: Run | None,
    briefs: dict[str, Brief],
) -> Evidence:
    if run is None:
        return Evidence(kind, subject, not_yet(HEADLINES[kind], "no_data"))
    result = visible_result(user, dataset, run)
    brief = briefs[subject]
    verdict = replace(brief.verdict, number=headline_in(kind, result))
    return Evidence(kind, subject, verdict, run, result, brief.is_outdated)


def worst_of(kind: str, found: list[Evidence]) -> Evidence:
    """The evidence with most to worry about; it stands for its kind."""
    with_result = [one for one in found if one.run is not None]
    if not with_result:
        return Evidence(kind, "", not_yet(HEADLINES[kind], "no_data"))
    verdict = worst(one.verdict for one in with_result)
    return next(one for one in with_result if one.verdict is verdict)

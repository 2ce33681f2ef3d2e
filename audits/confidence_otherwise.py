"""The same model judged otherwise: by the annotators' votes, for a population, fold by fold."""

from __future__ import annotations

from typing import Any

from audits import charts
from audits.confidence_findings import title_of_tests
from audits.frames import Frame, Source
from catalog import exchange
from predictions.targets import KIND, subject_of

Row = dict[str, Any]
#: What is shown of each population beside the items as they are.
COMPARED = ("brier", "log_loss", "accuracy", "auc")
MAX_POPULATIONS = 5


def votes_section(frame: Frame) -> Row | None:
    """Against the shares of the annotators' votes; none where that was not computed yet."""
    source = frame.whole(
        "calibration-votes",
        address="calibration",
        asked={"model": frame.subject, "against": "votes"},
        tables=("scores", "label_noise", "excess", "curve", "noise_band", "subgroups"),
    )
    if source.run is None:
        return None
    result = source.parts
    figure = charts.reliability(result["curve"])
    return {
        "source": source,
        "result": result,
        "title": title_of_tests(result["tests"]),
        "drawn": {"anchor": "votes", "title": frame.subject, "parts": {"figure": figure}},
        "scores": [
            (key, number, result["label_noise"].get(key), result["excess"].get(key))
            for key, number in result["scores"].items()
            # Twice the same number.
            if not key.endswith("_sum")
        ],
    }


def population_sections(frame: Frame) -> list[Row]:
    """For each population that items can be weighted to: its numbers beside those of the items."""
    found = []
    for name in exchange.populations(frame.dataset)[:MAX_POPULATIONS]:
        source = frame.whole(
            KIND,
            subject=subject_of(frame.subject, name),
            address="calibration",
            asked={"model": frame.subject, "population": name},
            tables=("scores", "ece", "curve", "subgroups"),
        )
        if source.run is not None or source.failed is not None:
            found.append({"name": name, "source": source, "rows": _beside(frame.result, source)})
    return found


def _beside(result: Row, source: Source) -> list[tuple[str, Row, Row]]:
    own, other = _numbers(result), _numbers(source.parts)
    return [(key, own[key], other[key]) for key in own if key in other]


def _numbers(result: Row) -> dict[str, Row]:
    if not result:
        return {}
    scores = {key: result["scores"][key] for key in COMPARED if key in result["scores"]}
    ratio = result["tests"]["cox"]["observed_expected"]
    return {**scores, "uniform_15": result["ece"]["uniform_15"], "observed_expected": ratio}


def folds_section(result: Row) -> Row | None:
    """Each fold with its figures; none where there are not several."""
    folds = result.get("folds") or []
    if len(folds) < 2:
        return None
    return {
        "rows": folds,
        "axis": charts.ratio_axis(one["tests"]["observed_expected"] for one in folds),
        "n_shared": result["n_groups_in_several_folds"],
        "has_groups": any(one["n_groups"] is not None for one in folds),
    }

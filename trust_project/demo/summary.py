"""What the results say, in lines for a terminal; a figure that did not arrive is an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Number = dict[str, Any]

SHOWN_GAPS = 5
#: A bin with fewer predictions says too little to be singled out.
BIN_FLOOR = 20


class MissingFigureError(Exception):
    """A headline figure has no value; the sentence says which, and the reason given."""


def agreement_lines(result: dict[str, Any]) -> Iterator[str]:
    """How far the anaesthetists agree."""
    coefficients = result["coefficients"]
    yield "Do the anaesthetists agree?"
    yield (
        f"  {result['n_items']} patients, {result['n_annotators']} anaesthetists, "
        f"{result['n_labels']} ratings on a scale of {len(result['values'])} grades"
    )
    for title, key in (
        ("Krippendorff's alpha, ordinal", "krippendorff_alpha"),
        ("the same, grades unordered", "krippendorff_alpha_nominal"),
        ("pairs of ratings that agree", "percent_agreement"),
    ):
        yield f"  {title:<31}{decimal(coefficients[key], key)}"


def coverage_lines(result: dict[str, Any]) -> Iterator[str]:
    """Whom the patients represent, and where they fall short."""
    population, overall = result["population"], result["overall"]
    yield "Whom do the patients represent?"
    yield f"  {result['n_items']} patients against: {population['source']}"
    outside = [f"{one['n']} with {subgroup(one)}" for one in result["outside_target"] if one["n"]]
    if outside:
        yield f"  outside the population, and not counted: {', '.join(outside)}"
    distance = overall["total_variation"]
    moved, chance = value_of(distance, "total_variation"), distance["noise_high"]
    yield (
        f"  {share(moved)} of them would have to be others, by sex and age, to match it "
        f"(chance alone: up to {share(chance)})"
    )
    yield f"  {'the cells furthest below their share':<38}{'patients':>9}{'population':>12}"
    for cell in worst_gaps(result):
        part = share(value_of(cell["share"], "share"))
        certain = "" if cell["status"] == "gap" else ", not certain yet"
        yield (
            f"    {subgroup(cell):<36}{part:>9}{share(cell['target_share']):>12}"
            f"   {cell['deficit_at_fixed_n']} too few{certain}"
        )


def worst_gaps(result: dict[str, Any]) -> list[dict[str, Any]]:
    cells = [cell for cell in result["cells"] if cell["deficit_at_fixed_n"]]
    if not cells:
        raise MissingFigureError("No cell of sex and age lies below its share in the population.")
    worst = sorted(cells, key=lambda cell: value_of(cell["gap"], "gap"))
    return worst[:SHOWN_GAPS]


def calibration_lines(result: dict[str, Any]) -> Iterator[str]:
    """Whether the model's probabilities come true."""
    yield "Is the model's confidence honest?"
    yield (
        f"  {result['n_items']} patients, each predicted by a model that never saw them: does the "
        "disease progress fast?"
    )
    for title, numbers, key in (
        ("Brier score (0 is perfect)", result["scores"], "brier"),
        ("area under the ROC curve", result["scores"], "auc"),
        ("calibration error, 10 bins", result["ece"], "uniform_10"),
    ):
        yield f"  {title:<31}{decimal(numbers[key], key)}"
    chance = value_of(result["ece_if_calibrated"]["uniform_10"], "ece_if_calibrated")
    yield f"  {'the same, of an honest model':<31}{chance:.2f}"
    bins = [one for one in result["curve"]["bins"] if one["n"]]
    for one in bins:
        said, right = one["mean_predicted"], one["observed"]
        value = whole(value_of(right, "observed"))
        yield (
            f"    says {whole(said):>4}, right {value:>4}   "
            f"({one['n']} patients; {interval_in(right, whole)})"
        )
    yield f"  {furthest(bins)}"


def furthest(bins: list[dict[str, Any]]) -> str:
    """The bin whose word is furthest from what happened, in a sentence."""
    large = [one for one in bins if one["n"] >= BIN_FLOOR]
    if not large:
        raise MissingFigureError(f"No bin of the curve has {BIN_FLOOR} predictions.")
    worst = max(large, key=lambda one: abs(one["mean_predicted"] - one["observed"]["value"]))
    said, right = worst["mean_predicted"], worst["observed"]
    within = right["ci_low"] <= said <= right["ci_high"]
    verdict = "which chance explains" if within else "which chance hardly explains"
    return f"Furthest apart: it says {whole(said)} and is right {whole(right['value'])}, {verdict}."


def value_of(number: Number, name: str) -> float:
    if number["value"] is None:
        raise MissingFigureError(f"There is no value of {name}: {number['reason']}.")
    return float(number["value"])


def decimal(number: Number, name: str) -> str:
    return f"{value_of(number, name):.2f}   ({interval_in(number, '{:.2f}'.format)})"


def interval_in(number: Number, written: Any) -> str:
    if number["ci_low"] is None:
        return "no interval"
    level = round(100 * number["ci_level"])
    return f"{level} % interval {written(number['ci_low'])} to {written(number['ci_high'])}"


def whole(fraction: float) -> str:
    return f"{100 * fraction:.0f} %"


def share(fraction: float) -> str:
    percent = 100 * fraction
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


def subgroup(cell: dict[str, Any]) -> str:
    return " & ".join(f"{name}={value}" for name, value in cell["attributes"].items())

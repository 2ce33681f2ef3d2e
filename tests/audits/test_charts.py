"""Where marks are put: by hand-computed places."""

from __future__ import annotations

from typing import Any

import pytest

from audits.charts import MARGIN, WIDTH, Axis, ratio_axis, reliability, shared_axis, whisker


def number(value: float | None, low: float | None = None, high: float | None = None) -> Any:
    return {"value": value, "ci_low": low, "ci_high": high}


def test_a_linear_axis_puts_its_middle_in_the_middle():
    axis = Axis(0.0, 1.0)

    assert [axis.at(x) for x in (0, 0.5, 1)] == [MARGIN, WIDTH / 2, WIDTH - MARGIN]


def test_on_a_ratio_axis_half_and_double_are_equally_far_from_one():
    axis = ratio_axis([number(0.8), number(1.5)])

    assert (axis.low, axis.high, axis.at(1.0)) == (0.5, 2.0, WIDTH / 2)
    assert axis.at(1.5) - axis.at(1) == pytest.approx(axis.at(1) - axis.at(1 / 1.5), abs=0.11)


def test_a_ratio_axis_grows_with_its_values_and_stops_at_ten():
    assert ratio_axis([number(3.0)]).high == 4.0
    assert ratio_axis([number(0.001)]).high == 10.0
    assert ratio_axis([number(0.0), number(None)]).high == 2.0


def test_an_interval_beyond_the_axis_is_cut_and_says_so():
    mark = whisker(number(0.5, -0.5, 0.9), Axis(0.0, 1.0))

    assert mark is not None
    assert (mark.cut_low, mark.cut_high, mark.low) == (True, False, MARGIN)


def test_an_empty_cell_of_ratio_zero_stands_at_the_left_end():
    mark = whisker(number(0.0, 0.0, 1.0), Axis(0.5, 2.0, 1.0, is_log=True))

    assert mark is not None
    assert (mark.at, mark.high) == (MARGIN, WIDTH / 2)


def test_what_has_no_value_has_no_mark_and_no_interval_no_whisker():
    assert whisker(number(None), Axis(0.0, 1.0)) is None
    mark = whisker(number(0.5), Axis(0.0, 1.0))
    assert mark is not None
    assert mark.low is None


def test_intervals_do_not_stretch_the_axis_that_values_share():
    axis = shared_axis([number(0.31, -0.9, 1.0), number(0.18), number(None)], 0.27)

    assert (axis.low, axis.high, axis.reference) == (0.1, 0.4, 0.27)
    assert shared_axis([number(0.2)], 0.2).high > 0.2  # equal ends would divide by zero


def test_a_reliability_curve_leaves_empty_bins_out():
    def one(low: float, n: int, stated: float | None, seen: float | None) -> dict[str, Any]:
        observed = {**number(seen, seen, seen), "reason": None if n else "no_data"}
        return {
            "low": low,
            "high": low + 0.5,
            "n": n,
            "mean_predicted": stated,
            "observed": observed,
        }

    figure = reliability(
        {
            "bins": [one(0.0, 0, None, None), one(0.5, 10, 0.75, 0.5)],
            "corp": [{"p_low": 0.5, "p_high": 1.0, "calibrated": 0.5, "n": 10}],
            "band": [{"p": 0.5, "low": 0.25, "high": 0.75}],
        }
    )

    assert [(p.x, p.y) for p in figure.points] == [(225.0, 150.0)]
    assert [bar.height for bar in figure.bars] == [60.0]
    assert figure.steps == "150.0,150.0 300.0,150.0"
    assert figure.band == "150.0,225.0 150.0,75.0"
    assert figure.largest == 10


def test_a_curve_without_items_is_empty_and_no_error():
    figure = reliability({"bins": [], "corp": [], "band": []})

    assert (figure.points, figure.bars, figure.steps, figure.largest) == ([], [], "", 0)

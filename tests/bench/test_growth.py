"""Growth curves as SVG: whatever was measured can be read off again."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.growth import GAP, Scale, draw, growth_svg, picture_option

CURVES = {
    "alpha from rows": [(10_000, 0.02), (100_000, 0.06), (1_000_000, 0.6), (10_000_000, 7.4)],
    "read <the> rows": [(10_000, 0.02), (10_000_000, 7.3), (1_000_000, 0.5)],
}
WORDS = {"title": "Agreement & co", "x": "labels", "y": "CPU seconds"}
SVG = "{http://www.w3.org/2000/svg}"


def drawn(curves: dict[str, list[tuple[float, float]]]) -> ElementTree.Element:
    return ElementTree.fromstring(growth_svg(curves, **WORDS, note="./trust bench x"))


def test_every_point_stands_where_the_ticks_say() -> None:
    """On log axes a tenfold step is as wide everywhere."""
    scale = Scale([10_000, 10_000_000], 76.0, 494.0)
    assert [scale.at(10.0**power) for power in (4, 5, 6, 7)] == [76.0, 215.3, 354.7, 494.0]
    assert scale.ticks() == [1e4, 1e5, 1e6, 1e7]
    assert Scale([0.3, 0.9], 0, 1).ticks() == [0.2, 0.5, 1.0]


def test_the_drawing_is_well_formed_and_says_all_its_figures() -> None:
    found = drawn(CURVES)
    dots = [one.findtext(f"{SVG}title") for one in found.iter(f"{SVG}path") if len(one)]
    assert dots[:4] == ["10,000: 0.02", "100,000: 0.06", "1,000,000: 0.6", "10,000,000: 7.4"]
    assert len(dots) == 7
    told = found.findtext(f"{SVG}desc") or ""
    assert "read <the> rows: 0.02 at 10,000, 0.5 at 1,000,000, 7.3 at 10,000,000" in told
    assert "./trust bench x" in told


def test_the_slope_of_linear_cost_is_left_out_where_rows_are_not_counted() -> None:
    words = WORDS | {"x": "threshold", "note": "./trust bench x"}
    assert "dashed" in growth_svg(CURVES, **words)
    plain = growth_svg(CURVES, **words, linear=False)
    assert "dashed" not in plain
    assert 'class="linear"' not in plain
    assert "CPU seconds" in plain


def test_names_of_curves_that_end_together_do_not_cover_each_other() -> None:
    found = drawn({f"step {i}": [(10, 1.0), (1000, 5.0 + i / 100)] for i in range(6)})
    names = {
        one.text: float(one.get("y", "0"))
        for one in found.iter(f"{SVG}text")
        if re.match("step", one.text or "")
    }
    heights = sorted(names.values())
    assert len(heights) == 6
    assert min(b - a for a, b in zip(heights, heights[1:], strict=False)) >= GAP - 0.2


@pytest.mark.parametrize(
    ("curves", "said"),
    [
        ({}, "at least one point"),
        ({"a": [(1, 1.0)], "b": []}, "at least one point"),
        ({"a": [(10, 0.0)]}, r"a: \(10, 0.0\) cannot stand on log axes"),
    ],
)
def test_what_log_axes_cannot_show_is_refused(
    curves: dict[str, list[tuple[float, float]]], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        drawn(curves)


def test_the_option_names_the_file_and_none_draws_none(tmp_path: Path) -> None:
    parser = ArgumentParser()
    picture_option(parser)
    draw(parser.parse_args([]).picture, {}, title="", x="", command=[])
    asked = parser.parse_args(["--picture", str(tmp_path / "new" / "agreement.svg")])
    draw(asked.picture, CURVES, title="t", x="labels", command=["agreement", "--rows", "10 000"])
    assert "./trust bench agreement --rows '10 000'" in asked.picture.read_text(encoding="utf-8")

"""Representation against published and recomputed cells of real data sets, and its laws."""

import csv
import json
from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.coverage.cells import Correction, Rules, topup_no_removal
from measures.coverage.cube import MISSING, Attribute, count_items, count_profiles
from measures.coverage.patterns import uncovered_cells
from measures.coverage.representation import family_of, representation
from measures.coverage.statuses import Status
from measures.coverage.target import Basis, target_from_cells
from measures.coverage.thresholds import count_threshold
from measures.estimates import Estimate, Estimates, Reason

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")


def rng():
    return np.random.default_rng(1)


def read(path):
    with (DATA / path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cube_of(rows, names):
    """Cube over text columns; an empty text is a missing value."""
    attributes, columns = [], []
    for name in names:
        values = tuple(sorted({row[name] for row in rows} - {""}))
        place = {value: i for i, value in enumerate(values)} | {"": MISSING}
        attributes.append(Attribute(name, values))
        columns.append([place[row[name]] for row in rows])
    return count_items(attributes, columns)


def one_way(values, counts, target):
    cube = count_profiles([Attribute("a", values)], [[i] for i in range(len(values))], counts)
    cells = [({"a": value}, weight) for value, weight in target.items()]
    return cube, target_from_cells(cells)


def by_values(result, names):
    return {tuple(cell.attributes[n] for n in names): cell for cell in result.cells(*names)}


def check_reference_cells(result, reference, names, columns):
    cells = by_values(result, names)
    assert len(cells) == len(reference)
    for row in reference:
        cell = cells[tuple(row[column] for column in columns)]
        assert (cell.n, cell.deficit_at_fixed_n, cell.topup_no_removal) == (
            int(row["n"]),
            int(row["deficit_at_fixed_N"]),
            int(row["topup_no_removal"]),
        )
        assert cell.share.value == pytest.approx(float(row["share"]), abs=1e-12)
        assert cell.target_share == pytest.approx(float(row["target_share"]), abs=1e-12)
        assert cell.ratio.value == pytest.approx(float(row["ratio"]), abs=1e-9)
        assert 100 * cell.gap.value == pytest.approx(float(row["gap_pp"]), abs=1e-9)


def check_overall(result, reference):
    """The reference figures are printed to six decimals."""
    distances = {name: d.estimate.value for name, d in result.overall.distances.items()}
    assert distances["total_variation"] == pytest.approx(reference["TVD"], abs=1e-6)
    assert distances["jensen_shannon"] == pytest.approx(reference["JSD_base2"], abs=1e-6)
    assert result.overall.chi_squared.value == pytest.approx(reference["chi2"], abs=1e-6)
    assert result.overall.n_items == reference["N"]
    assert result.overall.n_cells == reference["cells"]
    assert result.overall.n_empty_cells == reference["empty_cells"]


def d3code():
    rows = read("annot_d3code/d3-raters.csv")
    names = ("Region", "Gender", "Age")
    values = [sorted({row[name] for row in rows} - {"Other"}) for name in names]
    cells = [(dict(zip(names, combination, strict=True)), 1) for combination in product(*values)]
    return cube_of(rows, names), target_from_cells(cells)


@needs_data
def test_d3code_annotators_against_a_uniform_pool():
    cube, target = d3code()
    result = representation(cube, target, rng=rng())
    published = json.loads((DATA / "annot_d3code/reference.json").read_text())
    names = ("Region", "Gender", "Age")
    reference = read("annot_d3code/reference_cells_region_gender_age_vs_uniform.csv")
    check_reference_cells(result, reference, names, names)
    check_overall(result, published["region_gender_age_vs_uniform"])
    worst = min(result.cells(*names), key=lambda cell: cell.ratio.value)
    assert (tuple(worst.attributes.values()), round(worst.ratio.value, 6)) == (
        ("Sub Saharan Africa", "Woman", "50+"),
        0.202437,
    )
    assert result.overall.verdict == "large"


@needs_data
def test_d3code_annotators_of_another_gender_are_counted_outside_the_target():
    cube, target = d3code()
    result = representation(cube, target, rng=rng())
    assert [(row.attributes, row.n) for row in result.outside_target] == [({"Gender": "Other"}, 41)]
    overall = result.overall
    assert (overall.n_items, overall.n_outside_target, overall.n_missing) == (4268, 41, 0)
    # Region alone keeps them: the target knows their region.
    assert result.per_attribute["Region"].n_items == 4309
    assert {cell.share.n for cell in result.cells("Gender")} == {4268}


@needs_data
def test_d3code_pool_is_balanced_by_gender_and_not_by_age():
    cube, target = d3code()
    result = representation(cube, target, rng=rng())
    assert {cell.status for cell in result.cells("Gender")} == {Status.ADEQUATE}
    ages = {age: cell.status for (age,), cell in by_values(result, ["Age"]).items()}
    assert ages == {"18-30": Status.GAP, "30-50": Status.ADEQUATE, "50+": Status.GAP}
    verdicts = {name: one.verdict for name, one in result.per_attribute.items()}
    assert verdicts == {"Region": "matches", "Gender": "matches", "Age": "large"}


def decade(age):
    return "80+" if age >= 80 else f"{age // 10 * 10}-{age // 10 * 10 + 9}"


def us_target(year, band, names):
    weights = Counter()
    for row in read("pop_us_uspop2/us_population_age_sex_year.csv"):
        if row["year"] == str(year):
            weights[row["sex"], band(int(row["age"]))] += int(row["pop"])
    return target_from_cells(
        [(dict(zip(names, key, strict=True)), weight) for key, weight in weights.items()]
    )


@needs_data
def test_acs12_is_close_to_its_population_and_the_report_says_small():
    rows = [
        {"sex": row["gender"], "b": decade(int(row["age"]))} for row in read("cov_acs12/acs12.csv")
    ]
    result = representation(
        cube_of(rows, ["sex", "b"]), us_target(2012, decade, ["sex", "b"]), rng=rng()
    )
    reference = read("cov_acs12/reference_cells_sex_age10_vs_us2012.csv")
    check_reference_cells(result, reference, ("sex", "b"), ("sex", "b"))
    published = json.loads((DATA / "cov_acs12/reference.json").read_text())
    check_overall(result, published["acs12_vs_uspop2_2012_10y"])
    assert result.overall.fit.df == 17
    assert result.overall.chi_squared.p_value == pytest.approx(9.46e-7, rel=1e-2)
    # Significant, and yet small: seven items in a hundred.
    assert result.overall.verdict == "small"
    assert Status.GAP not in {cell.status for cell in result.cells("sex")}


FAIRFACE_BANDS = [
    *(("0-2", 2), ("3-9", 9), ("10-19", 19), ("20-29", 29), ("30-39", 39), ("40-49", 49)),
    *(("50-59", 59), ("60-69", 69), ("more than 70", 200)),
]


def fairface_band(age):
    return next(name for name, last in FAIRFACE_BANDS if age <= last)


@needs_data
def test_fairface_lacks_old_faces_beside_the_population():
    damaged = {"03-Sep": "3-9", "Oct-19": "10-19"}
    rows = [
        {"sex": row["gender"].lower(), "b": damaged.get(row["age"], row["age"])}
        for row in read("cov_fairface/fairface_label_val.csv")
    ]
    target = us_target(2020, fairface_band, ["sex", "b"])
    result = representation(cube_of(rows, ["sex", "b"]), target, rng=rng())
    reference = read("cov_fairface/reference_cells_sex_age_vs_us2020.csv")
    for row in reference:
        row["sex"] = row["sex"].lower()
    check_reference_cells(result, reference, ("sex", "b"), ("sex", "b"))
    published = json.loads((DATA / "cov_fairface/reference.json").read_text())
    check_overall(result, published["sex_age_vs_us2020"])
    assert result.overall.distances["total_variation"].estimate.value == pytest.approx(
        0.294663, abs=1e-6
    )
    assert by_values(result, ("sex", "b"))["female", "more than 70"].status is Status.GAP


@needs_data
def test_fairface_intersections_are_counted_down_to_the_one_that_is_empty():
    damaged = {"03-Sep": "3-9", "Oct-19": "10-19"}
    rows = [
        {"race": row["race"], "sex": row["gender"], "b": damaged.get(row["age"], row["age"])}
        for row in read("cov_fairface/fairface_label_val.csv")
    ]
    cube = cube_of(rows, ["race", "sex", "b"])
    found = [
        [
            p
            for p in uncovered_cells(cube, count_threshold(tau), max_level=3).in_words()
            if p.level == 3
        ]
        for tau in (1, 10, 30)
    ]
    assert list(map(len, found)) == [1, 36, 61]
    assert found[0][0].attributes == {
        "race": "Latino_Hispanic",
        "sex": "Female",
        "b": "more than 70",
    }


def pad_cells():
    """PAD-UFES-20 images with their sex and five-year age band, missing where not recorded."""
    rows = []
    for row in read("group_padufes20/metadata.csv"):
        low = int(float(row["age"])) // 5 * 5
        rows.append({"Sex": row["gender"].capitalize(), "AgeGrp": f"{low}-{low + 4}"})
    return rows


@needs_data
def test_pad_images_without_a_recorded_sex_are_missing_and_not_dropped_silently():
    rows = pad_cells()
    target = target_from_cells(
        [
            ({"Sex": row["Sex"], "AgeGrp": row["AgeGrp"]}, int(row["Value"]))
            for row in read("pop_un_wpp2024/population_by_age_sex.csv")
            if (row["Location"], row["Year"]) == ("Brazil", "2020")
        ]
    )
    result = representation(cube_of(rows, ["Sex", "AgeGrp"]), target, rng=rng())
    reference = read("group_padufes20/reference_cells_images_vs_brazil2020.csv")
    check_reference_cells(result, reference, ("Sex", "AgeGrp"), ("Sex", "AgeGrp"))
    assert (result.overall.n_items, result.overall.n_missing) == (1494, 804)
    assert {m.attribute: m.n for m in result.missing} == {"Sex": 804, "AgeGrp": 0}
    assert result.overall.fit.method == "monte_carlo"
    nobody = by_values(result, ("Sex", "AgeGrp"))["Male", "0-4"]
    assert (nobody.n, nobody.ratio.value, nobody.ratio.ci_low) == (0, 0.0, 0.0)
    assert 0 < nobody.ratio.ci_high < 0.2


def test_a_group_that_is_not_there_is_a_cell_with_an_upper_bound():
    cube, target = one_way(("A", "B"), [50, 50], {"A": 40, "B": 40, "C": 20})
    absent = by_values(representation(cube, target, rng=rng()), ("a",))[("C",)]
    assert (absent.n, absent.ratio.value, absent.status) == (0, 0.0, Status.GAP)
    # Wilson's upper end for 0 of 100, over the target share of 0.2.
    assert absent.ratio.ci_high == pytest.approx(0.18496749103492846, abs=1e-9)
    assert (absent.deficit_at_fixed_n, absent.topup_no_removal) == (20, 25)


def test_significance_alone_and_size_alone_raise_no_flag():
    cube, target = one_way(("A", "B"), [50_500, 49_500], {"A": 1, "B": 1})
    significant = representation(cube, target, rng=rng()).cells("a")[0]
    assert significant.p_adjusted < 0.01
    assert significant.status is Status.ADEQUATE
    cube, target = one_way(("A", "B"), [8, 4], {"A": 1, "B": 1})
    large = representation(cube, target, rng=rng()).cells("a")[0]
    assert large.ratio.value > 1.25
    assert large.status is Status.INSUFFICIENT_EVIDENCE
    cube, target = one_way(("A", "B"), [1200, 800], {"A": 1, "B": 1})
    assert representation(cube, target, rng=rng()).cells("a")[0].status is Status.GAP


def test_a_match_on_a_handful_of_items_is_not_called_adequate():
    cube, target = one_way(("A", "B"), [2, 2], {"A": 1, "B": 1})
    cell = representation(cube, target, rng=rng()).cells("a")[0]
    assert cell.gap.value == 0
    assert cell.status is Status.INSUFFICIENT_EVIDENCE
    assert (cell.share.ci_method, cell.p_method) == ("clopper_pearson", "exact_binomial")


def test_no_items_are_not_estimable_and_give_reasons_instead_of_shares():
    cube, target = one_way(("A", "B"), [0, 0], {"A": 1, "B": 1})
    result = representation(cube, target, rng=rng())
    cell = result.cells("a")[0]
    assert cell.share.reason is cell.ratio.reason is cell.gap.reason is Reason.NO_DATA
    assert (cell.status, cell.p_value, cell.topup_no_removal) == (Status.NOT_ESTIMABLE, None, None)
    assert (result.overall.verdict, result.overall.chi_squared.reason) == (
        "not_estimable",
        Reason.NO_DATA,
    )


def test_items_where_the_target_has_none_are_tested_but_have_no_ratio():
    cube, target = one_way(("A", "B"), [97, 3], {"A": 1, "B": 0})
    cell = representation(cube, target, rng=rng()).cells("a")[1]
    assert (cell.ratio.reason, cell.p_value) == (Reason.NOT_APPLICABLE, 0.0)
    assert cell.topup_no_removal == 0


def test_topping_up_reaches_the_target_shares_without_removing_anything():
    counts, q = np.array([169, 18, 60]), np.array([0.25, 0.25, 0.5])
    added = topup_no_removal(counts, q)
    assert added.tolist() == [0, 151, 278]
    assert (counts + added) / (counts + added).sum() == pytest.approx(q)


def test_margins_give_combinations_by_independence_and_say_so():
    sex, age = Attribute("sex", ("F", "M")), Attribute("age", ("old", "young"))
    cube = count_items([sex, age], [[0, 0, 1, 1], [0, 1, 0, 1]])
    cells = [({"sex": "F"}, 51), ({"sex": "M"}, 49), ({"age": "old"}, 0.2), ({"age": "young"}, 0.8)]
    result = representation(cube, target_from_cells(cells), rng=rng())
    pair = next(family for family in result.families if len(family.names) == 2)
    assert pair.basis is Basis.NO_INTERACTION
    assert pair.target.ravel() == pytest.approx([0.102, 0.408, 0.098, 0.392])
    strict = representation(cube, target_from_cells(cells, assume_no_interaction=False), rng=rng())
    assert [family.names for family in strict.families] == [("sex",), ("age",)]
    assert strict.overall.verdict == "not_estimable"


def test_stated_pairs_are_kept_when_a_triple_is_fitted():
    pair = {("F", "old"): 0.3, ("F", "young"): 0.2, ("M", "old"): 0.1, ("M", "young"): 0.4}
    cells = [({"sex": s, "age": a}, w) for (s, a), w in pair.items()]
    cells += [({"region": "N"}, 0.7), ({"region": "S"}, 0.3)]
    target = target_from_cells(cells)
    shares, basis = target.shares(("region", "sex", "age"))
    assert basis is Basis.NO_INTERACTION
    assert shares[0].ravel() == pytest.approx([0.7 * w for w in pair.values()])
    assert target.shares(("age", "sex"))[1] is Basis.GIVEN


def test_attributes_the_target_lacks_are_counted_and_marked():
    sex, site = Attribute("sex", ("F", "M")), Attribute("site", ("x", "y"))
    cube = count_items([sex, site], [[0, 1, 1], [0, 0, 1]])
    target = target_from_cells([({"sex": "F"}, 1), ({"sex": "M"}, 1)])
    result = representation(cube, target, rng=rng())
    assert [(c.n, c.status, c.ratio.reason) for c in result.cells("site")] == [
        (2, Status.NOT_ESTIMABLE, Reason.NOT_APPLICABLE),
        (1, Status.NOT_ESTIMABLE, Reason.NOT_APPLICABLE),
    ]
    other = target_from_cells([({"race": "x"}, 1)])
    with pytest.raises(ValueError, match="attribute in common"):
        representation(cube, other, rng=rng())


def test_attribute_sets_with_too_many_cells_are_listed_as_skipped():
    sex, age = Attribute("sex", ("F", "M")), Attribute("age", ("old", "young"))
    cube = count_items([sex, age], [[0, 1], [0, 1]])
    target = target_from_cells([({"sex": s, "age": a}, 1) for s in "FM" for a in ("old", "young")])
    result = representation(cube, target, rng=rng(), rules=Rules(max_cells=3))
    assert result.skipped == (("sex", "age"),)
    assert len(result.families) == 2


def test_holm_is_stricter_than_benjamini_hochberg():
    cube, target = one_way(tuple("ABCD"), [60, 42, 20, 30], dict.fromkeys("ABCD", 1))
    adjusted = [
        [c.p_adjusted for c in representation(cube, target, rng=rng(), rules=rules).cells("a")]
        for rules in (Rules(), Rules(correction=Correction.HOLM))
    ]
    assert all(h >= b for b, h in zip(*adjusted, strict=True))
    assert adjusted[0] != adjusted[1]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([], "at least one cell"),
        ([({"a": "x"}, -1)], "number of at least 0"),
        ([({"a": "x"}, 1), ({"a": "x"}, 2)], "listed twice"),
        ([({"a": "x"}, 0)], "no weight"),
        ([({}, 1)], "at least one attribute"),
        (
            [
                ({"a": "x", "b": "u"}, 1),
                ({"a": "y", "b": "u"}, 1),
                ({"a": "x"}, 9),
                ({"a": "y"}, 1),
            ],
            "disagree on a=",
        ),
    ],
)
def test_targets_that_cannot_be_are_refused(cells, message):
    with pytest.raises(ValueError, match=message):
        target_from_cells(cells)


@settings(max_examples=30)
@given(
    counts=st.lists(st.integers(0, 30), min_size=4, max_size=4),
    weights=st.lists(st.integers(1, 9), min_size=4, max_size=4),
)
def test_renaming_and_reordering_values_changes_no_number(counts, weights):
    results = []
    for names, order in ((tuple("ABCD"), [0, 1, 2, 3]), (tuple("wxyz"), [2, 0, 3, 1])):
        cube, target = one_way(
            tuple(names[i] for i in order),
            [counts[i] for i in order],
            {names[i]: weights[i] for i in range(4)},
        )
        cells = by_values(
            representation(cube, target, rng=rng(), rules=Rules(n_resamples=2)), ("a",)
        )
        results.append([cells[(name,)] for name in names])
    for first, second in zip(*results, strict=True):
        assert (first.n, first.share, first.gap, first.p_value, first.status) == (
            second.n,
            second.share,
            second.gap,
            second.p_value,
            second.status,
        )


@settings(max_examples=30)
@given(rows=st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 1)), min_size=1, max_size=30))
def test_every_item_is_known_outside_or_missing(rows):
    a, b = Attribute("a", ("x", "y", "other")), Attribute("b", ("u", "v"))
    cube = count_items([a, b], [[r[0] for r in rows], [r[1] for r in rows]])
    target = target_from_cells([({"a": s, "b": t}, 1) for s in "xy" for t in "uv"])
    result = representation(cube, target, rng=rng(), rules=Rules(n_resamples=2))
    for one in (result.overall, *result.per_attribute.values()):
        assert one.n_items + one.n_outside_target + one.n_missing == len(rows)
    assert sum(cell.n for cell in result.cells("a", "b")) == result.overall.n_items
    json.dumps(result.as_dict(), allow_nan=False)


@pytest.mark.parametrize("counts", [[0, 0, 0], [5, 0, 2], [500, 20, 80]])
@pytest.mark.parametrize("target", [{"x": 1, "y": 2, "z": 0}, None])
@pytest.mark.parametrize("target_n", [None, 400.0])
def test_cells_in_the_contracts_words_are_the_cells(counts, target, target_n):
    cube, _ = one_way(("x", "y", "z"), counts, {"x": 1})
    aim = target_from_cells([({"a": v}, w) for v, w in (target or {"x": 1}).items()])
    family = family_of(cube, aim, ["a"], Rules(target_n=target_n))
    family = family if target else replace(family, target=None)
    for cell, shown in zip(family.cells(), family.as_dicts(), strict=True):
        own = {name: getattr(cell, name) for name in shown}
        assert shown == {k: v.as_dict() if isinstance(v, Estimate) else v for k, v in own.items()}


def test_estimates_that_exist_are_finite():
    numbers, known = np.array([0.5, np.nan]), np.array([True, False])
    many = Estimates(numbers, numbers, numbers, known, 9, Reason.NO_DATA, 0.95, "wilson")
    assert [one.reason for one in many] == [None, Reason.NO_DATA]
    with pytest.raises(ValueError, match="values must be finite; got nan"):
        replace(many, known=~known)

"""The page about a model's confidence: the sentence, the curve, subgroups, mended, sets; roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audits.charts import risk_curve
from audits.confidence import by_certainty, marked
from audits.confidence_findings import comes_true, recalibration_advice, says_and_is
from tests.audits.conftest import N, browser, page
from tests.audits.markup import Markup
from tests.conftest import Trust, work_off

CONFIDENCE = "/datasets/judged/confidence/"


def test_the_page_holds_to_the_policy_and_to_readers_who_cannot_see_it(alice: Trust, judged: str):
    assert Markup(page(alice, CONFIDENCE)).faults() == []


def test_its_sentence_says_what_was_stated_and_what_happened(alice: Trust, judged: str):
    """It says 95 % of 40 items of which 20 are yes: every second, and every fourth is turned."""
    shown = Markup(page(alice, CONFIDENCE)).text
    bins = [one for one in alice.get(f"{judged}calibration/")["curve"]["bins"] if one["n"]]

    said = {
        f"It says {100 * one['mean_predicted']:.0f} %; it happens in "
        f"{100 * one['observed']['value']:.0f} % [{100 * one['observed']['ci_low']:.0f} %, "
        f"{100 * one['observed']['ci_high']:.0f} %] of {one['n']} items."
        for one in bins
    }
    assert sum(one in shown for one in said) == 1


def test_subgroups_stand_by_adjusted_p_with_their_stored_figures(alice: Trust, judged: str):
    shown = Markup(page(alice, CONFIDENCE)).text
    rows = alice.get(f"{judged}calibration/")["subgroups"]

    places = []
    for row in rows:
        ratio, p = row["tests"]["observed_expected"], row["tests"]["test"].get("p_adjusted")
        if p is None:
            continue
        name = ", ".join(" = ".join(pair) for pair in row["attributes"].items())
        off = " off" if p < 0.05 else ""
        said = f"{name}{off} {ratio['value']:.3f} [{ratio['ci_low']:.3f}, {ratio['ci_high']:.3f}]"
        assert f"{said} {row['n']}" in shown
        places.append((p, shown.index(said)))
    assert len(places) >= 2
    assert [at for _, at in sorted(places)] == sorted(at for _, at in places)


def test_every_recalibration_stands_with_gain_and_map(alice: Trust, judged: str):
    shown = Markup(page(alice, CONFIDENCE))
    advice = alice.get(f"{judged}recalibrations/")

    # The run says it in codes; the page names the methods.
    assert advice["why"].startswith("platt improves the Brier score of unseen items by 0.0")
    why = advice["why"].replace("platt", "Platt").replace("; beta", "; Beta")
    assert why in shown.text
    for one in advice["methods"]:
        gain = f"{one['brier_gain']['value']:.4f}".replace("-", "\u2212")
        assert f"{gain} [" in shown.text
    maps = [link for link in shown.links() if "/recalibrations/" in link]
    assert len(maps) == sum(bool(one["map"]) for one in advice["methods"])


def test_prediction_sets_are_those_of_their_result(alice: Trust, judged: str):
    shown = Markup(page(alice, CONFIDENCE)).text
    sets = alice.get(f"{judged}conformal/")

    lac = sets["methods"]["lac"]
    held = lac["coverage"]
    ends = f"[{100 * held['ci_low']:.1f}, {100 * held['ci_high']:.1f}]"
    said = f"LAC (least ambiguous) {100 * held['value']:.1f} % {ends} {N} {lac['mean_size']:.2f}"
    assert said in shown


def test_an_ensemble_shows_its_members_and_where_the_doubt_comes_from(alice: Trust, judged: str):
    assert "epistemic" not in Markup(page(alice, CONFIDENCE)).text
    lines = [f"i{k},{m},{0.2 + 0.6 * (k % 2) + 0.05 * m}" for k in range(N) for m in range(3)]
    alice.post(f"{judged}models/", {"name": "three", "question": "q", "classes": ["no", "yes"]})
    csv = "item,member,probability\n" + "\n".join(lines) + "\n"
    alice.upload(judged, "predictions", csv, model="three")

    shown = Markup(page(alice, f"{CONFIDENCE}?model=three:1"))
    result = alice.get(f"{judged}ensembles/?model=three")
    assert "Averaging 3 members lowers the Brier score by" in shown.text
    part = result["uncertainty"]["epistemic_entropy"]
    said = f"Their disagreement (epistemic) {part['value']:.3f} [{part['ci_low']:.3f}"
    assert said in shown.text
    aurc = alice.get(f"{judged}conformal/?model=three")["risk_coverage"]["aurc"]
    assert f"Area under the curve {aurc['value']:.3f} [{aurc['ci_low']:.3f}" in shown.text
    assert shown.faults() == []


def test_what_is_expected_without_labels_stands_with_its_assumption(alice: Trust, judged: str):
    shown = Markup(page(alice, CONFIDENCE)).text
    result = alice.get(f"{judged}expected-performance/")

    assert "Where nobody knows the answer" in shown
    assert result["why"] in shown
    assert result["assumption"] in shown
    known = result["groups"][1]["labelled"]
    accuracy = f"{100 * known['accuracy']['value']:.1f} % {known['n']}"
    assert (
        f"items with a reference label not defined: there are too few items {N} {accuracy}" in shown
    )


def test_items_unlike_the_reference_stand_by_method(alice: Trust, judged: str):
    assert "unlike those" not in Markup(page(alice, CONFIDENCE)).text
    rows = "".join(f"i{k},{k % 7},{(k * k) % 11 + 90 * (k == 4)}\n" for k in range(N))
    alice.upload(judged, "features", f"item,x,y\n{rows}", features="two numbers")
    body = {"kind": "novelty", "parameters": {"reference": "items.sex=F"}}
    alice.post(f"{judged}runs/", body, expect=202)
    work_off()

    shown = Markup(page(alice, CONFIDENCE))
    methods = alice.get(f"{judged}novelty/")["methods"]
    assert len(methods) == 3
    for one in methods.values():
        rate = one["rate"]
        assert f"{rate['value']:.3f} [{rate['ci_low']:.3f}, {rate['ci_high']:.3f}]" in shown.text
    [link] = [one for one in shown.links() if one.startswith("/api/v1/datasets/judged/novelty/?")]
    assert browser(alice).get(link).json()["methods"] == methods
    assert shown.faults() == []


def said_of(number: dict[str, Any]) -> str:
    return f"{number['value']:.3f} [{number['ci_low']:.3f}, {number['ci_high']:.3f}]"


def test_votes_stand_with_the_floor_that_annotators_set_and_what_the_model_adds(
    alice: Trust, judged: str
):
    shown = Markup(page(alice, CONFIDENCE))
    result = alice.get(f"{judged}calibration/?against=votes")

    assert f"{N} predicted items have {3 * N} votes, {N} of them two or more." in shown.text
    assert f"slope {result['tests']['cox']['slope']['value']:.2f} [" in shown.text
    parts = [result[key]["log_loss"] for key in ("scores", "label_noise", "excess")]
    floor = f"{parts[1]['value']:.3f}"
    assert f"Log loss {said_of(parts[0])} {floor} {said_of(parts[2])}" in shown.text
    for one in result["noise_band"]:
        ends = f"{one['low']:.3f} – {one['high']:.3f}"
        explained = "yes" if one["explained"] else "no"
        said = f"{one['reference']:.3f} {one['majority']:.3f} {ends} {explained} {one['n']}"
        assert said in shown.text
    [link] = [
        one for one in shown.links() if one.endswith("calibration/?model=net%3A1&against=votes")
    ]
    assert browser(alice).get(link).json()["n_votes"] == 3 * N


def test_each_population_stands_beside_the_items_as_they_are(alice: Trust, judged: str):
    shown = Markup(page(alice, CONFIDENCE)).text
    own = alice.get(f"{judged}calibration/")["scores"]["brier"]
    there = alice.get(f"{judged}calibration/?population=census")

    assert f"Brier score {said_of(own)} {said_of(there['scores']['brier'])}" in shown
    effective = f"{there['weighting']['n_effective']:.0f}"
    assert f"{N} items, weighted, tell as much as {effective} that count alike." in shown
    assert effective != str(N)


def test_folds_stand_each_with_its_own_figures(alice: Trust, judged: str):
    assert "Fold by fold" not in Markup(page(alice, CONFIDENCE)).text
    rows = "".join(f"i{k},{k % 3},{0.3 + 0.4 * (k % 2)}\n" for k in range(N))
    alice.post(f"{judged}models/", {"name": "three", "question": "q", "classes": ["no", "yes"]})
    alice.upload(judged, "predictions", f"item,fold,probability\n{rows}", model="three")

    shown = Markup(page(alice, f"{CONFIDENCE}?model=three:1"))
    folds = alice.get(f"{judged}calibration/?model=three")["folds"]
    assert len(folds) == 3
    for one in folds:
        ratio, brier = one["tests"]["observed_expected"], one["scores"]["brier"]["value"]
        assert f"{one['fold']} {said_of(ratio)} {one['n']} " in shown.text
        assert f" {brier:.3f} {one['ece']['uniform_15']['value']:.3f} " in shown.text
    assert shown.faults() == []


def test_links_of_the_page_answer(alice: Trust, judged: str):
    links = {
        link
        for link in Markup(page(alice, CONFIDENCE)).links()
        if link.startswith("/api/v1/datasets/")
    }

    assert len(links) > 10
    for link in links:
        assert browser(alice).get(link).status_code == 200, link


def test_an_auditor_reads_no_withheld_number(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    alice.patch(judged, {"min_cell": 21})
    rows = alice.get(f"{judged}calibration/")["subgroups"]
    small = [row for row in rows if row["n"] < 21 and row["scores"]["brier"]["value"] is not None]
    assert small
    auditor = Markup(page(member("auditor"), CONFIDENCE))

    assert auditor.faults() == []
    for row in small:
        name = ", ".join(" = ".join(pair) for pair in row["attributes"].items())
        why = "not defined: withheld, since the subgroup is small"
        # Neither ratio nor n, p, Brier score, error, chance or how many more.
        assert f"{name} {why} - - - - - -" in auditor.text


def test_contributors_read_no_confidence(judged: str, member: Callable[..., Trust]):
    assert "you may not do this" in page(member("contributor"), CONFIDENCE, 403)


def test_without_a_model_the_next_step_is_to_name_one(alice: Trust):
    alice.dataset("d")

    shown = Markup(page(alice, "/datasets/d/confidence/"))
    assert "No model is defined yet" in shown.text
    assert shown.faults() == []


def test_without_predictions_the_next_step_is_to_send_them(alice: Trust):
    path = alice.dataset("d")
    alice.post(f"{path}questions/", {"name": "q", "scale": "nominal", "values": ["a", "b"]})
    alice.post(f"{path}models/", {"name": "m m", "question": "q", "classes": ["a", "b"]})

    shown = Markup(page(alice, "/datasets/d/confidence/"))
    assert "uploads/predictions/?model=m%20m%3A1" in shown.text
    assert shown.faults() == []


def test_queries_are_bounded(alice: Trust, judged: str):
    with CaptureQueriesContext(connection) as asked:
        page(alice, CONFIDENCE)

    assert len(asked) <= 46


def one_bin(says: float, seen: float, low: float, high: float, n: int) -> dict[str, Any]:
    observed = {"value": seen, "ci_low": low, "ci_high": high, "n": n}
    return {"n": n, "mean_predicted": says, "observed": observed}


@pytest.mark.parametrize(
    ("notion", "said"),
    [
        ("positive", "It says 90 %; it happens in 78 % [74 %, 81 %] of 400 items."),
        ("confidence", "It says 90 %; it is right for 78 % [74 %, 81 %] of 400 items."),
    ],
)
def test_the_sentence_is_about_the_bin_that_errs_most_for_most(notion: str, said: str):
    bins = [
        one_bin(0.9, 0.78, 0.74, 0.81, 400),
        one_bin(0.5, 0.1, 0.0, 0.4, 10),
        one_bin(0.3, 0.9, 0.2, 0.99, 5000),
    ]

    found = says_and_is({"notion": notion, "curve": {"bins": bins}})
    assert found is not None
    assert " ".join(found.split()) == said


def test_where_no_bin_errs_for_certain_the_sentence_says_so():
    honest = {"notion": "positive", "curve": {"bins": [one_bin(0.5, 0.6, 0.4, 0.8, 20)]}}

    assert says_and_is(honest) == (
        "In no bin does what happened differ beyond chance from what was stated."
    )
    assert says_and_is({"notion": "positive", "curve": {"bins": []}}) is None


def test_subgroups_are_never_ranked_by_plain_error():
    def subgroup(p: float | None, ece: float) -> dict[str, Any]:
        return {"tests": {"test": {"p_adjusted": p}}, "ece": {"uniform_15": {"value": ece}}}

    rows = [subgroup(None, 0.9), subgroup(0.5, 0.8), subgroup(0.01, 0.1)]
    assert [one["tests"]["test"]["p_adjusted"] for one in by_certainty(rows)] == [0.01, 0.5, None]
    assert [marked(one)["is_off"] for one in by_certainty(rows)] == [True, False, False]


def test_the_risk_curve_ends_at_a_whole_tenth():
    curve = risk_curve([{"coverage": 0.0, "risk": 0.0}, {"coverage": 1.0, "risk": 0.12}])

    assert curve is not None
    assert curve.top == 0.2
    assert curve.line == "0.0,300.0 300.0,120.0"
    assert risk_curve([]) is None


RECALIBRATIONS = [
    ("none", 1, "too few items or groups"),
    ("none", 5, "No recalibration improves"),
    ("platt", 5, "Platt improves the Brier score of unseen items by 0.0100; Beta gains no more"),
    ("beta", 5, "Beta improves the Brier score of unseen items by 0.0200, the most of all."),
]


@pytest.mark.parametrize(("chosen", "n_folds", "said"), RECALIBRATIONS)
def test_advice_on_recalibration_follows_from_the_gains(chosen: str, n_folds: int, said: str):
    gains = {"platt": (0.01, 0.001), "beta": (0.02, 0.001), "isotonic": (0.03, -0.001)}
    methods = [
        {"method": method, "brier_gain": {"value": value, "ci_low": low}}
        for method, (value, low) in gains.items()
    ]
    found = {"recommended": chosen, "n_folds": n_folds, "methods": methods}

    assert said in recalibration_advice(found)


@pytest.mark.parametrize(
    ("shown", "p", "said"),
    [
        (
            True,
            0.5,
            "The confidence, recalibrated by Platt, is not contradicted by the 1,200 items",
        ),
        (False, 0.0001, "does not come true on the 1,200 items"),
        (False, None, "cannot be tested on the 1,200 items"),
    ],
)
def test_whether_confidence_comes_true_is_said_by_its_test(shown: bool, p: float | None, said: str):
    tests = {"test": {"p_value": p}}
    expected = {"calibration": {"shown": shown, "n": 1200, "method": "platt", "tests": tests}}

    assert said in comes_true(expected, 100)
    assert "at least 2,000 are needed" in comes_true(expected, 2000)
    expected["calibration"]["tests"] = None
    assert "No map could be fitted" in comes_true(expected, 100)

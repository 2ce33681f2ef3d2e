"""The page about annotation quality: findings, pairs, annotators, disagreements; and its roles."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotations import ranked
from audits.matrices import by_likeness, cell_matrix, pair_matrix, shade_of
from catalog.models import Membership
from tests.audits.conftest import browser, page
from tests.audits.markup import Markup
from tests.conftest import Trust

QUALITY = "/datasets/judged/quality/"


def test_the_page_holds_to_the_policy_and_to_readers_who_cannot_see_it(alice: Trust, judged: str):
    shown = Markup(page(alice, QUALITY))

    assert shown.faults() == []
    assert [a for a in shown.all("a") if a.get("aria-current") == "page"][0]["href"] == QUALITY


def test_its_title_is_the_finding_and_sentences_follow(alice: Trust, judged: str):
    shown = Markup(page(alice, QUALITY)).text
    alpha = alice.get(f"{judged}agreement/")["coefficients"]["krippendorff_alpha"]
    majority = alice.get(f"{judged}consensus/")["methods"]["majority"]["gold_accuracy"]

    said = f"alpha {alpha['value']:.2f} [{alpha['ci_low']:.2f}, {alpha['ci_high']:.2f}]"
    assert f"Annotators agree too little to rely on their labels: {said} on 80 items" in shown
    assert "Alpha reaches 0.667 with probability" in shown
    assert f"The majority is right on {majority['value']:.2f} [" in shown


def test_every_coefficient_stands_with_what_it_is_made_of(alice: Trust, judged: str):
    shown = Markup(page(alice, QUALITY)).text
    result = alice.get(f"{judged}agreement/")
    number, part = result["coefficients"]["fleiss_kappa"], result["parts"]["fleiss_kappa"]

    assert (
        f"Fleiss' kappa {number['value']:.3f} [{number['ci_low']:.3f}, {number['ci_high']:.3f}] "
        f"{number['se']:.3f} 80 {part['observed']:.3f} {part['expected']:.3f} identity"
    ) in shown
    for band in result["benchmarks"]["landis_koch"]:
        assert f"{100 * band['probability']:.1f} %" in shown


def test_the_matrix_shows_each_pair_twice_with_n_and_interval(alice: Trust, judged: str):
    shown = Markup(page(alice, QUALITY))
    titles = [cell["title"] or "" for cell in shown.all("td") if cell.get("title")]

    for pair in alice.get(f"{judged}agreement/")["pairs"]:
        kappa, (a, b) = pair["cohen_kappa"], pair["annotators"]
        said = f"{kappa['value']:.2f} [{kappa['ci_low']:.2f}, {kappa['ci_high']:.2f}]"
        end = f"{said} on {pair['n_items']} common items"
        assert {f"{a}, {b}: {end}", f"{b}, {a}: {end}"} <= set(titles)


def test_annotators_stand_with_their_stored_figures_the_least_reliable_first(
    alice: Trust, judged: str
):
    shown = Markup(page(alice, QUALITY)).text
    rows = alice.get(f"{judged}annotators/")["annotators"]

    places = []
    for row in rows:
        number, gold = row["accuracy"], row["gold_accuracy"]
        said = (
            f"{row['annotator']} {row['n_labels']} {number['value']:.3f} "
            f"[{number['ci_low']:.3f}, {number['ci_high']:.3f}] "
            f"{row['spammer_score']['value']:.2f} {100 * gold['value']:.1f} %"
        )
        assert said in shown
        places.append((number["value"], shown.index(said)))
    assert [at for _, at in sorted(places)] == sorted(at for _, at in places)


def test_each_item_in_the_queue_leads_to_its_case(alice: Trust, judged: str):
    shown = Markup(page(alice, QUALITY))
    cases = {link for link in shown.links() if "/case/?item=" in link}

    first = alice.get(f"{judged}label-issues/")["items"]["rows"][0]["item"]
    assert f"/datasets/judged/case/?item={first}" in cases
    for link in sorted(cases)[:3]:
        assert browser(alice).get(link).status_code == 200


def test_links_of_the_page_answer(alice: Trust, judged: str):
    shown = Markup(page(alice, QUALITY))

    links = {link for link in shown.links() if link.startswith("/api/v1/datasets/")}
    assert len(links) > 8
    for link in links:
        assert browser(alice).get(link).status_code == 200, link


def test_an_auditor_sees_pseudonyms_and_no_item(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    shown = Markup(page(member("auditor"), QUALITY))

    words = set(shown.text.replace(",", " ").replace(":", " ").split())
    assert words.isdisjoint({"Ann", "Bob", "Cyd"} | {f"i{k}" for k in range(80)})
    assert "annotator 1" in shown.text
    assert not [link for link in shown.links() if "/case/" in link]
    assert "Rows about items are for managers and owners" in shown.text
    titles = " ".join(cell["title"] or "" for cell in shown.all("td") if cell.get("title"))
    assert "annotator 2" in titles
    assert "Ann," not in titles


def test_an_auditor_reads_no_withheld_number(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    alice.patch(judged, {"min_cell": 5})
    rows = alice.get(f"{judged}agreement/")["subgroups"]
    [small] = [row for row in rows if row["attributes"] == {"origin": "rare"}]
    value = small["coefficients"]["krippendorff_alpha"]["value"]
    seen = Markup(page(member("auditor"), QUALITY)).text

    assert f"rare {value:.3f}" in Markup(page(alice, QUALITY)).text
    assert f"rare {value:.3f}" not in seen
    assert "rare not defined: withheld, since the subgroup is small" in seen


def test_a_contributor_sees_the_summary_and_their_own_row(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    shown = Markup(page(member("contributor", annotator="Bob"), QUALITY))

    assert "Your own labels" in shown.text
    [own] = [
        row for row in alice.get(f"{judged}annotators/")["annotators"] if row["annotator"] == "Bob"
    ]
    assert f"annotator 2 80 {own['accuracy']['value']:.3f}" in shown.text
    assert "annotator 1" not in shown.text
    assert "annotator 3" not in shown.text
    assert "Who agrees with whom" not in shown.text
    assert "Disagreements" not in shown.text
    assert shown.faults() == []


def test_a_contributor_who_is_no_annotator_is_told_how_to_become_one(
    judged: str, member: Callable[..., Trust]
):
    shown = Markup(page(member("contributor"), QUALITY)).text

    assert "An owner of the data set says in your membership which annotator you are" in shown


def test_without_a_question_the_next_step_is_to_define_one(alice: Trust):
    alice.dataset("d")

    shown = Markup(page(alice, "/datasets/d/quality/"))
    assert "No question is defined yet" in shown.text
    assert shown.faults() == []


def test_without_labels_the_next_step_is_to_send_them(alice: Trust):
    path = alice.dataset("d")
    alice.post(f"{path}questions/", {"name": "a b", "scale": "nominal"})

    shown = Markup(page(alice, "/datasets/d/quality/"))
    assert "uploads/labels/?question=a%20b" in shown.text
    assert shown.faults() == []


def test_an_unknown_question_is_refused_with_those_there_are(alice: Trust, judged: str):
    shown = Markup(page(alice, f"{QUALITY}?question=z", 400)).text

    assert "This data set has no question 'z'; it has: q." in shown


def test_numbers_have_bias_and_noise_instead_of_reliability(alice: Trust):
    path = alice.dataset("d")
    alice.post(f"{path}questions/", {"name": "cm", "scale": "ratio"})
    lines = [f"i{k},{who},{10 + k + off}" for k in range(12) for who, off in BIASES.items()]
    alice.upload(path, "labels", "item,annotator,label\n" + "\n".join(lines) + "\n")

    shown = Markup(page(alice, "/datasets/d/quality/"))
    for row in alice.get(f"{path}annotators/")["annotators"]:
        bias = f"{row['bias']['value']:.3f}".replace("-", "\u2212")
        assert f"{row['annotator']} 12 {bias}" in shown.text
    assert shown.faults() == []


BIASES = {"Ann": 0.5, "Bob": -0.25, "Cyd": 0.0}


def test_queries_do_not_grow_with_annotators_or_items(alice: Trust, judged: str):
    with CaptureQueriesContext(connection) as few:
        page(alice, QUALITY)
    lines = [f"j{k},p{p},{'yes' if (k + p) % 3 else 'no'}" for k in range(40) for p in range(9)]
    alice.upload(judged, "items", "item\n" + "\n".join(f"j{k}" for k in range(40)) + "\n")
    people = "annotator,team\n" + "\n".join(f"p{p},c" for p in range(9)) + "\n"
    alice.upload(judged, "annotators", people)
    done = alice.upload(judged, "labels", "item,annotator,label\n" + "\n".join(lines) + "\n")
    assert done["state"] == "stored"

    with CaptureQueriesContext(connection) as many:
        page(alice, QUALITY)
    assert len(many) <= len(few) <= 45


def test_the_case_shows_labels_consensus_reference_and_predictions(alice: Trust, judged: str):
    shown = Markup(page(alice, "/datasets/judged/case/?item=i5"))

    # Item 5 is a yes by count; Bob differs on every fifth item, the model on every fourth.
    assert shown.faults() == []
    assert "q: yes, posterior" in shown.text
    assert "Bob no differs 1" in shown.text
    assert "Ann yes 1" in shown.text
    assert "age old" in shown.text
    assert "origin common" in shown.text
    assert "gold yes" in shown.text
    assert "net:1" in shown.text
    assert "yes 0.050 0.950" in shown.text or "no 0.950 0.050" in shown.text
    for link in shown.links():
        if link.startswith(("/api/v1/datasets/", "/datasets/")):
            assert browser(alice).get(link).status_code == 200, link


def test_a_label_taken_as_correct_that_contradicts_the_consensus_is_said(alice: Trust, judged: str):
    alice.upload(judged, "reference-labels", "item,label\ni7,no\n")

    shown = Markup(page(alice, "/datasets/judged/case/?item=i7")).text
    assert "The gold label says otherwise: no." in shown


def test_a_changed_label_is_kept_on_the_case(alice: Trust, judged: str):
    alice.upload(judged, "labels", "item,annotator,label\ni5,Ann,no\n")

    shown = Markup(page(alice, "/datasets/judged/case/?item=i5")).text
    assert "Before: labels that a later upload changed Annotator Label Until Ann yes" in shown


@pytest.mark.parametrize("role", ["auditor", "contributor"])
def test_a_case_is_for_leads_alone(judged: str, member: Callable[..., Trust], role: str):
    shown = Markup(page(member(role), "/datasets/judged/case/?item=i5", 403)).text

    assert f"As {role} of 'judged' you may not do this" in shown
    assert "Ann" not in shown.split()


def test_an_unknown_item_and_a_foreign_data_set_are_not_found(
    alice: Trust, judged: str, person: Callable[[str], Trust]
):
    shown = Markup(page(alice, "/datasets/judged/case/?item=nobody", 404)).text
    assert "This data set has no item 'nobody'" in shown

    foreign = Markup(page(person("mallory"), "/datasets/judged/case/?item=i5", 404)).text
    assert "There is no such data set, or you are not a member of it." in foreign


def test_an_items_name_is_data_and_never_markup(alice: Trust, judged: str):
    name = "<b>x</b>&a/../?#é"
    csv = f'item,annotator,label\n"{name}",Ann,yes\n"{name}",Bob,no\n"{name}",Cyd,no\n'
    alice.upload(judged, "labels", csv, unknown="create")

    shown = Markup(page(alice, QUALITY))
    [link] = {one for one in shown.links() if "case/" in one and "%3Cb" in one}
    case = Markup(page(alice, link))
    assert f"Case {name}" in case.text
    assert case.faults() == []
    assert Membership.objects.count() == 1


def test_groups_of_alike_annotators_stand_together():
    """Two cliques of three: whatever the order they come in, no clique is torn apart."""
    alike = {
        frozenset((a, b)): (0.8 if (a in "abc") == (b in "abc") else 0.1)
        for a in "abcxyz"
        for b in "abcxyz"
        if a < b
    }
    for names in list(permutations("abcxyz"))[::37]:
        order = "".join(by_likeness(list(names), alike))
        assert set(order[:3]) in ({"a", "b", "c"}, {"x", "y", "z"})


def test_one_pair_less_is_a_dash_and_one_annotator_is_no_matrix():
    def pair(a: str, b: str, value: float | None) -> dict[str, Any]:
        number = {"value": value, "reason": None, "ci_low": None, "ci_high": None, "n": 9}
        return {"annotators": [a, b], "n_items": 9, "cohen_kappa": number}

    assert pair_matrix([], "cohen_kappa", 1) is None
    assert pair_matrix([pair("a", "b", None)], "cohen_kappa", 2) is None
    matrix = pair_matrix([pair("a", "b", -0.2), pair("b", "c", 0.9)], "cohen_kappa", 5)
    nothing = pair_matrix([pair("a", "b", -1e-17)], "cohen_kappa", 2)
    assert matrix is not None
    assert nothing is not None
    assert nothing.rows[0][1][1].text == "0.00"
    assert nothing.rows[0][1][1].shade == "0"
    assert matrix.n_left_out == 2
    shades = {
        (row, column): cell.shade
        for row, cells in matrix.rows
        for column, cell in zip(matrix.columns, cells, strict=True)
    }
    assert shades["a", "b"] == shades["b", "a"] == "below"
    assert shades["c", "b"] == "4"
    assert shades["a", "c"] == shades["a", "a"] == "none"


@pytest.mark.parametrize(
    ("value", "shade"), [(-0.01, "below"), (0.0, "0"), (0.2, "1"), (0.79, "3"), (1.0, "4")]
)
def test_shades_are_the_fifths_of_landis_and_koch(value: float, shade: str):
    assert shade_of(value) == shade


def test_a_small_cell_of_a_heat_map_is_withheld_in_words():
    withheld = {
        "attributes": {"sex": "F", "age": "old"},
        "n": None,
        "ratio": {"value": None, "reason": "suppressed", "ci_low": None, "ci_high": None},
        "status": "withheld",
    }

    [(_, [cell])] = cell_matrix([withheld], "sex", "age").rows
    assert (cell.text, cell.shade) == ("–", "none")
    assert cell.title == "withheld, since the subgroup is small"


def test_any_item_has_its_whole_case_beyond_the_first_rows_of_results(
    alice: Trust, judged: str, monkeypatch: pytest.MonkeyPatch
):
    """Results hold one row then; the case of the last item is as complete as that of the first."""
    monkeypatch.setattr(ranked, "FIRST_ROWS", 1)
    monkeypatch.setattr(ranked, "BLOCK_ROWS", 7)
    alice.patch(f"{judged}models/net/", {"out_of_fold": True})
    alice.upload(judged, "labels", "item,annotator,label\ni1,Cyd,yes\n")
    found = alice.get(f"{judged}label-issues/")
    issue = found["labels"]["rows"][-1]
    queue = [row["item"] for row in found["items"]["rows"]]
    assert (len(queue), found["items"]["n_kept"]) == (80, 80)
    shown = Markup(page(alice, f"/datasets/judged/case/?item={issue['item']}"))

    assert f"Place {queue.index(issue['item']) + 1} of 80" in shown.text
    assert f"Posterior {issue['annotator']} {issue['label']}" in shown.text
    for said in (
        "Labels and posterior of each value",
        "Labels of it that are probably wrong",
        "What models make of its labels",
        "CROWDLAB net:1",
        "ActiveLab net:1",
    ):
        assert said in shown.text
    assert shown.faults() == []

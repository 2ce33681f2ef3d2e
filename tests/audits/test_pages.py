"""The pages: what they show to whom, from finished results."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import timezone

from audits.queries import counts_of
from catalog.models import Dataset, Run, WorkerBeat
from tests.audits.conftest import browser, page
from tests.audits.markup import Markup
from tests.conftest import Trust, work_off


def test_a_visitor_is_asked_to_sign_in_and_comes_back_to_the_page(alice: Trust):
    alice.dataset("d")
    client = Client()

    answer = client.get("/datasets/d/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/datasets/d/")
    form = {"username": "alice", "password": "correct-horse", "next": "/datasets/d/"}
    assert client.post("/login/", form)["Location"] == "/datasets/d/"
    assert client.get("/datasets/d/").status_code == 200


def test_a_wrong_password_is_said_in_words_and_signs_nobody_in(alice: Trust):
    client = Client()
    shown = client.post("/login/", {"username": "alice", "password": "wrong"})

    assert "correct username and password" in shown.content.decode()
    assert client.get("/").status_code == 302


def test_signing_out_takes_a_post_and_ends_the_session(alice: Trust):
    client = browser(alice)

    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/").status_code == 302


def test_with_no_data_set_the_list_says_the_one_next_step(alice: Trust):
    shown = Markup(page(alice, "/"))

    assert "There is no data set yet" in shown.text
    assert "curl" in shown.text
    assert "http://testserver/api/v1/datasets/" in shown.text
    assert shown.all("table") == []


def test_the_list_counts_and_lights_each_data_set(alice: Trust, judged: str):
    shown = Markup(page(alice, "/"))

    assert re.search(r"Judged things judged · owner 80 3 240 80 \d+", shown.text), shown.text
    # 80 items, 3 annotators, and a verdict in words for each of the three.
    assert "unreliable" in shown.text
    assert "gaps" in shown.text
    assert "miscalibrated" in shown.text
    assert "not yet" not in shown.text


def test_the_list_shows_only_ones_own_data_sets(judged: str, person: Callable[[str], Trust]):
    assert "Judged" not in page(person("mallory"), "/")


def test_lights_without_results_say_not_yet(alice: Trust):
    alice.dataset("d")

    assert page(alice, "/").count("not yet") == 3


def test_an_unknown_and_a_foreign_data_set_look_the_same(
    judged: str, person: Callable[[str], Trust]
):
    mallory = person("mallory")

    def without_token(html: str) -> str:
        return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", html)

    foreign = without_token(page(mallory, "/datasets/judged/", 404))
    assert foreign == without_token(page(mallory, "/datasets/nonsense/", 404))
    assert "There is no such data set" in foreign


def test_the_page_is_titled_by_findings_with_n_and_interval(alice: Trust, judged: str):
    shown = Markup(page(alice, "/datasets/judged/"))
    alpha = alice.get(f"{judged}agreement/")["coefficients"]["krippendorff_alpha"]

    said = f"alpha {alpha['value']:.2f} [{alpha['ci_low']:.2f}, {alpha['ci_high']:.2f}]"
    assert f"Annotators agree too little to rely on their labels: {said} on 80 items" in shown.text
    assert re.search(r"sex = [FM] is 25\.0 points (below|above) its target share", shown.text)
    assert "Stated probabilities are not what happens: mean error" in shown.text


def test_every_number_of_the_result_in_the_tables_is_the_results(alice: Trust, judged: str):
    shown = Markup(page(alice, "/datasets/judged/")).text
    agreement = alice.get(f"{judged}agreement/")
    cell = alice.get(f"{judged}coverage/")["attributes"]["sex"][0]
    curve = alice.get(f"{judged}calibration/")["curve"]["bins"]

    kappa = agreement["coefficients"]["fleiss_kappa"]
    assert f"Fleiss' kappa {kappa['value']:.3f} [{kappa['ci_low']:.3f}" in shown
    assert f"{cell['n']} {100 * cell['share']['value']:.1f} % 50.0 %" in shown
    filled = [one for one in curve if one["n"]]
    assert len(filled) == 2
    for one in filled:
        assert f"{one['n']} {one['mean_predicted']:.3f} {one['observed']['value']:.3f}" in shown


def test_cards_say_version_time_and_links_that_answer(alice: Trust, judged: str):
    shown = Markup(page(alice, "/datasets/judged/"))

    assert re.search(r"Version \d+, computed \d+ \w+ \d{4}, \d\d:\d\d UTC · up to date", shown.text)
    tables = [link for link in shown.links() if ".csv" in link]
    assert len(tables) > 10
    for link in [*tables, *(a for a in shown.links() if a.startswith("/api/v1/datasets/"))]:
        answer = browser(alice).get(link)
        assert answer.status_code == 200, (link, answer.content[:500])


def test_a_result_is_out_of_date_only_once_something_it_rests_on_changed(alice: Trust, judged: str):
    alice.upload(judged, "reference-labels", "item,label\ni0,yes\n")
    assert "out of date" not in page(alice, "/datasets/judged/")

    alice.send(judged, "labels", "item,annotator,label\ni0,Ann,yes\n")
    work_once()
    shown = Markup(page(alice, "/datasets/judged/")).text
    assert shown.count("out of date") == 2  # the tile and the card of agreement
    assert "It waits for a worker" in shown
    work_off()
    assert "out of date" not in page(alice, "/datasets/judged/")


def work_once() -> None:
    """Work off the upload alone, so that what it asks for still waits."""
    from catalog.tasks import work_run  # noqa: PLC0415

    work_run(str(Run.objects.get(state="waiting", kind="upload").pk))


def test_what_is_not_defined_is_said_in_words(alice: Trust):
    path = alice.dataset("d")
    alice.post(f"{path}questions/", {"name": "q", "scale": "nominal"})
    alice.upload(path, "labels", "item,annotator,label\na,Ann,x\nb,Bob,y\n")

    shown = Markup(page(alice, "/datasets/d/")).text
    assert "Agreement is not defined: no item has two labels" in shown
    assert "nan" not in shown.lower().split()


def test_each_missing_result_says_what_is_missing_and_the_next_step(alice: Trust):
    path = alice.dataset("d")
    shown = Markup(page(alice, "/datasets/d/")).text
    assert "No question is defined yet" in shown
    assert "No target population is defined yet" in shown
    assert "No model is defined yet" in shown

    alice.post(f"{path}questions/", {"name": "a b", "scale": "nominal"})
    shown = Markup(page(alice, "/datasets/d/")).text
    assert "uploads/labels/?question=a%20b" in shown


def test_uploads_show_their_state_counts_and_problems(alice: Trust, judged: str):
    alice.upload(judged, "labels", "item,annotator,label\ni1,Ann,perhaps\n", filename="bad.csv")
    shown = Markup(page(alice, "/datasets/judged/"))

    assert "bad.csv labels (q) rejected 1 0 0 0 1 1 problem" in shown.text
    [problems] = [link for link in shown.links() if "problems.csv" in link]
    assert "perhaps" in browser(alice).get(problems).content.decode()


def test_a_failed_run_is_told_in_its_own_words(alice: Trust, judged: str):
    dataset = Dataset.objects.get()
    Run.objects.create(
        dataset=dataset,
        kind="agreement",
        subject="q",
        version=dataset.version,
        digest="x" * 64,
        state="failed",
        failure="It needed more memory than this worker may use.",
        code_version="1",
        finished_at=timezone.now(),
    )

    shown = Markup(page(alice, "/datasets/judged/")).text
    assert "failed: It needed more memory than this worker may use." in shown
    assert "Annotators agree too little" in shown  # the last good result stays


def test_the_banner_says_when_no_worker_runs(alice: Trust):
    said = "No worker is running: uploads wait. Start it with ./trust up"
    assert said in Markup(page(alice, "/")).text

    WorkerBeat.objects.create(name="w", kind="worker", seen_at=timezone.now())
    assert said not in Markup(page(alice, "/")).text


def test_an_auditor_sees_no_name_and_no_small_subgroup(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    lead, auditor = page(alice, "/datasets/judged/"), page(member("auditor"), "/datasets/judged/")

    assert "Cyd" in lead
    for name in ("Ann<", "Bob", "Cyd", "i15<"):
        assert name not in auditor, name
    assert "annotator 3" in auditor
    assert re.search(r"rare</th>.{0,400}withheld, since the subgroup is small", auditor, re.S)
    assert not re.search(r"rare</th>.{0,400}withheld", lead, re.S)


def test_a_withheld_number_is_not_given_away_by_the_tile(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    Dataset.objects.update(min_cell=30)  # the 20 items with sex=M are now a small cell
    auditor = member("auditor")
    hidden = auditor.get(f"{judged}coverage/")["overall"]["total_variation"]
    known = alice.get(f"{judged}coverage/")["overall"]["total_variation"]["value"]

    assert hidden["value"] is None
    said = f"Total variation distance {known:.3f}"
    assert said in Markup(page(alice, "/datasets/judged/")).text
    assert said not in Markup(page(auditor, "/datasets/judged/")).text


def test_a_contributor_sees_the_agreement_summary_and_own_uploads(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    contributor = member("contributor")
    contributor.upload(judged, "labels", "item,annotator,label\ni9,Ann,yes\n", filename="mine.csv")
    shown = Markup(page(contributor, "/datasets/judged/"))

    assert "Krippendorff's alpha" in shown.text
    assert "mine.csv" in shown.text
    assert "labels.csv" not in shown.text
    for hidden in ("Cyd", "by subgroup", "census", "net:1", "The last ten computations"):
        assert hidden not in shown.text, hidden
    listed = Markup(page(contributor, "/")).text
    assert listed.count("not for contributors") == 2


def test_at_most_five_questions_stand_on_the_page_the_worst_among_them(alice: Trust):
    path = alice.dataset("d")
    for name in "abcdef":
        alice.post(f"{path}questions/", {"name": name, "scale": "nominal"})
    for name in "abcde":
        good = "".join(f"i{k},{who},{k % 2}\n" for k in range(20) for who in ("A", "B"))
        alice.upload(path, "labels", f"item,annotator,label\n{good}", question=name)
    bad = "".join(f"i{k},{who},{i}\n" for k in range(20) for i, who in enumerate("AB"))
    alice.upload(path, "labels", f"item,annotator,label\n{bad}", question="f")

    shown = Markup(page(alice, "/datasets/d/"))
    ids = {a["id"] for a in shown.all("article")}
    assert len(ids) == 5
    assert "agreement-f" in ids
    assert "One more has less to worry about" in shown.text


@pytest.mark.parametrize("path", ["/", "/datasets/judged/", "/datasets/nonsense/", "/login/"])
def test_pages_hold_to_the_policy_and_to_readers_who_do_not_see(
    alice: Trust, judged: str, path: str
):
    answer = (Client() if path == "/login/" else browser(alice)).get(path)

    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert Markup(answer.content.decode()).faults() == []
    assert Markup(answer.content.decode()).links()[0] == "#content"


def test_unknown_addresses_and_errors_answer_in_the_house_style(
    alice: Trust, monkeypatch: pytest.MonkeyPatch
):
    assert "There is no such page" in page(alice, "/no/such/page/", 404)

    def broken(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("audits.queries.counts_of", broken)
    alice.dataset("d")
    client = browser(alice)
    client.raise_request_exception = False
    answer = client.get("/datasets/d/")
    assert answer.status_code == 500
    shown = Markup(answer.content.decode())
    assert "Something went wrong in the service" in shown.text
    assert "ZeroDivisionError" not in shown.text
    assert shown.faults() == []


def test_the_dataset_page_costs_the_same_queries_whatever_the_rows(
    alice: Trust, judged: str, django_assert_max_num_queries: Callable[..., object]
):
    client = browser(alice)
    client.get("/datasets/judged/")
    with django_assert_max_num_queries(42):
        client.get("/datasets/judged/")


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_text_colour_stands_out_from_every_ground_in_light_and_dark():
    css = Path(str(finders.find("audits/pages.css"))).read_text()
    themes = [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block)) for block in palettes(css)]

    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # a known pair
    assert len(themes) == 3  # light, dark, print
    for theme in themes:
        grounds = [theme["paper"], theme["raised"]]
        for name in ("ink", "quiet", "link", "good", "caution", "problem", "unknown"):
            for ground in grounds:
                assert contrast(theme[name], ground) >= 4.5, (name, ground)
        for name in ("mark",):
            assert contrast(theme[name], theme["paper"]) >= 3, name
    for theme in themes[:2]:
        assert contrast(theme["ink"], theme["banner"]) >= 4.5


def palettes(css: str) -> list[str]:
    return re.findall(r":root \{(.*?)\}", css, re.S)


def test_withdrawn_items_and_annotators_are_not_counted(alice: Trust):
    path = alice.dataset("pets")
    alice.post(f"{path}questions/", {"name": "pet", "scale": "nominal"})
    first = alice.upload(path, "labels", "item,annotator,label\na,ann,cat\nb,bob,dog\n")
    alice.upload(path, "labels", "item,annotator,label\nc,cora,cat\n")
    assert alice.http.delete(f"/api/v1/{path}uploads/{first['id']}/").status_code == 200

    counts = counts_of(Dataset.objects.get(slug="pets"))
    assert (counts.items.n, counts.annotators.n, counts.labels.n) == (1, 1, 1)

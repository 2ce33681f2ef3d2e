"""The pages in French: every sentence has its French, the switch works, programs see no change."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path
from shutil import which

import pytest
from django.conf import settings
from django.template import engines
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.test import Client
from django.utils import translation

from audits.findings import with_interval
from audits.numerals import things
from audits.templatetags.figures import counted, decimal, interval, points, share
from tests.audits.conftest import browser
from tests.audits.markup import Markup
from tests.conftest import Trust

ROOT = Path(settings.BASE_DIR)
CATALOGUE = ROOT / "trust_project/locale/fr/LC_MESSAGES/django.mo"
CALLS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "ngettext": 2, "ngettext_lazy": 2}
PLACEHOLDER = re.compile(r"%\(\w+\)s|%%")


def catalogue() -> dict[str, str]:
    """French by English; of sentences with a plural, both forms."""
    with CATALOGUE.open("rb") as file:
        found = GNUTranslations(file)
    singular: dict[str, str] = {}
    for key, value in found._catalog.items():  # type: ignore[attr-defined]
        singular[key[0] if isinstance(key, tuple) else key] = value
    return singular


def in_templates() -> Iterator[str]:
    """Every sentence of our templates, as Django's own parser finds it."""
    engine = engines["django"].engine
    for folder in ("audits/templates", "trust_project/templates"):
        for file in sorted((ROOT / folder).rglob("*.html")):
            nodes = engine.from_string(file.read_text()).nodelist
            for node in nodes.get_nodes_by_type(TranslateNode):
                yield str(node.filter_expression.var.literal)
            for node in nodes.get_nodes_by_type(BlockTranslateNode):
                yield node.render_token_list(node.singular)[0]


def in_python() -> Iterator[str]:
    """Every literal sentence that the pages' code hands to gettext."""
    for file in sorted((ROOT / "audits").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for said in node.args[: CALLS.get(node.func.id, 0)]:
                    if isinstance(said, ast.Constant):
                        yield str(said.value)


def plural_forms() -> set[str]:
    """The second arguments of ngettext, which a catalogue keeps under the first."""
    found = set()
    for file in sorted((ROOT / "audits").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            has_two = is_call and CALLS.get(node.func.id) == 2
            if has_two and isinstance(node.args[1], ast.Constant):
                found.add(str(node.args[1].value))
    return found


def test_every_sentence_has_its_french():
    french = catalogue()
    sentences = {*in_templates()} | ({*in_python()} - plural_forms())

    assert len(sentences) > 500
    assert [said for said in sorted(sentences) if not french.get(said)] == []


def test_french_names_the_same_places_as_english():
    """A place that is missing would hide a number, one too many would break the page."""
    with CATALOGUE.open("rb") as file:
        known = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    pairs = [(english, french) for english, french in known.items() if isinstance(english, str)]

    assert len(pairs) > 500
    for english, french in pairs:
        if english:
            assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(french))


def test_the_compiled_catalogue_is_that_of_the_text(tmp_path: Path):
    msgfmt = which("msgfmt")
    if msgfmt is None:
        pytest.skip("msgfmt of GNU gettext is not installed here")
    compiled = tmp_path / "django.mo"
    text = CATALOGUE.with_suffix(".po")
    subprocess.run([msgfmt, "--check-format", "-o", compiled, text], check=True)

    with compiled.open("rb") as file:
        fresh = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    with CATALOGUE.open("rb") as file:
        assert GNUTranslations(file)._catalog == fresh  # type: ignore[attr-defined]


def french(who: Trust, path: str) -> Markup:
    """A page as a browser gets it that asks for French."""
    client = browser(who)
    answer = client.get(path, headers={"accept-language": "fr-FR,fr;q=0.9,en;q=0.5"})
    assert answer.status_code == 200
    assert answer["Content-Language"] == "fr"
    assert "Accept-Language" in answer["Vary"]
    return Markup(answer.content.decode())


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "Jeux de données"),
        ("datasets/judged/", "Qualité de l'annotation"),
        ("datasets/judged/quality/", "Les annotateurs s'accordent trop peu"),
        ("datasets/judged/coverage/", "points au-d"),
        ("datasets/judged/confidence/", "Les probabilités annoncées ne sont pas ce qui arrive"),
        ("datasets/judged/activity/", "Calculs, les plus récents d'abord"),
        ("datasets/judged/case/?item=i5", "étiquettes"),
    ],
)
def test_each_page_speaks_french_to_a_french_browser(
    alice: Trust, judged: str, path: str, said: str
):
    shown = french(alice, f"/{path}")

    assert said in shown.text
    assert shown.all("html")[0]["lang"] == "fr"
    assert shown.faults() == []


def test_numbers_are_written_as_french_writes_them(alice: Trust, judged: str):
    alpha = alice.get(f"{judged}agreement/")["coefficients"]["krippendorff_alpha"]

    shown = french(alice, "/datasets/judged/quality/").text
    ends = (f"{alpha[key]:.3f}".replace(".", ",") for key in ("value", "ci_low", "ci_high"))
    assert "Alpha de Krippendorff {} [{} ; {}]".format(*ends) in shown


def test_drawings_keep_their_points_in_french(alice: Trust, judged: str):
    """A comma in a coordinate would be a second number to SVG."""
    csv = "sex,age,weight\nF,young,30\nF,old,20\nM,young,20\nM,old,30\n"
    alice.post(f"{judged}populations/", {"name": "joint"})
    alice.upload(judged, "population", csv, population="joint")

    for path in ("quality/", "coverage/?population=joint", "confidence/"):
        shown = french(alice, f"/datasets/judged/{path}")
        for mark in shown.all("rect", "circle", "text"):
            for name in ("x", "y", "cx", "cy", "width", "height"):
                assert re.fullmatch(r"-?\d+(\.\d+)?", mark.get(name) or "0"), mark
        for mark in shown.all("path"):
            assert "," not in (mark["d"] or ""), mark


def test_a_reader_can_choose_the_language_and_it_stays(alice: Trust):
    client = browser(alice)
    assert "Français" in client.get("/").content.decode()

    answer = client.post("/language/", {"language": "fr", "next": "/?page=1"})
    assert (answer.status_code, answer["Location"]) == (302, "/?page=1")
    assert "Jeux de données" in client.get("/").content.decode()
    client.post("/language/", {"language": "en-gb", "next": "/"})
    shown = client.get("/", headers={"accept-language": "fr"}).content.decode()
    assert "Data sets" in shown


def test_the_switch_leads_nowhere_else(alice: Trust):
    sent = {"language": "fr", "next": "https://elsewhere.example/"}

    assert browser(alice).post("/language/", sent)["Location"] == "/"


def test_a_visitor_signs_in_in_french(db: None):
    shown = Markup(Client(headers={"accept-language": "fr"}).get("/login/").content.decode())

    assert "Se connecter" in shown.text
    assert "Mot de passe" in shown.text
    assert shown.faults() == []


def test_programs_read_the_same_in_every_language(alice: Trust, judged: str):
    for path in ("agreement/", "uploads/", "nonsense/"):
        answers = [
            browser(alice).get(f"/api/v1/{judged}{path}", headers={"accept-language": language})
            for language in ("en", "fr")
        ]
        assert answers[0].content == answers[1].content
        assert "Content-Language" not in answers[1]


def test_filters_write_numbers_by_language():
    number = {"value": 0.5, "ci_low": -0.25, "ci_high": 1234.5, "n": 3}
    with translation.override("fr"):
        assert decimal(1234.5) == "1\u202f234"
        assert decimal(-0.5) == "\u22120,500"
        assert counted(1234567) == "1\u202f234\u202f567"
        assert share(0.123) == "12,3\u202f%"
        assert points(-0.0123) == "\u22121,2"
        assert interval(number) == "[\u22120,250 ; 1\u202f234]"
        assert with_interval(number | {"ci_high": 0.75}) == "0,50 [-0,25 ; 0,75]"
    assert interval(number) == "[\u22120.250, 1,234]"


@pytest.mark.parametrize(
    ("language", "one", "many", "none"),
    [
        ("en", "1 annotator", "1,200 annotators", "0 annotators"),
        ("fr", "1 annotateur", "1\u202f200 annotateurs", "0 annotateur"),
    ],
)
def test_a_number_of_things_is_said_as_the_language_has_it(
    language: str, one: str, many: str, none: str
) -> None:
    with translation.override(language):
        assert [things(n, "annotator") for n in (1, 1200, 0)] == [one, many, none]

"""An annotation lead's journey: labels in by HTTP, agreement out, on real and published data."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED
from tests.journeys.conftest import Client, Service


def shared_cases() -> list[Any]:
    path = SHARED / "cases" / "agreement.json"
    if not path.is_file():
        return []
    return [c for c in json.loads(path.read_text())["cases"] if named(c) and c["data"] is not None]


COEFFICIENTS = {
    "percent_agreement",
    "cohen_kappa",
    "cohen_kappa_linear",
    "cohen_kappa_quadratic",
    "scott_pi",
    "fleiss_kappa",
    "conger_kappa",
    "brennan_prediger",
    "gwet_ac1",
    "krippendorff_alpha_nominal",
    "krippendorff_alpha_ordinal",
    "krippendorff_alpha_interval",
    "krippendorff_alpha_ratio",
}


def named(case: Any) -> dict[str, Any]:
    """The expected figures of a case that the service gives under the same name."""
    return {k: v for k, v in case["expected"].items() if k in COEFFICIENTS}


@pytest.fixture(scope="module")
def lead(service: Service) -> Client:
    return service.client("lead")


def long_csv(case: Any) -> str:
    """The case's matrix (rows are items, columns annotators) as a long file."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["item", "annotator", "label"])
    for i, row in enumerate(case["data"]):
        names = case["annotators"] or [f"annotator {j + 1}" for j in range(len(row))]
        for name, value in zip(names, row, strict=True):
            if value is not None:
                writer.writerow([f"item {i + 1}", name, value])
    return out.getvalue()


SCALES = {"ordinal": "ordinal", "interval": "interval", "ratio": "ratio"}


@pytest.mark.parametrize("case", shared_cases(), ids=lambda case: case["name"])
def test_published_cases_come_out_over_http(lead: Client, case: Any) -> None:
    expected = named(case)
    # Each metric of alpha is the scale of a question of its own; the rest is nominal.
    for scale in ("nominal", *SCALES):
        wanted = {k: v for k, v in expected.items() if scale_of(k) == scale}
        if not wanted:
            continue
        path = lead.dataset(f"case-{case['name'].replace('_', '-')[:60]}-{scale}")
        values = [str(v) for v in case["domain"]]
        lead.post(f"{path}questions/", {"name": "q", "scale": scale, "values": values})
        lead.stored(path, "labels", long_csv(case))
        found = lead.get(f"{path}agreement/")["coefficients"]
        for key, figure in wanted.items():
            assert found[key]["value"] == pytest.approx(figure["value"], abs=figure["tol"]), key
            assert found[key]["n"] > 0


def scale_of(key: str) -> str:
    ordered = key.endswith(("linear", "quadratic"))
    return "ordinal" if ordered else next((s for s in SCALES if key.endswith(s)), "nominal")


def test_the_published_cases_are_there_where_the_shared_folder_is(shared: Path) -> None:
    assert len(shared_cases()) >= 15


def test_multipico_to_the_printed_digits(lead: Client, shared: Path) -> None:
    folder = shared / "data" / "lewidi3_mp"
    reference = json.loads((folder / "reference.json").read_text())
    path = lead.dataset("multipico")
    question = {"name": "irony", "scale": "nominal", "values": ["0", "1"]}
    lead.post(f"{path}questions/", question)
    for kind in ("items", "annotators", "labels"):
        lead.stored(path, kind, (folder / f"{kind}.csv").read_bytes())
    result = lead.get(f"{path}agreement/", question="irony")
    alpha = result["coefficients"]["krippendorff_alpha"]
    assert alpha["value"] == pytest.approx(0.271755, abs=5e-7)
    assert alpha["ci_low"] < alpha["value"] < alpha["ci_high"]
    assert (result["n_labels"], result["n_items"], result["n_annotators"]) == (33871, 6761, 506)
    assert result["stale"] is False
    opinions = [o for o in result["second_opinion"] if o["library"] == "krippendorff"]
    assert opinions
    assert all(abs(o["difference"]) < 1e-9 for o in opinions)
    by_value = {
        (s["of"], *next(iter(s["attributes"].items()))): s["coefficients"]["krippendorff_alpha"]
        for s in result["subgroups"]
    }
    languages = {"ar": 0.3331, "de": 0.3325, "en": 0.1973, "es": 0.2483, "fr": 0.3216}
    languages |= {"hi": 0.1078, "it": 0.3500, "nl": 0.3130, "pt": 0.2499}
    for language, figure in languages.items():
        assert by_value["item", "lang", language]["value"] == pytest.approx(figure, abs=5e-5)
    women, men = (by_value["annotator", "gender", g] for g in gender_names(reference, by_value))
    assert women["value"] == pytest.approx(0.275249, abs=5e-7)
    assert men["value"] == pytest.approx(0.268268, abs=5e-7)
    for unknown in ("DATA_EXPIRED", "Prefer not to say"):
        undefined = by_value["annotator", "gender", unknown]
        assert undefined["value"] is None
        assert undefined["reason"] == "no_overlap"


def gender_names(reference: Any, by_value: Any) -> tuple[str, str]:
    """The names that the file gives to women and men."""
    names = {value for of, name, value in by_value if (of, name) == ("annotator", "gender")}
    women = next(n for n in names if n.lower() in ("female", "woman", "women"))
    men = next(n for n in names if n.lower() in ("male", "man", "men"))
    return women, men


@pytest.mark.parametrize(
    ("city", "figures"),
    [
        ("winnipeg", {"cohen_kappa": (0.207942, 0.050455), "linear": (0.379731, 0.051667)}),
        ("new_orleans", {"cohen_kappa": (0.296517, 0.078504), "linear": (0.477273, 0.073031)}),
    ],
)
def test_ms_patients_with_their_standard_errors(
    lead: Client, shared: Path, city: str, figures: dict[str, tuple[float, float]]
) -> None:
    rows = csv.DictReader(
        (shared / "data" / "raters_mspatients" / f"{city}_long.csv").open(newline="")
    )
    body = "item,annotator,label\n" + "".join(
        f"{i},{name},{row[name]}\n"
        for i, row in enumerate(rows)
        for name in ("rater_row", "rater_col")
    )
    path = lead.dataset(city.replace("_", "-"))
    values = ["Certain", "Probable", "Possible", "Doubtful"]
    lead.post(f"{path}questions/", {"name": "ms", "scale": "ordinal", "values": values})
    lead.stored(path, "labels", body)
    result = lead.get(f"{path}agreement/")
    for key, (value, se) in figures.items():
        found = result["coefficients"][{"linear": "cohen_kappa_linear"}.get(key, key)]
        assert found["value"] == pytest.approx(value, abs=5e-7)
        assert found["se"] == pytest.approx(se, abs=5e-7)
    assert result["pairs"][0]["cohen_kappa"]["value"] == pytest.approx(
        figures["cohen_kappa"][0], abs=5e-7
    )

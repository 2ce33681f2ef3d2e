"""What a run may be asked for: weights need an order, groups need groups, rows need a question."""

from __future__ import annotations

import pytest
from sklearn.metrics import cohen_kappa_score

from tests.conftest import Trust, work_off

PAIRS = ["lm", "lh", "mh", "mm", "hh", "hm", "ll", "hh", "mh", "lm", "hl", "mm"]
LABELS = "item,annotator,label\n" + "".join(
    f"i{i},{who},{value}\n"
    for i, pair in enumerate(PAIRS)
    for who, value in zip("xy", pair, strict=True)
)


def asked(who: Trust, path: str, expect: int = 202, **parameters: object) -> str:
    body = {"kind": "agreement", "parameters": {"question": "q", **parameters}}
    answer = who.post(f"{path}runs/", body, expect=expect)
    work_off()
    return str(answer.get("detail", ""))


@pytest.fixture
def path(alice: Trust) -> str:
    found = alice.dataset("asked")
    alice.post(f"{found}questions/", {"name": "q", "scale": "nominal"})
    alice.upload(found, "labels", LABELS)
    return found


def test_weights_of_learned_values_are_refused_until_their_order_is_stated(
    alice: Trust, path: str
) -> None:
    told = asked(alice, path, 400, weights=["quadratic"])
    assert "were learned from uploads: h, l, m" in told
    assert "PATCH questions/q/" in told

    alice.patch(f"{path}questions/q/", {"values": ["h", "l", "m"]})
    work_off()
    asked(alice, path, weights=["quadratic"])
    found = alice.get(f"{path}agreement/")["coefficients"]
    one, other = (["hlm".index(pair[who]) for pair in PAIRS] for who in (0, 1))
    expected = cohen_kappa_score(one, other, weights="quadratic")
    assert found["cohen_kappa_quadratic"]["value"] == pytest.approx(expected, abs=1e-12)
    assert found["krippendorff_alpha_weighted_quadratic"]["reason"] is None


def test_nominal_values_have_no_graded_weights_unless_asked(alice: Trust, path: str) -> None:
    alice.patch(f"{path}questions/q/", {"values": ["h", "l", "m"]})
    work_off()
    found = alice.get(f"{path}agreement/")["coefficients"]
    assert found["cohen_kappa_quadratic"]["reason"] == "not_applicable"
    asked(alice, path, weights=["identity"])


def test_sets_are_told_what_they_have_instead_of_weights(alice: Trust) -> None:
    path = alice.dataset("sets")
    alice.post(f"{path}questions/", {"name": "q", "scale": "set", "values": ["a", "b"]})
    assert "Jaccard and MASI" in asked(alice, path, 400, weights=["linear"])


def test_groups_are_resampled_only_where_there_are_some(alice: Trust, path: str) -> None:
    assert "no item of this data set has a group" in asked(alice, path, 400, resample="groups")
    alice.upload(path, "items", "item,group\n" + "".join(f"i{i},g{i % 4}\n" for i in range(12)))
    asked(alice, path, resample="groups")
    assert alice.get(f"{path}agreement/")["resampled"] == "groups"


def test_labels_without_a_question_are_a_problem_of_the_file(alice: Trust, path: str) -> None:
    alice.post(f"{path}questions/", {"name": "other", "scale": "nominal"})
    sent = alice.upload(path, "labels", LABELS)
    assert (sent["state"], sent["problem_count"]) == ("rejected", 1)
    [problem] = sent["problems"]
    assert (problem["line"], problem["column"]) == (1, "question")
    assert "send question= with one of: other, q" in problem["message"]


def test_tables_begin_with_whom_they_are_about_and_keep_their_header_when_empty(
    alice: Trust, path: str
) -> None:
    def header(table: str) -> list[str]:
        answer = alice.http.get(f"/api/v1/{path}{table}.csv")
        assert answer.status_code == 200
        return str(answer.content.decode().splitlines()[0]).split(",")

    people = header("annotators/annotators")
    assert people[:6] == [
        *("annotator", "n_labels", "n_items", "n_items_shared"),
        *("accuracy.value", "accuracy.reason"),
    ]
    for table, first in (("groups", "in_group.value"), ("subgroups", "of"), ("periods", "kind")):
        assert alice.get(f"{path}agreement/{table}.json")["results"] == []
        assert header(f"agreement/{table}")[0] == first
    assert header("agreement/pairs")[:3] == ["annotators", "n_items", "cohen_kappa.value"]
    assert header("label-issues/labels")[:3] == ["item", "annotator", "label"]


def test_the_ratio_scale_begins_at_zero(alice: Trust) -> None:
    path = alice.dataset("ratio")
    alice.post(f"{path}questions/", {"name": "q", "scale": "ratio"})
    rows = "item,annotator,label\ni1,x,-1\ni1,y,2\ni2,x,3\ni2,y,3\n"
    sent = alice.upload(path, "labels", rows)
    assert [(p["line"], p["code"]) for p in sent["problems"]] == [(2, "unknown_label")]
    assert "scale as interval" in sent["problems"][0]["message"]

    alice.patch(f"{path}questions/q/", {"scale": "interval"})
    assert alice.upload(path, "labels", rows)["state"] == "stored"
    alice.patch(f"{path}questions/q/", {"scale": "ratio"})
    work_off()
    [failed] = alice.get(f"{path}runs/", kind="agreement", state="failed")["results"]
    assert "labels below 0 (the least is -1)" in failed["failure"]
    fields = {"name": "r", "scale": "ratio", "values": ["-1", "2"]}
    assert "'-1' is below 0" in alice.post(f"{path}questions/", fields, expect=400)["detail"]

"""The trust card: verdicts, worst subgroups, and what to fix first."""

from __future__ import annotations

from collections.abc import Callable

from catalog.models import Dataset
from tests.conftest import Trust


def test_each_tile_has_a_word_a_number_and_where_it_comes_from(alice: Trust, judged: str):
    card = alice.get(f"{judged}trust-card/")
    tiles = card["tiles"]

    assert {name: tile["verdict"] for name, tile in tiles.items()} == {
        "annotation_quality": "unreliable",
        "coverage": "gaps",
        "calibration": "miscalibrated",
    }
    agreement = alice.get(f"{judged}agreement/")
    quality = tiles["annotation_quality"]
    assert quality["headline"] == agreement["coefficients"]["krippendorff_alpha"]
    assert (quality["run"], quality["version"]) == (agreement["run"], agreement["version"])
    assert (quality["subject"], quality["headline_name"]) == ("q", "krippendorff_alpha")
    coverage = alice.get(f"{judged}coverage/")
    assert tiles["coverage"]["headline"] == coverage["overall"]["total_variation"]
    calibration = alice.get(f"{judged}calibration/")
    assert tiles["calibration"]["headline"] == calibration["ece"]["uniform_15"]
    assert tiles["calibration"]["stale"] == calibration["stale"] is False


def test_the_worst_subgroups_are_the_results_own_numbers(alice: Trust, judged: str):
    worst = alice.get(f"{judged}trust-card/")["worst_subgroups"]
    subgroups = alice.get(f"{judged}agreement/")["subgroups"]
    defined = [
        one["coefficients"]["krippendorff_alpha"]["value"]
        for one in subgroups
        if one["n_items_pairable"] >= 30
        and one["coefficients"]["krippendorff_alpha"]["value"] is not None
    ]
    shown = [one["krippendorff_alpha"]["value"] for one in worst["agreement"]]

    assert shown == sorted(defined)[:5]
    assert [abs(one["gap"]["value"]) for one in worst["coverage"]] == [0.25, 0.25]
    ps = [one["p_adjusted"] for one in worst["calibration"]]
    assert ps == sorted(ps)
    assert all(p < 0.05 for p in ps)


def test_what_to_fix_first_is_collected_from_what_is_missing_most(alice: Trust, judged: str):
    steps = alice.get(f"{judged}trust-card/")["fix_first"]

    assert steps[0]["what"] == "Collect more of sex = M."
    assert steps[0]["size"] == {"name": "gap", "value": -0.25}
    assert steps[0]["why"] == "Its share is 25.0 % where population 'census' has 50.0 %."
    assert not any("sex = F" in step["what"] and "Collect" in step["what"] for step in steps)
    assert any("guideline of question 'q'" in step["what"] for step in steps)
    for step in steps:
        path = step["link"].removeprefix("http://testserver/api/v1/")
        assert path != step["link"]
        alice.get(path)


def test_without_results_every_tile_says_not_yet_and_how_to_begin(alice: Trust):
    path = alice.dataset("d")
    card = alice.get(f"{path}trust-card/")

    for tile in card["tiles"].values():
        assert (tile["verdict"], tile["reason"], tile["headline"]) == ("not yet", "no_data", None)
        assert tile["run"] is tile["version"] is tile["stale"] is None
    assert [step["what"] for step in card["fix_first"]] == [
        "Send labels.",
        "Send population.",
        "Send predictions.",
    ]
    assert card["worst_subgroups"] == {"agreement": [], "coverage": [], "calibration": []}


def test_an_undefined_result_is_null_with_its_reason(alice: Trust):
    path = alice.dataset("d")
    alice.post(f"{path}questions/", {"name": "q", "scale": "nominal"})
    alice.upload(path, "labels", "item,annotator,label\na,Ann,x\nb,Bob,y\n")

    tile = alice.get(f"{path}trust-card/")["tiles"]["annotation_quality"]
    assert (tile["verdict"], tile["reason"]) == ("not defined", "no_overlap")
    assert tile["headline"]["value"] is None


def test_one_bad_question_decides_the_tile(alice: Trust):
    path = alice.dataset("d")
    for name, flip in (("good", 0), ("bad", 1)):
        alice.post(f"{path}questions/", {"name": name, "scale": "nominal"})
        rows = "".join(f"i{k},A,{k % 2}\ni{k},B,{k % 2 ^ flip}\n" for k in range(20))
        alice.upload(path, "labels", f"item,annotator,label\n{rows}", question=name)
    alice.post(f"{path}questions/", {"name": "unasked", "scale": "nominal"})

    tile = alice.get(f"{path}trust-card/")["tiles"]["annotation_quality"]
    assert (tile["subject"], tile["verdict"]) == ("bad", "unreliable")
    assert (tile["n_subjects"], tile["n_without_result"]) == (3, 1)


def test_an_auditor_is_told_of_no_small_subgroup(
    alice: Trust, judged: str, member: Callable[..., Trust]
):
    Dataset.objects.update(min_cell=30)
    auditor = member("auditor")
    card = auditor.get(f"{judged}trust-card/")

    assert card["disclosure"] == "min_cell_30"
    assert card["worst_subgroups"]["coverage"] == []
    assert not any("sex = M" in step["what"] for step in card["fix_first"])
    assert card["tiles"]["coverage"]["headline"]["value"] is None
    # The owner's card is the success beside it.
    assert alice.get(f"{judged}trust-card/")["worst_subgroups"]["coverage"] != []


def test_a_contributor_may_not_read_it_and_a_stranger_finds_nothing(
    judged: str, member: Callable[..., Trust], person: Callable[[str], Trust]
):
    assert member("contributor").get(f"{judged}trust-card/", 403)["code"] == "permission_denied"
    assert person("mallory").get(f"{judged}trust-card/", 404)["code"] == "not_found"


def test_every_threshold_is_stated(alice: Trust, judged: str):
    conventions = alice.get(f"{judged}trust-card/")["conventions"]

    assert set(conventions) >= {"annotation_quality", "coverage", "calibration", "fix_first"}
    assert "0.667" in conventions["annotation_quality"]

"""Counts of items by profile, which triggers keep: always those of a fresh count."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from django.db import connection

from catalog.models import Dataset, Item, Profile, ProfileCount, Upload
from catalog.queries import n_numbers
from coverage.queries import count_of_profiles
from tests.annotations.test_refreshing import only_uploads
from tests.conftest import Trust

ITEMS = 40
AGES = {"name": "age", "kind": "numeric", "bands": ["0-17", "18-64", "65+"]}


def kept(dataset: Dataset) -> Counter[str]:
    counts = count_of_profiles(dataset, "item")
    pairs = zip(counts.values, counts.n, strict=True)
    return Counter({str(sorted(values.items())): n for values, n in pairs})


def counted(dataset: Dataset) -> Counter[str]:
    rows = Item.objects.filter(dataset=dataset).select_related("profile")
    found = [row.profile.values if row.profile else {} for row in rows]
    return Counter(str(sorted(values.items())) for values in found)


def some_items(rng: random.Random, n: int) -> str:
    rows = {
        rng.randrange(ITEMS): f"{rng.choice(['', rng.randrange(90)])},{rng.choice('FMX')}"
        for _ in range(n)
    }
    return "item,age,sex\n" + "".join(f"i{at},{row}\n" for at, row in rows.items())


STEPS = ["items"] * 4 + ["labels", "withdraw", "withdraw", "bands", "bands", "mapping", "mapping"]


def step(alice: Trust, path: str, what: str, rng: random.Random) -> str:
    """Something that changes which items have which profile; empty where it was refused."""
    version = alice.get(path)["version"]
    if what == "items":
        alice.send(path, "items", some_items(rng, rng.choice([1, 5, 30])), on_error="skip")
    elif what == "labels":
        rows = "".join(f"i{rng.randrange(2 * ITEMS)},w{k},a\n" for k in range(3))
        alice.send(path, "labels", f"item,annotator,label\n{rows}", unknown="create")
    elif what == "withdraw":
        uploads = Upload.objects.filter(dataset__slug="people", state="stored", rows_stored__gt=0)
        newest = uploads.order_by("-received_at").first()
        if newest is not None:
            alice.http.delete(f"/api/v1/{path}uploads/{newest.pk}/")
    elif what == "bands":
        bands = rng.choice([["0-17", "18-64", "65+"], ["0-49", "50+"], ["0-9", "10+"]])
        alice.patch(f"{path}attributes/age/", {"bands": bands})
    else:
        mapping = rng.choice([{}, {"X": "F"}, {"X": "M"}])
        alice.http.patch(f"/api/v1/{path}attributes/sex/", {"mapping": mapping}, format="json")
    only_uploads()
    return what if alice.get(path)["version"] > version else ""


@pytest.mark.parametrize("seed", range(2))
def test_after_anything_that_happens_the_counts_are_those_of_a_fresh_count(
    alice: Trust, seed: int
) -> None:
    rng = random.Random(seed)
    path, other = alice.dataset("people"), alice.dataset("other")
    for one in (path, other):
        alice.post(f"{one}attributes/", AGES)
        alice.post(f"{one}questions/", {"name": "q", "scale": "nominal", "values": ["a", "b"]})
        alice.send(one, "items", some_items(rng, 20))
        only_uploads()
    beside = counted(Dataset.objects.get(slug="other"))
    done = set()
    for what in rng.sample(STEPS, len(STEPS)):
        done.add(step(alice, path, what, rng))
        dataset = Dataset.objects.get(slug="people")
        assert kept(dataset) == counted(dataset), done
    assert done >= set(STEPS)
    assert kept(Dataset.objects.get(slug="other")) == beside


def test_items_that_nothing_is_known_of_are_counted_too(alice: Trust) -> None:
    path = alice.dataset("people")
    alice.post(f"{path}questions/", {"name": "q", "scale": "nominal", "values": ["a", "b"]})
    alice.upload(path, "labels", "item,annotator,label\ni1,w,a\ni2,w,b\n")
    dataset = Dataset.objects.get()
    assert list(ProfileCount.objects.values_list("profile_id", "n")) == [(ProfileCount.NONE, 2)]
    alice.upload(path, "items", "item,sex\ni1,F\n")
    assert kept(dataset) == {"[]": 1, "[('sex', 'F')]": 1}
    assert n_numbers(dataset) == 2


def test_one_statement_that_moves_and_removes_items_is_counted_whole(alice: Trust) -> None:
    path = alice.dataset("people")
    alice.upload(path, "items", "item,sex\na,F\nb,F\nc,M\nd,\n")
    dataset = Dataset.objects.get()
    women = Profile.objects.get(dataset=dataset, values={"sex": "F"}).pk
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_item SET profile_id = %s", [women])
    assert kept(dataset) == {"[('sex', 'F')]": 4}
    Item.objects.filter(external_id__in=["a", "c"]).delete()
    assert kept(dataset) == {"[('sex', 'F')]": 2}


def test_a_data_set_takes_its_counts_along(alice: Trust) -> None:
    path, other = alice.dataset("people"), alice.dataset("other")
    for one in (path, other):
        alice.upload(one, "items", "item,sex\na,F\nb,M\n")
    alice.delete(path)
    assert set(ProfileCount.objects.values_list("dataset__slug", flat=True)) == {"other"}


def test_more_profiles_than_are_handed_over_at_once_keep_their_order_and_counts(
    alice: Trust,
) -> None:
    alice.dataset("people")
    dataset = Dataset.objects.get()
    profiles = Profile.objects.bulk_create(
        Profile(dataset=dataset, of="item", values={"k": str(k)}, digest=f"{k:064}")
        for k in range(4097)
    )
    ProfileCount.objects.bulk_create(
        ProfileCount(dataset=dataset, profile_id=one.pk, n=k) for k, one in enumerate(profiles)
    )
    counts = count_of_profiles(dataset, "item")
    assert counts.n == list(range(1, 4097))
    assert [values["k"] for values in counts.values] == [str(n) for n in counts.n]

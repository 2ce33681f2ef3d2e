"""Weights of items as other rooms get them: by the definitions of the moment."""

from __future__ import annotations

import numpy as np
import pytest

from catalog import exchange
from catalog.models import Dataset
from catalog.problems import Refusal
from tests.conftest import Trust
from tests.coverage.conftest import JOINT
from tests.coverage.test_weights import per_item


def told(path: str, population: str | None = None) -> exchange.ItemWeights | None:
    return exchange.item_weights(Dataset.objects.get(slug=path.split("/")[1]), population)


def names_of(given: exchange.ItemWeights) -> list[str]:
    items = Dataset.objects.get(slug="people").items
    names = {item.number: item.external_id for item in items.all()}
    return [names[number] for number in given.item.tolist()]


def test_a_room_is_told_the_weights_that_can_be_downloaded(alice: Trust, people: str) -> None:
    assert told(people) is None
    alice.upload(people, "population", JOINT)
    given = told(people, "census")
    assert given is not None
    assert (given.population, given.method) == ("census", "post_stratification")
    assert given.weights.mean() == pytest.approx(1)
    by_name = dict(zip(names_of(given), given.weights, strict=True))
    downloaded = {name: float(weight) for name, weight in per_item(alice, people).items()}
    assert by_name == pytest.approx(downloaded)
    assert by_name["i3_0"] == pytest.approx(4.0)


def test_weights_follow_the_newest_items_and_leave_out_who_has_none(
    alice: Trust, people: str
) -> None:
    alice.upload(people, "population", JOINT)
    alice.upload(people, "items", "item,sex,age\nodd,,old\nstray,X,old\nlast,M,old\n")
    given = told(people)
    assert given is not None
    weights = dict(zip(names_of(given), given.weights, strict=True))
    # The sex of one is unknown, that of the other is not in the census.
    assert (len(weights), "odd" in weights, "stray" in weights) == (101, False, False)
    # 20 of 100 people in the census are old men; of 101 weighted items 6 are.
    assert weights["last"] == pytest.approx(0.2 * 101 / 6)
    assert np.all(np.diff(given.item) > 0)


def test_items_that_nobody_in_the_population_is_like_weigh_nothing(
    alice: Trust, people: str
) -> None:
    alice.upload(people, "population", "sex,age,weight\nF,young,3\nF,old,1\nM,young,4\nM,old,0\n")
    given = told(people)
    assert given is not None
    assert (len(given.item), given.weights.mean()) == (95, pytest.approx(1))


def test_what_cannot_be_reached_gives_no_weights_and_an_unknown_name_is_refused(
    alice: Trust, people: str
) -> None:
    alice.upload(people, "population", "sex,weight\nF,49\nM,49\nX,2\n")
    assert told(people) is None
    alice.post(f"{people}populations/", {"name": "even"})
    alice.upload(
        people, "population", "sex,age,weight\nF,,1\nM,,1\n,old,1\n,young,1\n", population="even"
    )
    alice.post(f"{people}populations/", {"name": "raters", "of": "annotator"})
    even = told(people, "even")
    assert even is not None
    assert even.method == "raking"
    with pytest.raises(Refusal, match="no population was named; those of items are: census, even"):
        told(people)
    with pytest.raises(Refusal, match="there is no population 'raters'"):
        told(people, "raters")

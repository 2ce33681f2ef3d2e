"""How many rows: counted when few, estimated when many, and it says which."""

from __future__ import annotations

import pytest
from django.db import connection

from catalog.models import Annotator, Dataset
from catalog.sizes import COUNTED_UP_TO, Size, size_of


@pytest.fixture
def many(transactional_db: None) -> int:
    """One row more than are counted, with the planner's statistics up to date."""
    dataset = Dataset.objects.create(slug="d", name="d")
    n = COUNTED_UP_TO + 1
    Annotator.objects.bulk_create(
        [Annotator(id=dataset.pk << 32 | k, dataset=dataset, external_id=str(k)) for k in range(n)]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_annotator")
    return n


def test_few_rows_are_counted(many: int):
    assert size_of(Annotator.objects.filter(external_id="7")) == Size(1, is_exact=True)
    assert size_of(Annotator.objects.none()) == Size(0, is_exact=True)
    first = Annotator.objects.order_by("pk")[:1].get()
    rest = Annotator.objects.exclude(pk=first.pk)
    assert size_of(rest) == Size(COUNTED_UP_TO, is_exact=True)


def test_many_rows_are_estimated_near_their_number(many: int):
    size = size_of(Annotator.objects.order_by("external_id"))

    assert not size.is_exact
    assert size.n == pytest.approx(many, rel=0.1)


def test_a_join_with_a_small_table_does_not_shrink_the_estimate(many: int):
    size = size_of(Annotator.objects.filter(dataset__slug="d"))

    assert not size.is_exact
    assert size.n == pytest.approx(many, rel=0.1)

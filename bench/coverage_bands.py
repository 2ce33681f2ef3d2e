"""Items placed anew when the bands of a numeric attribute change, as a PATCH does it."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth import get_user_model
from django.db import connection

from bench.measuring import medians, show
from catalog import services
from catalog.models import Attribute, Dataset, Item, ProfileCount

TENS = [f"{k}-{k + 9}" for k in range(0, 90, 10)] + ["90+"]
TENS_CUT = [*TENS[:-2], "80-84", "85-89", "90+"]
NINES = [f"{k}-{k + 8}" for k in range(0, 90, 9)] + ["90+"]


def place_anew(n_items: int, n_runs: int) -> None:
    """Change bands under items that have an exact number each, and take it back."""
    dataset = _filled(n_items)
    age = Attribute.objects.create(dataset=dataset, name="age", kind=Attribute.Kind.NUMERIC)

    def to(bands: list[str]) -> Callable[[], None]:
        return lambda: services.redefine(dataset, age, {"bands": bands})

    to(TENS)()
    found = medians(
        {
            "one band of ten is cut in two": to(TENS_CUT),
            "and joined again": to(TENS),
            "other bands for all": to(NINES),
            "and the first ones again": to(TENS),
        },
        n_runs,
    )
    show(f"{n_items:,} items placed anew", found, "one band of ten is cut in two")
    counted = ProfileCount.objects.filter(dataset=dataset, n__gt=0)
    print(f"{sum(counted.values_list('n', flat=True)):,} items in {counted.count()} bands")
    dataset.delete()


def _filled(n_items: int) -> Dataset:
    user, _ = get_user_model().objects.get_or_create(username="bench")
    Dataset.objects.filter(slug="bench-bands").delete()
    dataset = services.create_dataset(user, {"slug": "bench-bands", "name": "bench"})
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Item._meta.db_table} (id, dataset_id, external_id, numbers) "
            "SELECT %s + i, %s, lpad(i::text, 8, '0'), "
            "jsonb_build_object('age', round((random() * 95)::numeric, 1)) "
            "FROM generate_series(0, %s) AS i",
            (dataset.pk << 32, dataset.pk, n_items - 1),
        )
        cursor.execute(f"VACUUM ANALYZE {Item._meta.db_table}")
    return dataset

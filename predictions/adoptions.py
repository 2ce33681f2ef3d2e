"""Maps that were chosen for a model: kept as they were, applied to what it predicts later."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from catalog.ingest.copying import copy_out
from catalog.models import Dataset, Run
from catalog.problems import Refusal
from catalog.queries import NUMBER_MASK
from catalog.runs import digest_of
from catalog.services import lock
from predictions.models import AdoptedMap, ModelVersion, Prediction

#: Adopting it ends the use of the map before.
NONE = "none"


def adopt_map(
    dataset: Dataset, model: ModelVersion, run: Run, method: str, user: Any
) -> AdoptedMap:
    """Choose a map of a calibration result for what the model predicts from now on.

    Raises
    ------
    Refusal
        When the result has no map of that method.
    """
    found = (run.result or {})["recalibration"]
    maps = {one["method"]: one["map"] for one in found["methods"] if one["map"]}
    if method != NONE and method not in maps:
        raise Refusal(
            f"The newest calibration of {model.key!r} has no map {method!r}; it has: "
            f"{', '.join([*maps, NONE])} ({NONE} ends the use of the one before).",
            code="not_found",
            status=404,
        )
    with transaction.atomic():
        # No upload may come in between: its items would count as ones that the map has seen.
        lock(dataset)
        return AdoptedMap.objects.create(
            model=model,
            run=run.pk,
            version=run.version,
            method=method,
            map=maps.get(method, {}),
            digest=digest_of(maps.get(method, {})),
            recommended=method == found["recommended"],
            adopted_by=user.get_username(),
            seen=_packed(_predicted(model)),
        )


def adopted_map(model: ModelVersion) -> AdoptedMap | None:
    """The map in use; ``None`` where none was chosen, or its use was ended."""
    newest = AdoptedMap.objects.filter(model=model).first()
    return None if newest is None or newest.method == NONE else newest


def has_seen(adopted: AdoptedMap, item: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which items the model had predicted when the map was chosen: it may be fitted on them."""
    packed = np.frombuffer(zlib.decompress(bytes(adopted.seen)), np.uint8)
    bits = np.unpackbits(packed).astype(bool)
    seen = np.zeros(len(item), bool)
    inside = item < len(bits)
    seen[inside] = bits[item[inside]]
    return seen


def provenance(adopted: AdoptedMap) -> dict[str, Any]:
    """Where the map comes from, and by whom and when it was chosen."""
    return {
        "method": adopted.method,
        "run": str(adopted.run),
        "version": adopted.version,
        "digest": adopted.digest,
        "recommended": adopted.recommended,
        "adopted_at": adopted.adopted_at.isoformat(),
        "adopted_by": adopted.adopted_by,
    }


def _predicted(model: ModelVersion) -> NDArray[np.int64]:
    rows = copy_out(
        f"SELECT DISTINCT item_id & {NUMBER_MASK} AS item FROM {Prediction._meta.db_table} "  # noqa: S608
        "WHERE model_id = %s",
        (model.pk,),
        {"item": "int8"},
    )
    return rows["item"]


def _packed(item: NDArray[np.int64]) -> bytes:
    """A bit for each item's number: a megabyte for ten million, before it is compressed."""
    bits = np.zeros(int(item.max(initial=-1)) + 1, bool)
    bits[item] = True
    return zlib.compress(np.packbits(bits).tobytes())

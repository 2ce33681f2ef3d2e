"""Counts of labels as flat arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from measures.agreement import AgreementStatistics
from measures.agreement.crowds import Crowd
from measures.agreement.panels import Panel

Arrays = Mapping[str, NDArray[Any]]
Packed = dict[str, NDArray[Any]]


def packed(name: str, statistics: AgreementStatistics) -> Packed:
    """Counts without clusters, with a crowd or a small panel or neither."""
    found = {
        f"{name}.patterns": statistics.patterns.ravel(),
        f"{name}.times": statistics.multiplicity,
        f"{name}.given": statistics.annotator_values.ravel(),
    }
    if (crowd := statistics.crowd) is not None:
        found |= {
            f"{name}.pair": crowd.pair,
            f"{name}.n_pair": crowd.n_pair,
            f"{name}.own": crowd.own,
            f"{name}.n_own": crowd.n_own,
        }
    if (panel := statistics.panel) is not None:
        rows = panel.rows.toarray().astype(np.int64)
        found |= {f"{name}.rows": rows.ravel(), f"{name}.n_rows": panel.multiplicity}
    return found


def unpacked(name: str, arrays: Arrays, n_values: int) -> AgreementStatistics:
    """What :func:`packed` made these arrays of."""
    times = _whole(arrays[f"{name}.times"])
    given = _whole(arrays[f"{name}.given"]).reshape(-1, n_values)
    crowd, panel = None, None
    if f"{name}.pair" in arrays:
        pair, n_pair, own, n_own = (
            _whole(arrays[f"{name}.{one}"]) for one in ("pair", "n_pair", "own", "n_own")
        )
        crowd = Crowd(pair, n_pair, own, n_own, len(given), n_values, len(times))
    if f"{name}.rows" in arrays:
        n_rows = _whole(arrays[f"{name}.n_rows"])
        rows = arrays[f"{name}.rows"].astype(np.float64).reshape(len(n_rows), -1)
        panel = Panel(sparse.csr_array(rows), np.zeros_like(n_rows), n_rows, n_values)
    return AgreementStatistics(
        patterns=_whole(arrays[f"{name}.patterns"]).reshape(-1, n_values),
        cluster=np.zeros_like(times),
        multiplicity=times,
        annotator_values=given,
        panel=panel,
        clustered=False,
        crowd=crowd,
    )


def packed_view(name: str, groups: list[AgreementStatistics]) -> Packed:
    """The counts of each group, none of which knows who gave what."""
    return {
        f"{name}.patterns": np.concatenate([one.patterns.ravel() for one in groups]),
        f"{name}.times": np.concatenate([one.multiplicity for one in groups]),
        f"{name}.n": np.array([len(one.multiplicity) for one in groups]),
        f"{name}.given": np.concatenate([one.annotator_values.ravel() for one in groups]),
        f"{name}.who": np.array([len(one.annotator_values) for one in groups]),
    }


def unpacked_view(name: str, arrays: Arrays, n_values: int) -> list[AgreementStatistics]:
    """What :func:`packed_view` made these arrays of."""
    rows = np.cumsum(arrays[f"{name}.n"], dtype=np.int64)[:-1]
    people = np.cumsum(arrays[f"{name}.who"], dtype=np.int64)[:-1]
    patterns = np.split(_whole(arrays[f"{name}.patterns"]).reshape(-1, n_values), rows)
    times = np.split(_whole(arrays[f"{name}.times"]), rows)
    given = np.split(_whole(arrays[f"{name}.given"]).reshape(-1, n_values), people)
    return [
        AgreementStatistics(pattern, np.zeros_like(n), n, who, None, clustered=False)
        for pattern, n, who in zip(patterns, times, given, strict=True)
    ]


def _whole(array: NDArray[Any]) -> NDArray[np.int64]:
    return array.astype(np.int64)

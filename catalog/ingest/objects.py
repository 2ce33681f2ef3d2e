"""Columns of a file as the JSON objects that the database keeps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def json_objects(
    columns: Iterable[tuple[str, Sequence[Any], NDArray[np.integer[Any]]]],
) -> pa.Array:
    """One object a row, of what each column says there.

    Parameters
    ----------
    columns : iterable of (name, distinct values, the place in them of each row)
        A negative place: the row's object lacks the name.
    """
    said = []
    for name, values, codes in columns:
        texts = pa.array([json.dumps({name: value})[1:-1] for value in values], pa.string())
        said.append(texts.take(pa.array(codes, mask=codes < 0)))
    inside = pc.binary_join_element_wise(*said, ", ", null_handling="skip")
    return pc.binary_join_element_wise("{", inside, "}", "")

"""Recalibration: maps from stated to honest probabilities, and whether one is worth it.

:mod:`maps` fits and applies them, :mod:`venn_abers` gives a probability with its own interval,
:mod:`selection` decides by cross-fitting, "none" included.
"""

from measures.recalibration.maps import (
    BINARY_METHODS,
    CLASS_METHODS,
    RecalibrationMap,
    apply_map,
    fit_map,
    map_from_dict,
)
from measures.recalibration.selection import (
    MethodGain,
    RecalibrationChoice,
    choose_recalibration,
    deal_folds,
    map_gain,
    out_of_fold,
)
from measures.recalibration.venn_abers import VennAbers, fit_venn_abers

__all__ = [
    "BINARY_METHODS",
    "CLASS_METHODS",
    "MethodGain",
    "RecalibrationChoice",
    "RecalibrationMap",
    "VennAbers",
    "apply_map",
    "choose_recalibration",
    "deal_folds",
    "fit_map",
    "fit_venn_abers",
    "map_gain",
    "map_from_dict",
    "out_of_fold",
]

"""What a chosen map makes of items that it has not seen: judged on what came in later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from catalog.models import Run
from measures.calibration.ece import calibration_errors
from measures.calibration.forecasts import BinaryForecasts, Forecasts
from measures.calibration.resampling import Bootstrap, draw
from measures.calibration.significance import cox_calibration
from measures.recalibration import apply_map, map_from_dict, map_gain
from measures.scores import scores
from predictions.adoptions import adopted_map, has_seen, provenance
from predictions.evidence import Evidence
from predictions.models import ModelVersion
from predictions.subgroups import shown_numbers


def measure_later(
    run: Run, model: ModelVersion, evidence: Evidence, bootstrap: Bootstrap
) -> dict[str, Any] | None:
    """The map in use, and calibration before and after it on items predicted since.

    ``None`` where no map is in use. Items that the model had predicted before, the map may have
    been fitted on: they are left out, also where their predictions were replaced since.
    """
    adopted = adopted_map(model)
    if adopted is None:
        return None
    fitted = map_from_dict(adopted.map)
    new = ~has_seen(adopted, evidence.item)
    before = evidence.forecasts.rows(new)
    after = replace(before, y_prob=apply_map(fitted, before.y_prob))
    gain = map_gain(before, fitted, bootstrap)
    return {
        **provenance(adopted),
        "n_items": len(np.unique(evidence.item[new])),
        "n_seen_left_out": len(np.unique(evidence.item[~new])),
        "n_groups_seen": _groups_seen(evidence.forecasts, new),
        "before": _measured(before, bootstrap),
        "after": _measured(after, bootstrap),
        "brier_gain": gain.brier_gain.as_dict(),
        "log_loss_gain": gain.log_loss_gain.as_dict(),
    }


def _measured(forecasts: Forecasts, bootstrap: Bootstrap) -> dict[str, Any]:
    draws = draw(forecasts.n, forecasts.clusters, bootstrap)
    binary = forecasts if isinstance(forecasts, BinaryForecasts) else forecasts.confidence()
    errors = calibration_errors(forecasts, bootstrap, draws)
    return {
        "scores": shown_numbers(scores(forecasts, draws, level=bootstrap.level).estimates),
        "ece": shown_numbers(errors.errors),
        "ece_if_calibrated": shown_numbers(errors.expected_if_calibrated),
        "tests": cox_calibration(binary, level=bootstrap.level).as_dict(),
    }


def _groups_seen(forecasts: Forecasts, new: np.ndarray) -> int | None:
    """Groups with items on both sides: of those, the new items are not quite unseen."""
    clusters = forecasts.clusters
    if clusters is None:
        return None
    return len(np.intersect1d(clusters[new], clusters[~new]))

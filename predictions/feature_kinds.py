"""The kinds of file and of run that are about features: made known when Django starts."""

from __future__ import annotations

from catalog import exchange, kinds
from catalog.reading.columns import ARRAYS
from predictions import features, novelty_parameters


def register() -> None:
    """Make them known to the catalog."""
    kinds.register_upload(
        kinds.UploadKind(
            name="features",
            subject_parameter="features",
            check_subject=features.check_subject,
            layout=features.layout,
            store=features.store_features,
            formats=ARRAYS,
            withdraw=features.forget_empty_set,
        )
    )
    kinds.register_kept(*features.kept())
    kinds.register_run(
        kinds.RunKind(
            name="novelty",
            compute="predictions.novelty.measure_novelty",
            resolve=novelty_parameters.resolve,
            standard=novelty_parameters.standard,
        )
    )
    exchange.tell("features", "predictions.vectors.features_for")
    exchange.tell("feature_sets", "predictions.vectors.feature_sets")

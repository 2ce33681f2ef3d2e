from django.apps import AppConfig


class PredictionsConfig(AppConfig):
    name = "predictions"
    verbose_name = "Predictions"

    def ready(self) -> None:
        # Only now do models exist.
        from catalog import exchange, kinds  # noqa: PLC0415
        from predictions import feature_kinds, forecasts, parameters, storing, targets  # noqa: PLC0415

        exchange.tell("models", "predictions.queries.models_of")
        exchange.tell("class_probabilities", "predictions.probabilities.class_probabilities")
        kinds.register_upload(
            kinds.UploadKind(
                name="predictions",
                subject_parameter="model",
                check_subject=forecasts.check_subject,
                layout=forecasts.layout,
                store=forecasts.store_predictions,
            )
        )
        kinds.register_kept(*storing.kept())
        kinds.register_run(
            kinds.RunKind(
                name="calibration-votes",
                compute="predictions.votes.measure_against_votes",
                resolve=parameters.resolver("calibration-votes"),
                standard=parameters.standard_votes,
            )
        )
        for name, compute in {
            "calibration": "predictions.services.measure_calibration",
            "conformal": "predictions.conformal.measure_conformal",
            "ensembles": "predictions.ensembles.measure_ensembles",
            "expected-performance": "predictions.expected.measure_expected",
        }.items():
            kinds.register_run(
                kinds.RunKind(
                    name=name,
                    compute=compute,
                    resolve=parameters.resolver(name),
                    standard=parameters.standard_calibration
                    if name in parameters.OF_LABELS
                    else parameters.standard,
                )
            )
        kinds.register_run(
            kinds.RunKind(
                name=targets.KIND,
                compute="predictions.services.measure_for_population",
                resolve=targets.resolve,
                standard=targets.standard,
            )
        )
        feature_kinds.register()

from django.apps import AppConfig


class CoverageConfig(AppConfig):
    name = "coverage"
    verbose_name = "Coverage"

    def ready(self) -> None:
        # Only now do models exist.
        from catalog import exchange, kinds  # noqa: PLC0415
        from coverage import (  # noqa: PLC0415
            neighbour_parameters,
            parameters,
            pattern_parameters,
            populations,
            withdrawal,
        )

        kinds.register_upload(
            kinds.UploadKind(
                name="population",
                subject_parameter="population",
                check_subject=populations.population_of,
                layout=populations.layout,
                store=populations.store_population,
                withdraw=withdrawal.withdraw_margins,
            )
        )
        kinds.register_kept(*withdrawal.kept())
        kinds.register_run(
            kinds.RunKind(
                name="coverage",
                compute="coverage.services.measure_coverage",
                resolve=parameters.resolve,
                standard=parameters.standard,
            )
        )
        kinds.register_run(
            kinds.RunKind(
                name="weights",
                compute="coverage.weights.weigh",
                resolve=parameters.resolve_weights,
                standard=parameters.standard_weights,
            )
        )
        kinds.register_run(
            kinds.RunKind(
                name="missingness",
                compute="coverage.missing.measure_missingness",
                resolve=parameters.resolve_missingness,
                standard=parameters.standard_missingness,
            )
        )
        kinds.register_run(
            kinds.RunKind(
                name="divergence",
                compute="coverage.diverging.measure_divergence",
                resolve=parameters.resolve_divergence,
                standard=parameters.standard_divergence,
            )
        )
        kinds.register_run(
            kinds.RunKind(
                name="patterns",
                compute="coverage.patterns.measure_patterns",
                resolve=pattern_parameters.resolve,
                standard=pattern_parameters.standard,
            )
        )
        kinds.register_run(
            kinds.RunKind(
                name="neighbours",
                compute="coverage.neighbours.measure_neighbours",
                resolve=neighbour_parameters.resolve,
                standard=neighbour_parameters.standard,
            )
        )
        exchange.tell("item_weights", "coverage.item_weights.item_weights")
        exchange.tell("populations", "coverage.item_weights.populations")

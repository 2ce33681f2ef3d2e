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
        for name, compute, resolve, standard in (
            (
                "coverage",
                "coverage.services.measure_coverage",
                parameters.resolve,
                parameters.standard,
            ),
            (
                "weights",
                "coverage.weights.weigh",
                parameters.resolve_weights,
                parameters.standard_weights,
            ),
            (
                "missingness",
                "coverage.missing.measure_missingness",
                parameters.resolve_missingness,
                parameters.standard_missingness,
            ),
            (
                "divergence",
                "coverage.diverging.measure_divergence",
                parameters.resolve_divergence,
                parameters.standard_divergence,
            ),
            (
                "patterns",
                "coverage.patterns.measure_patterns",
                pattern_parameters.resolve,
                pattern_parameters.standard,
            ),
            (
                "neighbours",
                "coverage.neighbours.measure_neighbours",
                neighbour_parameters.resolve,
                neighbour_parameters.standard,
            ),
        ):
            kinds.register_run(kinds.RunKind(name, compute, resolve, standard))
        exchange.tell("item_weights", "coverage.item_weights.item_weights")
        exchange.tell("part_weights", "coverage.item_weights.part_weights")
        exchange.tell("populations", "coverage.item_weights.populations")

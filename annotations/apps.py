from django.apps import AppConfig


class AnnotationsConfig(AppConfig):
    name = "annotations"
    verbose_name = "Annotation quality"

    def ready(self) -> None:
        # Only now do models exist.
        from annotations import (  # noqa: PLC0415
            crowd_parameters,
            erasing,
            labels,
            parameters,
            withdrawal,
        )
        from catalog import exchange, kinds  # noqa: PLC0415

        exchange.tell("votes", "annotations.votes.votes_on")
        kinds.register_upload(
            kinds.UploadKind(
                name="labels",
                subject_parameter="question",
                check_subject=labels.check_subject,
                layout=labels.layout,
                store=labels.store_labels,
                withdraw=withdrawal.withdraw_labels,
                contributor_may=True,
            )
        )
        kinds.register_mentions(*withdrawal.mentions())
        kinds.register_eraser(erasing.clear_comments)
        kinds.register_run(
            kinds.RunKind(
                name="agreement",
                compute="annotations.services.measure_agreement",
                resolve=parameters.resolve,
                standard=parameters.standard,
            )
        )
        for name, compute, resolve, standard in (
            (
                crowd_parameters.ANNOTATORS,
                "annotations.reliability.measure_annotators",
                crowd_parameters.resolve_annotators,
                crowd_parameters.standard,
            ),
            (
                crowd_parameters.CONSENSUS,
                "annotations.consensus.measure_consensus",
                crowd_parameters.resolve_consensus,
                crowd_parameters.standard,
            ),
            (
                crowd_parameters.ISSUES,
                "annotations.issues.find_issues",
                crowd_parameters.resolve_issues,
                crowd_parameters.standard,
            ),
            (
                crowd_parameters.MODEL_ISSUES,
                "annotations.model_issues.find_issues_by_model",
                crowd_parameters.resolve_model_issues,
                crowd_parameters.standard_model_issues,
            ),
            (
                crowd_parameters.PUBLICATION,
                "annotations.publication.publish",
                crowd_parameters.resolve_publication,
                crowd_parameters.none_by_itself,
            ),
        ):
            kinds.register_run(kinds.RunKind(name, compute, resolve, standard))

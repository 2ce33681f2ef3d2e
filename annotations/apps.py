from django.apps import AppConfig


class AnnotationsConfig(AppConfig):
    name = "annotations"
    verbose_name = "Annotation quality"

    def ready(self) -> None:
        # Only now do models exist.
        from annotations import labels, parameters  # noqa: PLC0415
        from catalog import kinds  # noqa: PLC0415

        kinds.register_upload(
            kinds.UploadKind(
                name="labels",
                subject_parameter="question",
                check_subject=labels.check_subject,
                layout=labels.layout,
                store=labels.store_labels,
                contributor_may=True,
            )
        )
        kinds.register_run(
            kinds.RunKind(
                name="agreement",
                compute="annotations.services.measure_agreement",
                resolve=parameters.resolve,
                standard=parameters.standard,
            )
        )

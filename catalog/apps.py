from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = "Catalog"

    def ready(self) -> None:
        # Only now do models exist.
        from catalog import beats  # noqa: F401, PLC0415  connects the worker's signals
        from catalog.ingest.kinds import register  # noqa: PLC0415

        register()

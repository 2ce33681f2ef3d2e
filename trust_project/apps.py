from django.apps import AppConfig


class TrustProjectConfig(AppConfig):
    name = "trust_project"
    verbose_name = "Trust in data"

    def ready(self) -> None:
        # Web processes send messages too: without this they would use Celery's default application.
        from trust_project.celery import app  # noqa: PLC0415  needs the settings

        app.set_default()

"""Assembly: settings, addresses, processes. Imports the rooms; no room imports it."""

from trust_project.celery import app as celery_app

__all__ = ["celery_app"]

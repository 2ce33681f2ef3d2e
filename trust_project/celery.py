"""The Celery application. Its messages are doorbells; what is to be done stands in Run rows."""

import os

# Numeric libraries must not start threads in a process that forks: each pool child
# would inherit their locks. One worker process is one core's work.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trust_project.settings")

from celery import Celery  # noqa: E402  after the thread limits

app = Celery("trust_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

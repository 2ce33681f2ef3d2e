"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trust_project.settings")
application = get_wsgi_application()

from trust_project.unreadable import answer_in_problems  # noqa: E402  after the settings

answer_in_problems()

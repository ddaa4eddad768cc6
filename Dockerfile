# The server with the shipped model inside. docs/deployment.md explains what is set here.
#   docker build -t turn-detection:0.1.0 .
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:9090:9090 turn-detection:0.1.0
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
RUN python -m venv /venv
COPY requirements/serve.txt requirements/dev.txt requirements/
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY configs configs
COPY src src
# serve: the server and the command line. triton: asking a Triton server and writing a repository for one. dev.txt only pins what serve.txt
# does not; nothing else of it is installed.
ARG EXTRAS=serve,triton
RUN --mount=type=cache,target=/root/.cache/pip \
    /venv/bin/python -m pip install --constraint requirements/serve.txt --constraint requirements/dev.txt ".[${EXTRAS}]"

# docker compose --profile mlflow: the tracking server, in the version that training uses.
FROM ${PYTHON_IMAGE} AS mlflow
RUN --mount=type=bind,source=requirements,target=/requirements \
    --mount=type=cache,target=/root/.cache/pip \
    python -m pip install --constraint /requirements/dev.txt mlflow \
    && groupadd --gid 10001 turns && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin turns \
    && install --directory --owner=10001 --group=10001 /mlflow
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /mlflow
EXPOSE 8080
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "8080", "--workers", "1", "--backend-store-uri", "sqlite:////mlflow/mlflow.db", "--artifacts-destination", "/mlflow/artifacts"]

FROM ${PYTHON_IMAGE} AS serve
LABEL org.opencontainers.image.title="turn-detection" \
      org.opencontainers.image.description="Turn detection for Russian voice bots: at every pause of the caller, speak or wait?" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
# /models belongs to the user, so that a new volume there does too: turn-detection export_triton --output /models
RUN groupadd --gid 10001 turns \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin turns \
    && install --directory --owner=10001 --group=10001 /models
COPY --from=build /venv /venv
ENV PATH="/venv/bin:${PATH}" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TURN_DETECTION_SERVE_HOST=0.0.0.0 \
    TURN_DETECTION_SERVE_PORT=9090
USER 10001:10001
WORKDIR /tmp
EXPOSE 9090
# Alive, not ready: a server that waits for Triton must not be restarted for it. http.client, because it asks no proxy.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['TURN_DETECTION_SERVE_PORT']), timeout=2); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
CMD ["python", "-m", "turn_detection.serve"]

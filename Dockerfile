# Afina on a CPU:  docker build -t afina .
# With CUDA:       docker build -t afina --build-arg TORCH_BACKEND=cu128 .
# Run:             docker run -p 7860:7860 -v afina:/data -e AFINA_PASSWORD=… afina
FROM python:3.11-slim-bookworm

ARG TORCH_BACKEND=cpu

# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    AFINA_HOME=/data \
    AFINA_HOST=0.0.0.0 \
    AFINA_PORT=7860

COPY . .
RUN make install PYTHON=python VENV=/opt/afina TORCH_BACKEND="$TORCH_BACKEND" \
    && useradd --create-home --uid 1000 afina \
    && install --directory --owner=afina /data

USER 1000
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["/opt/afina/bin/python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['AFINA_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["/opt/afina/bin/afina"]
CMD ["serve", "--no-open"]

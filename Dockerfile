# The app on http://127.0.0.1:8501, as nobody in particular, on a root that may be read-only. `make image` builds it; docs/deployment.md runs it.

FROM debian:bookworm-slim AS base
# The versions are those of Debian's release, with its security updates.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3.11 tini wordnet-base \
 && rm -rf /var/lib/apt/lists/*

# A folder with the CPU wheel of torch: docker build --build-context wheels=FOLDER.
FROM scratch AS wheels

FROM base AS packages
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3.11-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
RUN python3.11 -m venv /opt/venv
COPY requirements.txt constraints.txt ./
RUN --mount=type=bind,from=wheels,target=/wheels \
    if ! ls /wheels/torch-*.whl; then echo "No wheel of torch: docker build --build-context wheels=FOLDER, see docs/deployment.md" >&2; exit 1; fi \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --find-links /wheels -r requirements.txt -c constraints.txt

FROM base
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/tremor
COPY LICENSE app.py ./
COPY .streamlit/config.toml .streamlit/
COPY checkpoints checkpoints
COPY assets assets
COPY core core
COPY pages pages
RUN python3.11 -m compileall -q app.py core pages \
 && groupadd --gid 10001 tremor \
 && useradd --uid 10001 --gid tremor --home-dir /data --no-create-home --shell /usr/sbin/nologin tremor \
 && install -d -o tremor -g tremor /data

# Threads as `make app` sets them. Nothing is written but under /data, the one volume, and /tmp. The server listens to all who reach the
# container, and so is shared; without a browser's address it would ask an outside service for its own.
# (DL3064 takes TOKENIZERS_PARALLELISM for a secret token.)
# hadolint ignore=DL3064
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    OMP_WAIT_POLICY=PASSIVE \
    TOKENIZERS_PARALLELISM=false \
    MALLOC_ARENA_MAX=2 \
    MPLCONFIGDIR=/tmp/matplotlib \
    NUMBA_CACHE_DIR=/tmp/numba \
    TREMOR_RUNS=/data/runs \
    TREMOR_CACHE=/data/cache \
    TREMOR_DATA=/data/data \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_BROWSER_SERVER_ADDRESS=localhost
USER 10001:10001
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request; base = os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'); urllib.request.urlopen('/'.join(['http://127.0.0.1:8501', *filter(None, [base]), '_stcore/health']), timeout=4)"]
# Trainings and studies are nobody's children; tini takes leave of those that have ended.
ENTRYPOINT ["tini", "--"]
CMD ["streamlit", "run", "app.py"]

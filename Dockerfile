# ferapp in a container; docs/containers.md says how to run it.
# Debian 13 because `make fresh` tries the installation on it.
FROM python:3.13-slim-trixie AS build
WORKDIR /src
# Libraries first: this layer is built again only when a pin changes.
COPY requirements.txt ./
COPY deploy/requirements-server.txt deploy/
RUN python -m venv /opt/ferapp \
 && /opt/ferapp/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
    --require-hashes -r requirements.txt -r deploy/requirements-server.txt
COPY pyproject.toml README.md LICENSE app.py ./
COPY .streamlit/config.toml .streamlit/
COPY models models/
COPY pages pages/
COPY ferapp ferapp/
# Building the wheel takes hatchling, which is not pinned; it stays in this stage, and so does pip.
RUN /opt/ferapp/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps . \
 && /opt/ferapp/bin/pip check \
 && /opt/ferapp/bin/pip uninstall --yes pip

FROM python:3.13-slim-trixie
# A fixed number, so that the owner of the volume stays the same after a new build.
RUN groupadd --gid 10001 ferapp \
 && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin \
    ferapp \
 && install --directory --owner 10001 --group 10001 --mode 700 /data
COPY --from=build /opt/ferapp /opt/ferapp
# Only /data and /tmp are written to; the rest may be read-only.
ENV PATH=/opt/ferapp/bin:$PATH \
    HOME=/data \
    FERAPP_DATA_DIR=/data \
    FERAPP_CACHE_DIR=/data/cache \
    PYTHONDONTWRITEBYTECODE=1
VOLUME /data
WORKDIR /data
USER 10001:10001
EXPOSE 8501
# As Ctrl-C does.
STOPSIGNAL SIGINT
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s \
  CMD ["python", "-c", "from http.client import HTTPConnection; c = HTTPConnection('127.0.0.1', 8501, timeout=5); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().read() != b'ok')"]
ENTRYPOINT ["ferapp"]
# All addresses of the container; which of them the host publishes is for `docker run` to say.
CMD ["serve", "--address", "0.0.0.0"]

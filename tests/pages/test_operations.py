"""What operators see of the app: metrics, health and log; and what none of them reveals."""

import asyncio
import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response

from ferapp.errors import MissingWeights, ModelError, StoreError
from ferapp.inference import weights
from ferapp.serving.seats import Seats
from ferapp.sessions.recorder import Recorder
from ferapp.system.confinement import Layers
from ferapp.ui.server import health, logs, metrics
from ferapp.ui.server.logs import begin_log
from ferapp.ui.shared.session_keys import COPY_JOB
from ferapp.ui.video import jobs
from tests.support.apps import ASTRONAUT, open_app, upload
from tests.support.fakes import Clock, FakeSink, FakeWork
from tests.support.frames import frame, viewer
from tests.support.places import ROOT
from tests.support.stores import forget_store
from tests.support.waiting import wait_until

CANARY = "canary-of-a-name"


def fetch_metrics(
    peer: str = "127.0.0.1", host: str = "127.0.0.1:8501", **headers: str
) -> Response:
    """Request the metrics as a client at an address does."""
    fields = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/metrics",
        "query_string": b"",
        "client": (peer, 50_000),
        "headers": [(name.lower().encode(), value.encode()) for name, value in fields.items()],
    }
    return metrics.metrics(Request(scope))


def metric(name: str, **labels: str) -> float:
    """One sample, as Prometheus reads it; 0 before the first."""
    text = bytes(fetch_metrics().body).decode()
    samples = (s for family in text_string_to_metric_families(text) for s in family.samples)
    return next((s.value for s in samples if (s.name, s.labels) == (name, labels)), 0.0)


def test_every_metric_is_in_the_table_of_the_docs_and_nothing_else() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `(ferapp_\w+)` \|", text, re.MULTILINE))
    families = text_string_to_metric_families(bytes(fetch_metrics().body).decode())
    served = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in families
        # Each counter and histogram also has the time of its creation.
        if family.name.startswith("ferapp_") and not family.name.endswith("_created")
    }
    assert described == served


def test_pictures_are_counted_and_never_named() -> None:
    def counts() -> list[float]:
        return [
            metric("ferapp_pictures_total"),
            metric("ferapp_picture_errors_total", error="ImageError"),
            metric("ferapp_picture_duration_seconds_count"),
        ]

    at = open_app()
    before = counts()
    upload(at, **{CANARY: ASTRONAUT, f"{CANARY}-broken": b"GIF89a"})
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 1, 2]
    assert CANARY not in bytes(fetch_metrics().body).decode()
    assert metric("process_resident_memory_bytes") > 1e6


def test_frames_of_live_viewers_are_counted() -> None:
    def counts() -> list[float]:
        return [
            metric("ferapp_live_frames_total", outcome=outcome)
            for outcome in ("analysed", "failed")
        ]

    def fail(*_: object) -> None:
        raise ModelError("the weights are odd")

    before = counts()
    me = viewer()
    me.on_frame(frame(0))
    me.on_frame(frame(1))
    me.stream.process = fail
    me.on_frame(frame(2))
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [2, 1]


@pytest.mark.parametrize("end", ["done", "failed", "cancelled"])
def test_video_jobs_are_counted_by_outcome(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.st, "session_state", {})
    before = metric("ferapp_video_jobs_total", job="read", outcome=end)
    work = FakeWork(error=ValueError(CANARY) if end == "failed" else None)
    monkeypatch.setattr("ferapp.serving.job._logger.exception", lambda *_: None)
    job = jobs.start(COPY_JOB, lambda: work, name="read")
    assert work.began.wait(5)
    assert metric("ferapp_slots_in_use", queue="video") == 1
    if end == "cancelled":
        job.cancel()
    work.allow()
    wait_until(lambda: metric("ferapp_video_jobs_total", job="read", outcome=end) == before + 1)
    wait_until(lambda: metric("ferapp_slots_in_use", queue="video") == 0)


def test_queues_report_visitors_served_and_waiting() -> None:
    def counts() -> tuple[float, float]:
        return tuple(
            metric(name, queue="test") for name in ("ferapp_slots_in_use", "ferapp_queue_length")
        )

    clock = Clock()
    seats = metrics.watch_queue("test", Seats(2, clock))
    assert counts() == (0, 0)
    for visitor in "abc":
        seats.place(visitor)
    assert counts() == (2, 1)
    seats.leave("a")
    assert counts() == (2, 0)
    clock.now_s = 60.0
    assert counts() == (0, 0)


def test_metrics_count_running_recordings() -> None:
    before = metric("ferapp_active_recordings")
    recorder = Recorder(FakeSink(), "x")
    assert metric("ferapp_active_recordings") == before + 1
    recorder.stop()
    assert metric("ferapp_active_recordings") == before


@pytest.mark.parametrize(
    "others",
    [
        pytest.param({"peer": "192.0.2.7"}, id="another machine"),
        pytest.param({"host": "faces.example.org"}, id="another host name"),
        pytest.param({"X_Forwarded_For": "127.0.0.1"}, id="a proxy on this machine"),
        pytest.param({"Forwarded": "for=127.0.0.1"}, id="a newer proxy on this machine"),
        pytest.param({"X_Real_IP": "127.0.0.1"}, id="an older proxy on this machine"),
        pytest.param({"X_Forwarded_Host": "localhost"}, id="a proxy that gives its host name"),
        pytest.param({"Via": "1.1 proxy"}, id="a proxy that names itself alone"),
        pytest.param({"CF_Connecting_IP": "127.0.0.1"}, id="a proxy of Cloudflare"),
        pytest.param({"True_Client_IP": "127.0.0.1"}, id="a proxy of Akamai"),
        pytest.param({"X_Client_IP": "127.0.0.1"}, id="a proxy of Azure"),
        pytest.param({"X_Forwarded_Proto": "https"}, id="a proxy that gives its protocol"),
    ],
)
def test_metrics_are_for_this_machine_or_for_the_token(
    others: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fetch_metrics().status_code == fetch_metrics("::1", "[::1]:8501").status_code == 200
    assert fetch_metrics(**others).status_code == 404
    # If no token is set, an empty one does not help.
    assert fetch_metrics(**others, Authorization="Bearer ").status_code == 404
    monkeypatch.setenv("FERAPP_METRICS_TOKEN", "")
    assert fetch_metrics(**others, Authorization="Bearer ").status_code == 404
    monkeypatch.setenv("FERAPP_METRICS_TOKEN", "s3cret")
    assert fetch_metrics(**others).status_code == 404
    assert fetch_metrics(**others, Authorization="Bearer s3cre").status_code == 404
    assert fetch_metrics(**others, Authorization="Bearer ümlaut").status_code == 404
    answer = fetch_metrics(**others, Authorization="Bearer s3cret")
    assert answer.status_code == 200 and b"ferapp_pictures_total" in answer.body


def test_ready_with_models_and_database() -> None:
    answer = asyncio.run(health.ready(Request({"type": "http"})))
    assert (answer.status_code, answer.body) == (200, b"ready")


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        pytest.param("weights", MissingWeights, id="no weights"),
        pytest.param("database", StoreError, id="no database"),
    ],
)
def test_not_ready_says_which_and_no_path(
    broken: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if broken == "weights":
        monkeypatch.setattr(weights, "place", lambda file: tmp_path / file.file)
    else:
        monkeypatch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{tmp_path}")
        forget_store()
    monkeypatch.setattr(health, "_readiness", health.Readiness(health.check_readiness))
    answer = asyncio.run(health.ready(Request({"type": "http"})))
    forget_store()
    assert (answer.status_code, bytes(answer.body).decode()) == (
        503,
        f"not ready: {error.__name__}",
    )


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The text of the app's log."""
    before, text = logging.getLogRecordFactory(), io.StringIO()
    handler = logging.StreamHandler(text)
    logging.getLogger(__name__).addHandler(handler)
    begin_log()
    yield text
    logging.setLogRecordFactory(before)
    logging.getLogger(__name__).removeHandler(handler)


def test_the_log_says_once_what_confines_decoders(
    caplog: pytest.LogCaptureFixture, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "layers", lambda: Layers(True, 0, True))
    begin_log()
    assert caplog.messages == [
        "decoders are confined by: limits, seccomp; one that is taken over could read this "
        "account's files"
    ]


@pytest.mark.parametrize(
    "name", ["web.server.starlette.starlette_auth_routes", "runtime.app_session"]
)
def test_strangers_write_nothing_into_the_log(log: io.StringIO, name: str) -> None:
    logger = logging.getLogger(f"streamlit.{name}")
    logger.addHandler(handler := logging.StreamHandler(log))
    try:
        logger.error("Error during authentication: %s.", f"\x1b[31m{CANARY}\r\nforged")
        logging.getLogger(__name__).warning("line\nforged\x1b[31m \u202e")
    finally:
        logger.removeHandler(handler)
    assert log.getvalue() == ("Error during authentication: %s.\nline\\nforged\\x1b[31m \\u202e\n")


def test_a_traceback_in_the_log_says_where_but_quotes_nothing(log: io.StringIO) -> None:
    def look_up(name: str) -> None:
        try:
            {}[name]
        except KeyError as exc:
            raise ValueError(f"no column {name}") from exc

    try:
        look_up(CANARY)
    except ValueError:
        logging.getLogger(__name__).exception("a page failed")
    text = log.getvalue()
    assert text.index("KeyError") < text.index("ValueError"), "the cause first"
    assert "a page failed" in text and "test_operations.py" in text and "in look_up" in text
    assert CANARY not in text


def test_an_error_without_a_traceback_is_logged_as_well(log: io.StringIO) -> None:
    logging.getLogger(__name__).error("it failed", exc_info=ValueError(CANARY))
    logging.getLogger(__name__).error("no error at hand", exc_info=True)
    assert log.getvalue().startswith("it failed\nValueError\nno error at hand")

"""Many recorders writing to one database at the rate of live video.

    python -m stress.recorders [--recorders N] [--seconds S] [--out DIR]

They write to a new SQLite file and, if it is installed, to a new PostgreSQL server with default
settings; with all recorders in one process, and with half of them in each of two. Every frame has
one face. The recorders start together, as visitors rarely do, so they collide more often.
"""

import argparse
import os
import sqlite3
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from sqlalchemy import URL

from benchmarks.machine import ROOT, about, write_result
from ferapp.sessions.database import database_url, open_database, translate_errors
from ferapp.sessions.recorder import Recorder, Sink
from ferapp.sessions.session import Marker, Readings
from ferapp.sessions.store import Store
from tests.support import postgres
from tests.support.sessions import some_readings, some_recording

OWNER = "load"
FRAMES_PER_SECOND = 15


class Timed:
    """A sink that forwards writes and records how long each took in ms, also if it failed."""

    def __init__(self, sink: Sink) -> None:
        self.took_ms: list[float] = []
        self.failed = 0
        self._sink = sink
        self._lock = threading.Lock()

    def add(self, session: str, readings: Readings, duration_s: float) -> None:
        """Called by the recorders' threads."""
        start = time.perf_counter()
        is_written = False
        try:
            self._sink.add(session, readings, duration_s)
            is_written = True
        finally:
            with self._lock:
                self.took_ms.append((time.perf_counter() - start) * 1000)
                self.failed += not is_written

    def add_marker(self, session: str, marker: Marker) -> None:
        """Called by the recorders' threads."""
        self._sink.add_marker(session, marker)

    def finish(self, session: str, duration_s: float) -> None:
        """Called by the recorders' threads."""
        self._sink.finish(session, duration_s)


@dataclass(frozen=True)
class Written:
    """The result of the recorders of one process.

    Attributes:
        sessions: Their ids.
        frames: How many frames each was given.
        took_ms: The time of each write.
        failed: Failed writes; the recorder retries some.
        failures: Why recorders stopped early.
        behind_ms: The greatest delay of a frame.
    """

    sessions: list[str]
    frames: int
    took_ms: list[float]
    failed: int
    failures: list[str]
    behind_ms: float


@dataclass(frozen=True)
class Load:
    """What was written to a database and what is in it.

    Attributes:
        asked: Rows given to the recorders.
        kept: Rows in the database.
        incomplete: Sessions with missing rows.
        failures: Why recorders stopped early.
        writes: The number of writes.
        failed: Failed writes; the recorder retries some.
        median_ms: Median time of a write, including waiting for others.
        p95_ms: 95th percentile of it.
        max_ms: Its maximum.
        behind_ms: The greatest delay of a frame.
        size_bytes: Size of the database.
    """

    recorders: int
    processes: int
    seconds: float
    asked: int
    kept: int
    incomplete: int
    failures: list[str]
    writes: int
    failed: int
    median_ms: float
    p95_ms: float
    max_ms: float
    behind_ms: float
    size_bytes: int

    @property
    def is_complete(self) -> bool:
        """Whether everything was written, however slowly."""
        return not self.failures and not self.incomplete


def run_recorders(url: URL, recorders: int, seconds: float) -> Written:
    """Run recorders in this process; this thread makes the frames of all."""
    store = Store(open_database(url))
    sink = Timed(store)
    rows = some_readings(round(seconds * FRAMES_PER_SECOND))
    frames = [rows.at(np.array([i])) for i in range(len(rows))]
    sessions = [uuid.uuid4().hex for _ in range(recorders)]
    for session in sessions:
        store.begin(some_recording(id=session), OWNER)
    running = [Recorder(sink, session) for session in sessions]
    start, behind_s = time.monotonic(), 0.0
    for frame in frames:
        due = start + float(frame.at_s[0])
        time.sleep(max(0.0, due - time.monotonic()))
        for recorder in running:
            recorder.add(frame, float(frame.at_s[0]))
        behind_s = max(behind_s, time.monotonic() - due)
    for recorder in running:
        recorder.stop()
    store.close()
    failures = [recorder.failure for recorder in running if recorder.failure]
    return Written(sessions, len(frames), sink.took_ms, sink.failed, failures, behind_s * 1000)


def load(url: URL, recorders: int, seconds: float, *, processes: int = 1) -> Load:
    """Run recorders at the same time and count the rows in the database.

    Args:
        url: Of the database.
        recorders: How many.
        seconds: How long.
        processes: How many processes share the recorders; 1 for this one alone.
    """
    shares = [len(part) for part in np.array_split(np.arange(recorders), processes)]
    if processes == 1:
        parts = [run_recorders(url, recorders, seconds)]
    else:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            jobs = [pool.submit(run_recorders, url, share, seconds) for share in shares]
            parts = [job.result() for job in jobs]
    store = Store(open_database(url))
    counted = {o.recording.id: o.readings for o in store.overviews(OWNER)}
    kept = {id: len(store.readings(id, OWNER)) for part in parts for id in part.sessions}
    size_bytes = store.size_bytes()
    store.close()
    took_ms = np.array([ms for part in parts for ms in part.took_ms])
    return Load(
        recorders=recorders,
        processes=processes,
        seconds=seconds,
        asked=sum(part.frames * len(part.sessions) for part in parts),
        kept=sum(kept.values()),
        incomplete=sum(
            not kept[id] == counted[id] == part.frames for part in parts for id in part.sessions
        ),
        failures=[failure for part in parts for failure in part.failures],
        writes=len(took_ms),
        failed=sum(part.failed for part in parts),
        median_ms=round(float(np.median(took_ms)), 1),
        p95_ms=round(float(np.percentile(took_ms, 95)), 1),
        max_ms=round(float(took_ms.max()), 1),
        behind_ms=round(max(part.behind_ms for part in parts), 1),
        size_bytes=size_bytes,
    )


@contextmanager
def sqlite_file() -> Iterator[URL]:
    """A new SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        yield URL.create("sqlite", database=f"{folder}/sessions.db")


@contextmanager
def postgresql_server() -> Iterator[URL]:
    """A new PostgreSQL server."""
    with postgres.server() as server_url:
        os.environ["FERAPP_DATABASE_URL"] = server_url
        yield database_url()


def version(url: URL) -> str:
    """The version of the database."""
    if url.drivername == "sqlite":
        return sqlite3.sqlite_version
    engine = open_database(url)
    with translate_errors(), engine.connect() as connection:
        number = str(connection.exec_driver_sql("SHOW server_version").scalar())
    engine.dispose()
    return number


def main() -> None:
    """Measure, print and write a dated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recorders", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    places = {"sqlite": sqlite_file}
    if postgres.binaries():
        places["postgresql"] = postgresql_server
    else:
        print("stress: no PostgreSQL server here (Debian: postgresql)", file=sys.stderr)
    rows, is_complete = [], True
    for name, place in places.items():
        for processes in (1, 2):
            # A new database each time, or the rows of the first run would slow down the second.
            with place() as url:
                outcome = load(url, options.recorders, options.seconds, processes=processes)
                rows.append({"database": name, "version": version(url), **asdict(outcome)})
            is_complete &= outcome.is_complete
    result = {**about(), "frames_per_second": FRAMES_PER_SECOND, "load": rows}
    write_result(result, f"recorders-{options.recorders}", options.out)
    Console().print_json(data=result)
    sys.exit(0 if is_complete else 1)


if __name__ == "__main__":
    main()

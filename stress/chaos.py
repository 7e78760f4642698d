"""Kills recorders while they write, and checks what is left in the database and what is lost.

    python -m stress.chaos [--kills N] [--at-once N] [--seed N] [--url URL]

Each recorder is a process with a session of its own; all share one database, by default a new
SQLite file. In a database that --url names, the sessions stay and are purged a day later. The exit
status is 1 if a rule was broken: the database is intact, the session exists, its readings are those
recorded from the first on, at most a second of them is missing, and no earlier session changed.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from sqlalchemy import URL

from benchmarks.machine import ROOT
from ferapp.errors import StoreError
from ferapp.sessions.database import database_url, open_database, translate_errors
from ferapp.sessions.recorder import Recorder
from ferapp.sessions.session import Readings
from ferapp.sessions.store import Store
from stress.findings import report
from tests.support.sessions import some_readings, some_recording

OWNER = "chaos"
FRAMES_PER_SECOND = 15
KILLED_AFTER_S = (0.2, 2.5)
MOST_MISSING_S = 1.0


@dataclass(frozen=True)
class Result:
    """The result of a number of kills.

    Attributes:
        missing_s: For each kill, the seconds of frames that were reported but are missing.
        faults: Broken rules, in words.
    """

    missing_s: tuple[float, ...]
    faults: tuple[str, ...]

    def __str__(self) -> str:
        missing = self.missing_s or (0.0,)
        return (
            f"{len(self.missing_s)} kills, seconds missing: worst {max(missing):.2f}, "
            f"median {statistics.median(missing):.2f}; {len(self.faults)} faults"
        )


@cache
def frames() -> Readings:
    """Half a minute of one face, which the recorder writes and the check compares with."""
    return some_readings(30 * FRAMES_PER_SECOND)


def record(session: str) -> None:
    """Record, and print the time of each frame, in the process that is killed."""
    store = Store.open()
    store.begin(some_recording(id=session), OWNER, keep_days=1)
    recorder = Recorder(store, session)
    start_s = time.monotonic()
    for i in range(len(frames())):
        time.sleep(max(0.0, start_s + i / FRAMES_PER_SECOND - time.monotonic()))
        at_s = time.monotonic()
        recorder.add(replace(frames().at(np.array([i])), at_s=np.array([at_s])), at_s)
        if not recorder.is_running:
            sys.exit(f"chaos: {recorder.failure}")
        print(at_s, flush=True)


def kill_recorder(url: URL, session: str, after_s: float) -> list[float]:
    """The times that a recorder reported before it was killed, on its own clock."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stress.chaos", "--record", session],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        # Not as an argument, which every user of the machine can read.
        env={**os.environ, "FERAPP_DATABASE_URL": url.render_as_string(hide_password=False)},
    )
    with process:
        output = process.stdout.readline()
        time.sleep(after_s if output else 0)
        process.kill()
        output += process.stdout.read()
    # The number in a truncated line is unknown.
    return [float(line) for line in output.splitlines(keepends=True) if line.endswith("\n")]


def check(
    url: URL, session: str, reported: Sequence[float], before: dict[str, int]
) -> tuple[float, list[str]]:
    """The missing seconds of a killed session, and faults of the database.

    Args:
        url: Of the database.
        session: The killed session.
        reported: The times of its frames.
        before: Readings of the sessions killed earlier; the new one is added.

    Raises:
        StoreError: The database can't be read.
    """
    engine = open_database(url)
    store, faults = Store(engine), []
    try:
        if engine.dialect.name == "sqlite":
            with translate_errors(), engine.connect() as connection:
                answer = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
            if answer != "ok":
                faults.append(f"the database is not sound: {answer}")
        counted = {o.recording.id: o.readings for o in store.overviews(OWNER)}
        for id, count in before.items():
            now = len(store.readings(id, OWNER)) if id in counted else 0
            if not now == count == counted.get(id):
                faults.append(f"session {id}: had {count} readings, now {now}")
        kept = store.readings(session, OWNER)
    finally:
        store.close()
    before[session] = len(kept)
    if counted[session] != len(kept):
        faults.append(f"session {session}: {len(kept)} readings, counted {counted[session]}")
    # It may have been killed between a frame and its report.
    count = min(len(kept), len(reported))
    expected_s = np.array(reported) - reported[0]
    is_prefix = (
        len(kept) <= len(reported) + 1
        and np.array_equal(kept.at_s[:count], expected_s[:count])
        and np.array_equal(kept.probabilities, frames().probabilities[: len(kept)])
    )
    if not is_prefix:
        faults.append(f"session {session}: the readings are not the first that were recorded")
    # From the end of the last frame that is there to the end of the last that was reported.
    last_s = expected_s[count - 1] if count else -1 / FRAMES_PER_SECOND
    missing_s = float(expected_s[-1] - last_s)
    if missing_s > MOST_MISSING_S:
        faults.append(f"session {session}: {missing_s:.2f} s are missing")
    return missing_s, faults


def kill_and_check(
    count: int, folder: Path, *, seed: int = 0, at_once: int = 2, url: URL | None = None
) -> Result:
    """Kill recorders at random times and check the database after each.

    Args:
        count: How many.
        folder: Folder for the database file.
        seed: Random seed of the times.
        at_once: How many record at the same time. The next start when all are dead, so that the
            database is opened both beside a running recorder and after the last.
        url: A database to use instead of a file in the folder.
    """
    url = url or URL.create("sqlite", database=str(folder / "sessions.db"))
    rng = random.Random(seed)
    waits_s = [rng.uniform(*KILLED_AFTER_S) for _ in range(count)]
    before: dict[str, int] = {}
    checking = threading.Lock()

    def one(after_s: float) -> tuple[float, list[str]]:
        session = uuid.uuid4().hex
        reported = kill_recorder(url, session, after_s)
        if not reported:
            return 0.0, [f"session {session}: its recorder ended before the first frame"]
        with checking:
            try:
                return check(url, session, reported, before)
            except StoreError as exc:
                return 0.0, [f"session {session}: {exc}"]

    outcomes: list[tuple[float, list[str]]] = []
    with ThreadPoolExecutor(at_once) as pool:
        for i in range(0, count, at_once):
            outcomes += pool.map(one, waits_s[i : i + at_once])
    return Result(
        tuple(missing_s for missing_s, _ in outcomes),
        tuple(fault for _, faults in outcomes for fault in faults),
    )


def main() -> None:
    """Kill recorders and print the result and the faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--url", help="as in FERAPP_DATABASE_URL")
    parser.add_argument("--record", metavar="ID", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record:
        record(options.record)
        return
    url = None
    if options.url:
        os.environ["FERAPP_DATABASE_URL"] = options.url
        url = database_url()
    with tempfile.TemporaryDirectory() as folder:
        result = kill_and_check(
            options.kills, Path(folder), seed=options.seed, at_once=options.at_once, url=url
        )
    report(result)


if __name__ == "__main__":
    main()

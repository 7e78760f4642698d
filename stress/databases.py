"""Databases that are silent, damaged, shared by two apps, or whose writer is killed.

    python -m stress.databases [--kills N] [--seed N]

The exit status is 1 if a rule was broken.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import URL

from benchmarks.machine import ROOT
from ferapp.sessions.database import open_database
from ferapp.sessions.recorder import Recorder
from ferapp.sessions.store import LOCAL_OWNER, Store
from stress.findings import Result, report
from stress.visitor import Visitor
from tests.e2e.processes import App
from tests.support.damage import SQLITE, damage
from tests.support.sessions import some_readings, some_recording
from tests.support.silence import silent_server

PROBES = 60
MOST_PAGE_S = 5.0
MOST_SENTENCE_S = 20.0
READINGS = 5_000


def sqlite_url(folder: Path) -> URL:
    """A database in a folder."""
    return URL.create("sqlite", database=str(folder / "sessions.db"))


def _probe(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _timed(do: Callable[[], object]) -> float:
    start_s = time.monotonic()
    do()
    return time.monotonic() - start_s


def use_silent(folder: Path) -> Result:
    """An app whose PostgreSQL server accepts and says nothing, while a monitor asks."""
    with silent_server() as url, ThreadPoolExecutor(PROBES) as pool:
        app = App(folder / "log", FERAPP_DATABASE_URL=url)
        try:
            deadline_s = time.monotonic() + 60
            while time.monotonic() < deadline_s:
                try:
                    _probe(f"{app.url}/healthz")
                    break
                except OSError:
                    time.sleep(0.2)
            with Visitor(app.url) as first:
                first.open()  # loads the models
            probes = [pool.submit(_probe, f"{app.url}/readyz") for _ in range(PROBES)]
            time.sleep(1.0)
            alive_s = _timed(lambda: _probe(f"{app.url}/healthz"))
            with Visitor(app.url) as visitor:
                page_s = visitor.open()
                sentence_s = visitor.open("dashboard")
                is_told = "does not answer" in visitor.words
            codes = {probe.result() for probe in probes}
        finally:
            app.kill()
    faults = [
        fault
        for fault, is_so in {
            f"a page took {page_s:.1f} s": page_s > MOST_PAGE_S,
            f"/healthz took {alive_s:.1f} s": alive_s > 1,
            f"the dashboard took {sentence_s:.1f} s": sentence_s > MOST_SENTENCE_S,
            "the dashboard did not tell": not is_told,
            f"/readyz answered {codes}": codes != {503},
        }.items()
        if is_so
    ]
    return Result(
        f"{PROBES} probes meanwhile: /healthz {alive_s:.2f} s, page {page_s:.2f} s, sentence on "
        f"the dashboard after {sentence_s:.1f} s",
        tuple(faults),
    )


def read_damaged(folder: Path) -> Result:
    """Each kind of damaged value beside a whole session."""
    faults = []
    with Store(open_database(sqlite_url(folder))) as store:
        ids = {}
        for name in ("whole", *SQLITE):
            ids[name] = uuid.uuid4().hex
            store.enter(some_recording(id=ids[name]), some_readings(20), LOCAL_OWNER)
        for name, (column, value) in SQLITE.items():
            damage(store._engine, ids[name], column, value)
        listing = store.listing(LOCAL_OWNER)
        if [s.recording.id for s in listing.sessions] != [ids["whole"]]:
            faults.append("the whole session is not the only one that is read")
        for bad in listing.unreadable:
            store.delete(bad.key, LOCAL_OWNER)
        if store.listing(LOCAL_OWNER).unreadable:
            faults.append("some can't be deleted")
        if len(store.readings(ids["whole"], LOCAL_OWNER)) != 20:
            faults.append("the whole session has lost readings")
    return Result(
        f"{len(listing.unreadable)} kinds named and deleted, 1 session read", tuple(faults)
    )


def enter_sessions() -> None:
    """Import one session after another, in the process that is killed."""
    readings = some_readings(READINGS)
    with Store.open() as store:
        while True:
            recording = some_recording(id=uuid.uuid4().hex)
            print(recording.id, flush=True)
            store.enter(recording, readings, LOCAL_OWNER)


def kill_imports(folder: Path, kills: int, seed: int) -> Result:
    """Kill processes that import; each session is there as a whole or not at all."""
    rng, faults, whole, absent = random.Random(seed), [], 0, 0
    url = sqlite_url(folder)
    environment = os.environ | {"FERAPP_DATABASE_URL": url.render_as_string()}
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-m", "stress.databases", "--enter"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        with process:
            output = process.stdout.readline()
            time.sleep(rng.uniform(0, 2))
            process.kill()
            output += process.stdout.read()
        with Store(open_database(url)) as store:
            found = {s.recording.id: s for s in store.overviews(LOCAL_OWNER)}
            for id in output.split():
                if id not in found:
                    absent += 1
                    continue
                whole += 1
                session, count = found[id], len(store.readings(id, LOCAL_OWNER))
                if session.is_running or not session.readings == count == READINGS:
                    faults.append(f"{id}: {count} readings of {READINGS}")
            store.delete_all(LOCAL_OWNER)
    return Result(f"{kills} imports killed: {whole} sessions whole, {absent} absent", tuple(faults))


def share_file(folder: Path, seconds: float) -> Result:
    """Two apps on one file, while a third process records."""
    url, faults, pages = sqlite_url(folder), [], 0
    settings = {"FERAPP_DATABASE_URL": url.render_as_string()}
    apps = [App(folder / f"log-{n}", **settings) for n in range(2)]
    try:
        for app in apps:
            app.wait_until_ready()
        with Store(open_database(url)) as store:
            recording = some_recording(id=uuid.uuid4().hex)
            store.begin(recording, LOCAL_OWNER)
            recorder, over = Recorder(store, recording.id), threading.Event()
            frames = some_readings(round(seconds * 15))

            def record() -> None:
                for i in range(len(frames)):
                    time.sleep(1 / 15)
                    recorder.add(frames.at(frames.at_s == frames.at_s[i]), float(frames.at_s[i]))
                recorder.stop()
                over.set()

            thread = threading.Thread(target=record)
            thread.start()
            while not over.is_set():
                for app in apps:
                    with Visitor(app.url) as visitor:
                        visitor.open("dashboard")
                        pages += 1
                        if "This did not work" in visitor.words:
                            faults.append(visitor.words[-200:])
            thread.join()
            kept = len(store.readings(recording.id, LOCAL_OWNER))
            if kept != len(frames) or recorder.failure:
                faults.append(f"{kept} of {len(frames)} readings; {recorder.failure}")
    finally:
        for app in apps:
            app.kill()
    return Result(
        f"{pages} dashboards of two apps beside a recording of {kept} readings", tuple(faults)
    )


def main() -> None:
    """Run all checks and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--enter", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.enter:
        enter_sessions()
    results = []
    for check in (
        use_silent,
        read_damaged,
        lambda folder: kill_imports(folder, options.kills, options.seed),
        lambda folder: share_file(folder, options.seconds),
    ):
        with tempfile.TemporaryDirectory() as folder:
            results.append(check(Path(folder)))
    report(*results)


if __name__ == "__main__":
    main()

"""Stores on a database of the test."""

import uuid
from pathlib import Path

from sqlalchemy import URL

from ferapp.sessions.session import Readings, SessionInfo
from ferapp.sessions.store import Store
from tests.support.sessions import some_readings, some_recording

ME, OTHER = "local", "someone else"


def sqlite_url(folder: Path) -> URL:
    return URL.create("sqlite", database=str(folder / "sub" / "sessions.db"))


def new_session(**changes: object) -> SessionInfo:
    return some_recording(id=uuid.uuid4().hex, **changes)


def begin_session(store: Store, count: int = 20, **changes: object) -> tuple[str, Readings]:
    recording, readings = new_session(**changes), some_readings(count)
    store.begin(recording, ME)
    store.add(recording.id, readings)
    return recording.id, readings

"""The app's store in a file of the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from ferapp.sessions.session import Readings
from ferapp.sessions.store import LOCAL_OWNER, Store
from ferapp.ui.shared import resources
from tests.support.sessions import some_recording

HOSTILE = "![x](http://evil/x.png) <b>$x$</b> :material/home:"
STARTED = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@contextmanager
def app_store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Give the app's store, with its database in a folder."""
    monkeypatch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{folder / 'sessions.db'}")
    forget_store()
    yield resources.store()
    forget_store()


def forget_store() -> None:
    """Close the app's store and forget that it couldn't be opened, so that the next is opened."""
    resources.store.clear()
    resources.opening.clear()


def add_session(
    store: Store,
    readings: Readings,
    *,
    owner: str = LOCAL_OWNER,
    is_over: bool = True,
    **changes: object,
) -> str:
    recording = some_recording(**{"id": uuid4().hex, "started": STARTED} | changes)
    store.begin(recording, owner)
    store.add(recording.id, readings)
    if is_over:
        store.finish(recording.id)
    return recording.id


def titles(store: Store) -> list[str]:
    return [session.recording.title for session in store.overviews(LOCAL_OWNER)]


def days_left(store: Store) -> int | None:
    expires = store.overviews(LOCAL_OWNER)[0].expires
    return None if expires is None else round((expires - datetime.now(UTC)) / timedelta(days=1))

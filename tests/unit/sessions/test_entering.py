"""Long sessions are stored in parts: nobody sees them before the end, and others can write."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from ferapp.errors import StoreError
from ferapp.sessions import database, schema
from ferapp.sessions import store as store_module
from ferapp.sessions.entries import entering
from ferapp.sessions.entries.entering import parts_of
from ferapp.sessions.entries.quota import Quota
from ferapp.sessions.recorder import Recorder
from ferapp.sessions.session import Marker, Readings
from ferapp.sessions.store import Store
from tests.support.databases import ME, OTHER, new_session
from tests.support.sessions import assert_same_readings, some_readings
from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entering, "PART", 10)


def rows(store: Store) -> int:
    with store._engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(schema.readings))


def test_others_can_write_between_the_parts_and_see_nothing(store: Store) -> None:
    recording = new_session(names={1: "Ada"}, markers=(Marker(0.0, "m"),))
    progress = []

    def parts() -> Iterator[Readings]:
        for part in parts_of(some_readings(25)):
            yield part
            assert store.overviews(ME) == []
            with pytest.raises(StoreError, match="no such session"):
                store.readings(recording.id, ME)
            store.enter(new_session(), some_readings(1), OTHER)
            assert store.purge() == 0

    store.entries.enter(
        recording,
        parts(),
        ME,
        25,
        keep_days=1,
        on_progress=lambda done, total: progress.append((done, total)),
    )
    assert progress == [(0, 25), (10, 25), (20, 25), (25, 25)]
    assert_same_readings(store.readings(recording.id, ME), some_readings(25))
    [seen] = store.overviews(ME)
    assert seen.recording.names == {1: "Ada"} and not seen.is_running and seen.readings == 25
    assert len(store.overviews(OTHER)) == 3


@pytest.mark.parametrize("stop", [StoreError("no"), KeyboardInterrupt()], ids=type)
def test_what_is_cancelled_leaves_nothing(store: Store, stop: BaseException) -> None:
    def progress(done: int, _: int) -> None:
        if done:
            raise stop

    with pytest.raises(type(stop)):
        store.entries.enter(
            new_session(), parts_of(some_readings(25)), ME, 25, keep_days=1, on_progress=progress
        )
    assert rows(store) == 0 and store.overviews(ME) == []
    store.enter(new_session(), some_readings(25), ME)


def test_what_a_killed_process_leaves_is_never_seen_and_erased(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parts() -> Iterator[Readings]:
        yield some_readings(10)
        raise KeyboardInterrupt

    # A process that is killed erases nothing.
    monkeypatch.setattr(store.entries._eraser, "erase", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        store.entries.enter(new_session(), parts(), ME, 25, keep_days=1)
    monkeypatch.undo()
    assert rows(store) == 10 and store.overviews(ME) == []
    assert store.purge() == 0, "it may still be running"
    later = database.utc_now() + timedelta(seconds=90)
    monkeypatch.setattr(store_module, "utc_now", lambda: later)
    assert store.purge() == 1 and rows(store) == 0


def test_at_the_quota_a_message_says_so_and_nothing_is_lost(store: Store) -> None:
    small = Store(store._engine, Quota(readings=30))
    small.enter(new_session(), some_readings(20), ME)
    assert small.entries.usage_text(ME).startswith("You use 20 of at most 30 readings and")
    told = "no room for 11 more readings: your sessions have 20 of at most 30. Delete sessions"
    with pytest.raises(StoreError, match=rf"{told}.*FERAPP_QUOTA_READINGS"):
        small.enter(new_session(), some_readings(11), ME)
    assert rows(small) == 20
    small.enter(new_session(), some_readings(11), OTHER)
    full = new_session()
    small.enter(full, some_readings(10), ME)
    with pytest.raises(StoreError, match="no room for 1 more reading"):
        small.begin(new_session(), ME)
    small.discards.add([full.id], ME)
    small.begin(new_session(), ME)


def test_two_imports_at_once_share_the_quota(store: Store) -> None:
    small = Store(store._engine, Quota(readings=30))

    def parts() -> Iterator[Readings]:
        yield some_readings(10)
        small.enter(new_session(), some_readings(15), ME)
        yield some_readings(10)

    with pytest.raises(StoreError, match="no room for 10 more readings"):
        small.entries.enter(new_session(), parts(), ME, 20, keep_days=1)
    assert rows(small) == 15


def test_bytes_count_as_well(store: Store) -> None:
    small = Store(store._engine, Quota(bytes=10_000_000))
    with pytest.raises(StoreError, match=r"0 of at most 10 MB.*FERAPP_QUOTA_MB"):
        small.entries.enter(new_session(), [], ME, 40_000, keep_days=1)
    long = new_session(settings={"a": "x" * 60_000}, markers=(Marker(0.0, "m"),) * 1000)
    small.enter(long, some_readings(1), ME)
    assert 0.25 < float(small.entries.usage_text(ME).split("about ")[1].split()[0]) < 0.4


def test_a_recorder_stops_at_the_quota_and_keeps_what_it_has(store: Store) -> None:
    small = Store(store._engine, Quota(readings=20))
    recording = new_session()
    small.begin(recording, ME)
    recorder = Recorder(small, recording.id)
    readings = some_readings(60)
    for first in range(60):
        one = readings.at(readings.at_s == readings.at_s[first])
        recorder.add(one, float(one.at_s[0]))
        if first % 10 == 0:
            threading.Event().wait(0.2)
    wait_until(lambda: not recorder.is_running and not recorder._thread.is_alive())
    assert "no room for" in recorder.failure and "FERAPP_QUOTA_READINGS" in recorder.failure
    [seen] = small.overviews(ME)
    assert 0 < seen.readings <= 20 and not seen.is_running


def test_the_operator_sets_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Quota.from_environment() == Quota()
    monkeypatch.setenv("FERAPP_QUOTA_READINGS", "700")
    monkeypatch.setenv("FERAPP_QUOTA_MB", "0")
    assert Quota.from_environment() == Quota(700, None)
    monkeypatch.setenv("FERAPP_QUOTA_MB", "2 GB")
    with pytest.raises(StoreError, match="FERAPP_QUOTA_MB is not a whole number"):
        Quota.from_environment()

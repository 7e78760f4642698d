"""Sessions in a real database, SQLite and PostgreSQL alike."""

import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from ferapp.errors import StoreError
from ferapp.sessions import database
from ferapp.sessions.entries import entering
from ferapp.sessions.recorder import Recorder
from ferapp.sessions.session import Marker, Readings
from ferapp.sessions.store import Store
from tests.support.databases import ME, OTHER, begin_session, new_session
from tests.support.fakes import Clock
from tests.support.sessions import assert_same_readings, some_readings
from tests.support.waiting import wait_until


def test_a_new_store_is_empty(store: Store) -> None:
    assert store.overviews(ME) == []
    assert store.purge() == 0
    store.delete_all(ME)
    assert store.size_bytes() > 0


def test_a_session_without_readings(store: Store) -> None:
    recording = new_session()
    store.begin(recording, ME)
    store.add(recording.id, Readings.empty(len(recording.labels)))
    assert_same_readings(store.readings(recording.id, ME), Readings.empty(len(recording.labels)))
    assert store.overviews(ME)[0].readings == 0


def test_recorded_readings_come_back_exactly(store: Store) -> None:
    recording = new_session(markers=(Marker(0.5, "çay ☕", 0.75), Marker(1.0, "=1+1")))
    readings = some_readings(40, faces=2)
    readings.probabilities[3] = np.nan
    readings.smoothed[3:5] = np.nan
    readings.flaw[3] = "too small"
    store.begin(recording, ME)
    half = len(readings) // 2
    store.add(recording.id, readings.at(np.arange(half)))
    store.add(recording.id, readings.at(np.arange(half, len(readings))))
    store.finish(recording.id, 9.5)
    assert_same_readings(store.readings(recording.id, ME), readings)
    seen = store.overviews(ME)[0]
    assert seen.recording == replace(recording, duration_s=9.5)
    assert seen.recording.started.utcoffset() is not None
    assert seen.readings == len(readings) and seen.duration_s == 9.5 and not seen.is_running


def test_only_the_last_minute_can_be_read(store: Store) -> None:
    id, readings = begin_session(store, 60)
    late = store.readings(id, ME, since_s=2.0)
    assert_same_readings(late, readings.at(readings.at_s >= 2.0))


def test_the_start_keeps_its_time_zone(store: Store) -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    started = datetime(2026, 3, 29, 1, 59, 59, 123456, zone)
    begin_session(store, started=started)
    seen = store.overviews(ME)[0].recording.started
    assert seen == started and seen.utcoffset() == started.utcoffset()


def test_owners_see_and_change_their_own_sessions_only(store: Store) -> None:
    id, readings = begin_session(store, title="mine")
    assert store.overviews(OTHER) == []
    with pytest.raises(StoreError, match="no such session"):
        store.readings(id, OTHER)
    store.rename(id, OTHER, "yours")
    store.mark(id, OTHER, [Marker(1, "yours")])
    store.keep(id, OTHER, None)
    store.delete(id, OTHER)
    store.delete_all(OTHER)
    kept = store.overviews(ME)[0]
    assert kept.recording.title == "mine" and not kept.recording.markers and kept.expires
    assert len(store.readings(id, ME)) == len(readings)


def test_titles_markers_and_keeping_can_be_changed(store: Store) -> None:
    id, _ = begin_session(store)
    store.rename(id, ME, "x" * 300)
    store.mark(id, ME, [Marker(1.5, "first")])
    store.mark(id, ME, [Marker(2.5, "second")])
    store.keep(id, ME, None)
    seen = store.overviews(ME)[0]
    assert seen.recording.title == "x" * 200 and seen.expires is None
    assert seen.recording.markers == (Marker(2.5, "second"),)


def test_a_marker_is_added_to_those_of_the_session(store: Store) -> None:
    id, _ = begin_session(store, markers=(Marker(3.0, "late"),))
    store.add_marker(id, Marker(1.0, "y" * 300))
    markers = store.overviews(ME)[0].recording.markers
    assert markers == (Marker(1.0, "y" * 200), Marker(3.0, "late"))
    with pytest.raises(StoreError):
        store.add_marker("no such session", Marker(1.0, "x"))


def test_the_newest_session_comes_first(store: Store) -> None:
    now = datetime.now().astimezone()
    for days in (2, 0, 1):
        begin_session(store, started=now - timedelta(days=days), title=str(days))
    assert [s.recording.title for s in store.overviews(ME)] == ["0", "1", "2"]


def test_expired_sessions_are_purged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    begin_session(store, title="thirty days")
    kept = new_session(title="for good")
    store.begin(kept, ME, keep_days=None)
    late = database.utc_now() + timedelta(days=31)
    monkeypatch.setattr("ferapp.sessions.store.utc_now", lambda: late)
    assert store.purge() == 1
    assert [s.recording.title for s in store.overviews(ME)] == ["for good"]


def test_a_session_that_was_cut_off_is_not_running(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_session(store)
    assert store.overviews(ME)[0].is_running
    late = database.utc_now() + timedelta(seconds=11)
    monkeypatch.setattr("ferapp.sessions.store.utc_now", lambda: late)
    assert not store.overviews(ME)[0].is_running


def test_a_deleted_session_takes_no_more_readings(store: Store) -> None:
    id, readings = begin_session(store)
    store.delete(id, ME)
    with pytest.raises(StoreError, match="deleted"):
        store.add(id, readings)
    assert store.overviews(ME) == []


def test_a_batch_is_added_whole_or_not_at_all(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, readings = begin_session(store)
    real = entering.rows_of

    def without_the_last_time(session: str, readings: Readings) -> list[dict[str, object]]:
        rows = real(session, readings)
        rows[-1]["at_s"] = None
        return rows

    monkeypatch.setattr(entering, "rows_of", without_the_last_time)
    with pytest.raises(StoreError, match="reported an error"):
        store.add(id, readings)
    assert len(store.readings(id, ME)) == len(readings)
    assert store.overviews(ME)[0].readings == len(readings)


def test_many_recordings_at_once(store: Store) -> None:
    ids = [begin_session(store, 5)[0] for _ in range(6)]
    failures: list[Exception] = []

    def record(id: str) -> None:
        try:
            for i in range(10):
                later = some_readings(5)
                store.add(id, replace(later, at_s=later.at_s + i))
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=record, args=(id,)) for id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [len(store.readings(id, ME)) for id in ids] == [55] * 6


def in_files(folder: Path, needle: bytes) -> bool:
    return any(needle in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The system's clock goes ahead by so much, or back; no time passes."""
    late = database.utc_now() + timedelta(seconds=seconds)
    for module in ("store", "discards", "reading", "entries.entering"):
        monkeypatch.setattr(f"ferapp.sessions.{module}.utc_now", lambda: late)


def pass_time(monkeypatch: pytest.MonkeyPatch, seconds: float, store: Store) -> None:
    set_clock(monkeypatch, seconds)
    monkeypatch.setattr(store.discards, "_clock", lambda: time.monotonic() + seconds)


def test_a_discarded_session_is_hidden_at_once_and_takes_nothing_more(store: Store) -> None:
    id, readings = begin_session(store, title="discarded")
    kept, _ = begin_session(store, title="kept")
    assert store.discards.add([id], ME) == 1
    assert [s.recording.id for s in store.overviews(ME)] == [kept]
    with pytest.raises(StoreError, match="no such session"):
        store.readings(id, ME)
    with pytest.raises(StoreError, match="deleted"):
        store.add(id, readings)
    assert store.discards.add([id], ME) == 0, "the second click deletes nothing"
    assert store.purge() == 0 and store.discards.restore([id], ME) == 1
    assert {s.recording.title for s in store.overviews(ME)} == {"discarded", "kept"}
    assert len(store.readings(id, ME)) == len(readings)


def test_a_discarded_session_is_restored_as_it_was(store: Store) -> None:
    id, _ = begin_session(store)
    store.mark(id, ME, [Marker(0.5, "before")])
    before = store.overviews(ME)[0].recording
    store.discards.add([id], ME)
    store.rename(id, ME, "changed")
    store.mark(id, ME, [])
    store.keep(id, ME, -1)
    store.discards.restore([id], ME)
    assert store.overviews(ME)[0].recording == before and store.purge() == 0


def test_after_ten_seconds_a_discarded_session_is_erased_and_not_restored(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, _ = begin_session(store, title="discarded")
    begin_session(store, title="kept")
    store.discards.add([id], ME)
    pass_time(monkeypatch, 9, store)
    assert store.purge() == 0
    pass_time(monkeypatch, 10.5, store)
    assert store.discards.restore([id], ME) == 0, "also before it is erased"
    assert store.purge() == 1 and store.discards.restore([id], ME) == 0
    assert [s.recording.title for s in store.overviews(ME)] == ["kept"]


def test_only_its_owner_discards_and_restores_a_session(store: Store) -> None:
    id, _ = begin_session(store)
    assert store.discards.add([id], OTHER) == 0 and len(store.overviews(ME)) == 1
    store.discards.add([id], ME)
    assert store.discards.restore([id], OTHER) == 0 and store.overviews(ME) == []


@pytest.mark.parametrize("how", ["delete", "delete_all", "purge", "discard"])
def test_deleted_bytes_are_gone_from_every_file(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    store = sqlite_store
    kept, _ = begin_session(store, 50, title="a title that stays")
    recording = new_session(title="a title to be forgotten", markers=(Marker(1, "a mark"),))
    readings = some_readings(400)
    store.begin(recording, OTHER, keep_days=-1)
    store.add(recording.id, readings)
    needles = [b"a title to be forgotten", b"a mark", readings.probabilities[7].tobytes()]
    assert all(in_files(tmp_path, needle) for needle in needles), "or the test proves nothing"
    size = store.size_bytes()
    if how == "delete":
        store.delete(recording.id, OTHER)
    elif how == "delete_all":
        store.delete_all(OTHER)
    else:
        if how == "discard":
            store.keep(recording.id, OTHER, 30)
            store.discards.add([recording.id], OTHER)
            assert all(in_files(tmp_path, needle) for needle in needles), "it can be undone"
            pass_time(monkeypatch, 10.5, store)
        assert store.purge() == 1
    assert not any(in_files(tmp_path, needle) for needle in needles)
    assert in_files(tmp_path, b"a title that stays") and len(store.readings(kept, ME)) == 50
    assert store.size_bytes() < size


def test_nothing_expires_while_the_clock_is_a_year_ahead(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (id, readings), _ = begin_session(store), begin_session(store)
    assert store.purge() == 0
    set_clock(monkeypatch, 365 * 86_400)
    assert store.purge() == 0
    store.add(id, readings)  # a recording goes on
    monkeypatch.undo()
    assert store.purge() == 0 and len(store.overviews(ME)) == 2


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_deletion_keeps_its_ten_seconds_when_the_clock_is_set(
    store: Store, hours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    (id, _), (other, _) = begin_session(store), begin_session(store)
    store.discards.add([id, other], ME)
    set_clock(monkeypatch, hours * 3600)
    assert store.purge() == 0
    assert store.discards.restore([id], ME) == 1
    pass_time(monkeypatch, 10.5, store)
    set_clock(monkeypatch, hours * 3600 + 10.5)
    assert store.purge() == 1, "and is not put off until the clock is there again"
    assert [s.recording.id for s in store.overviews(ME)] == [id]


def test_a_deletion_of_a_process_whose_clock_was_ahead_is_not_put_off(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, _ = begin_session(store)
    store.discards.add([id], ME)
    later = Store(store._engine)
    set_clock(monkeypatch, -3600)
    assert later.purge() == 0
    set_clock(monkeypatch, -3600 + 11)
    assert later.purge() == 1


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_recording_goes_on_when_the_clock_is_set(
    store: Store, hours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording, clock = new_session(), Clock()
    store.begin(recording, ME)
    recorder = Recorder(store, recording.id, clock=clock)
    for second in range(20):
        clock.now_s = second
        recorder.add(some_readings(1), float(second))
        if second == 9:
            wait_until(lambda: store.overviews(ME)[0].readings >= 9)
            set_clock(monkeypatch, hours * 3600)
    wait_until(lambda: store.overviews(ME)[0].is_running)
    recorder.stop()
    [session] = store.overviews(ME)
    assert session.duration_s == pytest.approx(20, abs=1.1) and not session.is_running
    readings = store.readings(recording.id, ME)
    np.testing.assert_allclose(readings.at_s, np.arange(20))
    assert recorder.failure is None


def test_a_recording_that_was_cut_off_is_over_when_the_clock_is_set_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_session(store)
    set_clock(monkeypatch, -3600)
    assert not store.overviews(ME)[0].is_running

"""Damaged values in the tables: the sessions that have them are named, and the others go on."""

import tracemalloc

import numpy as np
import pytest
from sqlalchemy import Engine

from ferapp.errors import StoreError
from ferapp.sessions.entries.quota import Quota
from ferapp.sessions.face_edits import NameFace
from ferapp.sessions.overviews import Likeness
from ferapp.sessions.session import Marker, Provenance
from ferapp.sessions.store import Store
from tests.support.damage import POSTGRESQL, SQLITE, damage
from tests.support.databases import ME, OTHER, begin_session, new_session
from tests.support.sessions import some_readings

CASES = [
    pytest.param(kind, *case, id=f"{kind}: {name}")
    for kind, cases in (("sqlite", SQLITE), ("postgresql", POSTGRESQL))
    for name, case in cases.items()
]


def finished(store: Store, **changes: object) -> str:
    recording = new_session(**changes)
    store.enter(recording, some_readings(20), ME)
    return recording.id


@pytest.fixture
def engine(kind: str, request: pytest.FixtureRequest) -> Engine:
    """Of one kind; see `tests.unit.sessions.conftest.engine`."""
    return request.getfixturevalue(f"{kind}_engine")


@pytest.mark.parametrize(("kind", "column", "value"), CASES)
def test_a_damaged_session_is_named_and_deleted_and_the_others_go_on(
    engine: Engine, column: str, value: str
) -> None:
    store = Store(engine)
    ids = [finished(store, title=f"talk {n}") for n in range(3)]
    damage(engine, ids[1], column, value)
    store.purge()
    listing = store.listing(ME)
    assert {s.recording.title for s in listing.sessions} == {"talk 0", "talk 2"}
    [bad] = listing.unreadable
    assert "talk 1" in bad.name or (column in ("title", "id") and bad.name)
    assert store.overviews(ME, like=Likeness("a", "b" * 64)) == []
    assert all(len(store.readings(ids[n], ME)) == 20 for n in (0, 2))
    if column != "id":
        assert bad.key == ids[1]
        for use in (store.readings, store.faces.forget_names):
            if use == store.readings or column == "touched_utc":
                with pytest.raises(StoreError, match="can't be read"):
                    use(bad.key, ME)
    assert store.discards.add([bad.key], OTHER) == 0
    assert store.discards.add([bad.key], ME) == 1 and not store.listing(ME).unreadable
    assert store.discards.restore([bad.key], ME) == 1
    store.delete(bad.key, ME)
    assert not store.listing(ME).unreadable and len(store.overviews(ME)) == 2


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_deleting_all_reads_nothing(engine: Engine) -> None:
    store = Store(engine)
    ids = [finished(store) for _ in range(3)]
    damage(engine, ids[0], "labels", "'7'")
    if engine.dialect.name == "sqlite":
        damage(engine, ids[1], "id", "cast(x'ff' as text)")
    keys = store.discards.add_all(ME)
    assert len(keys) == 3 and not store.overviews(ME) and not store.listing(ME).unreadable
    assert store.discards.restore(keys, ME) == 3
    store.discards.add_all(ME)
    store.delete_all(ME)
    assert store.discards.restore(keys, ME) == 0


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("value", ["9e999", "9223372036854775807", "-5000000"])
def test_a_damaged_count_keeps_nobody_from_recording(engine: Engine, value: str) -> None:
    store = Store(engine, Quota(readings=100, bytes=None))
    damage(engine, finished(store), "readings", value)
    damage(engine, finished(store), "readings", value)
    assert store.entries.usage_text(ME) == "You use 0 of at most 100 readings."
    finished(store)
    with pytest.raises(StoreError, match="no room"):
        store.enter(new_session(), some_readings(90), ME)


READINGS = {
    "time": ("at_s", "'soon'", "'NaN'"),
    "face": ("face", "'first'", None),
    "face no UTF-8": ("face", "cast(x'ff' as text)", None),
    "width": ("width", "'wide'", "-1"),
    "corner": ("x1", "x'00'", "'Infinity'"),
    "score": ("score", "9e999", "'NaN'"),
    "label no UTF-8": ("expression", "cast(x'ff' as text)", None),
    "label bytes": ("expression", "x'ff'", None),
    "shares cut": ("probabilities", "x'00'", "'\\x00'"),
    "shares of text": ("smoothed", "'none'", None),
    "shares above one": ("smoothed", f"x'{'00004842' * 8}'", f"'\\x{'00004842' * 8}'"),
    "length": ("duration_s", "'long'", "-3"),
}


@pytest.mark.parametrize(
    ("kind", "column", "value"),
    [
        pytest.param(kind, case[0], value, id=f"{kind}: {name}")
        for name, case in READINGS.items()
        for kind, value in zip(("sqlite", "postgresql"), case[1:], strict=True)
        if value
    ],
)
def test_readings_that_cannot_be_read_are_left_out_and_counted(
    engine: Engine, column: str, value: str
) -> None:
    store = Store(engine)
    id, readings = begin_session(store, 20)
    other, _ = begin_session(store, 5)
    damage(engine, other, column, value, table="readings")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE readings SET {column} = {value.replace('%', '%%')} WHERE id IN "
            f"(SELECT id FROM readings WHERE session = '{id}' ORDER BY id LIMIT 3)"
        )
    found = store.readings(id, ME)
    np.testing.assert_array_equal(found.at_s, readings.at_s[3:])
    np.testing.assert_array_equal(found.probabilities, readings.probabilities[3:])
    [of_this, of_other] = sorted(store.overviews(ME), key=lambda s: -s.readings)
    assert of_this.readings - len(found) == 3
    assert len(store.readings(of_other.recording.id, ME)) == 0
    store.finish(id)
    assert store.faces.edit(id, ME, NameFace(1, "Ada")) == "Face 1 named Ada"


@pytest.mark.parametrize("step", ["cast(x'ff' as text)", "9223372036854775807", "9e999", "-1"])
def test_a_change_without_a_number_is_counted(sqlite_engine: Engine, step: str) -> None:
    store = Store(sqlite_engine)
    id = finished(store)
    store.faces.edit(id, ME, NameFace(1, "Ada"))
    with sqlite_engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE face_edits SET step = {step}")
    [session] = store.overviews(ME)
    assert session.left_out == 1 and not session.recording.names
    assert store.faces.edit(id, ME, NameFace(1, "Grace")) == "Face 1 named Grace"
    assert store.faces.undo(id, ME) == "Face 1 named Grace"


@pytest.mark.parametrize("column", ["width", "x1", "at_s"])
def test_one_long_value_takes_little_memory(sqlite_engine: Engine, column: str) -> None:
    store = Store(sqlite_engine)
    id, _ = begin_session(store, 200)
    with sqlite_engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE readings SET {column} = zeroblob(300000) WHERE id = 7")
    tracemalloc.start()
    try:
        assert len(store.readings(id, ME)) == 199
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_markers_and_changes_that_cannot_be_read_are_counted(engine: Engine) -> None:
    store = Store(engine)
    markers = (Marker(1.0, "start"), Marker(2.0, "end"), Marker(3.0, "film", 4.0))
    id = finished(store, markers=markers)
    store.faces.edit(id, ME, NameFace(1, "Ada"))
    store.faces.edit(id, ME, NameFace(1, "Grace"))
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.begin() as connection:
        name = "cast(x'ff' as text)" if is_sqlite else "'end'"
        connection.exec_driver_sql(f"UPDATE markers SET name = {name} WHERE at_s = 2.0")
        connection.exec_driver_sql("UPDATE markers SET end_s = 1.0 WHERE at_s = 3.0")
        connection.exec_driver_sql("UPDATE face_edits SET edit = '[]' WHERE step = 2")
    [session] = store.overviews(ME)
    assert session.left_out == 2 + is_sqlite
    assert [m.name for m in session.recording.markers][:1] == ["start"]
    assert session.recording.names == {1: "Ada"}
    store.faces.edit(id, ME, NameFace(1, "Edsger"))
    assert store.overviews(ME)[0].recording.names == {1: "Edsger"}
    assert store.faces.undo(id, ME) == "Face 1 named Edsger"
    assert store.faces.undo(id, ME) == "A change that could not be read"
    assert store.faces.undo(id, ME) == "Face 1 named Ada"
    assert len(store.readings(id, ME)) == 20


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_file_is_imported_beside_a_session_whose_source_cannot_be_read(engine: Engine) -> None:
    store = Store(engine)
    sha256 = "a" * 64
    for value in ("'{'", "x'ff'", "cast(x'ff' as text)"):
        damage(engine, finished(store), "provenance", value)
    kept = finished(store, provenance=Provenance(sha256, 5))
    [found] = store.overviews(ME, like=Likeness("no key", sha256))
    assert found.recording.id == kept


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_damaged_date_deletes_nothing(engine: Engine) -> None:
    store = Store(engine)
    ids = [finished(store) for _ in range(4)]
    for id, value in zip(ids, ("5", "''", "'abc'", "x'00'"), strict=True):
        damage(engine, id, "expires_utc", value)
    assert store.purge() == 0
    assert {bad.key for bad in store.listing(ME).unreadable} == set(ids)

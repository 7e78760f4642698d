"""Names, merges and splits in a real database, SQLite and PostgreSQL alike."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from ferapp.errors import FaceEditError, StoreError
from ferapp.sessions import database
from ferapp.sessions.face_edits import FaceEdits, MergeFaces, NameFace, SplitFace
from ferapp.sessions.session import Readings
from ferapp.sessions.store import Store
from tests.support.databases import ME, OTHER, new_session, sqlite_url
from tests.support.sessions import face_readings, some_readings

# Face 1 from 0 to 2 s, face 2 from 3 to 4 s.
READINGS = Readings.join(
    [
        face_readings((0, "fear"), (1, "fear"), (2, "anger")),
        face_readings((3, "anger"), (4, "neutral"), face=2),
    ]
)


def enter(store: Store, *, edits: FaceEdits | None = None, **changes: object) -> str:
    recording = new_session(**changes)
    store.enter(recording, READINGS, ME, edits=edits)
    return recording.id


def names_of(store: Store) -> dict[int, str]:
    return store.overviews(ME)[0].recording.names


def test_faces_are_named_merged_split_and_every_step_is_undone(store: Store) -> None:
    id = enter(store)
    assert store.faces.edit(id, ME, NameFace(1, " Zoë 李 ")) == "Face 1 named Zoë 李"
    assert names_of(store) == {1: "Zoë 李"}
    store.faces.edit(id, ME, MergeFaces(1, (2,)))
    assert store.readings(id, ME).face.tolist() == [1] * 5
    store.faces.edit(id, ME, SplitFace(1, 2.0))
    assert store.readings(id, ME).face.tolist() == [1, 1, 3, 3, 3]
    assert store.readings(id, ME, since_s=3.0).face.tolist() == [3, 3]
    assert len(store.overviews(ME)[0].edits.steps) == 3
    assert store.faces.undo(id, ME) == "Zoë 李 (face 1) split: face 3 from 2 s on"
    assert store.readings(id, ME).face.tolist() == [1] * 5
    store.faces.undo(id, ME)
    store.faces.undo(id, ME)
    assert store.readings(id, ME).face.tolist() == READINGS.face.tolist()
    assert names_of(store) == {} and store.overviews(ME)[0].edits == FaceEdits()
    with pytest.raises(FaceEditError, match="no change of faces to undo"):
        store.faces.undo(id, ME)


def test_a_change_that_changes_nothing_is_not_stored(store: Store) -> None:
    id = enter(store)
    store.faces.edit(id, ME, NameFace(1, "Ada"))
    assert store.faces.edit(id, ME, NameFace(1, "Ada")) == ""
    assert len(store.overviews(ME)[0].edits.steps) == 1


def test_names_that_come_with_the_readings_are_no_step(store: Store) -> None:
    id = enter(store, names={2: "Eve"})
    assert names_of(store) == {2: "Eve"}
    store.faces.edit(id, ME, NameFace(2, "Ada"))
    store.faces.undo(id, ME)
    assert names_of(store) == {2: "Eve"}
    with pytest.raises(FaceEditError, match="no change"):
        store.faces.undo(id, ME)


def test_a_recording_begins_with_its_names(store: Store) -> None:
    store.begin(new_session(names={1: "Ada"}), ME)
    assert names_of(store) == {1: "Ada"}


def test_changes_made_before_a_session_is_stored_can_be_undone_in_it(store: Store) -> None:
    edits = FaceEdits()
    for edit in (NameFace(2, "Ada"), MergeFaces(1, (2,))):
        edits = edits.add(edit, READINGS.at_s, READINGS.face)
    id = enter(store, edits=edits)
    assert store.overviews(ME)[0].edits == edits and names_of(store) == {1: "Ada"}
    store.faces.undo(id, ME)
    assert store.readings(id, ME).faces == [1, 2] and names_of(store) == {2: "Ada"}


CHANGES: dict[str, Callable[[Store, str, str], object]] = {
    "edit": lambda store, id, owner: store.faces.edit(id, owner, NameFace(1, "theirs")),
    "undo": lambda store, id, owner: store.faces.undo(id, owner),
    "forget": lambda store, id, owner: store.faces.forget_names(id, owner),
}


@pytest.mark.parametrize("change", CHANGES)
def test_others_change_no_faces(store: Store, change: str) -> None:
    id = enter(store)
    store.faces.edit(id, ME, NameFace(1, "mine"))
    with pytest.raises(StoreError, match="no such session"):
        CHANGES[change](store, id, OTHER)
    with pytest.raises(StoreError, match="no such session"):
        CHANGES[change](store, "none", ME)
    assert names_of(store) == {1: "mine"} and store.overviews(OTHER) == []


def test_a_session_that_is_being_recorded_keeps_its_faces(store: Store) -> None:
    """A face that comes later would get a number that a split has given away."""
    recording = new_session()
    store.begin(recording, ME)
    store.add(recording.id, READINGS)
    with pytest.raises(FaceEditError, match="being recorded"):
        store.faces.edit(recording.id, ME, SplitFace(1, 1.0))
    store.finish(recording.id)
    store.faces.edit(recording.id, ME, SplitFace(1, 1.0))
    assert store.readings(recording.id, ME).faces == [1, 2, 3]


def test_changes_of_one_session_leave_the_others_alone(store: Store) -> None:
    first, second = enter(store), enter(store)
    store.faces.edit(first, ME, NameFace(1, "Ada"))
    store.faces.edit(second, ME, NameFace(1, "Ada"))
    store.faces.edit(second, ME, MergeFaces(1, (2,)))
    assert store.readings(first, ME).faces == [1, 2]
    store.faces.undo(second, ME)
    names = {s.recording.id: s.recording.names for s in store.overviews(ME)}
    assert names == {first: {1: "Ada"}, second: {1: "Ada"}}


def test_two_changes_at_once_get_different_numbers(store: Store) -> None:
    recording = new_session()
    store.enter(recording, some_readings(100), ME)
    failures: list[Exception] = []

    def split(at_s: float) -> None:
        try:
            store.faces.edit(recording.id, ME, SplitFace(1, at_s))
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=split, args=(at_s,)) for at_s in (5.0, 4.0, 3.0, 2.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    edits = store.overviews(ME)[0].edits
    news = [step.new_face for step in edits.steps if isinstance(step, SplitFace)]
    assert len(news) + len(failures) == 4 and len(set(news)) == len(news) >= 1
    assert all(isinstance(failure, FaceEditError) for failure in failures)


def in_files(folder: Path, needle: bytes) -> bool:
    return any(needle in path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("how", ["undo", "forget", "delete the session", "forget one in between"])
def test_a_name_that_is_taken_back_is_gone_from_every_file(
    sqlite_store: Store, tmp_path: Path, how: str
) -> None:
    store = sqlite_store
    id = enter(store)
    store.faces.edit(id, ME, NameFace(1, "A name to forget"))
    if how == "forget one in between":
        store.faces.edit(id, ME, NameFace(1, "Another"))
    assert in_files(tmp_path, b"A name to forget"), "or the test proves nothing"
    match how:
        case "undo":
            store.faces.undo(id, ME)
        case "delete the session":
            store.delete(id, ME)
        case _:
            store.faces.forget_names(id, ME)
    assert not in_files(tmp_path, b"A name to forget") and not in_files(tmp_path, b"Another")


@pytest.mark.parametrize("fails", [False, True], ids=["works", "fails"])
def test_no_log_has_a_name(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture, fails: bool
) -> None:
    """Also not in the error of a database that fails: SQLAlchemy quotes what it was to store."""
    caplog.set_level("DEBUG")
    store, name = sqlite_store, "A name to hide"
    id = enter(store)
    store.faces.edit(id, ME, NameFace(1, name))
    with pytest.raises(FaceEditError) as refused:
        store.faces.edit(id, ME, NameFace(2, name))
    said = str(refused.value)
    if fails:
        with store._engine.begin() as connection:
            connection.execute(text("ALTER TABLE face_edits RENAME COLUMN edit TO gone"))
        with pytest.raises(StoreError) as broken:
            store.enter(new_session(names={1: name}), READINGS, ME)
        said += str(broken.value)
    else:
        store.faces.undo(id, ME)
        store.faces.forget_names(id, ME)
    assert name not in caplog.text + said


def test_forgetting_names_keeps_merges_and_their_undo(store: Store) -> None:
    id = enter(store, names={2: "Eve"})
    store.faces.edit(id, ME, NameFace(1, "Ada"))
    store.faces.edit(id, ME, MergeFaces(1, (2,)))
    store.faces.forget_names(id, ME)
    assert names_of(store) == {} and store.readings(id, ME).faces == [1]
    store.faces.undo(id, ME)
    assert store.readings(id, ME).faces == [1, 2] and names_of(store) == {}


def test_a_database_from_before_names_is_migrated_with_its_sessions(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    Path(url.database).parent.mkdir()
    old = create_engine(url)
    with old.begin() as connection:
        command.upgrade(database._config(connection), "0001")
        columns = (
            "id, owner, title, source, started_utc, offset_s, labels, unsure_below, settings, "
            "models, version, consent, touched_utc, is_finished, readings, last_s"
        )
        connection.execute(
            text(
                f"INSERT INTO sessions ({columns}) VALUES ('a1', 'local', 'old', 'live', "
                "'2026-01-01 00:00:00', 0, '[\"fear\"]', 0.5, '{}', '{}', '1', '', "
                "'2026-01-01 00:00:00', 1, 1, 2.0)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO readings (session, at_s, face, width, height, x1, y1, x2, y2, score, "
                "is_corrected) VALUES ('a1', 2.0, 1, 9, 9, 1, 1, 2, 2, 0.9, 0)"
            )
        )
    old.dispose()
    with Store(database.open_database(url)) as store:
        store.faces.edit("a1", ME, NameFace(1, "Ada"))
        assert names_of(store) == {1: "Ada"} and store.readings("a1", ME).faces == [1]

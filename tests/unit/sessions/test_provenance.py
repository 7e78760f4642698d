"""Where sessions come from: an unknown start stays unknown, and nothing is stored twice unasked."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine
from typer.testing import CliRunner

from ferapp.cli.app import app
from ferapp.emotions import EXPRESSIONS
from ferapp.errors import DataError
from ferapp.inference.manifest import manifest
from ferapp.pipeline.session_import import import_session
from ferapp.sessions import database
from ferapp.sessions.formats.exchange import read, to_csv, to_json, to_parquet
from ferapp.sessions.report.html import to_html
from ferapp.sessions.session import Provenance, SessionInfo
from ferapp.sessions.store import LOCAL_OWNER, Store
from tests.support.databases import ME, OTHER, new_session, sqlite_url
from tests.support.sessions import some_readings, some_recording

SOURCE = Provenance("ab" * 32, 1234, "a/clip.mp4", datetime(2021, 3, 4, 5, 6, tzinfo=UTC), "1.0")


@pytest.fixture
def users_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{tmp_path}/sessions.db")
    monkeypatch.setenv("COLUMNS", "160")
    with Store.open() as opened:
        yield opened


def of_file(**changes: object) -> SessionInfo:
    return new_session(**{"source": "video", "started": None, "provenance": SOURCE} | changes)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(SOURCE, id="all"),
        pytest.param(Provenance("0" * 64, 0), id="least"),
        pytest.param(replace(SOURCE, content_date=datetime(2021, 3, 4, 5)), id="no time zone"),
        pytest.param(
            replace(SOURCE, content_date=datetime(2021, 3, 4, tzinfo=timezone(timedelta(hours=5)))),
            id="offset",
        ),
        pytest.param(None, id="unknown"),
    ],
)
def test_the_source_of_a_session_is_stored_and_exported(
    store: Store, source: Provenance | None
) -> None:
    info, readings = of_file(provenance=source), some_readings(5)
    store.enter(info, readings, ME)
    stored = store.overviews(ME)[0].recording
    assert stored.provenance == source and stored.started is None
    for write in (to_json, to_parquet):
        found, _ = read("x", write(stored, readings))
        assert found.provenance == source and found.started is None
    if source and source.content_date:
        assert stored.provenance.content_date.utcoffset() == source.content_date.utcoffset()


def described(**changes: Any) -> bytes:
    whole = json.loads(to_json(of_file(), some_readings(2)))
    whole["recording"] |= changes
    return json.dumps(whole).encode()


def sourced(**changes: Any) -> bytes:
    return described(provenance=SOURCE.to_json() | changes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(described(provenance=[]), "should be an object", id="list"),
        pytest.param(sourced(sha256="AB" * 32), "hash", id="capitals"),
        pytest.param(sourced(sha256=7), "hash", id="number"),
        pytest.param(sourced(size_bytes=-1), "size", id="negative"),
        pytest.param(sourced(size_bytes=True), "size", id="truth"),
        pytest.param(sourced(size_bytes=2**70), "size", id="huge"),
        pytest.param(sourced(content_date="yesterday"), "date", id="words"),
        pytest.param(sourced(content_date=5), "text", id="date as number"),
        pytest.param(sourced(name=5), "text", id="name as number"),
    ],
)
def test_an_impossible_source_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read("x.json", data)


def test_a_hostile_name_of_a_source_is_one_short_line() -> None:
    info, _ = read("x.json", sourced(name="line1\nline2\u202e" + "x" * 5000))
    assert info.provenance.name.startswith("line1\ufffdline2\ufffdx")
    assert len(info.provenance.name) == 1000


def test_sessions_of_unknown_start_are_listed_by_when_they_were_added(store: Store) -> None:
    now = datetime.now(UTC)
    for title, started in (
        ("old", now - timedelta(days=3)),
        ("unknown", None),
        ("future", now + timedelta(days=1)),
    ):
        store.enter(new_session(title=title, started=started), some_readings(3), ME)
    listed = store.overviews(ME)
    assert [each.recording.title for each in listed] == ["future", "unknown", "old"]
    assert abs(listed[1].listed - now) < timedelta(minutes=1)
    assert listed[1].listed.tzinfo is not None and listed[0].listed == listed[0].recording.started


def test_what_batches_of_an_earlier_version_wrote_for_a_start_is_unknown() -> None:
    assert read("x.json", described(started="1970-01-01T00:00:00+00:00"))[0].started is None
    assert read("x.json", described(started="1970-01-01T02:00:00+02:00"))[0].started is None
    assert read("x.json", described(started="1970-01-01T00:00:01+00:00"))[0].started is not None


def test_a_database_with_such_starts_is_migrated(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    Path(str(url.database)).parent.mkdir()
    old = create_engine(url)
    with old.begin() as connection:
        command.upgrade(database._config(connection), "0003")
    old.dispose()
    columns = (
        "id, owner, title, source, started_utc, offset_s, labels, unsure_below, settings, models, "
        "version, consent, touched_utc, is_finished, readings, last_s"
    )
    with closing(sqlite3.connect(str(url.database))) as connection:
        for id, started in (("a1", "1970-01-01"), ("b2", "2026-01-02")):
            connection.execute(
                f"INSERT INTO sessions ({columns}) VALUES ('{id}', 'local', 'old', 'video', "
                f"'{started} 00:00:00.000000', 0, '[\"fear\"]', 0.5, '{{}}', '{{}}', '1', '', "
                "'2026-03-01 10:00:00.000000', 1, 0, 2.0)"
            )
        connection.commit()
    with Store(database.open_database(url)) as store:
        first, second = store.overviews("local")
    assert first.recording.id == "a1" and first.recording.started is None
    assert first.listed == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert second.recording.started == datetime(2026, 1, 2, tzinfo=UTC)
    assert first.recording.provenance is None


def export(info: SessionInfo, form: str = "json") -> bytes:
    return {"json": to_json, "parquet": to_parquet, "csv": to_csv}[form](info, some_readings(5))


@pytest.mark.parametrize("form", ["json", "parquet", "csv"])
@pytest.mark.parametrize("source", ["live", "video"])
def test_a_file_is_imported_once(store: Store, form: str, source: str) -> None:
    info = of_file() if source == "video" else some_recording()
    data = export(info, form)
    first = import_session(store, ME, f"talk.{form}", data)
    again = import_session(store, ME, f"talk.{form}", data)
    assert first.earlier is None and again.session == first.session
    assert again.earlier.recording.id == first.session and len(store.overviews(ME)) == 1
    assert import_session(store, OTHER, f"talk.{form}", data).earlier is None
    copy = import_session(store, ME, f"talk.{form}", data, again=True)
    assert copy.earlier is None and len(store.overviews(ME)) == 2
    for session in (first.session, copy.session):
        store.discards.add([session], ME)
    assert import_session(store, ME, f"talk.{form}", data).earlier is None, "what is gone may come"


CLASSIFIER = {"classifier": {"name": "other", "sha256": "1" * 64}}


@pytest.mark.parametrize(
    ("changes", "is_there"),
    [
        pytest.param({"title": "renamed"}, True, id="title"),
        pytest.param({"started": SOURCE.content_date}, True, id="start"),
        pytest.param({"provenance": replace(SOURCE, name="b.mp4")}, True, id="renamed file"),
        pytest.param({"provenance": replace(SOURCE, sha256="cd" * 32)}, False, id="content"),
        pytest.param({"settings": {"per_second": 5}}, False, id="settings"),
        pytest.param({"models": CLASSIFIER}, False, id="model"),
        pytest.param({"version": "9.9"}, False, id="version"),
        pytest.param({"provenance": None, "title": "x"}, False, id="unknown source"),
    ],
)
def test_one_content_read_with_the_same_settings_is_one_session(
    store: Store, changes: dict[str, object], is_there: bool
) -> None:
    import_session(store, ME, "a.json", export(of_file()))
    done = import_session(store, ME, "b.json", export(of_file(**changes), "parquet"))
    assert (done.earlier is not None) == is_there
    assert len(store.overviews(ME)) == (1 if is_there else 2)


def with_columns(**columns: list[float]) -> bytes:
    whole = json.loads(to_json(of_file(), some_readings(2)))
    whole["readings"] |= columns
    return json.dumps(whole).encode()


def test_a_description_that_contradicts_its_table_is_refused(store: Store) -> None:
    for column in ("p_boredom", "s_boredom"):
        with pytest.raises(DataError, match=f"does not name the expression of its column {column}"):
            import_session(store, ME, "x.json", with_columns(**{column: [0.1, 0.2]}))
    known = manifest().model(None, "classifier")
    labels = (*EXPRESSIONS[:-1], "boredom")
    models = {"classifier": {"name": known.name, "sha256": known.sha256}}
    info = of_file(labels=labels, models=models)
    data = to_parquet(info, some_readings(2, labels=labels))
    with pytest.raises(DataError, match=f"{known.name} has read it, which knows no boredom"):
        import_session(store, ME, "x.parquet", data)
    other = {"classifier": {"name": known.name, "sha256": "0" * 64}}
    import_session(
        store,
        ME,
        "x.parquet",
        to_parquet(replace(info, models=other), some_readings(2, labels=labels)),
    )
    assert len(store.overviews(ME)) == 1


def ferapp(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["sessions", *map(str, arguments)])


def test_the_command_tells_what_is_there_already(users_store: Store, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_bytes(export(of_file(title="[red]A talk")))
    first = ferapp("import", path)
    again = ferapp("import", path, path)
    assert first.exit_code == again.exit_code == 0
    id = first.stdout.strip()
    assert again.stdout.split() == [id, id] and not first.stderr
    assert f"already there as {id[:8]}, “[red]A talk”" in again.stderr and "--again" in again.stderr
    copy = ferapp("import", path, "--again")
    assert copy.exit_code == 0 and copy.stdout.strip() != id and not copy.stderr
    assert len(users_store.overviews(LOCAL_OWNER)) == 2


def test_the_list_says_what_is_unknown(users_store: Store) -> None:
    users_store.enter(of_file(), some_readings(3), LOCAL_OWNER)
    assert "unknown" in ferapp("list").stdout
    row = json.loads(ferapp("list", "--json").stdout)
    assert row["started"] is None and datetime.fromisoformat(row["added"]).tzinfo is not None
    assert row["provenance"] == SOURCE.to_json() and row["models"] and row["settings"]
    users_store.delete(row["id"], LOCAL_OWNER)
    users_store.enter(new_session(), some_readings(3), LOCAL_OWNER)
    row = json.loads(ferapp("list", "--json").stdout)
    assert row["started"] and row["added"] is None and row["provenance"] is None


def test_a_report_names_the_source_and_says_that_the_date_is_unknown() -> None:
    source = replace(SOURCE, name="<b>clip.mp4")
    text = to_html(of_file(provenance=source), some_readings(3)).decode()
    assert "Date unknown" in text and "1970" not in text.split("<script")[0]
    assert "&lt;b&gt;clip.mp4" in text and SOURCE.sha256 in text and "1,234 bytes" in text
    assert "4 March 2021, 05:06 (UTC+0000)" in text
    assert "Date unknown" not in to_html(some_recording(), some_readings(3)).decode()

"""Sessions on the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas
import pytest
from typer.testing import CliRunner

from ferapp.cli.app import app
from ferapp.errors import FaceEditError, NameTaken, StoreError, UserError
from ferapp.sessions.formats.exchange import read
from ferapp.sessions.session import Readings
from ferapp.sessions.store import LOCAL_OWNER, Store
from tests.support.damage import damage
from tests.support.sessions import face_readings, some_readings, some_recording


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{tmp_path}/sessions.db")
    monkeypatch.setenv("COLUMNS", "120")
    opened = Store.open()
    yield opened
    opened.close()


def keep(store: Store, id: str, **changes: object) -> None:
    store.enter(some_recording(id=id, **changes), some_readings(30), LOCAL_OWNER)


def ferapp(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["sessions", *map(str, arguments)])
    if isinstance(result.exception, UserError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_no_session_is_an_empty_list(store: Store, tmp_path: Path) -> None:
    assert ferapp("list", "--json") == ""
    assert ferapp("export", "all", "--out", tmp_path / "out") == ""
    assert ferapp("delete", "all", "--yes") == "0 deleted\n"


def test_session_titles_are_listed_unchanged(store: Store) -> None:
    keep(store, "abc1", title="[red]a[/red] talk")
    row = json.loads(ferapp("list", "--json"))
    assert row["id"] == "abc1" and row["readings"] == 30 and row["title"] == "[red]a[/red] talk"
    assert "[red]a[/red] talk" in ferapp("list")


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_exported_sessions_can_be_imported(store: Store, tmp_path: Path, form: str) -> None:
    keep(store, "abc1")
    keep(store, "abd2")
    written = Path(ferapp("export", "abc", "--out", tmp_path / "out", "--format", form).strip())
    assert written.name == f"abc1.{form}" and len(list((tmp_path / "out").iterdir())) == 1
    id = ferapp("import", written).strip()
    np.testing.assert_array_equal(
        store.readings(id, LOCAL_OWNER).probabilities,
        store.readings("abc1", LOCAL_OWNER).probabilities,
    )


@pytest.mark.parametrize("form", ["csv", "parquet", "json", "html"])
def test_spells_are_written_beside_any_format_when_asked_for(
    store: Store, tmp_path: Path, form: str
) -> None:
    keep(store, "abc1")
    out = tmp_path / "out"
    written = ferapp("export", "all", "--out", out, "--format", form, "--spells").split()
    assert [Path(name).name for name in written] == [f"abc1.{form}", "abc1.spells.csv"]
    assert min(path.name for path in out.iterdir()) == f"abc1.{form}", "the session comes first"
    table = pandas.read_csv(written[1], encoding="utf-8-sig")
    assert len(table) and (table["end_s"] > table["begin_s"]).all()


def test_spells_alone_can_be_exported_and_pictures_have_none(store: Store, tmp_path: Path) -> None:
    keep(store, "abc1")
    keep(store, "abd2", source="pictures")
    out = tmp_path / "out"
    arguments = ["sessions", "export", "all", "--out", str(out), "--format", "spells"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0 and "abd2 is of pictures" in result.stderr
    assert [path.name for path in out.iterdir()] == ["abc1.spells.csv"]


def test_an_export_as_csv_says_what_it_lacks(store: Store, tmp_path: Path) -> None:
    keep(store, "abc1")
    for form, is_said in (("csv", True), ("parquet", False)):
        arguments = ["sessions", "export", "all", "--out", str(tmp_path), "--format", form]
        assert ("holds the readings alone" in CliRunner().invoke(app, arguments).stderr) == is_said


def test_the_length_of_pictures_is_their_number(store: Store) -> None:
    keep(store, "abc1", source="pictures", duration_s=5.0)
    assert "5 pictures" in ferapp("list")
    assert json.loads(ferapp("list", "--json"))["duration_s"] == 5.0
    [face] = [json.loads(line) for line in ferapp("faces", "abc1", "--json").splitlines()]
    assert set(face["seconds"].values()) == {0.0}, "no label of a picture lasts"
    assert "picture 1" in ferapp("faces", "abc1")


def test_a_report_is_exported_as_html(store: Store, tmp_path: Path) -> None:
    keep(store, "abc1")
    written = Path(ferapp("export", "all", "--out", tmp_path, "--format", "html").strip())
    assert written.read_bytes().startswith(b"<!doctype html>")


def test_a_bad_file_is_reported_and_the_others_are_imported(store: Store, tmp_path: Path) -> None:
    keep(store, "abc1")
    good = ferapp("export", "abc1", "--out", tmp_path, "--format", "json").strip()
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    result = CliRunner().invoke(app, ["sessions", "import", str(bad), good])
    assert result.exit_code == 1 and "bad.csv" in result.stderr
    assert len(store.overviews(LOCAL_OWNER)) == 2


def test_what_is_ignored_in_a_file_is_reported(store: Store, tmp_path: Path) -> None:
    keep(store, "abc1")
    path = Path(ferapp("export", "abc1", "--out", tmp_path, "--format", "csv").strip())
    header, *rows = path.read_text("utf-8-sig").splitlines()
    path.write_text("\n".join(["age," + header, *(f"7,{row}" for row in rows + rows)]), "utf-8")
    result = CliRunner().invoke(app, ["sessions", "import", str(path)])
    assert result.exit_code == 0 and len(result.stdout.split()) == 1
    assert result.stderr == (
        "abc1.csv has columns that were ignored: age.\n"
        "abc1.csv has 30 rows twice; each was imported once.\n"
    )
    assert store.overviews(LOCAL_OWNER)[0].readings == 30


def test_a_table_that_contradicts_itself_stores_nothing(store: Store, tmp_path: Path) -> None:
    keep(store, "abc1")
    path = Path(ferapp("export", "abc1", "--out", tmp_path, "--format", "csv").strip())
    lines = path.read_text("utf-8-sig").splitlines()
    path.write_text("\n".join([*lines, lines[1].replace("640", "641")]), "utf-8")
    before = path.read_bytes()
    result = CliRunner().invoke(app, ["sessions", "import", str(path)])
    assert result.exit_code == 1 and result.stdout == ""
    assert "rows 2 and 32 are both about face 1 at 0 s, but differ in width" in result.stderr
    assert len(store.overviews(LOCAL_OWNER)) == 1 and path.read_bytes() == before


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_an_export_says_what_a_format_has_no_place_for(
    store: Store, tmp_path: Path, form: str
) -> None:
    keep(store, "abc1")
    arguments = ["sessions", "export", "all", "--out", str(tmp_path), "--format", form]
    told = CliRunner().invoke(app, arguments).stderr
    assert ("events" in told) == (form == "csv") == bool(told)


@pytest.mark.parametrize(
    ("start", "message"), [("ab", "2 of your"), ("x", "None of your")], ids=["two", "none"]
)
def test_an_ambiguous_id_is_refused(store: Store, start: str, message: str) -> None:
    keep(store, "abc1")
    keep(store, "abd2")
    with pytest.raises(StoreError, match=message):
        ferapp("delete", start, "--yes")
    assert len(store.overviews(LOCAL_OWNER)) == 2


def test_delete_asks_for_confirmation(store: Store) -> None:
    keep(store, "abc1")
    refused = CliRunner().invoke(app, ["sessions", "delete", "abc1"], input="n\n")
    assert refused.exit_code == 1 and len(store.overviews(LOCAL_OWNER)) == 1
    ferapp("delete", "abc1", "--yes")
    assert store.overviews(LOCAL_OWNER) == []


def test_what_was_deleted_in_the_app_is_neither_listed_nor_exported(
    store: Store, tmp_path: Path
) -> None:
    keep(store, "abc1")
    keep(store, "abd2")
    store.discards.add(["abc1"], LOCAL_OWNER)
    assert json.loads(ferapp("list", "--json"))["id"] == "abd2"
    assert "abc1" not in ferapp("export", "all", "--out", tmp_path / "out")
    with pytest.raises(StoreError, match="None of your sessions"):
        ferapp("export", "abc1", "--out", tmp_path / "out")


def test_an_unknown_format_is_wrong_usage(store: Store, tmp_path: Path) -> None:
    arguments = ["sessions", "export", "all", "--out", str(tmp_path), "--format", "xls"]
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_an_export_holds_what_is_stored(store: Store, tmp_path: Path) -> None:
    keep(store, "abc1", title="A talk")
    written = Path(ferapp("export", "all", "--out", tmp_path).strip())
    recording, readings = read(written.name, written.read_bytes())
    assert recording.title == "A talk" and len(readings) == 30


def test_the_start_is_listed_with_its_offset(store: Store) -> None:
    for hours in (3, 0, -4):
        zone = timezone(timedelta(hours=hours))
        keep(store, f"abc{hours}", started=datetime(2026, 2, 3, 4, 5, 6, tzinfo=zone))
    listed = ferapp("list")
    assert all(f"2026-02-03 04:05{offset}" in listed for offset in ("+03:00", "+00:00", "-04:00"))


def test_a_table_that_a_spreadsheet_has_saved_is_imported(store: Store, tmp_path: Path) -> None:
    keep(store, "abc1")
    path = Path(ferapp("export", "abc1", "--out", tmp_path, "--format", "csv").strip())
    text = path.read_text("utf-8-sig").replace(",", ";").replace(".", ",")
    path.write_text(text.replace("True", "WAHR").replace("False", "FALSCH"), "utf-16")
    id = ferapp("import", path).strip()
    np.testing.assert_array_equal(
        store.readings(id, LOCAL_OWNER).smoothed, store.readings("abc1", LOCAL_OWNER).smoothed
    )


def keep_two_faces(store: Store, id: str = "abc1", **changes: object) -> None:
    """Face 1 from 0 to 2 s, face 2 from 3 to 4 s."""
    first = face_readings((0, "fear"), (1, "fear"), (2, "anger"))
    second = face_readings((3, "anger"), (4, "neutral"), face=2)
    store.enter(some_recording(id=id, **changes), Readings.join([first, second]), LOCAL_OWNER)


def faces_of(id: str = "abc1") -> dict[int, str | None]:
    rows = [json.loads(line) for line in ferapp("faces", id, "--json").splitlines()]
    return {row["face"]: row["name"] for row in rows}


def test_faces_are_named_merged_split_and_undone(store: Store) -> None:
    keep_two_faces(store)
    assert ferapp("name", "abc", 1, " Zoë  李 ") == "Face 1 named Zoë 李\n"
    assert faces_of() == {1: "Zoë 李", 2: None}
    assert ferapp("merge", "abc", 1, 2) == "Face 2 merged into Zoë 李 (face 1)\n"
    assert ferapp("split", "abc", "zoë 李", "--at", 2.0).endswith("face 3 from 2 s on\n")
    assert faces_of() == {1: "Zoë 李", 3: None}
    assert ferapp("undo", "abc").startswith("Undone: Zoë 李 (face 1) split")
    assert ferapp("undo", "abc").startswith("Undone: Face 2 merged")
    assert ferapp("undo", "abc") == "Undone: Face 1 named Zoë 李\n"
    assert faces_of() == {1: None, 2: None}
    with pytest.raises(FaceEditError, match="no change of faces to undo"):
        ferapp("undo", "abc")


def test_the_faces_of_a_session_are_listed(store: Store) -> None:
    keep_two_faces(store, names={2: "[red]Ada"})
    table = ferapp("faces", "abc1")
    assert "[red]Ada" in table and "3.0 s" in table and "fear 100%" not in table
    row = json.loads(ferapp("faces", "abc1", "--json").splitlines()[1])
    assert row["readings"] == 2 and row["first_s"] == 3 and "anger" in row["seconds"]


def test_a_name_that_is_taken_is_refused_with_an_offer_to_merge(store: Store) -> None:
    keep_two_faces(store, names={2: "Ada"})
    with pytest.raises(NameTaken, match="merge the two"):
        ferapp("name", "abc1", 1, "ada")
    assert faces_of() == {1: None, 2: "Ada"}


def test_a_name_can_be_removed(store: Store) -> None:
    keep_two_faces(store, names={2: "Ada"})
    assert ferapp("name", "abc1", "ada", "") == "Name of Ada (face 2) removed\n"
    assert ferapp("name", "abc1", 2, "") == "Nothing has changed.\n"
    assert faces_of() == {1: None, 2: None}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["name", "x", 1, "Ada"], "None of your sessions", id="unknown session"),
        pytest.param(["undo", "all"], "None of your sessions", id="not all sessions"),
        pytest.param(["name", "abc1", 9, "Ada"], "no face 9 in this session", id="unknown face"),
        pytest.param(["merge", "abc1", 1, "Bob"], "the names are: Eve", id="unknown name"),
        pytest.param(["merge", "abc1", 1, 1], "Choose another face", id="merged with itself"),
        pytest.param(["split", "abc1", 1, "--at", 9], "seen from 0 s to 2 s", id="too late"),
    ],
)
def test_what_can_not_be_done_with_faces_is_a_sentence(
    store: Store, arguments: list[object], message: str
) -> None:
    keep_two_faces(store, names={2: "Eve"})
    with pytest.raises(UserError, match=message):
        ferapp(*arguments)
    assert faces_of() == {1: None, 2: "Eve"}


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_names_and_merges_are_exported_and_imported(
    store: Store, tmp_path: Path, form: str
) -> None:
    keep_two_faces(store)
    ferapp("name", "abc1", 2, "Ada")
    ferapp("merge", "abc1", 1, 2)
    written = ferapp("export", "abc1", "--out", tmp_path / "out", "--format", form).strip()
    id = ferapp("import", written).strip()
    assert faces_of(id) == {1: "Ada"}


def test_names_are_forgotten_after_confirmation(store: Store, tmp_path: Path) -> None:
    keep_two_faces(store)
    ferapp("name", "abc1", 1, "A name to forget")
    ferapp("name", "abc1", 1, "")
    assert any(b"A name to forget" in file.read_bytes() for file in tmp_path.glob("sessions.db*"))
    refused = CliRunner().invoke(app, ["sessions", "forget-names", "abc1"], input="n\n")
    assert refused.exit_code == 1 and len(store.overviews(LOCAL_OWNER)[0].edits.steps) == 2
    ferapp("forget-names", "abc1", "--yes")
    assert not any(
        b"A name to forget" in file.read_bytes() for file in tmp_path.glob("sessions.db*")
    )


def test_a_session_that_cannot_be_read_is_named_and_deleted_and_the_others_are_exported(
    store: Store, tmp_path: Path
) -> None:
    keep(store, "abc1", title="broken")
    keep(store, "abc2", title="whole")
    damage(store._engine, "abc1", "labels", "'['")
    listed = CliRunner().invoke(app, ["sessions", "list"])
    assert "whole" in listed.stdout and "broken" not in listed.stdout
    assert "“broken” (abc1) can't be read" in listed.stderr
    assert "ferapp sessions delete 'abc1'" in listed.stderr
    arguments = ["sessions", "export", "all", "--out", str(tmp_path / "out")]
    exported = CliRunner().invoke(app, arguments)
    assert exported.exit_code == 1 and "1 session can't be read" in exported.stderr
    assert [path.stem for path in (tmp_path / "out").iterdir()] == ["abc2"]
    assert ferapp("delete", "abc1", "--yes") == "1 deleted\n"
    assert ferapp("export", "all", "--out", tmp_path / "out")
    damage(store._engine, "abc2", "id", "cast(x'ff' as text)")
    [key] = [bad.key for bad in store.listing(LOCAL_OWNER).unreadable]
    assert key.startswith("#") and ferapp("delete", key, "--yes") == "1 deleted\n"


def test_readings_that_cannot_be_read_are_counted_in_an_export(
    store: Store, tmp_path: Path
) -> None:
    keep(store, "abc1")
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE readings SET x1 = 'left' WHERE id < 4")
    exported = CliRunner().invoke(app, ["sessions", "export", "abc", "--out", str(tmp_path)])
    assert exported.exit_code == 0 and "3 readings" in exported.stderr


def test_the_text_of_a_failing_server_is_printed_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "postgresql://ferapp:geheim@127.0.0.1:9/none"
    run = subprocess.run(
        [sys.executable, "-m", "ferapp", "sessions", "list"],
        env=os.environ | {"FERAPP_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1 and "geheim" not in run.stderr
    assert "its server can't be reached" in run.stderr and "port 9" in run.stderr
    assert "It is set by FERAPP_DATABASE_URL." in run.stderr


def test_events_are_added_listed_replaced_and_evaluated(store: Store, tmp_path: Path) -> None:
    keep(store, "abc1")
    file = tmp_path / "events.csv"
    file.write_text("time,name,end\n0.5,film,1.5\n1,clap,\n")
    ferapp("events", "abc", file)
    rows = [json.loads(line) for line in ferapp("events", "abc1", "--json").splitlines()]
    assert rows == [
        {"at_s": 0.5, "end_s": 1.5, "name": "film"},
        {"at_s": 1.0, "end_s": None, "name": "clap"},
    ]
    during, around = tmp_path / "during.csv", tmp_path / "around.csv"
    told = ferapp("events", "abc1", "--intervals", during, "--averages", around)
    assert told.splitlines() == [str(during), str(around)]
    [row] = pandas.read_csv(during).to_dict("records")
    assert row["event"] == "film" and row["readings"] == 15 and row["read_s"] == 1
    assert {*pandas.read_csv(around)["event"]} == {"film", "clap"}
    file.write_text("time,name\n1.5,end\n")
    ferapp("events", "abc1", file, "--replace")
    assert [json.loads(ferapp("events", "abc1", "--json"))["name"]] == ["end"]
    file.write_text("time,name\n99,late\n")
    with pytest.raises(UserError, match="in row 2, the time '99' is not within the session"):
        ferapp("events", "abc1", file)


def test_conditions_of_sessions_are_compared(store: Store, tmp_path: Path) -> None:
    for id in ("abc1", "abc2", "def1"):
        keep(store, id)
    rows = [
        json.loads(line)
        for line in ferapp("compare", "rest=abc1,abc2", "film=def1", "--json").splitlines()
    ]
    assert {(row["condition"], row["n"]) for row in rows} == {("rest", 2), ("film", 1)}
    assert all(row["low"] is None for row in rows if row["condition"] == "film")
    out = tmp_path / "means.csv"
    ferapp("compare", "rest=abc1,abc2", "film=def1", "--count", "session", "--out", out)
    assert {*pandas.read_csv(out)["unit"]} == {"session"}
    assert "rest" in ferapp("compare", "rest=abc1", "film=def1", "--measure", "label")
    wrong = CliRunner().invoke(app, ["sessions", "compare", "rest"])
    assert wrong.exit_code == 2

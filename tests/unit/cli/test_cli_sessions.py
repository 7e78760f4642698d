"""Sessions on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ferapp.cli.app import app
from ferapp.errors import StoreError
from ferapp.sessions.formats.exchange import read
from ferapp.sessions.store import LOCAL_OWNER, Store
from tests.support.sessions import some_readings, some_recording


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
    if isinstance(result.exception, StoreError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


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

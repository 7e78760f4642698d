"""A killed import (a short version of stress/databases), and the backups of docs/deployment.md."""

import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from ferapp.sessions.database import open_database
from ferapp.sessions.store import Store
from stress.databases import kill_imports, sqlite_url
from tests.support import postgres
from tests.support.databases import ME, begin_session
from tests.support.places import ROOT


def test_an_import_that_is_killed_leaves_a_whole_session_or_none(tmp_path: Path) -> None:
    assert kill_imports(tmp_path, 1, seed=1).faults == ()


def commands(heading: str, word: str) -> list[str]:
    """The lines of the code blocks below a heading of the page that have a word."""
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [block for block in blocks if word in block]


def run(script: str, folder: Path, **environment: str) -> None:
    subprocess.run(
        ["sh", "-eu"], input=script, text=True, check=True, cwd=folder, env=os.environ | environment
    )


def test_a_sqlite_file_is_backed_up_and_restored_as_the_page_says(tmp_path: Path) -> None:
    if not shutil.which("sqlite3"):
        pytest.skip("needs the command sqlite3")
    url = sqlite_url(tmp_path)
    [backup, restore] = commands("Backups", "sessions.db")
    with Store(open_database(url)) as store:
        id, readings = begin_session(store, title="in the backup")
        run(backup, tmp_path)
        begin_session(store, title="later")
    assert (tmp_path / "ferapp.db").stat().st_mode & 0o077 == 0
    run(restore, tmp_path)
    assert (tmp_path / "sessions.db").stat().st_mode & 0o077 == 0
    with Store(open_database(url)) as store:
        assert [s.recording.title for s in store.overviews(ME)] == ["in the backup"]
        assert len(store.readings(id, ME)) == len(readings)
    with closing(sqlite3.connect(tmp_path / "sessions.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_postgresql_database_is_backed_up_and_restored_as_the_page_says(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which("pg_dump"):
        pytest.skip("needs the command pg_dump")
    url = make_url(postgres_url)
    programs = f"{postgres.binaries()}:{os.environ['PATH']}"
    place = {"PGHOST": str(url.host), "PGPORT": str(url.port), "PGUSER": str(url.username)}
    run("dropdb --if-exists ferapp\ncreatedb ferapp", tmp_path, PATH=programs, **place)
    monkeypatch.setenv(
        "FERAPP_DATABASE_URL", url.set(database="ferapp").render_as_string(hide_password=False)
    )
    [backup, restore] = commands("Backups", "pg_")
    with Store.open() as store:
        begin_session(store, title="in the backup")
        run(backup, tmp_path, PATH=programs, **place)
        begin_session(store, title="later")
    assert (tmp_path / "ferapp.dump").stat().st_mode & 0o077 == 0
    run(restore, tmp_path, PATH=programs, **place)
    with Store.open() as store:
        assert [s.recording.title for s in store.overviews(ME)] == ["in the backup"]
        begin_session(store, title="after it")
        with store._engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM sessions")) == 2

"""Databases for the tests of sessions, SQLite and PostgreSQL alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from ferapp.sessions import database
from ferapp.sessions.database import open_database
from ferapp.sessions.store import Store
from tests.support import postgres
from tests.support.databases import sqlite_url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    if postgres.binaries() is None:
        pytest.skip("needs a PostgreSQL server's programs (Debian: postgresql)")
    with postgres.server() as url:
        yield url


@pytest.fixture
def sqlite_engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_database(sqlite_url(tmp_path))
    yield made
    made.dispose()


@pytest.fixture
def postgresql_engine(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("FERAPP_DATABASE_URL", postgres_url)
    made = open_database()
    with database.writing(made) as connection:
        connection.execute(text("DELETE FROM sessions"))
    yield made
    made.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    made: Engine = request.getfixturevalue(f"{request.param}_engine")
    return made


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine)


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    with Store(open_database(sqlite_url(tmp_path))) as store:
        yield store

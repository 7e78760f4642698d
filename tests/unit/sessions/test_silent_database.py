"""Servers that say nothing, or stop in the middle: each call ends with a sentence."""

import sys
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, make_url, text

from ferapp.errors import StoreError
from ferapp.sessions.database import check_database, open_database, translate_errors
from ferapp.sessions.databases import postgresql
from ferapp.sessions.store import Store
from tests.support.databases import ME, begin_session
from tests.support.silence import (
    closed_connections,
    parent_of,
    shorten_patience,
    silent_server,
    stopped,
)

SILENT = "its server does not answer"


@pytest.fixture(autouse=True)
def connections() -> Iterator[None]:
    with closed_connections():
        yield


@pytest.fixture
def server(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    if sys.platform != "linux":
        pytest.skip("finds the server's processes in /proc")
    shorten_patience(monkeypatch)
    engine = open_database(make_url(postgres_url).set(drivername="postgresql+pg8000"))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM sessions"))
    return engine


def backend(engine: Engine) -> int:
    """The process of the server that serves the only connection of the pool."""
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT pg_backend_pid()")))


@pytest.mark.parametrize("use", [open_database, check_database])
def test_a_server_that_says_nothing_costs_a_sentence(
    use: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shorten_patience(monkeypatch)
    monkeypatch.setattr("ferapp.sessions.database._CHECK_S", 0.5)
    with silent_server() as url:
        named = make_url(url).set(drivername="postgresql+pg8000")
        start_s = time.monotonic()
        with pytest.raises(StoreError, match=SILENT) as caught:
            use(named)
    assert time.monotonic() - start_s < 3 and caught.value.may_pass
    assert "127.0.0.1" not in f"{caught.value} {caught.value.remedy}"
    assert "geheim" not in caplog.text and "TimeoutError" in caplog.text


def test_a_connection_that_fell_silent_is_replaced(server: Engine) -> None:
    store, pid = Store(server), backend(server)
    with stopped(pid):
        assert store.overviews(ME) == []
        assert backend(server) != pid
    store.close()


def test_a_server_that_stands_still_costs_a_sentence_and_then_goes_on(server: Engine) -> None:
    store, pid = Store(server), backend(server)
    with stopped(parent_of(pid)), stopped(pid):
        start_s = time.monotonic()
        with pytest.raises(StoreError, match=SILENT):
            store.overviews(ME)
        assert time.monotonic() - start_s < 4
    begin_session(store)
    assert len(store.overviews(ME)) == 1
    store.delete_all(ME)
    store.close()


def test_a_server_that_stops_in_the_middle_of_a_statement_costs_a_sentence(server: Engine) -> None:
    start_s = time.monotonic()
    with pytest.raises(StoreError, match=SILENT), translate_errors():
        with server.connect() as connection:
            with stopped(int(connection.scalar(text("SELECT pg_backend_pid()")))):
                connection.execute(text("SELECT 1"))
    assert time.monotonic() - start_s < 4
    server.dispose()


def test_the_server_ends_what_takes_too_long(server: Engine) -> None:
    with pytest.raises(StoreError, match="takes too long to answer"), translate_errors():
        with server.connect() as connection:
            connection.execute(text("SELECT pg_sleep(10)"))
    with server.begin() as connection, postgresql.patient(connection):
        connection.execute(text("SELECT pg_sleep(1.3)"))
    server.dispose()


def test_a_lock_of_others_costs_a_sentence(server: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "_LOCK_S", 0.2)
    server.dispose()
    store = Store(server)
    with server.begin() as holder:
        holder.execute(text("LOCK TABLE sessions"))
        with pytest.raises(StoreError, match="locked by another program") as caught:
            store.delete_all(ME)
    assert caught.value.may_pass
    store.close()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"database": "none"}, "no database of this name", id="no such database"),
        pytest.param({"port": 9}, "can't be reached", id="no server"),
        pytest.param({"host": "none.invalid"}, "can't be reached", id="no such host"),
        pytest.param({"username": "nobody"}, "refuses the user or the password", id="user"),
    ],
)
def test_the_page_gives_the_meaning_and_the_log_the_text(
    changes: dict[str, object], reason: str, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = make_url(postgres_url).set(
        **{"drivername": "postgresql+pg8000", "password": "geheim"} | changes
    )
    with pytest.raises(StoreError, match=reason) as caught:
        open_database(url)
    assert str(url.host) not in str(caught.value) and "postgresql:" not in caught.value.remedy
    assert len(caplog.records) == 1 and "geheim" not in caplog.text
    assert any(str(value) in caplog.text for value in changes.values())

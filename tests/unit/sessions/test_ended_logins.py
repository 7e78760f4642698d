"""Logins that were ended are known to every replica until they would have expired."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select

from ferapp.sessions import schema
from ferapp.sessions.database import utc_now
from ferapp.sessions.store import Store

ANN, BOB = "a" * 64, "b" * 64
DAYS = timedelta(days=32)


def test_an_ended_login_is_known_to_every_replica(engine: Engine) -> None:
    Store(engine).logins.add(ANN, DAYS)
    Store(engine).logins.add(ANN, DAYS)
    other = Store(engine).logins
    assert other.has(ANN) and not other.has(BOB)


def test_what_has_expired_is_forgotten(engine: Engine) -> None:
    logins = Store(engine).logins
    logins.add(ANN, timedelta(seconds=-1))
    logins.add(BOB, DAYS)
    with engine.connect() as connection:
        count = connection.scalar(select(func.count()).select_from(schema.ended_logins))
    assert count == 1 and logins.has(BOB)


def test_a_logout_while_the_clock_is_ahead_brings_no_other_login_back(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins = Store(engine).logins
    logins.add(ANN, DAYS)
    ahead = utc_now() + timedelta(days=400)
    with monkeypatch.context() as patch:
        patch.setattr("ferapp.sessions.ended_logins.utc_now", lambda: ahead)
        logins.add(BOB, DAYS)
    assert logins.has(ANN) and logins.has(BOB)

"""Stores which logins were ended before they expire, for all replicas."""

from datetime import timedelta

from sqlalchemy import Engine, delete, insert, select

from ferapp.sessions import schema
from ferapp.sessions.database import translate_errors, utc_now, writing
from ferapp.system.clock import CautiousClock


class EndedLogins:
    """The logins that visitors have ended; may be used from several threads at once.

    A login is known by a hash, from which nobody can tell whose it was. Every method raises
    `StoreError` if the database fails.

    Args:
        engine: Engine of an open database.
        clock: Says which of them may be forgotten.
    """

    def __init__(self, engine: Engine, clock: CautiousClock) -> None:
        self._engine = engine
        self._clock = clock

    def add(self, login: str, keep: timedelta) -> None:
        """Remember that a login was ended; may be called twice.

        Args:
            login: Its SHA-256, in hexadecimal digits.
            keep: How long it would have lasted at most; then it is forgotten.
        """
        table, now = schema.ended_logins, utc_now()
        with translate_errors(), writing(self._engine) as connection:
            over = (table.c.expires_utc < self._clock.believed(now)) | (table.c.login == login)
            connection.execute(delete(table).where(over))
            connection.execute(insert(table).values(login=login, expires_utc=now + keep))

    def has(self, login: str) -> bool:
        """Whether a login was ended."""
        table = schema.ended_logins
        query = select(table.c.login).where(table.c.login == login)
        with translate_errors(), self._engine.connect() as connection:
            return connection.execute(query).first() is not None

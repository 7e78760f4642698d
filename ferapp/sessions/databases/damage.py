"""Reads rows of which some can't be read, and finds those without reading them.

SQLite stores any type in any column, and text that is not UTF-8; PostgreSQL stores JSON of any
shape, NaN and the time "infinity".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    LargeBinary,
    Row,
    Select,
    and_,
    cast,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError

from ferapp.errors import StoreError
from ferapp.sessions import schema
from ferapp.sessions.session import MOST_TITLE
from ferapp.system.text import one_line

VALUE_ERRORS: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What converting a value of the wrong type or range raises."""

MOST_BAD_ROWS: Final = 1000
"""If more readings of a session can't be read, the session can't."""

DAMAGED: Final = "This session can't be read: its row in the database is damaged. Delete it."
"""What is said of a session whose own row can't be read."""

_MOST_KEYS: Final = 5000
_NUMBER: Final = "#"


@dataclass(frozen=True)
class Unreadable:
    """A session that can't be read; it can be deleted.

    Attributes:
        key: Its id or, if that can't be read, ``#`` and the number of its row.
        title: Its title; empty if that can't be read.
    """

    key: str
    title: str

    @property
    def name(self) -> str:
        """What to call it: title and, where there is none, id or number."""
        return f"“{self.title}”" if self.title else f"number {self.key.removeprefix(_NUMBER)}"


def is_one_of(keys: Sequence[str], dialect: Dialect) -> ColumnElement[bool]:
    """Condition: the session is one of these, by id or, after ``#``, by the number of its row."""
    ids = schema.sessions.c.id.in_([key for key in keys if not key.startswith(_NUMBER)])
    numbers = [key[1:] for key in keys if key.startswith(_NUMBER) and key[1:].isdigit()]
    if dialect.name != "sqlite" or not numbers:
        return ids
    return or_(ids, _row_number().in_([int(number) for number in numbers]))


def row_key(dialect: Dialect) -> ColumnElement[Any]:
    """What identifies a row of the sessions, whatever its columns hold."""
    return _row_number() if dialect.name == "sqlite" else schema.sessions.c.id


def read_rows(
    connection: Connection, statement: Select[Any], key: ColumnElement[Any]
) -> tuple[list[Row[Any]], list[Any]]:
    """The rows that can be read, in the statement's order if all can, and the keys of the others.

    Args:
        connection: The connection.
        statement: What to read.
        key: A column that identifies a row and can always be read.

    Raises:
        StoreError: More than `MOST_BAD_ROWS` can't be read.
    """
    try:
        return list(connection.execute(statement).all()), []
    except (*VALUE_ERRORS, DBAPIError) as exc:
        pass_on(connection, exc)
    keys = list(connection.scalars(statement.with_only_columns(key).order_by(None)))
    good: list[Row[Any]] = []
    bad: list[Any] = []
    # A statement can name so many at once.
    parts = [keys[start : start + _MOST_KEYS] for start in range(0, len(keys), _MOST_KEYS)]
    while parts:
        part = parts.pop()
        try:
            good += connection.execute(statement.where(key.in_(part))).all()
        except (*VALUE_ERRORS, DBAPIError) as exc:
            pass_on(connection, exc)
            if len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
                continue
            bad += part
            if len(bad) > MOST_BAD_ROWS:
                raise StoreError(
                    f"More than {MOST_BAD_ROWS:,} rows of the database of sessions can't be read. "
                    "Restore a backup, or delete the session."
                ) from exc
    return good, bad


def pass_on(connection: Connection, exc: Exception) -> None:
    """Raise an error again that is one of the database and not of a value."""
    if isinstance(exc, DBAPIError):
        # Python's module quotes text that it can't decode, without a code of SQLite.
        is_text = "Could not decode to UTF-8" in str(exc.orig)
        if not is_text or hasattr(exc.orig, "sqlite_errorcode"):
            raise exc
    elif connection.dialect.name != "sqlite":
        # The rest of the answer would be taken for that of the next statement.
        connection.invalidate(exc)
        connection.rollback()


def describe_rows(connection: Connection, keys: Sequence[Any]) -> list[Unreadable]:
    """What can be told of sessions without reading all of their columns."""
    columns, key = schema.sessions.c, row_key(connection.dialect)
    if connection.dialect.name != "sqlite":
        rows = connection.execute(select(columns.id, columns.title).where(key.in_(keys)))
        return [Unreadable(row.id, one_line(row.title)) for row in rows]
    rows = connection.execute(
        select(key.label("number"), _bytes(columns.id, "id"), _bytes(columns.title, "title"))
        .where(key.in_(keys))
        .order_by(key)
    )
    return [
        Unreadable(_id_of(row.id) or f"{_NUMBER}{row.number}", _title_of(row.title)) for row in rows
    ]


def has_json(column: ColumnElement[Any], dialect: Dialect) -> ColumnElement[bool]:
    """Condition: the column holds JSON, so that a part of it can be asked for."""
    if dialect.name != "sqlite":
        return column.is_not(None)
    text = func.typeof(column) == "text"
    return and_(text, func.json_valid(type_coerce(column, LargeBinary)) == 1)


def is_a_time(column: ColumnElement[Any], dialect: Dialect) -> ColumnElement[bool]:
    """Condition: the column holds a date and time, which can be compared with others."""
    if dialect.name != "sqlite":
        return column.is_not(None)
    return and_(func.typeof(column) == "text", func.julianday(column).is_not(None))


def _row_number() -> ColumnElement[int]:
    return literal_column("sessions.rowid")


def _bytes(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    return cast(column, LargeBinary).label(name)


def _id_of(value: bytes | None) -> str | None:
    """An id that a command line and a page can name; None if it is none."""
    text = (value or b"").decode("utf-8", "replace")
    return text if text.isascii() and text.isalnum() and len(text) <= 32 else None


def _title_of(value: bytes | None) -> str:
    text = (value or b"")[: 4 * MOST_TITLE].decode("utf-8", "replace")
    return one_line(text[:MOST_TITLE]).strip()

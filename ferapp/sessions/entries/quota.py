"""How much one owner may keep, so that one visitor does not fill the disk of all.

```text
FERAPP_QUOTA_READINGS   readings of an owner; 0 for any number
FERAPP_QUOTA_MB         megabytes of an owner, about; 0 for any number
```
"""

import os
from dataclasses import dataclass
from typing import Any, Final, Self

from sqlalchemy import ColumnElement, Connection, String, case, cast, func, or_, select

from ferapp.errors import StoreError
from ferapp.sessions import schema
from ferapp.sessions.database import utc_now
from ferapp.sessions.discards import is_kept
from ferapp.wording import counted

READINGS_VARIABLE: Final = "FERAPP_QUOTA_READINGS"
MEGABYTES_VARIABLE: Final = "FERAPP_QUOTA_MB"

# Of a row with its entry in the index, without probabilities; measured with SQLite and PostgreSQL.
_ROW_BYTES: Final = 200
_MARKER_BYTES: Final = 200
# Two numbers of four bytes.
_LABEL_BYTES: Final = 8
# Of one session, as the column has it.
_MOST_READINGS: Final = 2**31 - 1


@dataclass(frozen=True)
class Usage:
    """What an owner keeps.

    Attributes:
        readings: Their number.
        bytes: About what they take up in the database, with all that describes them.
    """

    readings: int
    bytes: int


@dataclass(frozen=True)
class Quota:
    """How much an owner may keep.

    Attributes:
        readings: Number of readings; None for any.
        bytes: About what they may take up; None for any.
    """

    readings: int | None = 5_000_000
    bytes: int | None = 2_000_000_000

    @classmethod
    def from_environment(cls) -> Self:
        """What the operator has set.

        Raises:
            StoreError: It is not a number.
        """
        default = cls()
        megabytes = default.bytes and default.bytes // 1_000_000
        megabytes = _number(MEGABYTES_VARIABLE, megabytes)
        return cls(
            _number(READINGS_VARIABLE, default.readings),
            None if megabytes is None else megabytes * 1_000_000,
        )

    def check(self, connection: Connection, owner: str, readings: int, labels: int) -> None:
        """Refuse more readings than the owner has room for.

        Args:
            connection: To the database.
            owner: Whose they are.
            readings: How many more.
            labels: Number of expressions of each.

        Raises:
            StoreError: There is no room.
        """
        if not readings or (self.readings is None and self.bytes is None):
            return
        used = usage(connection, owner)
        more = counted(readings, "more reading")
        if self.readings is not None and used.readings + readings > self.readings:
            raise StoreError(
                f"There is no room for {more}: your sessions have {used.readings:,} of at most "
                f"{self.readings:,}. {_advice(READINGS_VARIABLE)}"
            )
        if self.bytes is not None and used.bytes + readings * _row_bytes(labels) > self.bytes:
            raise StoreError(
                f"There is no room for {more}: your sessions take up {used.bytes / 1e6:,.0f} of at "
                f"most {self.bytes / 1e6:,.0f} MB. {_advice(MEGABYTES_VARIABLE)}"
            )

    def text(self, used: Usage) -> str:
        """How much of it is used, as a sentence; empty if there is no limit."""
        parts = []
        if self.readings is not None:
            parts.append(f"{used.readings:,} of at most {self.readings:,} readings")
        if self.bytes is not None:
            parts.append(f"about {used.bytes / 1e6:,.1f} of at most {self.bytes / 1e6:,.0f} MB")
        return f"You use {' and '.join(parts)}." if parts else ""


def usage(connection: Connection, owner: str) -> Usage:
    """What an owner keeps, with what is being stored now."""
    table, markers = schema.sessions, schema.markers
    # As text: a description that is damaged counts as well.
    labels, settings, models = (
        cast(column, String) for column in (table.c.labels, table.c.settings, table.c.models)
    )
    count = func.length(labels) - func.length(func.replace(labels, ",", "")) + 1
    # A count that is damaged must not keep its owner from recording.
    is_count = table.c.readings.between(0, _MOST_READINGS)
    counted_readings = case((is_count, table.c.readings), else_=0)
    own = table.c.owner == owner, or_(is_kept(), table.c.deleted_utc > utc_now())
    readings, rows, described = connection.execute(
        select(
            func.coalesce(func.sum(counted_readings), 0),
            func.coalesce(func.sum(counted_readings * _row_bytes(count)), 0),
            func.coalesce(func.sum(func.length(settings) + func.length(models)), 0),
        ).where(*own)
    ).one()
    marks = connection.scalar(
        select(func.count())
        .select_from(markers.join(table, markers.c.session == table.c.id))
        .where(*own)
    )
    return Usage(int(readings), int(rows) + int(described) + (marks or 0) * _MARKER_BYTES)


def _row_bytes(labels: int | ColumnElement[int]) -> Any:
    return _ROW_BYTES + _LABEL_BYTES * labels


def _advice(variable: str) -> str:
    return (
        "Delete sessions that you no longer need. Who runs ferapp can raise the limit "
        f"({variable})."
    )


def _number(variable: str, default: int | None) -> int | None:
    given = os.environ.get(variable, "").strip()
    if not given:
        return default
    if not (given.isascii() and given.isdigit()):
        raise StoreError(f"{variable} is not a whole number; 0 sets no limit.")
    return int(given) or None

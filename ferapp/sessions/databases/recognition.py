"""Whether the tables of a database are those of ferapp; a database of others is left alone."""

from collections.abc import Collection
from typing import Final

from ferapp.errors import StoreError

# What every version has made.
_TABLES: Final = frozenset({"alembic_version", "sessions", "readings", "markers"})
_COLUMNS: Final = frozenset(
    {"id", "owner", "title", "source", "labels", "consent", "touched_utc", "is_finished"}
)


def refuse_foreign(tables: Collection[str], columns: Collection[str]) -> None:
    """Refuse a database with tables of another program; one without tables is a new one.

    Args:
        tables: Names of everything that is in it.
        columns: Names of the columns of a table called ``sessions``.

    Raises:
        StoreError: They are not those of ferapp.
    """
    if tables and not (_TABLES <= set(tables) and _COLUMNS <= set(columns)):
        raise foreign()


def foreign() -> StoreError:
    """The error for a database of another program."""
    return StoreError(
        "The database of sessions can't be used: it belongs to another program, and nothing in it "
        "was changed. Name another one, or an empty one, for ferapp."
    )

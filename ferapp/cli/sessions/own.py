"""Opening the sessions of the person at this machine, and finding one by its id."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ferapp.errors import StoreError

if TYPE_CHECKING:
    from ferapp.sessions.store import Listing, Overview, Store

Id = Annotated[
    str, typer.Argument(metavar="SESSION", help="Id of a session, or its first characters.")
]


@contextmanager
def open_store() -> "Iterator[Store]":
    """The store, without what has expired."""
    from ferapp.sessions.store import Store

    with Store.open() as store:
        store.purge()
        yield store


def me() -> str:
    """The owner of sessions recorded here."""
    from ferapp.sessions.store import LOCAL_OWNER

    return LOCAL_OWNER


def choose(store: "Store", ids: list[str]) -> "list[Overview]":
    """The sessions whose ids begin like these; every one for ``all``."""
    sessions = store.overviews(me())
    return sessions if ids == ["all"] else [find(sessions, start) for start in ids]


def choose_one(store: "Store", start: str) -> "Overview":
    """The session whose id begins like this."""
    return find(store.overviews(me()), start)


def find(sessions: "list[Overview]", start: str) -> "Overview":
    """The session whose id begins like this."""
    matches = [s for s in sessions if s.recording.id.startswith(start)]
    if len(matches) != 1:
        raise _no_match(len(matches), start)
    return matches[0]


def find_key(listing: "Listing", start: str) -> str:
    """The id of the session, readable or not, whose id begins like this."""
    keys = [s.recording.id for s in listing.sessions] + [s.key for s in listing.unreadable]
    matches = [key for key in keys if key.startswith(start)]
    if len(matches) != 1:
        raise _no_match(len(matches), start)
    return matches[0]


def _no_match(count: int, start: str) -> StoreError:
    return StoreError(
        f"{count or 'None'} of your sessions have ids that begin with {start!r}; see: sessions list"
    )

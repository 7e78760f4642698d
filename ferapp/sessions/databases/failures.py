"""What an error of a database means, in words without addresses, and its text for the log."""

import errno
import logging
import socket
import sqlite3
from dataclasses import dataclass
from typing import Final

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, TimeoutError

_logger = logging.getLogger(__name__)

FAILURES: Final = (SQLAlchemyError, sqlite3.Error, OSError, UnicodeDecodeError)
"""What SQLAlchemy, a driver below it, or the system raises; the last is SQLite's where what it
reports quotes a damaged file."""

Failure = SQLAlchemyError | sqlite3.Error | OSError | UnicodeDecodeError


@dataclass(frozen=True)
class Meaning:
    """What an error means for whoever uses the database.

    Attributes:
        reason: In words that go on after "it can't be used:".
        may_pass: Whether the next attempt may succeed.
        is_full: Whether the disk is full.
    """

    reason: str
    may_pass: bool = False
    is_full: bool = False


_LOCKED: Final = Meaning("it is locked by another program; try again in a moment", may_pass=True)
_FULL: Final = Meaning("the disk is full", is_full=True)
_READ_ONLY: Final = Meaning("it is read-only")
_DAMAGED: Final = Meaning("the file is damaged; move it away to start a new one")
_NO_DATABASE: Final = Meaning(
    "the file is damaged or not a database; move it away to start a new one"
)
_NOT_OPENED: Final = Meaning("it can't be opened; check the permissions")
_DISK: Final = Meaning("the disk reported an error")
_TOO_MANY: Final = Meaning("it has too many users at once; try again in a moment", may_pass=True)
_SILENT: Final = Meaning("its server does not answer; try again in a moment", may_pass=True)
_UNREACHABLE: Final = Meaning("its server can't be reached", may_pass=True)
_LOST: Final = Meaning(
    "the connection to its server was lost; try again in a moment", may_pass=True
)
_REFUSED: Final = Meaning("its server refuses the user or the password")
_UNKNOWN: Final = Meaning("it reported an error; the log has its text")

# https://www.sqlite.org/rescode.html: the lower eight bits of a code are its kind.
_SQLITE: Final = {
    4874: _FULL,  # there is no room for the index of the log (SQLITE_IOERR_SHMSIZE)
    3: _NOT_OPENED,
    5: _LOCKED,
    6: _LOCKED,
    8: _READ_ONLY,
    10: _DISK,
    11: _DAMAGED,
    13: _FULL,
    14: _NOT_OPENED,
    26: _NO_DATABASE,
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html: longer codes first.
_SQLSTATES: Final = {
    "53100": _FULL,
    "3D000": Meaning("its server has no database of this name"),
    "42501": Meaning("its user may not do this"),
    "25006": _READ_ONLY,
    "57014": Meaning("it takes too long to answer; try again in a moment", may_pass=True),
    "57P": Meaning("its server is starting or stopping; try again in a moment", may_pass=True),
    "55P03": _LOCKED,
    "25P03": _LOST,
    "40": _LOCKED,
    "28": _REFUSED,
    "53": _TOO_MANY,
    "08": _LOST,
    "58": _DISK,
    "XX": Meaning("its server found damaged data"),
}
# Of data and of constraints; these quote what is stored.
_QUOTING: Final = ("22", "23")
_ERRNOS: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _NOT_OPENED,
    errno.EPERM: _NOT_OPENED,
}


def meaning_of(exc: Failure) -> Meaning:
    """What an error means."""
    if isinstance(exc, TimeoutError):  # of the pool
        return _TOO_MANY
    if isinstance(exc, UnicodeDecodeError):
        return _DAMAGED
    error: BaseException | None = exc.orig if isinstance(exc, DBAPIError) else exc
    if (code := getattr(error, "sqlite_errorcode", None)) is not None:
        return _SQLITE.get(code) or _SQLITE.get(code & 0xFF, _UNKNOWN)
    if state := _sqlstate(error):
        starts = (known for known in _SQLSTATES if state.startswith(known))
        return _SQLSTATES.get(next(starts, ""), _UNKNOWN)
    while error is not None:
        if isinstance(error, OSError):
            return _of_system(error)
        if "network error" in str(error) or "connection is closed" in str(error):
            if error.__cause__ is None:
                return _LOST
        error = error.__cause__
    if isinstance(exc, DBAPIError) and exc.connection_invalidated:
        return _LOST
    return _UNKNOWN


def _of_system(error: OSError) -> Meaning:
    match error:
        case socket.timeout():
            return _SILENT
        case socket.gaierror() | ConnectionRefusedError():
            return _UNREACHABLE
        case ConnectionError():
            return _LOST
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN):
        return _UNREACHABLE
    return _ERRNOS.get(error.errno or 0) or Meaning(error.strerror or type(error).__name__)


def log_text(exc: Failure, place: URL | None) -> None:
    """Log the text of an error, without a password and without anything that is stored."""
    _logger.warning("the database of sessions: %s", error_text(exc, place))


def error_text(exc: Failure, place: URL | None) -> str:
    """The text of an error in one line; only its class where it may quote what is stored."""
    error = exc.orig if isinstance(exc, DBAPIError) else exc
    name = type(error).__name__
    if not _is_about_the_database(error):
        return name
    fields = error.args[0] if error is not None and error.args else None
    # The driver passes on all fields of the server's message; M is the text.
    text = str(fields["M"]) if isinstance(fields, dict) and "M" in fields else str(error)
    cause = error.__cause__ if error is not None else None
    line = " ".join(f"{name}: {text} {f'({cause})' if cause else ''}".split())[:500]
    password = None if place is None else place.password
    return line.replace(str(password), "***") if password else line


def _is_about_the_database(error: BaseException | None) -> bool:
    """Whether the text of an error quotes nothing that is stored."""
    if state := _sqlstate(error):
        return not state.startswith(_QUOTING)
    # SQLite's module quotes text that it can't decode, without a code.
    is_of_sqlite = type(error).__module__ == "sqlite3"
    return not is_of_sqlite or hasattr(error, "sqlite_errorcode")


def _sqlstate(error: BaseException | None) -> str | None:
    """PostgreSQL's code of an error, as its two drivers give it."""
    fields = error.args[0] if error is not None and error.args else None
    if isinstance(fields, dict):
        return fields.get("C")
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None

"""Reads session files in a child process, which may crash, hang or be killed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from ferapp.errors import DataError
from ferapp.sessions.entries.entering import PART
from ferapp.sessions.formats.limits import OF_STRANGERS, refuse_more
from ferapp.sessions.formats.packed import described, unpack
from ferapp.sessions.formats.reading import title_of
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.system.child import Child, ChildError

_READER: Final = "ferapp.sessions.formats.reader"
_LIMIT_S: Final = 60.0
# What one takes in memory, several would take at once; further ones wait.
_TURN: Final = threading.Lock()


@dataclass(frozen=True)
class SessionFile:
    """A session in a file that is open; see `open_session`.

    Attributes:
        recording: What its readings are of.
        notes: A sentence about each part of the file that is ignored or was guessed.
        count: Number of readings.
        parts: The readings in the order of time, a part at a time; can be gone through once, and
            raises `DataError` if the process breaks down.
    """

    recording: SessionInfo
    notes: tuple[str, ...]
    count: int
    parts: Iterator[Readings]


@contextmanager
def open_session(name: str, data: bytes) -> Iterator[SessionFile]:
    """Read a session from a CSV, Parquet or JSON file, confined, and part by part.

    One file is read at a time; others wait for their turn.

    Args:
        name: Name of the file; becomes the title if the file has no metadata.
        data: Its bytes, from which the format is detected.

    Raises:
        DataError: It is not a valid session, or is too large.
    """
    title = title_of(name)
    try:
        OF_STRANGERS.check_bytes(len(data))
    except DataError as exc:
        raise DataError(f"{title} can't be opened: {exc}.") from exc
    with _TURN, _start(title, name, data) as child:
        header, _ = _next(child, title)
        try:
            words, count = header["words"], header["readings"]
            recording = described(header["recording"])
            refuse_more("readings", count, OF_STRANGERS.readings)
            notes = tuple(map(str, header["notes"]))
        except (KeyError, TypeError, ValueError) as exc:
            raise _broken_error(title) from exc
        parts = _parts(child, title, count, len(recording.labels), words)
        yield SessionFile(recording, notes, count, parts)


def _start(title: str, name: str, data: bytes) -> Child:
    try:
        return Child(
            _READER,
            data,
            {"name": name[-1000:], "rows": PART},
            work="reader of the file",
            subject="file",
            silence_s=_LIMIT_S,
        )
    except OSError as exc:
        raise DataError(f"{title} can't be opened: {exc.strerror or exc}.") from exc


def _next(child: Child, title: str) -> tuple[dict[str, Any], bytearray]:
    try:
        return child.message()
    except ChildError as exc:
        if exc.kind == "refusal":
            raise DataError(str(exc)) from exc
        raise DataError(f"{title} can't be opened. {exc}") from exc


def _parts(
    child: Child, title: str, count: int, labels: int, words: dict[str, list[str]]
) -> Iterator[Readings]:
    while count > 0:
        _, data = _next(child, title)
        try:
            part = unpack(data, labels, words)
        except (KeyError, TypeError, ValueError) as exc:
            raise _broken_error(title) from exc
        if not 0 < len(part) <= count:
            raise _broken_error(title)
        count -= len(part)
        yield part


def _broken_error(title: str) -> DataError:
    return DataError(f"{title} can't be opened. The reader of the file has crashed.")

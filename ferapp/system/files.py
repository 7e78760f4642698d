"""Writes files completely or not at all, and locks folders against other processes."""

import contextlib
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from ferapp.errors import StoreError
from ferapp.system.text import one_line

_PARTIAL: Final = re.compile(r"\.[0-9a-f]{16}\.part")
# Names of what is open already, such as a pipe that a shell has opened for `<(...)`.
_OPEN: Final = re.compile(r"/dev/(std(in|out|err)|fd/\d+)|/proc/(self|\d+)/fd/\d+")


def is_open_stream(path: Path) -> bool:
    """Whether a path names a pipe, a socket or a file that this process has open already."""
    if not _OPEN.fullmatch(str(path)):
        return False
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISREG(mode)


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes in hexadecimal; the file is read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, replacing one that may exist.

    It gets its name last, so that after a crash or with a full disk the old file is left, or none.
    The umask decides who may read it.

    Raises:
        StoreError: It could not be written; a previous file is unchanged.
    """
    with whole_file(path) as file:
        file.write(data)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """As `write_whole`, for data that does not fit into memory: yields an open file.

    If the block raises an exception, a previous file is unchanged. A pipe or a device, such as
    ``/dev/null``, is written to instead of being replaced.

    Raises:
        StoreError: It could not be written; an OSError in the block counts as this.
    """
    if is_open_stream(path) or (path.exists() and not path.is_file()):
        with translate_write_errors(path), open(path, "wb") as stream:
            yield stream
        return
    partial = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with translate_write_errors(path):
            with open(partial, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


@contextlib.contextmanager
def translate_write_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of writing to a file into a sentence.

    Raises:
        StoreError: The block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{one_line(path.name)} could not be written: {error.strerror or type(error).__name__}."
            " Make room or choose another folder, and try again."
        ) from error


@contextlib.contextmanager
def lock_folder(folder: Path, *, waits: bool = True) -> Iterator[bool]:
    """Lock a folder against other processes that do the same; no file is made for it.

    The lock ends with the process, however that ends.

    Args:
        folder: A folder that exists.
        waits: Whether to wait while another process holds the lock.

    Yields:
        Whether it is locked: Windows and some file systems have no such locks.

    Raises:
        BlockingIOError: Another process holds it, and this one does not wait.
    """
    try:
        import fcntl
    except ImportError:
        yield False
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
            is_locked = True
        except BlockingIOError:
            raise
        except OSError:
            is_locked = False
        yield is_locked
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Delete partial files that killed processes left; no other process may be writing there."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _PARTIAL.fullmatch(entry.name):
                os.unlink(entry.path)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power failure, where the system can."""
    if os.name != "posix":
        return
    # The file itself is complete. Network file systems may refuse to sync a folder.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

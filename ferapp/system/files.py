"""Writes files completely or not at all."""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from ferapp.errors import StoreError
from ferapp.system.text import one_line

_PARTIAL: Final = re.compile(r"\.[0-9a-f]{16}\.part")


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

    If the block raises an exception, a previous file is unchanged.

    Raises:
        StoreError: It could not be written; an OSError in the block counts as this.
    """
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

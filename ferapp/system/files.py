"""Files that are there whole or not at all."""

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
    """Write a file in place of one that may be there.

    It gets its name last, so that a crash or a full disk leaves the old file or none. Who may read
    it says the umask, as for every file that a program writes where its user told it to.

    Raises:
        StoreError: It could not be written; what was there before is there still.
    """
    with whole_file(path) as file:
        file.write(data)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """The same for what does not fit into memory: a file to write, which gets its name at the end.

    Leaving the block by an exception leaves what was there before.

    Raises:
        StoreError: It could not be written. An OSError in the block counts as that.
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
    """What the system says about writing to a file, in words.

    Raises:
        StoreError: In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{one_line(path.name)} could not be written: {error.strerror or type(error).__name__}."
            " Make room or choose another folder, and try again."
        ) from error


def sweep(folder: Path) -> None:
    """Delete what a process that was killed left half written; nobody may be writing there."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _PARTIAL.fullmatch(entry.name):
                os.unlink(entry.path)


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system can."""
    if os.name != "posix":
        return
    # The file is whole by now. Network file systems may refuse to sync a folder.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

"""Files that are there whole or not at all."""

import contextlib
import os
import secrets
from pathlib import Path

from ferapp.errors import StoreError
from ferapp.recording.export import one_line


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, in place of one that may be there.

    It gets its name last, so that a crash or a full disk leaves the old file or none.

    Raises:
        StoreError: It could not be written; what was there before is there still.
    """
    partial = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open(partial, "xb", opener=_private) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise StoreError(
            f"{one_line(path.name)} could not be written: {error.strerror or type(error).__name__}."
            " Make room or choose another folder, and try again."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


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

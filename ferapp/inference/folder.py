"""The operator's folder of added models; its files are not trusted until they are examined."""

import os
import stat
from pathlib import Path
from typing import Final

from ferapp.errors import MissingWeights

FOLDER_VARIABLE: Final = "FERAPP_MODELS_DIR"
MANIFEST_NAME: Final = "manifest.json"
MOST_BYTES: Final = 500_000_000
"""Largest size of a weights file."""

# Windows has neither flag, and no named pipes in folders that would block on opening.
_SAFELY: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


def models_folder() -> Path | None:
    """The folder that ``FERAPP_MODELS_DIR`` names, if it names one."""
    path = os.environ.get(FOLDER_VARIABLE)
    return Path(os.path.expanduser(path)) if path else None


def read_inside(folder: Path, name: str, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Read a file in a folder.

    Links that stay inside the folder are followed; Kubernetes creates such links.

    Raises:
        MissingWeights: There is no such file, it is a link out of the folder, or it is empty, too
            large or not a regular file.
    """
    try:
        real = os.path.realpath(folder / name, strict=True)
        if not Path(real).is_relative_to(os.path.realpath(folder)):
            raise MissingWeights(f"{name} is a link out of the folder; expected a file inside.")
        return read_regular(Path(real), name, most_bytes=most_bytes)
    except OSError as exc:
        raise MissingWeights(f"{name} can't be read: {exc.strerror or exc}.") from exc


def read_regular(path: Path, name: str, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Read a file that is not a link, pipe or device.

    Args:
        path: Its path.
        name: Its name in error messages.
        most_bytes: Larger files are refused.

    Raises:
        MissingWeights: It is empty, too large or not a regular file.
        OSError: It can't be read.
    """
    with open(path, "rb", opener=lambda p, flags: os.open(p, flags | _SAFELY)) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise MissingWeights(f"{name} is a pipe or a device; expected a file.")
        if not status.st_size:
            raise MissingWeights(f"{name} is empty; expected a model.")
        data = file.read(most_bytes + 1) if status.st_size <= most_bytes else b""
    if not 0 < len(data) <= most_bytes:
        raise MissingWeights(
            f"{name} has {status.st_size:,} bytes; expected {most_bytes:,} at most."
        )
    return data

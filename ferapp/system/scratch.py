"""Private temporary folders, which are also removed after a crash."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_PREFIX: Final = ".ferapp-work-"


@contextmanager
def scratch(beside: Path | None = None) -> Iterator[Path]:
    """A private folder (mode 0700), removed with its content when the block ends.

    Args:
        beside: Its parent folder; by default the one for temporary files.
    """
    folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=beside)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clear(beside: Path | None = None) -> int:
    """Remove the folders of processes that have ended, and return their number."""
    count = 0
    for folder in (beside or Path(tempfile.gettempdir())).glob(f"{_PREFIX}*-*"):
        with suppress(OSError, ValueError, OverflowError):
            number = int(folder.name.removeprefix(_PREFIX).split("-")[0])
            is_ours = not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
            if is_ours and not folder.is_symlink() and not _is_alive(number):
                shutil.rmtree(folder, ignore_errors=True)
                count += 1
    return count


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return True  # on Windows os.kill would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

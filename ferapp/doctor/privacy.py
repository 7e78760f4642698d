"""Removes private data from reports: the names of the user and of the machine."""

import getpass
import os
import platform
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

# A path, with or without a drive.
_PATH: Final = re.compile(r"(?:[A-Za-z]:)?[^\s\"'`]*[/\\][^\s\"'`]*")
# Home folders of other users, in the places of each system.
_OTHER_HOME: Final = re.compile(r"((?:/home/|/Users/|\\Users\\))[^\s/\\\"'`:,;)]+")


def private(text: str) -> str:
    """The text with ``~`` for the user's home and no user or machine name in its paths."""
    for home in sorted(_homes(), key=len, reverse=True):
        text = re.sub(rf"{re.escape(home)}(?![^\s/\\\"'`:,;)])", "~", text)
    for name in _names():
        pattern = re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", re.IGNORECASE)
        text = _PATH.sub(lambda match, hide=pattern: hide.sub("_", match[0]), text)  # type: ignore[misc]
    return _OTHER_HOME.sub(r"\1_", text)


def _homes() -> set[str]:
    """The user's home folder, as named and with links resolved; not one at the root."""
    homes = {os.environ.get(name, "") for name in ("HOME", "USERPROFILE")}
    with suppress(RuntimeError):  # the account has none
        homes.add(str(Path.home()))
    homes |= {os.path.realpath(home) for home in homes if home}
    return {home.rstrip("/\\") for home in homes if home.rstrip("/\\").count(os.sep)}


def _names() -> Iterator[str]:
    # An account may have only a number.
    with suppress(KeyError, OSError, ImportError):
        yield getpass.getuser()
    host = platform.node()
    if host and host != "localhost":
        yield host
        yield host.split(".")[0]

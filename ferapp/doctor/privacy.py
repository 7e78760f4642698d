"""What a report must not tell: who uses this machine, and what it is called."""

import getpass
import os
import platform
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

# A drive or a slash, and what belongs to it.
_PATH: Final = re.compile(r"(?:[A-Za-z]:)?[^\s\"'`]*[/\\][^\s\"'`]*")
# Homes of others, by where systems keep them.
_OTHER_HOME: Final = re.compile(r"((?:/home/|/Users/|\\Users\\))[^\s/\\\"'`:,;)]+")


def private(text: str) -> str:
    """The same with ``~`` for the user's home, and no name of the user or the machine in paths."""
    for home in sorted(_homes(), key=len, reverse=True):
        text = re.sub(rf"{re.escape(home)}(?![^\s/\\\"'`:,;)])", "~", text)
    for name in _names():
        pattern = re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", re.IGNORECASE)
        text = _PATH.sub(lambda found, hide=pattern: hide.sub("_", found[0]), text)  # type: ignore[misc]
    return _OTHER_HOME.sub(r"\1_", text)


def _homes() -> set[str]:
    """The user's home as it is written and as it is; not those that are everybody's."""
    found = {os.environ.get(name, "") for name in ("HOME", "USERPROFILE")}
    with suppress(RuntimeError):  # of an account without one
        found.add(str(Path.home()))
    found |= {os.path.realpath(home) for home in found if home}
    return {home.rstrip("/\\") for home in found if home.rstrip("/\\").count(os.sep)}


def _names() -> Iterator[str]:
    # An account may have a number alone.
    with suppress(KeyError, OSError, ImportError):
        yield getpass.getuser()
    host = platform.node()
    if host and host != "localhost":
        yield host
        yield host.split(".")[0]

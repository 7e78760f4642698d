"""Landlock: a process gives up files, connections and signals for good, without privileges.

See https://docs.kernel.org/userspace-api/landlock.html. It came with Linux 5.13; each later version
of its interface covers more. The standard library has no such calls, hence the numbers here, which
are the same on every processor.
"""

import ctypes
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_WRITE_FILE, _READ_FILE, _READ_FOLDER = 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_FILE, _TRUNCATE = 1 << 5, 1 << 8, 1 << 14
_READ: Final = _READ_FILE | _READ_FOLDER
# To move a file to another folder is not among them.
_WRITE: Final = _READ | _WRITE_FILE | _REMOVE_FILE | _MAKE_FILE | _TRUNCATE
# Rights to folders alone, which the kernel refuses for a file.
_OF_FOLDERS: Final = _READ_FOLDER | _REMOVE_FILE | _MAKE_FILE
# Number of rights to files since each version; those from the last one on have no more of them.
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_ALL_TCP: Final = 0b11
_ALL_SCOPES: Final = 0b11
_TCP_SINCE, _SCOPES_SINCE = 4, 6


def version() -> int:
    """Version of the interface that this machine has; 0 without Landlock."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(_call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION)), 0)


def restrict(readable: Iterable[Path], writable: Iterable[Path] = ()) -> bool:
    """Give up every file but some, TCP, and signals to other processes, as far as there is a way.

    It holds for this thread and those that it starts: call it before there are others. What is open
    already stays open. The process must have no way to gain privileges (`PR_SET_NO_NEW_PRIVS`).

    Args:
        readable: Files and folders that may be read; what is missing is left out.
        writable: Folders in which files may be made, read, written and removed.

    Returns:
        Whether it holds.
    """
    found = version()
    if not found:
        return False
    files = (1 << _FILE_RIGHTS.get(found, _FILE_RIGHTS[max(_FILE_RIGHTS)])) - 1
    rights = [files]
    if found >= _TCP_SINCE:
        rights.append(_ALL_TCP)
    if found >= _SCOPES_SINCE:
        rights.append(_ALL_SCOPES)
    handled = (ctypes.c_uint64 * len(rights))(*rights)
    rules = _call(_CREATE, handled, ctypes.c_size_t(ctypes.sizeof(handled)), ctypes.c_uint32(0))
    if rules < 0:
        return False
    try:
        for paths, granted in ((readable, _READ), (writable, _WRITE)):
            for path in paths:
                with suppress(OSError):
                    _grant(rules, path, granted & files)
        return _call(_RESTRICT, ctypes.c_int(rules), ctypes.c_uint32(0)) == 0
    finally:
        os.close(rules)


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("place", ctypes.c_int32))


def _grant(rules: int, path: Path, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not path.is_dir():
            rights &= ~_OF_FOLDERS
        rule = ctypes.byref(_Rule(rights, place))
        _call(_ADD, ctypes.c_int(rules), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    """A system call; negative if it failed or there is none."""
    return int(ctypes.CDLL(None).syscall(ctypes.c_long(number), *arguments))

"""Confines a process that reads the files of others, before it reads the first byte.

What is left to code that has taken over such a process: to read code and what it was given, to use
memory and processor time up to a limit, and to answer. Each layer is there where the system has it:

```text
limits       POSIX     memory, processor time, open files, size of files, no core file
landlock     Linux     no other file; no TCP; no signal to others
seccomp      Linux     no sockets, programs or processes; no change of a file's mode, owner or time
```

Besides, on Linux: no new privileges, no capabilities, no memory dump.
"""

import ctypes
import os
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ferapp.system import landlock, seccomp

_PACKAGE: Final = Path(__file__).parents[1]
_MOST_OPEN: Final = 64
_SITES: Final = frozenset(("site-packages", "dist-packages", "lib-dynload"))
# Shared libraries that are loaded on first use, what OpenCV and ONNX Runtime ask about the
# processor, and time zones. Nothing of a person is there.
_OF_THE_SYSTEM: Final = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/gnu/store"),
    *("/etc/ld.so.cache", "/usr/share/zoneinfo"),
    *("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/etc/localtime"),
    *("/dev/null", "/dev/urandom"),
)
_SET_NO_NEW_PRIVS, _SET_DUMPABLE = 38, 4
_CAPABILITIES_VERSION: Final = 0x2008_0522
# Root without it could no longer read code in the home of somebody else; Landlock bounds it.
_MAY_READ_ALL: Final = 1 << 1


@dataclass(frozen=True)
class Layers:
    """What confines the processes that read the files of others.

    Attributes:
        has_limits: Whether the system limits memory, processor time and files.
        landlock: Version of Landlock's interface; 0 without it.
        has_seccomp: Whether system calls can be refused.
    """

    has_limits: bool
    landlock: int
    has_seccomp: bool

    @property
    def text(self) -> str:
        """The layers, in words."""
        names = ["limits"] if self.has_limits else []
        names += [f"Landlock {self.landlock}"] if self.landlock else []
        names += ["seccomp"] if self.has_seccomp else []
        return ", ".join(names) or "none"

    @property
    def gap(self) -> str:
        """What code that has taken over such a process could do, in words; empty if nothing."""
        could = []
        if not self.landlock:
            could.append("read this account's files")
        if not self.has_seccomp:
            could.append("connect to others and start programs")
        if not self.has_limits:
            could.append("take all memory")
        return " and ".join(could)


def layers() -> Layers:
    """What this machine has; nothing is confined by asking."""
    return Layers(os.name == "posix", landlock.version(), seccomp.is_available())


def confine(
    memory_bytes: int, processor_s: int | None = None, *, writes: Path | None = None
) -> Layers:
    """Confine this process for good, and end it with its parent.

    Call it after imports, while there is one thread: Landlock holds for this thread and those that
    it starts.

    Args:
        memory_bytes: Maximum address space, which also bounds the number of threads.
        processor_s: Maximum CPU time, which also ends work that keeps Python from noticing that the
            parent has ended.
        writes: The folder in which files may be written and read; by default none are written.

    Returns:
        What holds now.
    """
    readable = [*_code(), *map(Path, _OF_THE_SYSTEM)]
    parent = os.getppid()
    has_limits = _limit(memory_bytes, processor_s, writes=writes is not None)
    if sys.platform.startswith("linux"):
        _give_up_privileges()
    is_landlocked = landlock.restrict(readable, [writes] if writes else [])
    has_seccomp = seccomp.restrict(writes=writes is not None)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    return Layers(has_limits, landlock.version() if is_landlocked else 0, has_seccomp)


def _code() -> Iterator[Path]:
    """Where code is that may be loaded later; not the folder around the package."""
    yield Path(os.__file__).parent
    # Where MKL finds the parts of itself that a processor needs, on first use.
    yield from (Path(prefix, "lib") for prefix in {sys.prefix, sys.base_prefix})
    yield from map(Path, filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":")))
    yield _PACKAGE
    for entry in sys.path:
        if Path(entry).name in _SITES:
            yield Path(entry)
    # Packages in other folders, such as those of PYTHONPATH: only those that are loaded.
    for name, module in list(sys.modules.items()):
        if "." not in name and getattr(module, "__path__", None):
            yield from map(Path, module.__path__)


def _limit(memory_bytes: int, processor_s: int | None, *, writes: bool) -> bool:
    """Set the limits; whether the system has any.

    The number of processes is limited where it counts no threads. On Linux it counts those of all
    processes of the user, also in other containers; there seccomp forbids new processes.
    """
    try:
        import resource
    except ImportError:
        return False
    limits = [
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, processor_s),
        (resource.RLIMIT_NOFILE, _MOST_OPEN),
        (resource.RLIMIT_FSIZE, None if writes else 0),
        (resource.RLIMIT_NPROC, None if sys.platform.startswith("linux") else 0),
    ]
    for limit, most in limits:
        if most is not None:
            with suppress(OSError, ValueError):  # if the limit is lower already
                resource.setrlimit(limit, (most, most))
    return True


def _give_up_privileges() -> None:
    """Drop what root has, and what a program with more rights would give; dump no memory.

    A dump would hold pictures, and one that goes to a program ignores the limit of core files.
    """
    library = ctypes.CDLL(None)
    library.prctl(_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0)))
    library.prctl(_SET_DUMPABLE, *map(ctypes.c_ulong, (0, 0, 0, 0)))
    header = struct.pack("=Ii", _CAPABILITIES_VERSION, 0)
    # Effective, permitted and inheritable ones: the lower 32 of each, then the upper.
    data = ctypes.create_string_buffer(24)
    library.capget(header, data)
    keeps = struct.unpack("=6I", data.raw)[1] & _MAY_READ_ALL
    library.capset(header, struct.pack("=6I", keeps, keeps, 0, 0, 0, 0))


def _end_with(parent: int) -> None:
    """End this process with its parent; a closed pipe only ends a process that writes to it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)

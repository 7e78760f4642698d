"""A child process that tries to get out, as code would that has taken over a decoder.

    python -m tests.support.taken_over FOLDER

makes the files and the socket that it looks for, starts it as ferapp starts its children, and
prints what each try came to as JSON. Needs nothing but the standard library.
"""

import ctypes
import json
import os
import platform
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ferapp.system import confinement, landlock, seccomp
from ferapp.system.child import Child, ChildError, run, send

HELD = "held"
SECRET = "FERAPP_METRICS_TOKEN"
MEMORY_BYTES = 1 << 30
PROCESSOR_S = 1
MORE = 1 << 40
_PARAMETERS = ctypes.create_string_buffer(120)


class Escape(Exception):
    """Something was reached."""


def _connect(kind: int, address: Any, family: int = socket.AF_INET) -> Callable[[], None]:
    def connect() -> None:
        with socket.socket(family, kind) as client:
            client.settimeout(5)
            client.connect(address)

    return connect


def _listen() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()


def _read(path: str) -> Callable[[], None]:
    return lambda: Path(path).read_bytes() and None


def _open(path: str) -> Callable[[], None]:
    return lambda: os.close(os.open(path, os.O_RDONLY))


def _write(path: str) -> Callable[[], None]:
    def write() -> None:
        with open(path, "ab") as file:
            file.write(b"x")

    return write


def _look_for_secrets() -> None:
    if found := [value for value in os.environ.values() if "secret" in value]:
        raise Escape(f"{len(found)} secrets")


def _look_for_descriptors() -> None:
    for number in range(3, 256):
        with suppress(OSError):
            os.fstat(number)
            raise Escape(f"descriptor {number}")


def _write_to_input() -> None:
    with suppress(OSError):
        os.ftruncate(0, 0)
        raise Escape("the file was cut off")
    os.write(0, b"x")


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _start() -> None:
    os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})


def _system_call(x86: int, arm: int, *arguments: Any) -> Callable[[], None]:
    def call() -> None:
        number = {"x86_64": x86, "aarch64": arm}.get(platform.machine())
        if number is None:
            raise OSError("its number is not known here")
        library = ctypes.CDLL(None, use_errno=True)
        if library.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) < 0:
            raise OSError(ctypes.get_errno(), "refused")

    return call


def _let_signal(command: int, whom: int | bytes) -> Callable[[], None]:
    """Say whom the kernel is to signal when there is something to read."""

    def let_signal() -> None:
        import fcntl

        fcntl.fcntl(0, command, whom)

    return let_signal


def _take_memory() -> None:
    with suppress(MemoryError):
        bytearray(MEMORY_BYTES)
        raise Escape("too much memory")


def _raise_limit(name: str) -> Callable[[], None]:
    def raise_limit() -> None:
        import resource

        with suppress(ValueError):
            resource.setrlimit(getattr(resource, name), (MORE, MORE))
            raise Escape(name)

    return raise_limit


def _open_many() -> None:
    files = []
    try:
        for _ in range(1000):
            files.append(os.dup(0))
    finally:
        for file in files:
            os.close(file)


def _dump_memory() -> None:
    if ctypes.CDLL(None).prctl(3, 0, 0, 0, 0):  # PR_GET_DUMPABLE
        raise Escape("its memory can be dumped")


def tries(folder: str = "", port: int = 0) -> dict[str, tuple[str, Callable[[], None]]]:
    """Each try by name, with the layers of which one is enough to stop it."""
    parent = os.getppid()
    database, secrets = f"{folder}/sessions.db", f"{folder}/secrets.toml"
    network, files, processes = "seccomp landlock", "landlock", "seccomp"
    return {
        "connect by TCP": (network, _connect(socket.SOCK_STREAM, ("127.0.0.1", port))),
        "listen on TCP": (network, _listen),
        "connect by UDP": ("seccomp", _connect(socket.SOCK_DGRAM, ("127.0.0.1", port))),
        "connect to a Unix socket": (
            "seccomp",
            _connect(socket.SOCK_STREAM, f"{folder}/socket", socket.AF_UNIX),
        ),
        "read the database": (files, _read(database)),
        "read a secret": (files, _read(secrets)),
        "read the parent's environment": (files, _read(f"/proc/{parent}/environ")),
        "read the parent's memory": (files, _open(f"/proc/{parent}/mem")),
        "read the accounts": (files, _read("/etc/passwd")),
        "list the files": (files, lambda: os.listdir(folder) and None),
        "find a secret in the environment": ("", _look_for_secrets),
        "use an inherited descriptor": ("", _look_for_descriptors),
        "change what it reads": ("limits", _write_to_input),
        "make a file": ("landlock seccomp", _write(f"{folder}/new")),
        "change the database": ("landlock limits", _write(database)),
        "cut the database off": ("landlock seccomp", lambda: os.truncate(database, 0)),
        "open the database to all": ("seccomp", lambda: os.chmod(database, 0o777)),
        "move the database": ("landlock seccomp", lambda: os.rename(database, f"{folder}/a")),
        "delete a file": ("landlock seccomp", lambda: os.unlink(secrets)),
        "make a link": ("landlock seccomp", lambda: os.symlink(database, f"{folder}/link")),
        "fork": (processes, _fork),
        "execute": (
            "seccomp landlock",
            lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
        ),
        "start a program": ("seccomp", _start),
        "signal the parent": ("seccomp landlock", lambda: os.kill(parent, 0)),
        "let the kernel signal the parent": ("seccomp", _let_signal(8, parent)),
        "let the kernel signal one of its threads": (
            "seccomp",
            _let_signal(15, struct.pack("ii", 0, parent)),
        ),
        "watch a folder": ("seccomp", _system_call(294, 26, 0)),
        "trace the parent": ("seccomp landlock", _system_call(101, 117, 0x4206, parent, 0, 0)),
        "read another process": ("seccomp", _system_call(310, 270, parent, 0, 0, 0, 0, 0)),
        "change the parent's limits": ("seccomp", _system_call(302, 261, parent, 7, 0, 0)),
        "use io_uring": (processes, _system_call(425, 425, 1, ctypes.addressof(_PARAMETERS))),
        "get a namespace": (processes, _system_call(272, 97, 0x0400_0000)),
        "share memory": (processes, _system_call(29, 194, 0, 4096, 0o1600)),
        "open too many files": ("limits", _open_many),
        "take too much memory": ("limits", _take_memory),
        "raise the limit of memory": ("limits", _raise_limit("RLIMIT_AS")),
        "raise the limit of the size of files": ("limits", _raise_limit("RLIMIT_FSIZE")),
        "raise the limit of processor time": ("limits", _raise_limit("RLIMIT_CPU")),
        "leave a dump of its memory": ("", _dump_memory),
    }


def _attempt(request: dict[str, Any]) -> None:
    if request["is_busy"]:
        while True:
            pass
    answers = {}
    for name, (_, attempt) in tries(request["folder"], request["port"]).items():
        if name == "execute" and request["without"]:
            continue  # it would be the last try
        try:
            attempt()
        except OSError:
            answers[name] = HELD
        except Escape as exc:
            answers[name] = str(exc)
        else:
            answers[name] = "done" if name not in LOOKS else HELD
    if request["writes"]:
        Path(request["writes"], "own").write_text("its own")
        answers["write to its own folder"] = "written"
    threads = [
        threading.Thread(target=answers.update, args=({f"thread {n}": "runs"},)) for n in "12"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    send(answers)


LOOKS = (
    *("find a secret in the environment", "use an inherited descriptor", "change what it reads"),
    *("take too much memory", "leave a dump of its memory"),
    *(f"raise the limit of {what}" for what in ("memory", "the size of files", "processor time")),
)
"""Tries that raise only if they reach something."""


def take_over(
    folder: Path, *, without: str = "", is_busy: bool = False, writes: bool = False
) -> dict[str, str]:
    """What each try came to, `HELD` or what was reached; and two threads, which have to work.

    Args:
        folder: A private folder for what there is to reach.
        without: Layers that are left out, such as "landlock".
        is_busy: Whether it computes without end instead.
        writes: Whether it has a folder of its own to write to, as a copier has.
    """
    own = folder / "own"
    own.mkdir()
    with socket.socket() as server, socket.socket(socket.AF_UNIX) as local:
        server.bind(("127.0.0.1", 0))
        server.listen()
        local.bind(str(folder / "socket"))
        local.listen()
        for name in ("sessions.db", "secrets.toml", "input"):
            (folder / name).write_text("a secret")
        secret = os.open(folder / "secrets.toml", os.O_RDWR)
        os.set_inheritable(secret, True)
        os.environ[SECRET] = os.environ["PGPASSWORD"] = "a secret"
        request = {
            "folder": str(folder),
            "port": server.getsockname()[1],
            "without": without,
            "is_busy": is_busy,
            "writes": str(own) if writes else "",
        }
        try:
            with (
                open(folder / "input", "r+b") as file,
                Child("tests.support.taken_over", file, request, work="x", subject="x") as child,
            ):
                try:
                    return child.message()[0]
                except ChildError as exc:
                    return {"ended": exc.kind}
        finally:
            os.close(secret)
            del os.environ[SECRET], os.environ["PGPASSWORD"]


def as_plain_user(folder: Path) -> dict[str, str] | str:
    """`take_over` as a user without rights, if root asks; a reason if it can't be tried."""
    if os.geteuid() != 0:
        return "this is a plain user already"
    root = Path(__file__).parents[2]
    command = ["-m", "tests.support.taken_over", str(folder)]
    for program in (sys.executable, "/usr/bin/python3"):
        try:
            os.chown(folder, 65534, 65534)
            ran = subprocess.run(
                [program, *command],
                capture_output=True,
                cwd=root,
                user=65534,
                group=65534,
                extra_groups=[],
            )
        except OSError:
            continue
        if ran.returncode == 0:
            answers: dict[str, str] = json.loads(ran.stdout)
            return answers
    return "no Python that another user may run"


if __name__ == "__main__":
    if sys.argv[1].startswith("{"):
        asked = json.loads(sys.argv[1])
        if "landlock" in asked["without"]:
            landlock.version = lambda: 0
        if "seccomp" in asked["without"]:
            seccomp.restrict = lambda **_: False
        if "limits" in asked["without"]:
            confinement._limit = lambda *_, **__: False
            confinement._give_up_privileges = lambda: None
        run(
            _attempt,
            memory_bytes=MEMORY_BYTES,
            processor_s=PROCESSOR_S,
            writes=(lambda request: Path(request["writes"])) if asked["writes"] else None,
        )
    else:
        print(json.dumps(take_over(Path(sys.argv[1]))))

"""Child processes for work on untrusted files, which may crash, hang or be killed.

Each child is ``python -m MODULE JSON`` with the file as its standard input, so that no parser sees
the name of the file. It answers on standard output in messages: one line of JSON, followed by as
many raw bytes as its ``bytes`` says.
"""

import json
import logging
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, Self

from ferapp.errors import SettingError, UserError

SILENCE_S: Final = 20.0
"""A child that sends no message for this long is killed."""

_CLOSING_S: Final = 3.0
# Windows reports crashes as large exit statuses, other systems as negative ones.
_FIRST_CRASH: Final = 256
_ROOT: Final = str(Path(__file__).parents[2])

_logger = logging.getLogger(__name__)


class ChildError(Exception):
    """Why a child gave no answer, in a sentence; callers map it to an error of their own.

    Attributes:
        kind: "refusal" (the child says what is wrong with the file), "setting" (the file does not
            have what was asked for), "fault" (an error in ferapp), "timeout" (no message in time),
            "killed" (by `Child.kill`), "exit" (an exit status other than 0), "crash" (anything
            else).
    """

    def __init__(
        self,
        message: str,
        kind: Literal["refusal", "setting", "fault", "timeout", "killed", "exit", "crash"],
    ) -> None:
        super().__init__(message)
        self.kind = kind


class Child:
    """A child process; a context manager that ends it.

    `message` is called from one thread, `kill` from any.

    Args:
        module: The module that it runs.
        file: Its standard input: a file with a descriptor, or bytes, which go through a pipe so
            that they are never on disk.
        request: Its request, as plain values.
        work: Its role in error messages, such as "decoder of the video".
        subject: What it works on in error messages, such as "video".
        silence_s: See `SILENCE_S`.

    Raises:
        OSError: The process can't be started.
    """

    def __init__(
        self,
        module: str,
        file: BinaryIO | bytes,
        request: Any,
        *,
        work: str,
        subject: str,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._work = work
        self._subject = subject
        self._silence_s = silence_s
        self._deadline: float | None = None
        self._is_stuck = False
        self._ended = threading.Event()
        if not isinstance(file, bytes):
            # Both: the first alone may only move within Python's buffer.
            file.seek(0)
            os.lseek(file.fileno(), 0, os.SEEK_SET)
        paths = [_ROOT, os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, json.dumps(request)],
            stdin=subprocess.PIPE if isinstance(file, bytes) else file,
            stdout=subprocess.PIPE,
            # FFmpeg writes names and memory addresses there.
            stderr=subprocess.DEVNULL,
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(path for path in paths if path),
                # Unused threads for linear algebra would take address space.
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
        assert self._process.stdout is not None
        self._out = self._process.stdout
        self._widen()
        if isinstance(file, bytes):
            threading.Thread(
                target=self._feed, args=(file,), name="child-feed", daemon=True
            ).start()
        threading.Thread(target=self._watch, name="child-watch", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    def message(self) -> tuple[dict[str, Any], bytearray]:
        """Wait for the next message; also returns its raw bytes.

        Raises:
            ChildError: The child refused the file, failed, ended early, or sent nothing in time.
        """
        self._deadline = time.monotonic() + self._silence_s
        try:
            line = self._out.readline()
            header: dict[str, Any] = json.loads(line) if line.endswith(b"\n") else {}
            data = bytearray(header.get("bytes", 0))
            is_whole = bool(header) and self._out.readinto(data) == len(data)  # type: ignore[attr-defined]
        except ValueError:  # `kill` closed the pipe, or the line is incomplete
            header, is_whole = {}, False
        finally:
            self._deadline = None
        if not is_whole:
            raise self._end_error()
        if "fault" in header:
            _logger.error("the %s failed: %s", self._work, header["fault"])
            raise ChildError(
                f"The {self._work} failed because of an error in ferapp, not in the file "
                f"({header['fault']}). Please report it.",
                "fault",
            )
        if "error" in header:
            raise ChildError(header["error"], "setting" if header.get("is_setting") else "refusal")
        return header, data

    def kill(self) -> None:
        """End it at once; may be called twice."""
        self._ended.set()
        with suppress(OSError):
            self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_CLOSING_S)
        with suppress(OSError):
            self._out.close()

    def _end_error(self) -> ChildError:
        if self._is_stuck:
            return ChildError(
                f"The {self._subject} was given up: its {self._work.split()[0]} did nothing for "
                f"{self._silence_s:g} s.",
                "timeout",
            )
        if self._ended.is_set():
            return ChildError(f"The {self._work} was ended.", "killed")
        with suppress(subprocess.TimeoutExpired):
            if 0 < self._process.wait(_CLOSING_S) < _FIRST_CRASH:
                return ChildError(
                    f"The {self._work} ended by itself, with the exit status "
                    f"{self._process.returncode}. Is ferapp installed completely? Check with: "
                    "python -m ferapp doctor",
                    "exit",
                )
        return ChildError(f"The {self._work} has crashed; the file may be damaged.", "crash")

    def _feed(self, data: bytes) -> None:
        """Write its standard input; a child that has ended reads no more."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(data)
        with suppress(OSError):
            self._process.stdin.close()

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            deadline = self._deadline
            if deadline is not None and time.monotonic() > deadline:
                self._is_stuck = True
                with suppress(OSError):
                    self._process.kill()
                return

    def _widen(self) -> None:
        """Let a frame pass in a few pieces rather than fifty, where the system can (Linux)."""
        with suppress(ImportError, AttributeError, OSError):
            import fcntl

            fcntl.fcntl(self._out.fileno(), fcntl.F_SETPIPE_SZ, 1 << 20)


def send(header: dict[str, Any], data: memoryview | bytes = b"") -> None:
    """In the child: send one message to the parent."""
    out = sys.stdout.buffer
    if len(data):
        header = header | {"bytes": len(data)}
    out.write(json.dumps(header).encode() + b"\n")
    if len(data):
        out.write(data)
    out.flush()


def run(work: Callable[[Any], None], *, memory_bytes: int, processor_s: int | None = None) -> None:
    """In the child: do the work; an unexpected exception is reported as an error in ferapp.

    Args:
        work: Called with the request; raises `UserError` for problems that the user can solve.
        memory_bytes: See `confine`.
        processor_s: See `confine`.
    """
    confine(memory_bytes, processor_s)
    try:
        work(json.loads(sys.argv[1]))
    except BrokenPipeError:
        # The parent reads no more; what is left in the buffer can't be written either.
        sys.stdout = None
    except UserError as exc:
        send({"error": str(exc), "is_setting": isinstance(exc, SettingError)})
    except Exception as exc:
        send({"fault": _fault_text(exc)})


def _fault_text(exc: Exception) -> str:
    """Class and location of an exception, without its text, which may quote the file."""
    places = traceback.extract_tb(exc.__traceback__)
    ours = [place for place in places if Path(place.filename).is_relative_to(_ROOT)] or places
    return f"{type(exc).__name__} in {Path(ours[-1].filename).name}, line {ours[-1].lineno}"


def confine(memory_bytes: int, processor_s: int | None = None) -> None:
    """In the child: limit address space and CPU time, write no core file, end with the parent.

    On Windows only the last is possible.

    Args:
        memory_bytes: Maximum address space.
        processor_s: Maximum CPU time, which also ends work that keeps Python from noticing that the
            parent has ended.
    """
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with suppress(ImportError):
        import resource

        for limit, most in (
            (resource.RLIMIT_AS, memory_bytes),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_CPU, processor_s),
        ):
            if most is not None:
                with suppress(OSError, ValueError):  # if the limit is lower already
                    resource.setrlimit(limit, (most, most))


def _end_with(parent: int) -> None:
    """End this process with its parent; a closed pipe only ends a process that writes to it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)

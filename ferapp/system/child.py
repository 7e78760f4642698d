"""Child processes for work on untrusted files, which may crash, hang, be killed or be taken over.

Each child is ``python -m MODULE JSON`` with the file as its standard input, so that no parser sees
the name of the file. It answers on standard output in messages: one line of JSON, followed by as
many raw bytes as its ``bytes`` says. It inherits no other descriptor and none of the secrets in the
environment, and is confined before it reads (`ferapp.system.confinement`).
"""

import json
import logging
import os
import site
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, Self

from ferapp.errors import SettingError, UserError
from ferapp.system.confinement import confine

SILENCE_S: Final = 20.0
"""A child that sends no message for this long is killed."""

_CLOSING_S: Final = 3.0
# Windows reports crashes as large exit statuses, other systems as negative ones.
_FIRST_CRASH: Final = 256
_ROOT: Final = str(Path(__file__).parents[2])

_KEPT: Final = frozenset(
    (
        # Where things are: programs and libraries, temporary files, Windows itself.
        *("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "TMPDIR", "TEMP", "TMP"),
        *("SYSTEMROOT", "WINDIR", "SYSTEMDRIVE"),
        # Language and time.
        *("LANG", "LANGUAGE", "TZ"),
        # How Python starts.
        *("PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
        *("PYTHONUTF8", "PYTHONWARNINGS", "PYTHONMALLOC", "PYTHONHASHSEED"),
        # Memory, threads and instruction sets of NumPy, OpenCV and ONNX Runtime.
        *("MALLOC_ARENA_MAX", "GLIBC_TUNABLES", "OMP_NUM_THREADS", "OMP_WAIT_POLICY"),
        *("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "OPENCV_CPU_DISABLE"),
        *("OPENCV_FOR_THREADS_NUM", "ORT_DISABLE_TELEMETRY"),
    )
)

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
        with _input_of(file) as standard_input:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, json.dumps(request)],
                stdin=standard_input,
                stdout=subprocess.PIPE,
                # FFmpeg writes names and memory addresses there.
                stderr=subprocess.DEVNULL,
                env=_environment(),
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
        try:
            self._process.wait(_CLOSING_S)
        except subprocess.TimeoutExpired:  # on a busy machine; otherwise it would stay as a zombie
            threading.Thread(target=self._process.wait, name="child-end", daemon=True).start()
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


@contextmanager
def _input_of(file: BinaryIO | bytes) -> Iterator[int | BinaryIO]:
    """What the child reads: a pipe, or the file from its start, for reading only where possible."""
    if isinstance(file, bytes):
        yield subprocess.PIPE
        return
    # Both: the first alone may only move within Python's buffer.
    file.seek(0)
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    try:
        # The file of an upload is open for writing as well.
        reader = os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY)
    except OSError:
        yield file
        return
    try:
        yield reader
    finally:
        os.close(reader)


def _environment() -> dict[str, str]:
    """What a child needs of the environment; passwords and tokens are not among it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in _KEPT or name.startswith("LC_")
    }
    paths = [_ROOT, os.environ.get("PYTHONPATH", "")]
    kept["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    # Where packages are that were installed for the user; found by HOME otherwise.
    if os.path.isabs(base := site.getuserbase()):
        kept["PYTHONUSERBASE"] = base
    # Unused threads for linear algebra would take address space.
    kept["OPENBLAS_NUM_THREADS"] = "1"
    return kept


def send(header: dict[str, Any], data: memoryview | bytes = b"") -> None:
    """In the child: send one message to the parent."""
    out = sys.stdout.buffer
    if len(data):
        header = header | {"bytes": len(data)}
    out.write(json.dumps(header).encode() + b"\n")
    if len(data):
        out.write(data)
    out.flush()


def run(
    work: Callable[[Any], None],
    *,
    memory_bytes: int,
    processor_s: int | None = None,
    writes: Callable[[Any], Path] | None = None,
) -> None:
    """In the child: do the work, confined; an unexpected exception is reported as one in ferapp.

    Args:
        work: Called with the request; raises `UserError` for problems that the user can solve.
        memory_bytes: See `confine`.
        processor_s: See `confine`.
        writes: Called with the request; the folder that it writes to. By default it writes nothing.
    """
    request = json.loads(sys.argv[1])
    confine(memory_bytes, processor_s, writes=writes(request) if writes else None)
    try:
        work(request)
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

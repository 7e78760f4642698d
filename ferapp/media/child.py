"""Processes for work on the files of strangers, which may crash, hang or be killed by themselves.

Each child is ``python -m MODULE JSON`` with the file as its standard input, so that no name of a
stranger's file reaches any parser. It answers on its standard output in messages: one line of JSON,
followed by as many raw bytes as its ``bytes`` says.
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
from typing import Any, BinaryIO, Final, Self

from ferapp.errors import UserError, VideoError

SILENCE_S: Final = 20.0
"""A child that was asked and says nothing for so long is killed."""

_CLOSING_S: Final = 3.0
# Windows tells crashes by large exit statuses, other systems by negative ones.
_FIRST_CRASH: Final = 256
_ROOT: Final = str(Path(__file__).parents[2])

_logger = logging.getLogger(__name__)


class Child:
    """One such process; a context manager that leaves none behind.

    `message` is called from one thread, `kill` from any.

    Args:
        module: What it runs.
        file: Its standard input, as a file with a descriptor.
        request: What it is asked, as plain values.
        work: What it does, for the sentence that says why it ended.
        silence_s: See `SILENCE_S`.
    """

    def __init__(
        self,
        module: str,
        file: BinaryIO,
        request: Any,
        *,
        work: str = "decoder",
        silence_s: float = SILENCE_S,
    ) -> None:
        self._work = work
        self._silence_s = silence_s
        self._deadline: float | None = None
        self._is_stuck = False
        self._ended = threading.Event()
        # Both: the first alone may only move within what Python has read ahead.
        file.seek(0)
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        paths = [_ROOT, os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, json.dumps(request)],
            stdin=file,
            stdout=subprocess.PIPE,
            # What FFmpeg says there are names and addresses in memory.
            stderr=subprocess.DEVNULL,
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(path for path in paths if path),
                # Threads for linear algebra that nobody does would take address space.
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
        assert self._process.stdout is not None
        self._out = self._process.stdout
        self._widen()
        threading.Thread(target=self._watch, name="child-watch", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def message(self) -> tuple[dict[str, Any], bytearray]:
        """The next one and its raw bytes.

        Raises:
            VideoError: The child told of an error, ended early, or fell silent.
        """
        self._deadline = time.monotonic() + self._silence_s
        try:
            line = self._out.readline()
            told: dict[str, Any] = json.loads(line) if line.endswith(b"\n") else {}
            data = bytearray(told.get("bytes", 0))
            is_whole = bool(told) and self._out.readinto(data) == len(data)  # type: ignore[attr-defined]
        except ValueError:  # of a pipe that was closed by `kill`, or of half a line
            told, is_whole = {}, False
        finally:
            self._deadline = None
        if not is_whole:
            raise VideoError(self._why_ended())
        if "fault" in told:
            _logger.error("the %s failed: %s", self._work, told["fault"])
            raise VideoError(
                f"The {self._work} of the video failed by an error in ferapp, not in the file "
                f"({told['fault']}). Please report it."
            )
        if "error" in told:
            raise VideoError(told["error"])
        return told, data

    def kill(self) -> None:
        """End it at once; may be called twice."""
        self._ended.set()
        with suppress(OSError):
            self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_CLOSING_S)
        with suppress(OSError):
            self._out.close()

    def _why_ended(self) -> str:
        if self._is_stuck:
            return (
                f"The video was given up: its {self._work} did nothing for {self._silence_s:g} s."
            )
        if self._ended.is_set():
            return f"The {self._work} of the video was ended."
        with suppress(subprocess.TimeoutExpired):
            if 0 < self._process.wait(_CLOSING_S) < _FIRST_CRASH:
                return (
                    f"The {self._work} of the video ended by itself, with the exit status "
                    f"{self._process.returncode}. Is ferapp installed completely? Look with: "
                    "python -m ferapp doctor"
                )
        return f"The {self._work} of the video has crashed; the file may be damaged."

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            deadline = self._deadline
            if deadline is not None and time.monotonic() > deadline:
                self._is_stuck = True
                with suppress(OSError):
                    self._process.kill()
                return

    def _widen(self) -> None:
        """A frame in a few pieces rather than in fifty, where the system can (Linux)."""
        with suppress(ImportError, AttributeError, OSError):
            import fcntl

            fcntl.fcntl(self._out.fileno(), fcntl.F_SETPIPE_SZ, 1 << 20)


def send(told: dict[str, Any], data: memoryview | bytes = b"") -> None:
    """Of the child: one message to who started it."""
    out = sys.stdout.buffer
    if len(data):
        told = told | {"bytes": len(data)}
    out.write(json.dumps(told).encode() + b"\n")
    if len(data):
        out.write(data)
    out.flush()


def run(work: Callable[[Any], None], *, memory_bytes: int) -> None:
    """Of the child: do what it was asked, and tell what nobody expected as an error of ours.

    Args:
        work: Gets the request; an error that the user can mend it raises as a `UserError`.
        memory_bytes: See `confine`.
    """
    confine(memory_bytes)
    try:
        work(json.loads(sys.argv[1]))
    except BrokenPipeError:
        # Nobody wants the rest; what is left in the buffer can't be written either.
        sys.stdout = None
    except UserError as exc:
        send({"error": str(exc)})
    except Exception as exc:
        send({"fault": _fault(exc)})


def _fault(exc: Exception) -> str:
    """Which class and where; not the text, which may quote what is in the file."""
    places = traceback.extract_tb(exc.__traceback__)
    ours = [place for place in places if Path(place.filename).is_relative_to(_ROOT)] or places
    return f"{type(exc).__name__} in {Path(ours[-1].filename).name}, line {ours[-1].lineno}"


def confine(memory_bytes: int) -> None:
    """Of the child: take no more address space than this, leave no core file, outlive nobody.

    The first two are not to be had on Windows.
    """
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _end_with(parent: int) -> None:
    """A closed pipe ends who writes to it, but not a decoder that never gets so far."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)

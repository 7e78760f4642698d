"""Hundreds of thousands of damaged files: each is read quickly, or refused with a message.

    python -m stress.fuzz [--mutants N] [--seed S] [--seconds T]

Most are pictures, one in forty is a video. They go through the code of the app in confined
processes, one per core; a crash counts against the mutant that was being read. A slow mutant is
tried twice more and its shortest time counts, which excludes loading on first use. The exit status
is 1 if a rule was broken; the mutants that broke it are saved in build/fuzz.
"""

import argparse
import gc
import os
import re
import sys
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from itertools import islice, pairwise
from math import inf, isfinite
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import gettempdir
from typing import Self

import numpy as np

from benchmarks.machine import ROOT
from ferapp.errors import ImageError, VideoError
from ferapp.media.decoder import Decoder
from ferapp.media.images import MAX_PIXELS
from ferapp.media.pictures.formats import format_of, unsupported
from ferapp.media.pictures.pixels import opened, rgb_of
from ferapp.system.confinement import confine
from stress.findings import report
from stress.mutants import File, films, mutant, pictures

MOST_MS = 500.0
# A small file may be a valid picture of 50 megapixels, such as a GIF with one small frame.
MOST_MB = 1000
MEMORY_BYTES = 2 << 30
ONE_VIDEO_IN = 40
FIRST_FRAMES = 12
KEPT = ROOT / "build" / "fuzz"

_CHUNK = 200
_BEGINS_S = 120.0

Look = Callable[[File], bool]


@dataclass(frozen=True)
class Tried:
    """The result of one mutant.

    Attributes:
        number: The number of the mutant.
        is_decoded: Whether it was decoded; otherwise it was refused.
        took_ms: Processor time, so that a busy machine makes no file slow.
        wrong: An undeclared exception or impossible result, in words; empty if none.
        is_crash: Whether its process crashed.
    """

    number: int
    is_decoded: bool = False
    took_ms: float = 0.0
    wrong: str = ""
    is_crash: bool = False

    @property
    def is_slow(self) -> bool:
        return self.took_ms > MOST_MS

    @property
    def is_odd(self) -> bool:
        """Whether it broke a rule."""
        return bool(self.wrong) or self.is_slow


@dataclass(frozen=True)
class Outcome:
    """The result of all mutants.

    Attributes:
        seed: Random seed of the mutants.
        pictures: How many were made from pictures.
        videos: How many were made from videos.
        decoded: How many were decoded.
        refused: How many were refused with a message.
        odd: Those that broke a rule.
        slowest_ms: The longest time of one.
        peak_mb: Peak memory of a process; 0 if the system does not say.
    """

    seed: int
    pictures: int
    videos: int
    decoded: int
    refused: int
    odd: tuple[Tried, ...]
    slowest_ms: float
    peak_mb: int

    @property
    def crashed(self) -> int:
        """How many crashed their process."""
        return sum(tried.is_crash for tried in self.odd)

    @property
    def slow(self) -> int:
        """How many took more than `MOST_MS` in each of three tries."""
        return sum(tried.is_slow for tried in self.odd)

    @property
    def wrong(self) -> int:
        """How many raised an undeclared exception or gave an impossible result."""
        return sum(bool(tried.wrong) and not tried.is_crash for tried in self.odd)

    @property
    def faults(self) -> tuple[str, ...]:
        """Broken rules, in words."""
        lines = [f"mutant {t.number}: {t.wrong or f'{t.took_ms:.0f} ms'}" for t in self.odd]
        if self.peak_mb > MOST_MB:
            lines.append(f"a process had {self.peak_mb} MB of memory")
        return tuple(lines)

    def __str__(self) -> str:
        return (
            f"{self.pictures:,} pictures and {self.videos:,} videos (seed {self.seed}): "
            f"{self.decoded:,} decoded, {self.refused:,} refused, {self.crashed} crashed, "
            f"{self.slow} slow, {self.wrong} wrong; slowest {self.slowest_ms:.0f} ms, "
            f"most memory {self.peak_mb} MB"
        )


@cache
def originals(*, are_videos: bool) -> Sequence[File]:
    """The undamaged files, made once."""
    return films() if are_videos else pictures()


def file_of(seed: int, number: int) -> File:
    """One mutant, from its number alone."""
    return mutant(originals(are_videos=_is_video(number)), seed, number)


def _is_video(number: int) -> bool:
    return number % ONE_VIDEO_IN == 0


def look(file: File) -> bool:
    """Read one file as the app does; return whether it was decoded.

    Raises:
        Exception: A rule was broken.
    """
    try:
        if file.is_video:
            _watch(file.data)
        else:
            image = _decode(file.data)
            assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
    except (ImageError, VideoError) as exc:
        text = str(exc)
        assert text.endswith(".") and "\n" not in text and len(text) < 200, text
        return False
    return True


def _decode(data: bytes) -> np.ndarray:
    """Decode a picture of any format here: a child process for each would take too long."""
    kind = format_of(data)
    if kind is None:
        raise unsupported(data)
    with opened(data, kind, MAX_PIXELS) as picture:
        return rgb_of(picture, data, kind)


def _watch(data: bytes) -> None:
    decoder = Decoder(BytesIO(data))
    try:
        info, times = decoder.info, []
        for frame in islice(decoder.frames(), FIRST_FRAMES):
            at_s, image = frame.at_s, frame.image
            assert image.ndim == 3 and image.shape[2] == 3 and max(image.shape) <= 1280
            times.append(at_s)
        assert times and times[0] >= 0 and all(a < b for a, b in pairwise(times)), times
        assert info.frames >= 0 and isfinite(info.duration_s or 0), info
    finally:
        decoder.close()


def _work(pipe: Connection, seed: int, look: Look) -> None:
    """Work in a child process: try the requested mutants until the pipe is closed."""
    warnings.simplefilter("error")
    for are_videos in (False, True):  # loading on first use must not count against a mutant
        for file in originals(are_videos=are_videos):
            look(file)
    with suppress(OSError):  # only Linux has it: the peak counts from here
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    # libtiff writes a line for each fault that it finds.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    # Looks that tests pass in write there.
    confine(MEMORY_BYTES, writes=Path(gettempdir()))
    pipe.send("ready")
    while True:
        try:
            numbers = pipe.recv()
        except EOFError:
            return
        # Containers of PyAV are reference cycles that hold the threads of their decoders. The app
        # has one per process, but here a thousand would use up all threads.
        gc.collect()
        for number in numbers:
            pipe.send(_try_file(file_of(seed, number), number, look))


def _try_file(file: File, number: int, look: Look) -> Tried:
    is_decoded, wrong = False, ""
    start_s = time.process_time()
    try:
        is_decoded = look(file)
    except Exception as exc:
        # The last frames: the innermost alone would not show who called the library.
        places = traceback.extract_tb(exc.__traceback__)[-3:]
        where = ", ".join(f"{Path(place.filename).name}:{place.lineno}" for place in places)
        wrong = f"{file.name}: {exc!r} at {where}"
    return Tried(number, is_decoded, (time.process_time() - start_s) * 1000, wrong)


class Worker:
    """A process that tries mutants, and is replaced if one crashes it.

    Args:
        seed: Random seed of the mutants.
        look: Called with each mutant.
        hangs_s: A process that takes longer for one mutant is killed.

    Attributes:
        peak_mb: Peak memory of the processes; 0 if the system does not say.
    """

    def __init__(self, seed: int, look: Look = look, *, hangs_s: float = 20.0) -> None:
        self.peak_mb = 0
        self._asked = seed, look
        self._hangs_s = hangs_s
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join()

    def try_all(self, numbers: Sequence[int]) -> Iterator[Tried]:
        """Try each of these mutants in order."""
        todo = deque(numbers)
        self._pipe.send(list(todo))
        while todo:
            if not self._pipe.poll(self._hangs_s):
                yield Tried(todo.popleft(), took_ms=self._hangs_s * 1000)
                self._again(todo)
                continue
            try:
                result = self._pipe.recv()
            except (EOFError, ConnectionResetError):
                self._process.join()
                wrong = f"its process died ({self._process.exitcode})"
                yield Tried(todo.popleft(), wrong=wrong, is_crash=True)
                self._again(todo)
                continue
            todo.popleft()
            yield result
        self.peak_mb = max(self.peak_mb, _peak_mb(self._process.pid))

    def _start(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, *self._asked), daemon=True)
        self._process.start()
        theirs.close()
        if not self._pipe.poll(_BEGINS_S):
            self._process.kill()
            raise TimeoutError(f"a worker has not started within {_BEGINS_S:g} s")
        self._pipe.recv()  # it is ready, or died before any mutant

    def _again(self, todo: deque[int]) -> None:
        self._process.kill()
        self._pipe.close()
        self._process.join()
        self._start()
        self._pipe.send(list(todo))


def _peak_mb(pid: int | None) -> int:
    """Peak memory of a process on Linux; the figure of `resource` includes that of its parent."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(match[1]) // 1000 if match else 0


@dataclass
class Tally:
    """The results of one worker, added up."""

    pictures: int = 0
    videos: int = 0
    decoded: int = 0
    refused: int = 0
    slowest_ms: float = 0.0
    peak_mb: int = 0

    def __post_init__(self) -> None:
        self.odd: list[Tried] = []

    def add(self, tried: Tried) -> None:
        """Add one result."""
        is_video = _is_video(tried.number)
        self.videos += is_video
        self.pictures += not is_video
        self.decoded += tried.is_decoded
        self.refused += not tried.is_decoded and not tried.wrong
        if tried.is_odd:
            self.odd.append(tried)
        else:
            self.slowest_ms = max(self.slowest_ms, tried.took_ms)


def run(*, mutants: int, seed: int = 0, seconds: float = inf, look: Look = look) -> Outcome:
    """Try mutants on all cores.

    Args:
        mutants: How many.
        seed: Random seed of the mutants.
        seconds: No mutant is started after this time.
        look: Called with each mutant.
    """
    deadline = time.monotonic() + seconds
    chunks: SimpleQueue[range] = SimpleQueue()
    for start in range(0, mutants, _CHUNK):
        chunks.put(range(start, min(start + _CHUNK, mutants)))

    def share(_: int) -> Tally:
        tally = Tally()
        with Worker(seed, look) as worker, suppress(Empty):
            while time.monotonic() < deadline:
                for tried in worker.try_all(chunks.get_nowait()):
                    tally.add(tried)
        tally.peak_mb = worker.peak_mb
        return tally

    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        parts = list(pool.map(share, range(cores)))
    again = [_least(tried, seed, look) for part in parts for tried in part.odd]
    return Outcome(
        seed=seed,
        pictures=sum(part.pictures for part in parts),
        videos=sum(part.videos for part in parts),
        decoded=sum(part.decoded for part in parts),
        refused=sum(part.refused for part in parts),
        odd=tuple(sorted((t for t in again if t.is_odd), key=lambda t: t.number)),
        slowest_ms=max(*(part.slowest_ms for part in parts), *(t.took_ms for t in again), 0.0),
        peak_mb=max(part.peak_mb for part in parts),
    )


def _least(tried: Tried, seed: int, look: Look) -> Tried:
    """The result with the shortest time of three."""
    if tried.wrong:
        return tried
    with Worker(seed, look) as worker:
        again = [*worker.try_all([tried.number]), *worker.try_all([tried.number])]
    if wrong := [each for each in again if each.wrong]:
        return wrong[0]
    return replace(tried, took_ms=min(each.took_ms for each in (tried, *again)))


def main() -> None:
    """Try mutants, print the result and the faults, and save the mutants that had them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=inf)
    options = parser.parse_args()
    outcome = run(mutants=options.mutants, seed=options.seed, seconds=options.seconds)
    KEPT.mkdir(parents=True, exist_ok=True)
    for tried in outcome.odd:
        file = file_of(options.seed, tried.number)
        (KEPT / f"{options.seed}-{tried.number}-{file.name}").write_bytes(file.data)
    report(outcome)


if __name__ == "__main__":
    main()

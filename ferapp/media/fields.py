"""Interlaced frames, which show two moments in alternate lines, become frames of one moment."""

from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import av
from av.filter import Graph

# What is larger was never interlaced.
_MOST_LINES: Final = 1088
# So many frames wait until it is known whether the video is interlaced.
_HELD: Final = 12
_LEAST_COMBED: Final = 6
_SEEN_ENOUGH: Final = 100


class Deinterlacer:
    """Deinterlaces the frames of one video if they need it.

    Frames that are marked as interlaced do, and so do videos without marks in which lines of
    neighbouring frames match better than those of one frame. Times stay as they are.

    Attributes:
        is_needed: Whether the video has interlaced frames, as far as it has been read.
    """

    def __init__(self) -> None:
        self.is_needed = False

    def whole(self, frames: Iterator[Any]) -> Iterator[Any]:
        """The same frames, deinterlaced from the first interlaced one on.

        Args:
            frames: Decoded frames.
        """
        waiting: deque[Any] = deque()
        combs = _CombDetector()
        bwdif: _Filter | None = None
        for frame in frames:
            shape = _shape(frame)
            if bwdif is not None and bwdif.shape != shape:
                yield from bwdif.rest()
                bwdif = _Filter(shape, "bwdif", bwdif.settings)
            if bwdif is None:
                waiting.append(frame)
                if settings := _settings(frame, combs):
                    self.is_needed = True
                    same = [each for each in waiting if _shape(each) == shape]
                    yield from (each for each in waiting if _shape(each) != shape)
                    bwdif = _Filter(shape, "bwdif", settings)
                    for each in same:
                        yield from bwdif.pass_on(each)
                    waiting.clear()
                elif combs.is_done or len(waiting) > _HELD:
                    del frame  # or it would stay while the next is decoded
                    yield from _emptied(waiting)
                continue
            yield from bwdif.pass_on(frame)
        yield from bwdif.rest() if bwdif is not None else waiting


def _emptied(waiting: deque[Any]) -> Iterator[Any]:
    while waiting:
        yield waiting.popleft()


def _settings(frame: Any, combs: "_CombDetector") -> str:
    """How the frames from this one on are deinterlaced; empty if they need not be."""
    if frame.interlaced_frame:
        return "mode=send_frame:deint=interlaced"
    order = combs.order(frame)
    return f"mode=send_frame:deint=all:parity={order}" if order else ""


class _CombDetector:
    """Looks for lines that belong to another moment, until it is sure."""

    def __init__(self) -> None:
        self.is_done = False
        self._filter: _Filter | None = None

    def order(self, frame: Any) -> str:
        """Which field is first, ``tff`` or ``bff``; empty if the video is not interlaced."""
        shape = _shape(frame)
        if self.is_done or frame.height > _MOST_LINES:
            self.is_done = True
            return ""
        if self._filter is None or self._filter.shape != shape:
            try:
                self._filter = _Filter(shape, "idet", "")
            except (av.FFmpegError, ValueError):  # a pixel format that it does not know
                self.is_done = True
                return ""
        for out in self._filter.pass_on(frame):
            counts = {
                name: float(out.metadata.get(f"lavfi.idet.multiple.{name}", 0))
                for name in ("tff", "bff", "progressive")
            }
            combed = counts["tff"] + counts["bff"]
            if combed >= _LEAST_COMBED and combed > 3 * counts["progressive"]:
                return "tff" if counts["tff"] >= counts["bff"] else "bff"
            self.is_done = counts["progressive"] + combed >= _SEEN_ENOUGH
        return ""


class _Filter:
    """One filter of FFmpeg, for frames of one size and format."""

    def __init__(self, shape: tuple[Any, ...], name: str, settings: str) -> None:
        self.shape = shape
        self.settings = settings
        width, height, kind, time_base = shape
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=width, height=height, format=kind, time_base=time_base
        )
        step = self._graph.add(name, settings)
        sink = self._graph.add("buffersink")
        source.link_to(step)
        step.link_to(sink)
        self._graph.configure()

    def pass_on(self, frame: Any) -> Iterator[Any]:
        """Give it a frame; what comes out lags behind by one."""
        self._graph.push(frame)
        while True:
            try:
                yield self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return

    def rest(self) -> Iterator[Any]:
        """What comes out after the last frame."""
        yield from self.pass_on(None)


def _shape(frame: Any) -> tuple[Any, ...]:
    return frame.width, frame.height, frame.format.name, frame.time_base

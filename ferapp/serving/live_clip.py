"""A short clip of live video, encoded while it is recorded and kept in memory alone."""

import logging
import queue
import threading
from io import BytesIO
from typing import Final, Literal

from ferapp.errors import VideoError
from ferapp.media.encoder import Encoder
from ferapp.media.motion_jpeg import MotionJpeg
from ferapp.vision.crops import Image, size_of

ClipFormat = Literal["mp4", "avi"]

MOST_S: Final = 60.0
"""A clip ends by itself after so long."""
_MOST_BYTES: Final = 64 * 1024 * 1024
# Frames that wait for the encoder; of more, the newest are left out.
_MOST_WAITING: Final = 12
# Nothing came for so long: the camera was stopped, or the visitor has left.
_IDLE_S: Final = 10.0

_logger = logging.getLogger(__name__)


class LiveClip:
    """Encodes the frames that it is given on a thread of its own.

    The frame thread calls `add`, which never waits; the page's thread calls `stop` and reads the
    rest. A clip ends when it is stopped, after a minute, at 64 MB, or when nothing came for ten
    seconds.

    Args:
        format: "mp4" (H.264, each frame at its own time) or "avi" (Motion JPEG at a constant rate).

    Attributes:
        format: The same.
        length_s: How long the clip is so far, s.
        failure: Why there is no clip, in a sentence; None unless it failed.
        ended_early: Why it ended before it was stopped, in a sentence; None if it did not.
    """

    def __init__(self, format: ClipFormat) -> None:
        self.format = format
        self.length_s = 0.0
        self.failure: str | None = None
        self.ended_early: str | None = None
        self._frames: queue.Queue[tuple[Image, float] | None] = queue.Queue(_MOST_WAITING)
        self._first_s: float | None = None
        self._file = BytesIO()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clip", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether further frames are taken."""
        return not self._stopping.is_set()

    @property
    def data(self) -> bytes | None:
        """The whole file; None while it is recorded, if nothing came, or if it failed."""
        if self._thread.is_alive() or self.failure or self._first_s is None:
            return None
        return self._file.getvalue()

    def add(self, image_rgb: Image, at_s: float) -> None:
        """Add a frame, (h, w, 3) RGB uint8, with its time at the source, s; it must not change."""
        if self._stopping.is_set():
            return
        if self._first_s is None:
            self._first_s = at_s
        length_s = at_s - self._first_s
        if length_s >= MOST_S:
            self._end(f"A clip is at most {MOST_S:.0f} seconds long.")
            return
        try:
            self._frames.put_nowait((image_rgb, length_s))
        except queue.Full:
            return
        self.length_s = length_s

    def stop(self, timeout_s: float = 15.0) -> None:
        """End the clip and wait until it is whole; may be called twice."""
        self._stopping.set()
        self._thread.join(timeout_s)

    def _end(self, reason: str) -> None:
        self.ended_early = reason
        self._stopping.set()

    def _next(self) -> tuple[Image, float] | None:
        """The next frame; None at the end."""
        waited_s = 0.0
        while True:
            try:
                return self._frames.get(timeout=0.1)
            except queue.Empty:
                waited_s += 0.1
                if self._stopping.is_set():
                    return None
                if waited_s >= _IDLE_S:
                    self._end(f"No picture came for {_IDLE_S:.0f} seconds.")

    def _run(self) -> None:
        try:
            self._encode()
        except VideoError as exc:
            self.failure = str(exc)
        except Exception:
            _logger.exception("a clip could not be encoded")
            self.failure = "The clip could not be made because of an error in the app; see its log."
        finally:
            self._stopping.set()
            with self._frames.mutex:
                self._frames.queue.clear()

    def _encode(self) -> None:
        first = self._next()
        if first is None:
            return
        size_wh = size_of(first[0])
        writer = (
            Encoder(self._file, size_wh, threads=1)
            if self.format == "mp4"
            else MotionJpeg(self._file, size_wh)
        )
        before_s, usual_s = 0.0, 1 / 15
        with writer:
            frame: tuple[Image, float] | None = first
            while frame is not None:
                image, at_s = frame
                writer.add(image, at_s)
                if at_s > before_s:
                    usual_s = min(at_s - before_s, 1.0)
                before_s = at_s
                if self._file.tell() > _MOST_BYTES:
                    self._end("A clip is at most 64 MB large.")
                    break
                frame = self._next()
            self.length_s = writer.end_s = before_s + usual_s

"""Writes frames to an AVI file of JPEG pictures, which OpenCV and programs of labs open."""

from fractions import Fraction
from typing import Any, BinaryIO, Final, Self

import av
import numpy as np
from numpy.typing import NDArray

from ferapp.media.encoder import errors_in_words
from ferapp.vision.crops import letterboxed

FRAMES_PER_SECOND: Final = 15
# AVI has one frame rate; a frame that is missing for longer than this is a gap in the source.
_MOST_REPEATS: Final = 60 * FRAMES_PER_SECOND
# Of 2 to 31: artefacts around faces can't be seen.
_QUALITY: Final = "3"


class MotionJpeg:
    """Writes frames as Motion JPEG at a constant rate; a context manager.

    AVI knows no times of frames, so each is repeated until the next one begins, and of several in
    one slot the last one stays: the clip is as long as what it shows.

    Args:
        file: Open for writing and seekable.
        size_wh: Size of the frames, px; odd sides lose a row or column.

    Attributes:
        end_s: When the last frame ends, s; to be set before the context ends.

    Raises:
        VideoError: FFmpeg refuses its input, here or in `add`.
        OSError: The file can't be written, here or in `add`.
    """

    def __init__(self, file: BinaryIO, size_wh: tuple[int, int]) -> None:
        self._size_wh = (max(size_wh[0] // 2 * 2, 2), max(size_wh[1] // 2 * 2, 2))
        self._container = av.open(file, "w", format="avi")
        options = {"qmin": _QUALITY, "qmax": _QUALITY}
        stream: Any = self._container.add_stream("mjpeg", rate=FRAMES_PER_SECOND, options=options)
        stream.width, stream.height = self._size_wh
        # The whole range of levels, as in every JPEG file; players guess wrong for the other one.
        stream.pix_fmt = "yuvj420p"
        self._stream = stream
        self._waiting: NDArray[np.uint8] | None = None
        self._slot = 0
        self.end_s: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with errors_in_words():
            try:
                if kind is None:
                    end_s = self.end_s or 0.0
                    self._write_until(max(round(end_s * FRAMES_PER_SECOND), self._slot + 1))
                    self._container.mux(self._stream.encode())
            finally:
                self._container.close()

    def add(self, image_rgb: NDArray[np.uint8], at_s: float) -> None:
        """Add a frame, (h, w, 3) RGB uint8, with its time, s from 0, later than the one before.

        A frame of another size than `size_wh` is resized, with bars if it has another shape.
        """
        width, height = self._size_wh
        if image_rgb.shape[0] // 2 != height // 2 or image_rgb.shape[1] // 2 != width // 2:
            image_rgb = letterboxed(image_rgb, self._size_wh)
        with errors_in_words():
            self._write_until(round(at_s * FRAMES_PER_SECOND))
        self._waiting = np.ascontiguousarray(image_rgb[:height, :width])

    def _write_until(self, slot: int) -> None:
        """Write the frame that waits into every slot before this one."""
        if self._waiting is None:
            return
        for _ in range(min(slot - self._slot, _MOST_REPEATS)):
            frame = av.VideoFrame.from_ndarray(self._waiting, format="rgb24")
            frame.pts, frame.time_base = self._slot, Fraction(1, FRAMES_PER_SECOND)
            self._container.mux(self._stream.encode(frame))
            self._slot += 1

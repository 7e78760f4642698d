"""Reads the frames of a video file, decoded in a child process."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import VideoError
from ferapp.system.child import Child, ChildError

ENDINGS: Final = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".3gp")
"""File name endings of videos; the format itself is detected from the content."""

MAX_SIDE_PX: Final = 1280
"""Frames with a longer side are scaled down while they are decoded."""


@dataclass(frozen=True)
class VideoInfo:
    """What a container claims about its video; not to be trusted.

    Attributes:
        container: Its format, by FFmpeg's name.
        codec: Codec of the video, by FFmpeg's name.
        size_wh: Width and height of an upright frame with square pixels, px.
        frames_per_second: Average frame rate; None if unknown.
        duration_s: Duration, s; None if unknown.
        has_sound: Whether there is a sound track.
    """

    container: str
    codec: str
    size_wh: tuple[int, int]
    frames_per_second: float | None
    duration_s: float | None
    has_sound: bool

    @property
    def frames(self) -> int:
        """Approximate number of frames; 0 if unknown."""
        return round((self.duration_s or 0) * (self.frames_per_second or 0))


class Video:
    """An open video; a context manager that ends its decoder.

    `frames` is called from one thread, `close` from any.

    Args:
        source: A path, or a file open for reading that has a descriptor; it stays open, and nothing
            else may read from it meanwhile.
        per_second: Maximum number of frames per second, evenly spaced; None for all.
        max_side_px: See `MAX_SIDE_PX`.

    Attributes:
        info: What the container claims.
        damage: What could not be read, in a sentence; valid after the last frame.

    Raises:
        VideoError: It can't be read; the message says why.
    """

    def __init__(
        self,
        source: Path | BinaryIO,
        *,
        per_second: float | None = None,
        max_side_px: int = MAX_SIDE_PX,
    ) -> None:
        self.damage = ""
        self._is_closed = False
        file = open_video_file(source) if isinstance(source, Path) else source
        try:
            self._child = Child(
                "ferapp.media.decoder",
                file,
                {"per_second": per_second, "max_side_px": max_side_px},
                work="decoder of the video",
                subject="video",
            )
        finally:
            if file is not source:
                file.close()
        try:
            header, _ = self._child.message()
            info = header["info"]
            self.info = VideoInfo(**info | {"size_wh": tuple(info["size_wh"])})
        except ChildError as exc:
            self.close()
            raise VideoError(str(exc)) from exc
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the decoder, and the frames; may be called twice."""
        self._is_closed = True
        self._child.kill()

    def frames(self) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Each frame once: its time in seconds from the start, and (h, w, 3) RGB uint8.

        Times ascend; the size may change from frame to frame. If the decoder crashes or hangs after
        the first frame, the video ends there and `damage` says so.
        """
        count = 0
        while True:
            try:
                header, data = self._child.message()
            except ChildError as exc:
                if self._is_closed:
                    return
                if not count:
                    raise VideoError(str(exc)) from exc
                self.damage = f"{exc} What was read before is kept."
                return
            if "damage" in header:
                self.damage = header["damage"]
                return
            count += 1
            yield header["at_s"], np.frombuffer(data, np.uint8).reshape(header["shape"])


def open_video_file(path: Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        VideoError: There is no such file, or it is not a file.
    """
    try:
        if path.is_dir():
            raise VideoError("This is a folder, not a video.")
        if not path.is_file():
            raise VideoError("Not a file." if path.exists() else "There is no file of that name.")
        return path.open("rb")
    except OSError as exc:
        raise VideoError(f"The file can't be read: {exc.strerror or exc}.") from exc

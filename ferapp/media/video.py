"""Frames of a video file, decoded in a process of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import VideoError
from ferapp.system.child import Child, ChildError

ENDINGS: Final = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".3gp")
"""What names of videos end in; what a file is tells its content alone."""

MAX_SIDE_PX: Final = 1280
"""Frames with a longer side are made smaller while they are decoded."""


@dataclass(frozen=True)
class VideoInfo:
    """What a container says of its video; claims, not facts.

    Attributes:
        container: Its kind, by FFmpeg's name.
        codec: Of the video, by FFmpeg's name.
        size_wh: Width and height of a frame as it is shown, upright and with square pixels, px.
        frames_per_second: On average; None where nobody knows.
        duration_s: Seconds; None where nobody knows.
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
        """About how many there are; 0 where nobody knows."""
        return round((self.duration_s or 0) * (self.frames_per_second or 0))


class Video:
    """An open video; a context manager that ends its decoder.

    `frames` is called from one thread, `close` from any.

    Args:
        source: A path, or a file that is open for reading and has a descriptor; it stays open, and
            nothing else may read from it meanwhile.
        per_second: So many frames at most, evenly; None for all.
        max_side_px: See `MAX_SIDE_PX`.

    Attributes:
        info: What the container claims.
        damage: What could not be read, in a sentence; complete when the frames are.

    Raises:
        VideoError: It can't be read; the sentence says why.
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

        Times ascend; the size may change on the way. A decoder that crashes or hangs after the
        first frame ends the video and is told in `damage`.
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
    """A file, open for reading.

    Raises:
        VideoError: There is none, or it is something else.
    """
    try:
        if path.is_dir():
            raise VideoError("This is a folder, not a video.")
        if not path.is_file():
            raise VideoError("Not a file." if path.exists() else "There is no file of that name.")
        return path.open("rb")
    except OSError as exc:
        raise VideoError(f"The file can't be read: {exc.strerror or exc}.") from exc

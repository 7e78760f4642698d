"""Reads the frames of a video file, decoded in a child process."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import SettingError, VideoError
from ferapp.media.content_dates import parse_date
from ferapp.settings import VideoPart
from ferapp.system.child import Child, ChildError

ENDINGS: Final = (
    *(".mp4", ".mov", ".m4v", ".3gp", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts"),
    *(".mpg", ".mpeg", ".wmv", ".flv", ".ogv"),
)
"""File name endings of videos; the format itself is detected from the content."""

MAX_SIDE_PX: Final = 1280
"""Frames with a longer side are scaled down while they are decoded."""


_WHOLE: Final = VideoPart()


@dataclass(frozen=True)
class View:
    """Which part of a whole frame an image shows, and at which scale.

    Attributes:
        frame_wh: Width and height of the whole upright frame, in px of the video.
        corner_xy: Where the top left corner of the image lies in it, px.
        scale_xy: Width and height of a pixel of the image, in px of the video.
    """

    frame_wh: tuple[int, int]
    corner_xy: tuple[float, float] = (0.0, 0.0)
    scale_xy: tuple[float, float] = (1.0, 1.0)

    def to_frame(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert boxes, (n, 4), from px of the image to px of the whole frame.

        Example:
            >>> View((3840, 2160), (960.0, 540.0), (2.0, 2.0)).to_frame(
            ...     np.array([[0, 0, 10, 20]], np.float32)
            ... )
            array([[960., 540., 980., 580.]], dtype=float32)
        """
        scale, corner = np.tile(self.scale_xy, 2), np.tile(self.corner_xy, 2)
        moved: NDArray[np.float32] = (xyxy * scale + corner).astype(np.float32)
        return moved


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a video.

    Attributes:
        at_s: Its time, s from the start of the file.
        image: (h, w, 3) RGB uint8, upright; scaled down if it is large.
        view: What of the frame it shows.
    """

    at_s: float
    image: NDArray[np.uint8]
    view: View


@dataclass(frozen=True)
class VideoInfo:
    """What a container claims about its video; not to be trusted.

    Attributes:
        container: Its format, by FFmpeg's name.
        codec: Codec of the video, by FFmpeg's name.
        size_wh: Width and height of the first upright frame with square pixels, px; others may have
            another size.
        frames_per_second: Average frame rate; None if unknown.
        duration_s: How long it lasts, s, also where its time stamps begin late; None if unknown.
        has_sound: Whether there is a sound track.
        track: Which of its video tracks is read, from 1.
        tracks: Each video track in words.
        recorded: When its content was recorded, in ISO 8601; without a time zone where it names
            none, and None where it does not say.
    """

    container: str
    codec: str
    size_wh: tuple[int, int]
    frames_per_second: float | None
    duration_s: float | None
    has_sound: bool
    track: int = 1
    tracks: tuple[str, ...] = ()
    recorded: str | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """From plain values.

        Raises:
            KeyError: A key is missing.
            TypeError: A key is missing or unknown, or a value is of another type.
        """
        lists = {"size_wh": tuple(value["size_wh"]), "tracks": tuple(value.get("tracks", ()))}
        return cls(**value | lists)

    @property
    def content_date(self) -> datetime | None:
        """When its content was recorded; None where it does not say."""
        return parse_date(self.recorded or "")

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
        part: Which part of it is read.

    Attributes:
        info: What the container claims.
        damage: What could not be read, in a sentence; valid after the last frame.
        notes: What was done to its frames, in sentences; valid after the last frame.
        end_s: When what was read ends, s; None if the last frame was not reached.

    Raises:
        VideoError: It can't be read; the message says why.
        SettingError: It does not have the part that was asked for.
    """

    def __init__(
        self,
        source: Path | BinaryIO,
        *,
        per_second: float | None = None,
        max_side_px: int = MAX_SIDE_PX,
        part: VideoPart = _WHOLE,
    ) -> None:
        self.damage = ""
        self.notes: tuple[str, ...] = ()
        self.end_s: float | None = None
        self._is_closed = False
        file = open_video_file(source) if isinstance(source, Path) else source
        try:
            self._child = Child(
                "ferapp.media.decoder",
                file,
                {"per_second": per_second, "max_side_px": max_side_px, "part": asdict(part)},
                work="decoder of the video",
                subject="video",
            )
        finally:
            if file is not source:
                file.close()
        try:
            header, _ = self._child.message()
            self.info = VideoInfo.from_json(header["info"])
        except ChildError as exc:
            self.close()
            raise _error(exc) from exc
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

    def frames(self) -> Iterator[Frame]:
        """Each frame once.

        Times ascend; the size may change from frame to frame. If the decoder crashes or hangs after
        the first frame, the video ends there and `damage` says so.

        Raises:
            VideoError: Not even the first frame can be read.
            SettingError: It has no frame in the part that was asked for.
        """
        count = 0
        while True:
            try:
                header, data = self._child.message()
            except ChildError as exc:
                if self._is_closed:
                    return
                if not count:
                    raise _error(exc) from exc
                self.damage = f"{exc} What was read before is kept."
                return
            if "damage" in header:
                self.damage, self.end_s = header["damage"], header["end_s"]
                self.notes = tuple(header["notes"])
                return
            if "at_s" not in header:  # a sign of life
                continue
            count += 1
            image = np.frombuffer(data, np.uint8).reshape(header["shape"])
            view = View(*(tuple(pair) for pair in header["view"]))
            yield Frame(header["at_s"], image, view)


def _error(exc: ChildError) -> VideoError | SettingError:
    return SettingError(str(exc)) if exc.kind == "setting" else VideoError(str(exc))


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

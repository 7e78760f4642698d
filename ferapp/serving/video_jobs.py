"""What a page does with a video as jobs: reading it and making an annotated copy."""

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

import numpy as np

from ferapp.errors import VideoError
from ferapp.media.images import jpeg_bytes
from ferapp.media.video import VideoInfo
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.annotated_copy.copy import AnnotatedCopy
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.clip import Clip, ClipAnalysis
from ferapp.pipeline.stream import StreamFrame
from ferapp.settings import ClipSettings, VideoPart
from ferapp.system.scratch import scratch
from ferapp.vision.boxes import squares
from ferapp.vision.crops import Image, fit_within, region

PREVIEW_S: Final = 0.4
"""Seconds between two preview pictures."""

PREVIEW_PX: Final = 640
PORTRAIT_PX: Final = 160
_WHOLE: Final = VideoPart()
MOST_PORTRAITS: Final = 60
"""How many faces get a portrait; a crowd has more than anybody looks at."""


def open_unnamed_file(data: bytes) -> BinaryIO:
    """Write an upload to a file without a name, for decoders, which are other processes.

    Only this process and its children can read it, and nothing is left of it after a crash.

    Raises:
        VideoError: There is no room for it.
    """
    file: BinaryIO | None = None
    try:
        file = cast(BinaryIO, tempfile.TemporaryFile())
        file.write(data)
        file.flush()
    except OSError as exc:
        if file is not None:
            with suppress(OSError):
                file.close()
        raise VideoError(
            f"There is no room for a video of {len(data) / 1e6:.0f} MB on the disk of the server."
        ) from exc
    return file


@dataclass(frozen=True, eq=False)
class Portrait:
    """The best picture of a face so far.

    Attributes:
        side_px: Of its box in the frame.
        jpeg: A square around it.
        at_s: Time of the frame, s.
    """

    side_px: float
    jpeg: bytes
    at_s: float


class VideoAnalysisJob:
    """Reads a video.

    Args:
        data: The bytes of its file.
        analyzer: May be shared with others.
        settings: How it is analysed.
        draw: Draws what was read on a copy of a frame, for the preview.

    Attributes:
        info: What the container claims.
        preview: A recent frame as JPEG; empty before the first.
        portraits: By the number of the face.
        clip: What was read; None until the job is done.

    Raises:
        VideoError: It can't be read.
    """

    def __init__(
        self,
        data: bytes,
        analyzer: Analyzer,
        settings: ClipSettings,
        draw: Callable[[Image, StreamFrame], Image],
    ) -> None:
        self.preview = b""
        self.portraits: dict[int, Portrait] = {}
        self.clip: Clip | None = None
        self._draw = draw
        # Without its name, which may be that of a person.
        self._sha256, self._size_bytes = hashlib.sha256(data).hexdigest(), len(data)
        self._stack = ExitStack()
        with ExitStack() as stack:
            file = stack.enter_context(open_unnamed_file(data))
            self._analysis = stack.enter_context(ClipAnalysis(file, analyzer, settings))
            self._stack = stack.pop_all()
        self.info: VideoInfo = self._analysis.info
        self.total = float(self._analysis.wanted_frames)

    def __iter__(self) -> Iterator[float]:
        """The number of frames read so far."""
        shown_s = 0.0
        for count, (image, frame) in enumerate(self._analysis, 1):
            self._keep_portraits(image, frame)
            if time.monotonic() - shown_s > PREVIEW_S:
                shown_s = time.monotonic()
                self.preview = jpeg_bytes(fit_within(self._draw(image, frame), PREVIEW_PX))
            yield float(count)
        self.clip = self._analysis.result().of_file(self._sha256, self._size_bytes)

    def close(self) -> None:
        """End the decoder; may be called twice."""
        self._analysis.close()
        self._stack.close()

    def _keep_portraits(self, image: Image, frame: StreamFrame) -> None:
        for face in frame.faces:
            if face.flaw is not None or face.probabilities is None:
                continue
            side = float(np.sqrt(np.prod(face.xyxy[2:] - face.xyxy[:2])))
            kept = self.portraits.get(face.id)
            if kept is None and len(self.portraits) >= MOST_PORTRAITS:
                continue
            if kept is None or side > 1.2 * kept.side_px:
                square = squares(face.xyxy[None], padding=0.3)[0]
                cut = region(image, square, (PORTRAIT_PX, PORTRAIT_PX))
                # Replaced as a whole: the page may be reading it.
                self.portraits = self.portraits | {
                    face.id: Portrait(side, jpeg_bytes(cut), frame.at_s)
                }


class VideoCopyJob:
    """Makes an annotated copy of a video.

    Args:
        data: The bytes of its file.
        overlay: What is drawn and hidden.
        duration_s: About how long the copy will be.
        part: Which part of the video was analysed.

    Attributes:
        mp4: The copy; empty until it is done.
        note: What the copy lacks, in a sentence.

    Raises:
        VideoError: It can't be read.
    """

    def __init__(
        self, data: bytes, overlay: Overlay, duration_s: float, part: VideoPart = _WHOLE
    ) -> None:
        self.mp4 = b""
        self.note = ""
        self.total = duration_s
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(scratch())
            except OSError as exc:
                raise VideoError("There is no room for a copy on the disk of the server.") from exc
            file = stack.enter_context(open_unnamed_file(data))
            self._out = folder / "copy.mp4"
            self._copy = stack.enter_context(AnnotatedCopy(file, overlay, self._out, part=part))
            self._stack = stack.pop_all()

    def __iter__(self) -> Iterator[float]:
        """The seconds of the video copied so far."""
        yield from self._copy
        self.mp4, self.note = self._out.read_bytes(), self._copy.note

    def close(self) -> None:
        """Stop and remove unfinished files; may be called twice."""
        self._copy.close()
        self._stack.close()

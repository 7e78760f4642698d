"""An annotated copy of a video: boxes and labels on the chosen faces, all others hidden."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Final, Self

from ferapp.errors import VideoError
from ferapp.media.video import open_video_file
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.settings import VideoPart
from ferapp.system.child import Child, ChildError
from ferapp.system.scratch import clear, scratch

MAX_SIDE_PX: Final = 1920
"""Copies of larger videos are scaled down to this."""

# Adding the sound to hours of video is one step without progress messages.
_SILENCE_S: Final = 300.0
_WHOLE: Final = VideoPart()
_UNWRITTEN: Final = "The copy could not be written: {}."


class AnnotatedCopy:
    """The copying of one video: iterate over it to run it; you may stop at any time.

    The copy is an MP4 file with H.264, every frame at its own time, the first sound track, and no
    other track or metadata. A context manager that ends the process that does the work.

    Args:
        source: As for `ferapp.media.video.Video`.
        overlay: What is drawn and hidden.
        out: The file to write; an existing file is replaced once the copy is complete.
        part: Which part of the video was read; the copy holds nothing before or after it.

    Attributes:
        note: What the copy lacks, in a sentence; set when the iteration ends.

    Raises:
        VideoError: The source can't be read.
    """

    def __init__(
        self,
        source: Path | BinaryIO,
        overlay: Overlay,
        out: Path,
        *,
        part: VideoPart = _WHOLE,
    ) -> None:
        self.note = ""
        self._out = out
        file = open_video_file(source) if isinstance(source, Path) else source
        self._stack = ExitStack()
        try:
            # Absolute: FFmpeg may take the start of a relative path for a protocol.
            beside = out.parent.absolute()
            clear(beside)
            folder = self._stack.enter_context(scratch(beside))
        except OSError as exc:
            if file is not source:
                file.close()
            raise VideoError(_UNWRITTEN.format(exc.strerror or type(exc).__name__)) from exc
        self._whole = folder / "copy.mp4"
        plan = folder / "overlay.npz"
        try:
            overlay.save(plan)
            request = {
                "overlay": str(plan),
                "out": str(self._whole),
                "max_side_px": MAX_SIDE_PX,
                "part": asdict(part),
            }
            self._child = Child(
                "ferapp.pipeline.annotated_copy.copier",
                file,
                request,
                work="copier of the video",
                subject="video",
                silence_s=_SILENCE_S,
            )
        except BaseException as exc:
            self._stack.close()
            if isinstance(exc, OSError):
                raise VideoError(_UNWRITTEN.format(exc.strerror or type(exc).__name__)) from exc
            raise
        finally:
            if file is not source:
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the work and remove unfinished files; may be called twice and from any thread."""
        self._child.kill()
        self._stack.close()

    def __iter__(self) -> Iterator[float]:
        """How many seconds have been copied so far.

        Raises:
            VideoError: The source can't be read, or the copy can't be written.
        """
        while True:
            try:
                message, _ = self._child.message()
            except ChildError as exc:
                raise VideoError(str(exc)) from exc
            if "done" in message:
                self.note = message["note"]
                try:
                    self._whole.replace(self._out)
                except OSError as exc:
                    raise VideoError(_UNWRITTEN.format(exc.strerror)) from exc
                return
            yield message["at_s"]

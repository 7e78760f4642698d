"""The pictures of a stream that its viewer may keep: the last one, and those of a clip."""

import threading
from dataclasses import dataclass

from ferapp.serving.live_clip import ClipFormat, LiveClip
from ferapp.vision.crops import Image


@dataclass(frozen=True, eq=False)
class LivePicture:
    """One picture as it was shown.

    Attributes:
        image_rgb: (h, w, 3) uint8, with boxes and labels.
        at_s: Its time at the source, s.
    """

    image_rgb: Image
    at_s: float


class LivePictures:
    """The last picture, and the clip that is being recorded; in memory alone.

    The frame thread calls `add`; the page's thread calls the rest.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: LivePicture | None = None
        self._clip: LiveClip | None = None

    @property
    def last(self) -> LivePicture | None:
        """The picture that is shown now; None before the first."""
        return self._last

    @property
    def clip(self) -> LiveClip | None:
        """The clip that is being recorded, or was; None if there is none."""
        return self._clip

    def add(self, image_rgb: Image, at_s: float) -> None:
        """Take a picture as it is shown, (h, w, 3) uint8; it must not change any more."""
        with self._lock:
            self._last = LivePicture(image_rgb, at_s)
            clip = self._clip
        if clip is not None:
            clip.add(image_rgb, at_s)

    def begin_clip(self, format: ClipFormat) -> None:
        """Record a clip from now on; one that was there before is forgotten."""
        self.forget_clip()
        self._clip = LiveClip(format)

    def forget_clip(self) -> None:
        """End the clip, if there is one, and forget it."""
        clip, self._clip = self._clip, None
        if clip is not None:
            clip.stop(0.0)

    def forget_last(self) -> None:
        """Forget the last picture, as after the stream has stopped."""
        with self._lock:
            self._last = None

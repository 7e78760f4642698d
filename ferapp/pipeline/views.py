"""What the frames of a video show, where their size or the part that is read changes."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ferapp.media.video import Frame, View
from ferapp.pipeline.file_stream import Rejected
from ferapp.sessions.session import Readings


class Views:
    """Converts boxes from px of the pictures that were analysed to px of the video."""

    def __init__(self) -> None:
        self._views: list[View] = []
        self._since_s: list[float] = []

    def add(self, frames: Sequence[Frame]) -> None:
        """Note what some frames show; later ones than before."""
        for frame in frames:
            if not self._views or frame.view != self._views[-1]:
                self._views.append(frame.view)
                self._since_s.append(frame.at_s)

    @property
    def sizes_wh(self) -> tuple[tuple[int, int], ...]:
        """Sizes of the whole frames: each once, in the order in which they come."""
        return tuple(dict.fromkeys(view.frame_wh for view in self._views))

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence if the picture changes its size."""
        if len(self.sizes_wh) < 2:
            return ()
        first, others = self.sizes_wh[0], self.sizes_wh[1:]
        named = " and ".join(f"{width} × {height}" for width, height in others[:2])
        more = f" and {len(others) - 2} more sizes" if len(others) > 2 else ""
        return (
            f"The picture changes its size, from {first[0]} × {first[1]} to {named}{more} pixels; "
            "boxes are in pixels of their own frame.",
        )

    def to_video(self, readings: Readings) -> Readings:
        """Convert the readings of one frame."""
        if not len(readings):
            return readings
        view = self._at(float(readings.at_s[0]))
        size_wh = np.tile(np.array(view.frame_wh, np.int64), (len(readings), 1))
        return replace(readings, xyxy=view.to_frame(readings.xyxy), size_wh=size_wh)

    def to_shares(self, rejected: Rejected) -> Rejected:
        """Convert a box to shares of the width and height of the video."""
        view = self._at(rejected.at_s)
        [box] = view.to_frame(rejected.box[None])
        return Rejected(rejected.at_s, box / np.tile(np.array(view.frame_wh, np.float32), 2))

    def _at(self, at_s: float) -> View:
        return self._views[bisect_right(self._since_s, at_s) - 1]

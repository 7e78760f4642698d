"""How large a live frame may be: a browser may send another size than it was asked for."""

from typing import Final

import av

MAX_DECODED: Final = 4096 * 2304
"""Most pixels of a frame that is decoded at all: a camera in 4K."""

MAX_PIXELS: Final = 1920 * 1088
"""Most pixels of a frame that is analysed and sent back; larger ones are made smaller."""

_SMALLEST_PX: Final = 16


def fit_frame(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame that is neither too large nor too small, and that every encoder takes.

    Both sides are even: H.264 stores colour for two pixels at once, and a stream whose encoder
    fails stands still for good.

    Example:
        >>> fit_frame(av.VideoFrame(7681, 4321, "yuv420p"))
        <av.VideoFrame, pts=None yuv420p 1926x1084 at ...>
    """
    scale = min(1.0, (MAX_PIXELS / (frame.width * frame.height)) ** 0.5)
    width, height = (
        max(round(side * scale) // 2 * 2, _SMALLEST_PX) for side in (frame.width, frame.height)
    )
    if (width, height) == (frame.width, frame.height):
        return frame
    fitted = frame.reformat(width=width, height=height)
    fitted.pts, fitted.time_base = frame.pts, frame.time_base
    return fitted

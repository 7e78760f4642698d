"""Turns and stretches stored frames for display."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

# A pixel aspect ratio beyond this is an error in the file.
_MOST_ASPECT: Final = 8


@dataclass(frozen=True)
class Turn:
    """The transformation that makes a frame upright.

    Attributes:
        quarters: Quarter turns counter-clockwise, 0 to 3.
        is_mirrored: Whether the frame is flipped left to right before that.
    """

    quarters: int = 0
    is_mirrored: bool = False

    def swap(self, size_wh: tuple[int, int]) -> tuple[int, int]:
        """Convert a size before the turn to one after it, or the other way round."""
        return size_wh[::-1] if self.quarters % 2 else size_wh

    def apply(self, image: Image) -> Image:
        """Turn an image, (h, w, 3), upright; the result is contiguous."""
        if self.is_mirrored:
            image = image[:, ::-1]
        return np.ascontiguousarray(np.rot90(image, self.quarters) if self.quarters else image)


def turn_from(display_matrix: bytes | None) -> Turn:
    """The turn that a display matrix describes.

    Args:
        display_matrix: Nine int32 in native byte order, as FFmpeg gives them; None for none.
    """
    if display_matrix is None:
        return Turn()
    # 16.16 fixed point, row vectors: (x, y) goes to (a x + c y, b x + d y), y downwards (ISO
    # 14496-12, 8.2.2).
    a, b, _, c, d = np.frombuffer(display_matrix, np.int32)[:5].astype(float)
    if a * d - b * c == 0:
        return Turn()
    is_mirrored = a * d - b * c < 0
    if is_mirrored:
        a, b = -a, -b
    quarters = round(math.atan2(b, a) / (math.pi / 2))
    return Turn(-quarters % 4, is_mirrored)


def display_size(stored_wh: tuple[int, int], aspect: float, turn: Turn) -> tuple[int, int]:
    """Width and height of an upright frame with square pixels, px.

    Args:
        stored_wh: Its width and height in the file, px.
        aspect: Width of a pixel divided by its height.
        turn: The turn that makes it upright.

    Example:
        >>> display_size((720, 576), 16 / 15, Turn(quarters=1))
        (576, 768)
    """
    width, height = stored_wh
    if 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
        width = max(round(width * aspect), 1)
    return turn.swap((width, height))

"""Overlapping parts of a large picture, in which a face is larger than in the whole."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

OVERLAP: Final = 0.25
"""Share of a part's side that its neighbour has as well; smaller faces are whole in one of them."""

_BORDER: Final = 0.01


def parts(
    size_wh: tuple[int, int], part_wh: tuple[int, int], most: int
) -> list[tuple[int, int, int, int]]:
    """Parts that cover a picture, xyxy in whole px; none if one would do.

    Args:
        size_wh: Width and height of the picture, px.
        part_wh: How large a part should be at most, px.
        most: How many parts there may be; they are larger if there would be more.

    Example:
        >>> parts((640, 480), (640, 480), 12)
        []
        >>> parts((1100, 480), (640, 480), 12)
        [(0, 0, 629, 480), (471, 0, 1100, 480)]
    """
    scale = 1.0
    while True:
        counts = [_count(side, scale * part) for side, part in zip(size_wh, part_wh, strict=True)]
        if math.prod(counts) <= most:
            break
        scale *= 1.05
    if counts == [1, 1]:
        return []
    columns, rows = (_spans(side, n) for side, n in zip(size_wh, counts, strict=True))
    return [(x1, y1, x2, y2) for y1, y2 in rows for x1, x2 in columns]


def _count(side: int, part: float) -> int:
    """How many parts of this length, which overlap, are at least needed for a side."""
    return max(1, math.ceil((side / part - OVERLAP) / (1 - OVERLAP) - 1e-9))


def _spans(side: int, count: int) -> list[tuple[int, int]]:
    """Start and end of parts of one length that overlap and cover the side."""
    length = side / (count - (count - 1) * OVERLAP)
    starts = [i * length * (1 - OVERLAP) for i in range(count)]
    return [(math.floor(start), min(math.ceil(start + length), side)) for start in starts]


def whole_faces(
    xyxy: NDArray[np.float32], part: tuple[int, int, int, int], size_wh: tuple[int, int]
) -> NDArray[np.bool_]:
    """Whether each box of a part can be a whole face, (n,).

    One that reaches an edge of the part within the picture is cut, and one that is larger than the
    overlap may be; the picture as a whole, or the next part, has both.

    Args:
        xyxy: Boxes, (n, 4), px of the picture.
        part: Its place, px.
        size_wh: Width and height of the picture, px.
    """
    low, high = np.array(part[:2], np.float32), np.array(part[2:], np.float32)
    margin = _BORDER * (high - low)
    is_inside = (xyxy[:, :2] > low + margin) | (low == 0)
    is_inside &= (xyxy[:, 2:] < high - margin) | (high == np.array(size_wh))
    is_small = xyxy[:, 2:] - xyxy[:, :2] <= OVERLAP * (high - low)
    return np.asarray((is_inside & is_small).all(axis=1))

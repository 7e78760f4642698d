"""The prior boxes of the Ultra-Light detectors, and how offsets to them become boxes.

Sizes and variances are those of Ultra-Light-Fast-Generic-Face-Detector-1MB; the encoding is that of
Liu et al., 2016, "SSD: Single Shot MultiBox Detector", section 2.2.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

STRIDES: Final = (8, 16, 32, 64)
SIDES_PX: Final = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))
CENTRE_VARIANCE: Final = 0.1
SIZE_VARIANCE: Final = 0.2


def grids(size_wh: tuple[int, int]) -> list[tuple[int, int]]:
    """Columns and rows of the feature map at each stride."""
    return [(-(-size_wh[0] // s), -(-size_wh[1] // s)) for s in STRIDES]


def priors(size_wh: tuple[int, int], *, is_even: bool = False) -> NDArray[np.float32]:
    """All prior boxes of an input size, (n, 4): centre x, y, width and height as shares.

    They are ordered by stride, then by row, and at each position from the smallest side to the
    largest.

    Args:
        size_wh: Width and height of the input, px.
        is_even: Spread rows and columns evenly over the picture, as the public Ultra-Light models
            were trained (their ``define_img_size``), instead of one stride apart. This differs
            where the stride does not divide the side: the last of eight rows at 32 px of 240.

    Example:
        >>> priors((320, 240)).shape
        (4420, 4)
    """
    width, height = size_wh
    parts = []
    for stride, sides, (columns, rows) in zip(STRIDES, SIDES_PX, grids(size_wh), strict=True):
        y, x = np.mgrid[:rows, :columns] + 0.5
        step_x, step_y = (width / columns, height / rows) if is_even else (stride, stride)
        centres = np.stack([x * step_x / width, y * step_y / height], axis=-1)
        sizes = np.array([[side / width, side / height] for side in sides])
        place = np.repeat(centres[:, :, None], len(sides), axis=2)
        parts.append(
            np.concatenate([place, np.broadcast_to(sizes, place.shape)], axis=-1).reshape(-1, 4)
        )
    return np.asarray(np.clip(np.concatenate(parts), 0, 1), np.float32)


def decode_offsets(offsets: NDArray[np.float32], prior: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn offsets to priors, (n, 4), into corners xyxy as shares of width and height."""
    centres = offsets[:, :2] * CENTRE_VARIANCE * prior[:, 2:] + prior[:, :2]
    halves = np.exp(offsets[:, 2:] * SIZE_VARIANCE) * prior[:, 2:] / 2
    return np.concatenate([centres - halves, centres + halves], axis=1).astype(np.float32)


def corners(prior: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn boxes in centre form, (n, 4), into corners xyxy."""
    halves = prior[:, 2:] / 2
    return np.concatenate([prior[:, :2] - halves, prior[:, :2] + halves], axis=1)

"""The one way in which ferapp cuts a region out of a picture."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def resized(image: Image, size_wh: tuple[int, int]) -> Image:
    """The picture at another size: averaged when it shrinks, interpolated when it grows."""
    height, width = image.shape[:2]
    # Halving first is nearly the same average and takes a third of the time: on photos of a
    # megapixel values move by one level, and the faces that are found stay the same.
    while not (width % 2 or height % 2) and width >= 2 * size_wh[0] and height >= 2 * size_wh[1]:
        width, height = width // 2, height // 2
        half: Any = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        image = np.asarray(half, np.uint8)
    shrinks = size_wh[0] * size_wh[1] < width * height
    out: Any = cv2.resize(
        image, size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(out, np.uint8)


def region(image: Image, xyxy: NDArray[np.float32], size_wh: tuple[int, int]) -> Image:
    """Cut one box out and bring it to a size.

    What lies outside the picture repeats its border pixels, so that a face at the edge keeps its
    proportions and never becomes an empty array.

    Args:
        image: HWC (or HW for grey) uint8.
        xyxy: The box, (4,), px; it may reach past the border.
        size_wh: Width and height of the result, px.

    Returns:
        The region, (size_wh[1], size_wh[0], ...) uint8.
    """
    height, width = image.shape[:2]
    x1, y1 = np.floor(xyxy[:2]).astype(int)
    x2, y2 = np.maximum(np.ceil(xyxy[2:]).astype(int), (x1 + 1, y1 + 1))
    # Clamped so that at least one pixel of the picture is left to be repeated.
    inner_x1, inner_x2 = np.clip((x1, x2), (0, 1), (width - 1, width))
    inner_y1, inner_y2 = np.clip((y1, y2), (0, 1), (height - 1, height))
    inner = image[inner_y1:inner_y2, inner_x1:inner_x2]
    borders = (inner_y1 - y1, y2 - inner_y2, inner_x1 - x1, x2 - inner_x2)
    if any(b > 0 for b in borders):
        top, bottom, left, right = (max(int(b), 0) for b in borders)
        inner = np.asarray(
            cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_REPLICATE), np.uint8
        )
    return resized(inner, size_wh)

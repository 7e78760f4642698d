"""The one way in which ferapp cuts a region out of a picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferapp.vision.opencv import cv2
from ferapp.vision.sizes import fitted_size

Image = NDArray[np.uint8]


def resize(image: Image, size_wh: tuple[int, int]) -> Image:
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


def fit_within(image: Image, max_side_px: int) -> Image:
    """The picture with sides of at most so many px, or the picture itself if it has such."""
    height, width = image.shape[:2]
    size_wh = fitted_size((width, height), max_side_px)
    return image if size_wh == (width, height) else resize(image, size_wh)


def yuv420(image_rgb: Image) -> Image:
    """The planes of a picture with even sides, (h, w, 3), as (3 h / 2, w) uint8: Y, U, V.

    BT.601 in the range of television, as OpenCV's COLOR_RGB2YUV_I420 has it.
    """
    return np.asarray(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)


def mirror(image: Image) -> Image:
    """The picture with left and right exchanged; NumPy takes forty times as long to copy it."""
    out: Any = cv2.flip(image, 1)
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
    left, inner_w = _share(x1, x2, inner_x1, inner_x2, size_wh[0])
    top, inner_h = _share(y1, y2, inner_y1, inner_y2, size_wh[1])
    # The border is added at the final size: the square around the face of a picture that is a
    # thousand times as wide as high would have a thousand times its pixels.
    inner = resize(inner, (inner_w, inner_h))
    right, bottom = size_wh[0] - left - inner_w, size_wh[1] - top - inner_h
    if not (left or top or right or bottom):
        return inner
    framed: Any = cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return np.asarray(framed, np.uint8)


def _share(start: int, end: int, inner_start: int, inner_end: int, size: int) -> tuple[int, int]:
    """Where the inner part of a span begins and how long it is when the span is ``size`` long."""
    scale = size / (end - start)
    length = int(np.clip(round((inner_end - inner_start) * scale), 1, size))
    return int(np.clip(round((inner_start - start) * scale), 0, size - length)), length

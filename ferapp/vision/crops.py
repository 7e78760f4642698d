"""Resize pictures and cut regions out of them: the only place where ferapp does so."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.vision.opencv import cv2
from ferapp.vision.sizes import fitted_size

Image = NDArray[np.uint8]

# Bars that are no wider come from rounding.
_ROUNDED_PX: Final = 2


def size_of(image: Image) -> tuple[int, int]:
    """Width and height of a picture, px."""
    return image.shape[1], image.shape[0]


def resize(image: Image, size_wh: tuple[int, int]) -> Image:
    """Bring a picture to another size, averaging pixels when it shrinks, else interpolating.

    Args:
        image: HWC (or HW for grey) uint8.
        size_wh: Width and height of the result, px.

    Example:
        >>> resize(np.zeros((480, 640, 3), np.uint8), (320, 240)).shape
        (240, 320, 3)
    """
    height, width = image.shape[:2]
    # Halving first gives nearly the same average in a third of the time: on photos of one megapixel
    # values change by one level, and the same faces are found.
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
    """Shrink a picture so that no side is longer than ``max_side_px``; else return it as it is."""
    height, width = image.shape[:2]
    size_wh = fitted_size((width, height), max_side_px)
    return image if size_wh == (width, height) else resize(image, size_wh)


def scale_into(image: Image, size_wh: tuple[int, int]) -> Image:
    """Scale a picture up or down to the largest size of its own shape within another size.

    Example:
        >>> scale_into(np.zeros((120, 160, 3), np.uint8), (640, 360)).shape
        (360, 480, 3)
    """
    height, width = image.shape[:2]
    scale = min(size_wh[0] / width, size_wh[1] / height)
    scaled_wh = (max(round(width * scale), 1), max(round(height * scale), 1))
    return image if scaled_wh == (width, height) else resize(image, scaled_wh)


def letterboxed(image: Image, size_wh: tuple[int, int]) -> Image:
    """Bring a picture to another size; bars fill what its shape leaves empty.

    Example:
        >>> letterboxed(np.full((120, 160, 3), 9, np.uint8), (640, 360))[180, [0, 80, 559, 639], 0]
        array([0, 9, 9, 0], dtype=uint8)
    """
    scaled = scale_into(image, size_wh)
    across, down = size_wh[0] - scaled.shape[1], size_wh[1] - scaled.shape[0]
    if max(across, down) <= _ROUNDED_PX:
        return resize(image, size_wh)
    left, top = across // 2, down // 2
    out: Any = cv2.copyMakeBorder(
        scaled, top, down - top, left, across - left, cv2.BORDER_CONSTANT, value=(0, 0, 0)
    )
    return np.asarray(out, np.uint8)


def yuv420(image_rgb: Image) -> Image:
    """Convert a picture with even sides, (h, w, 3) RGB uint8, to planar YUV 4:2:0.

    BT.601, limited range, as OpenCV's COLOR_RGB2YUV_I420 gives it.

    Returns:
        The planes Y, U and V, (3 h / 2, w) uint8.
    """
    return np.asarray(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)


def mirror(image: Image) -> Image:
    """Flip a picture left to right; copying it with NumPy takes forty times as long."""
    out: Any = cv2.flip(image, 1)
    return np.asarray(out, np.uint8)


def region(image: Image, xyxy: NDArray[np.float32], size_wh: tuple[int, int]) -> Image:
    """Cut out one box and resize it.

    Outside the picture its border pixels are repeated, so that a face at the edge keeps its
    proportions and the result is never empty.

    Args:
        image: HWC (or HW for grey) uint8.
        xyxy: The box, (4,), px; it may extend beyond the border.
        size_wh: Width and height of the result, px.

    Returns:
        The region, (size_wh[1], size_wh[0], ...) uint8.

    Example:
        >>> image = np.zeros((100, 100, 3), np.uint8)
        >>> region(image, np.array([-20, 0, 60, 80], np.float32), (48, 48)).shape
        (48, 48, 3)
    """
    height, width = image.shape[:2]
    x1, y1 = np.floor(xyxy[:2]).astype(int)
    x2, y2 = np.maximum(np.ceil(xyxy[2:]).astype(int), (x1 + 1, y1 + 1))
    # Clamped so that at least one pixel is left to repeat.
    inner_x1, inner_x2 = np.clip((x1, x2), (0, 1), (width - 1, width))
    inner_y1, inner_y2 = np.clip((y1, y2), (0, 1), (height - 1, height))
    inner = image[inner_y1:inner_y2, inner_x1:inner_x2]
    left, inner_w = _share(x1, x2, inner_x1, inner_x2, size_wh[0])
    top, inner_h = _share(y1, y2, inner_y1, inner_y2, size_wh[1])
    # The border is added at the final size: in a picture a thousand times as wide as high, the
    # square around a face would have a thousand times the pixels of the picture.
    inner = resize(inner, (inner_w, inner_h))
    right, bottom = size_wh[0] - left - inner_w, size_wh[1] - top - inner_h
    if not (left or top or right or bottom):
        return inner
    framed: Any = cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return np.asarray(framed, np.uint8)


def sample_regions(
    image: Image,
    centre: NDArray[np.floating],
    reach: NDArray[np.floating],
    size_wh: tuple[int, int],
) -> Image:
    """Sample n equal regions of a picture, without averaging: noisier than `region`, much faster.

    Outside the picture its border pixels are repeated.

    Args:
        image: HWC uint8, at most 32,767 px wide and high.
        centre: Of the regions, (n, 2), px.
        reach: Half their width and height, (n, 2), px.
        size_wh: Width and height of each result, px.

    Returns:
        (n, size_wh[1], size_wh[0], ...) uint8.

    Example:
        >>> image = np.arange(100, dtype=np.uint8).reshape(10, 10, 1).repeat(3, axis=2)
        >>> at, reach = np.array([[5, 5]], np.float32), np.array([[1, 1]], np.float32)
        >>> sample_regions(image, at, reach, (2, 2))[0, :, :, 0]
        array([[44, 45],
               [54, 55]], dtype=uint8)
    """
    width, height = size_wh
    across = (np.arange(width, dtype=np.float32) * 2 + 1) / width - 1
    down = (np.arange(height, dtype=np.float32) * 2 + 1) / height - 1
    x = centre[:, :1] - 0.5 + reach[:, :1] * across
    y = centre[:, 1:] - 0.5 + reach[:, 1:] * down
    map_x = np.repeat(x[:, None], height, axis=1).reshape(-1, width)
    map_y = np.repeat(y.reshape(-1, 1), width, axis=1)
    out: Any = cv2.remap(
        image,
        map_x.astype(np.float32),
        map_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(out, np.uint8).reshape(-1, height, width, *image.shape[2:])


def _share(start: int, end: int, inner_start: int, inner_end: int, size: int) -> tuple[int, int]:
    """Start and length of the inner part of a span after the span is scaled to ``size``."""
    scale = size / (end - start)
    length = int(np.clip(round((inner_end - inner_start) * scale), 1, size))
    return int(np.clip(round((inner_start - start) * scale), 0, size - length)), length

"""Box arithmetic. Every box is ``xyxy``: left, top, right, bottom, float32, in pixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferapp.vision.opencv import cv2

Floats = NDArray[np.float32]


def areas(xyxy: Floats) -> Floats:
    """Area of each box, (n,), px²; 0 for an inverted box."""
    sides = np.clip(xyxy[:, 2:] - xyxy[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def clip_to(xyxy: Floats, *, width: float, height: float) -> Floats:
    """Clip boxes, (n, 4), to a picture of ``width`` x ``height`` px.

    Example:
        >>> clip_to(np.array([[-5, 10, 50, 120]], np.float32), width=40, height=100)
        array([[  0.,  10.,  40., 100.]], dtype=float32)
    """
    limit = np.array([width, height, width, height], np.float32)
    return np.clip(xyxy, 0, limit).astype(np.float32)


def rescaled(xyxy: Floats, from_wh: tuple[int, int], to_wh: tuple[int, int]) -> Floats:
    """Boxes, (n, 4), at the same place of a picture of another size, px.

    Example:
        >>> rescaled(np.array([[64, 48, 128, 96]], np.float32), (640, 480), (320, 240))
        array([[32., 24., 64., 48.]], dtype=float32)
    """
    if from_wh == to_wh:
        return xyxy
    scale = np.tile(np.array(to_wh, np.float32) / np.array(from_wh, np.float32), 2)
    return np.asarray(xyxy * scale, np.float32)


class SteadyPlaces:
    """Places of boxes as if every picture of a stream had the size of the first.

    Video calls change their size as often as the network does, and broadcasts and recordings of
    calls too; a face does not move by that.

    Example:
        >>> places = SteadyPlaces()
        >>> box = np.array([[64, 48, 128, 96]], np.float32)
        >>> places.of(box, (640, 480)) is box
        True
        >>> places.of(box / 2, (320, 240))
        array([[ 64.,  48., 128.,  96.]], dtype=float32)
    """

    def __init__(self) -> None:
        self._first_wh: tuple[int, int] | None = None

    def of(self, xyxy: Floats, size_wh: tuple[int, int]) -> Floats:
        """Boxes of a picture of this size, (n, 4), in px of the first."""
        self._first_wh = self._first_wh or size_wh
        return rescaled(xyxy, size_wh, self._first_wh)

    def back(self, xyxy: Floats, size_wh: tuple[int, int]) -> Floats:
        """Such boxes, (n, 4) or (4,), in px of a picture of this size."""
        return rescaled(xyxy, self._first_wh or size_wh, size_wh)


def intersections(a: Floats, b: Floats) -> Floats:
    """Area that each pair of boxes shares, (len(a), len(b)), px²."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(bottom_right - top_left, 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of each pair of boxes; 0 if both are empty.

    Args:
        a: Boxes, (m, 4), px.
        b: Boxes, (n, 4), px.

    Returns:
        (m, n), in [0, 1].

    Example:
        >>> a = np.array([[0, 0, 10, 10]], np.float32)
        >>> b = np.array([[0, 0, 10, 5], [20, 20, 30, 30]], np.float32)
        >>> iou(a, b)
        array([[0.5, 0. ]], dtype=float32)
    """
    shared = intersections(a, b)
    union = areas(a)[:, None] + areas(b)[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)


def nms(xyxy: Floats, score: Floats, *, iou_threshold: float, limit: int) -> NDArray[np.intp]:
    """Greedy non-maximum suppression.

    Args:
        xyxy: Boxes, (n, 4), px.
        score: Score of each box, (n,).
        iou_threshold: A box that overlaps a kept one by more than this is dropped.
        limit: The maximum number of boxes to keep.

    Returns:
        Indices of the kept boxes, highest score first.

    Example:
        >>> xyxy = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], np.float32)
        >>> nms(xyxy, np.array([0.7, 0.9, 0.8], np.float32), iou_threshold=0.3, limit=10)
        array([1, 2])
    """
    if not len(score):
        return np.empty(0, np.intp)
    corner_and_size = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    keep: Any = cv2.dnn.NMSBoxes(
        corner_and_size.astype(float).tolist(), score.astype(float).tolist(), 0.0, iou_threshold
    )
    return np.asarray(keep, np.intp).reshape(-1)[:limit]


def squares(xyxy: Floats, *, padding: float = 0.0) -> Floats:
    """Extend each box to a square around its centre, as long as its longer side.

    Args:
        xyxy: Boxes, (n, 4), px.
        padding: How much longer to make the side, as a share of it: 0.2 makes it 20 % longer.

    Returns:
        Squares, (n, 4), px; they may extend beyond the border of the picture.

    Example:
        >>> squares(np.array([[10, 20, 30, 60]], np.float32))
        array([[ 0., 20., 40., 60.]], dtype=float32)
    """
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    side = (xyxy[:, 2:] - xyxy[:, :2]).max(axis=1, initial=0, keepdims=True) * (1 + padding)
    return np.concatenate([centre - side / 2, centre + side / 2], axis=1).astype(np.float32)

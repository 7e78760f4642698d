"""Box arithmetic. Every box is ``xyxy``: left, top, right, bottom, float32, in pixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferapp.vision.opencv import cv2

Floats = NDArray[np.float32]


def areas(xyxy: Floats) -> Floats:
    """Area of each box, shape (n,), px²; an inverted box has none."""
    sides = np.clip(xyxy[:, 2:] - xyxy[:, :2], 0, None)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def clip_to(xyxy: Floats, *, width: float, height: float) -> Floats:
    """The boxes cut at the border of a picture of ``width`` x ``height`` px."""
    limit = np.array([width, height, width, height], np.float32)
    return np.clip(xyxy, 0, limit).astype(np.float32)


def intersections(a: Floats, b: Floats) -> Floats:
    """Shared area of each pair, shape (len(a), len(b)), px²."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(bottom_right - top_left, 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of each pair, shape (len(a), len(b)); 0 where both are empty."""
    shared = intersections(a, b)
    union = areas(a)[:, None] + areas(b)[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)


def nms(xyxy: Floats, score: Floats, *, iou_threshold: float, limit: int) -> NDArray[np.intp]:
    """Greedy non-maximum suppression.

    Args:
        xyxy: Boxes, (n, 4), px.
        score: Score of each box, (n,).
        iou_threshold: A box that overlaps a kept one by more than this is dropped.
        limit: How many boxes to keep at most.

    Returns:
        Indices of the kept boxes, best score first.
    """
    if not len(score):
        return np.empty(0, np.intp)
    corner_and_size = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    kept: Any = cv2.dnn.NMSBoxes(
        corner_and_size.astype(float).tolist(), score.astype(float).tolist(), 0.0, iou_threshold
    )
    return np.asarray(kept, np.intp).reshape(-1)[:limit]


def squares(xyxy: Floats, *, padding: float = 0.0) -> Floats:
    """Each box as the square around its centre whose side is the longer one.

    Args:
        xyxy: Boxes, (n, 4), px.
        padding: How much to add to the side, as a share of it, in all: 0.2 makes it 20 % longer.

    Returns:
        Squares, (n, 4), px; they may reach past the border of the picture.
    """
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    side = (xyxy[:, 2:] - xyxy[:, :2]).max(axis=1, initial=0, keepdims=True) * (1 + padding)
    return np.concatenate([centre - side / 2, centre + side / 2], axis=1).astype(np.float32)

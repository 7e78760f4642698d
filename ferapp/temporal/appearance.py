"""How a head looks: enough to tell the people in one shot apart, not to identify anyone.

Appearances stay in the memory of one stream for seconds. They are never stored and never leave the
process.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.vision.crops import Image, resize, sample_regions
from ferapp.vision.opencv import cv2

Floats = NDArray[np.float32]

AGREES: Final = 0.8
"""The least similarity of one person from one detection to the next."""

# Half the width and height of the head around the centre of the box, in its longer sides. No more
# than the head, and of that an ellipse: people in one room have the same wall behind them, and
# somebody who walks has another behind them soon.
_REACH: Final = np.array([0.5, 0.6], np.float32)
_REGION_WH: Final = (32, 40)
_LAYOUT_WH: Final = (8, 10)
_LAYOUT_SIZE: Final = _LAYOUT_WH[0] * _LAYOUT_WH[1] * 3 + 1
_DOWN, _ACROSS = np.ogrid[-1:1:40j, -1:1:32j]
# 255 in the ellipse, (40, 32), and which share of each cell of the layout lies in it, (10, 8, 1).
_HEAD: Final = np.where(_DOWN**2 + _ACROSS**2 <= 1, 255, 0).astype(np.uint8)
_CELLS: Final = resize(_HEAD, _LAYOUT_WH)[..., None] / np.float32(255)
# One more value, the same for all, makes two heads without any contrast alike.
_FLAT: Final = 10.0
# In the chroma planes of CIELAB 128 is grey; hardly any colour of a photo is outside this range.
_CHROMA_BINS: Final = 16
_CHROMA_RANGE: Final = [96, 160, 96, 160]
# Lightness counts half: it changes with the light.
_CELL_WEIGHTS: Final = _CELLS * np.array([1, 2, 2], np.float32)
# In grey pictures chroma is always the same, so the layout has to agree nearly as well by itself.
_LAYOUT_SLACK: Final = 0.15


def appearances(image_rgb: Image, xyxy: Floats) -> Floats:
    """The appearance of each head: the layout of its colours, and which colours they are.

    Args:
        image_rgb: (h, w, 3) uint8.
        xyxy: Boxes of faces, (n, 4), px.

    Returns:
        (n, 497) float32, for `similarities`.
    """
    if not len(xyxy):
        return np.empty((0, _LAYOUT_SIZE + _CHROMA_BINS**2), np.float32)
    side = np.maximum((xyxy[:, 2:] - xyxy[:, :2]).max(axis=1, keepdims=True), 1)
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    heads = sample_regions(image_rgb, centre, side * _REACH, _REGION_WH)
    stacked = heads.reshape(-1, *heads.shape[2:])  # one below the other: one call for all of them
    lab: Any = cv2.cvtColor(stacked, cv2.COLOR_RGB2LAB)
    small = resize(lab, (_LAYOUT_WH[0], _LAYOUT_WH[1] * len(xyxy)))
    cells = small.reshape(-1, *_CELLS.shape[:2], 3).astype(np.float32) - 128
    cells[..., 0] -= (cells[..., 0] * _CELLS[..., 0]).sum(axis=(1, 2), keepdims=True) / _CELLS.sum()
    layout = np.full((len(xyxy), _LAYOUT_SIZE), _FLAT, np.float32)
    layout[:, :-1] = (cells * _CELL_WEIGHTS).reshape(len(xyxy), -1)
    # Stronger colours, as in coloured light, count as the strongest in range.
    strengths = np.clip(lab[..., 1:], _CHROMA_RANGE[0], _CHROMA_RANGE[1] - 1)
    chroma = [
        cv2.calcHist([head], [0, 1], _HEAD, [_CHROMA_BINS, _CHROMA_BINS], _CHROMA_RANGE).ravel()
        for head in strengths.reshape(*heads.shape[:3], 2)
    ]
    return np.concatenate([_units(layout), _units(np.sqrt(chroma))], axis=1)


def similarities(a: Floats, b: Floats) -> Floats:
    """How alike each pair is, (len(a), len(b)): 1 for the same, 0 for nothing in common.

    The mean of two cosines, that of the layout and that of the chroma histogram (its square roots:
    the coefficient of Bhattacharyya, 1943); at most a little more than that of the layout.
    """
    layout = a[:, :_LAYOUT_SIZE] @ b[:, :_LAYOUT_SIZE].T
    chroma = a[:, _LAYOUT_SIZE:] @ b[:, _LAYOUT_SIZE:].T
    return np.asarray(np.minimum(layout + _LAYOUT_SLACK, (layout + chroma) / 2), np.float32)


def blend(a: Floats, b: Floats, share: float) -> Floats:
    """Appearances between two, all (n, 497): ``share`` of the way from a to b."""
    mixed = a + np.float32(share) * (b - a)
    parts = [_units(mixed[:, :_LAYOUT_SIZE]), _units(mixed[:, _LAYOUT_SIZE:])]
    return np.concatenate(parts, axis=1)


def _units(rows: Floats) -> Floats:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return np.asarray(rows / np.maximum(lengths, 1e-6), np.float32)

"""How a head looks: enough to tell the people in one shot apart, not to identify anyone.

Appearances stay in the memory of one stream for seconds. They are never stored and never leave the
process.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.vision.crops import Image, region
from ferapp.vision.opencv import cv2

Floats = NDArray[np.float32]

AGREES: Final = 0.75
"""The least similarity of one person from one detection to the next."""

# Left, top, right and bottom of the head around the centre of the box, in its longer sides. No more
# than the head: people in one room have the same wall behind them.
_REACH: Final = np.array([-0.5, -0.6, 0.5, 0.6], np.float32)
_REGION_WH: Final = (32, 40)
_LAYOUT_WH: Final = (8, 10)
_LAYOUT_SIZE: Final = _LAYOUT_WH[0] * _LAYOUT_WH[1] * 3 + 1
# One more value, the same for all, makes two heads without any contrast alike.
_FLAT: Final = 10.0
# In the chroma planes of CIELAB 128 is grey; hardly any colour of a photo is outside this range.
_CHROMA_BINS: Final = 16
_CHROMA_RANGE: Final = [96, 160, 96, 160]
# Lightness counts half: it changes with the light.
_WEIGHTS: Final = np.array([1, 2, 2], np.float32)
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
    rows = [_appearance(image_rgb, box) for box in xyxy]
    return np.stack(rows) if rows else np.empty((0, _LAYOUT_SIZE + _CHROMA_BINS**2), np.float32)


def similarities(a: Floats, b: Floats) -> Floats:
    """How alike each pair is, (len(a), len(b)): 1 for the same, 0 for nothing in common.

    The mean of two cosines, that of the layout and that of the chroma histogram (its square roots:
    the coefficient of Bhattacharyya, 1943); at most a little more than that of the layout.
    """
    layout = a[:, :_LAYOUT_SIZE] @ b[:, :_LAYOUT_SIZE].T
    chroma = a[:, _LAYOUT_SIZE:] @ b[:, _LAYOUT_SIZE:].T
    return np.asarray(np.minimum(layout + _LAYOUT_SLACK, (layout + chroma) / 2), np.float32)


def blend(a: Floats, b: Floats, share: float) -> Floats:
    """An appearance between two, (497,): ``share`` of the way from a to b."""
    mixed = a + share * (b - a)
    return np.concatenate([_unit(mixed[:_LAYOUT_SIZE]), _unit(mixed[_LAYOUT_SIZE:])])


def _appearance(image: Image, xyxy: Floats) -> Floats:
    centre = (xyxy[:2] + xyxy[2:]) / 2
    side = max(float((xyxy[2:] - xyxy[:2]).max()), 1.0)
    head = region(image, np.tile(centre, 2) + side * _REACH, _REGION_WH)
    lab = cv2.cvtColor(head, cv2.COLOR_RGB2LAB)
    small = np.asarray(cv2.resize(lab, _LAYOUT_WH, interpolation=cv2.INTER_AREA), np.float32)
    small -= (small[..., 0].mean(), 128, 128)
    chroma = cv2.calcHist([lab], [1, 2], None, [_CHROMA_BINS, _CHROMA_BINS], _CHROMA_RANGE)
    layout = np.append(small * _WEIGHTS, np.float32(_FLAT))
    return np.concatenate([_unit(layout), _unit(np.sqrt(chroma).ravel())])


def _unit(values: Floats) -> Floats:
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6), np.float32)

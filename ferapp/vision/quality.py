"""Whether a face can be read, and if not, why.

Each threshold is where the accuracy of `seresnet-48-int8` on 1,000 FER+ Valid faces, 88 % on the
originals, fell to about 80 % as the faces were degraded step by step: 84 % at 24 px and 79 % at 20;
82 % at a mean grey of 25 and 72 % at 15; 77 % at 206 and 61 % at 229; 83 % with a Gaussian blur of
1.2 px of 48, 78 % with 1.6; 81 % with the lowest fifth cut off.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ferapp.vision.boxes import squares
from ferapp.vision.crops import Image, region
from ferapp.vision.opencv import cv2
from ferapp.vision.preprocess import convert_colour

Flaw = Literal["too small", "cut by the border", "too dark", "too bright", "blurred"]

LEAST_PX: Final = 24
_MOST_OUTSIDE: Final = 0.2
_LEAST_GREY: Final = 22
_MOST_GREY: Final = 215
_LEAST_SHARPNESS: Final = 0.02

CHECKED_WH: Final = (48, 48)
"""Size of the crops that are checked, px."""


@dataclass(frozen=True, eq=False)
class Check:
    """The result of checking one face.

    Attributes:
        flaw: The first flaw found; None if there is none.
        crop: The square around the face, RGB uint8 of `CHECKED_WH`; None if the box alone shows a
            flaw.
    """

    flaw: Flaw | None
    crop: Image | None


def flaws(image_rgb: Image, xyxy: NDArray[np.float32]) -> list[Flaw | None]:
    """The first flaw of each face; None for faces without one.

    Args:
        image_rgb: (h, w, 3) uint8.
        xyxy: Boxes, (n, 4), px, inside the picture.
    """
    return [check.flaw for check in check_faces(image_rgb, xyxy)]


def check_faces(image_rgb: Image, xyxy: NDArray[np.float32]) -> list[Check]:
    """As `flaws`, together with the crops, so that callers need not cut them out again."""
    height, width = image_rgb.shape[:2]
    inside = np.array([0, 0, width, height], np.float32)
    return [_check(image_rgb, square, inside) for square in squares(xyxy)]


def _check(image: Image, square: NDArray[np.float32], inside: NDArray[np.float32]) -> Check:
    side = float(square[2] - square[0])
    if side < LEAST_PX:
        return Check("too small", None)
    visible = np.minimum(square[2:], inside[2:]) - np.maximum(square[:2], inside[:2])
    if visible.min() < (1 - _MOST_OUTSIDE) * side:
        return Check("cut by the border", None)
    crop = region(image, square, CHECKED_WH)
    return Check(_flaw(crop), crop)


def _flaw(crop: Image) -> Flaw | None:
    grey = convert_colour(crop, "grey")[:, :, 0]
    mean = float(grey.mean())
    if mean < _LEAST_GREY:
        return "too dark"
    if mean > _MOST_GREY:
        return "too bright"
    return "blurred" if sharpness(grey) < _LEAST_SHARPNESS else None


def sharpness(grey: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al., 2000), divided by that of the picture.

    Dividing makes it independent of contrast; a small constant keeps flat pictures at 0.
    """
    # OpenCV takes a tenth of NumPy's time for pictures of this size.
    _, edges = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F))
    _, values = cv2.meanStdDev(grey)
    return float(edges[0, 0] ** 2 / (values[0, 0] ** 2 + 25))

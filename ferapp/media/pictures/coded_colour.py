"""Colours that a file describes by numbers instead of a profile, wide-gamut and HDR among them."""

import functools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.media.pictures.hdr import LUMINANCE, SCREEN_CD, WHITE_CD, hlg_scene, pq_light

Floats = NDArray[np.float32]
Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""CIE x and y of white, red, green and blue."""

_D65: Final = (0.3127, 0.3290)
_C: Final = (0.310, 0.316)
# ITU-T H.273, table 2.
_PRIMARIES: Final[dict[int, Chromaticities]] = {
    1: (*_D65, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060),
    4: (*_C, 0.670, 0.330, 0.210, 0.710, 0.140, 0.080),
    5: (*_D65, 0.640, 0.330, 0.290, 0.600, 0.150, 0.060),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    10: (1 / 3, 1 / 3, 1, 0, 0, 1, 0, 0),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
# The same, table 3.
_BT709: Final = (1, 6, 14, 15)
# The curve of BT.709 is that of a camera; BT.1886 has that of a screen, which browsers take.
_GAMMAS: Final = {4: 2.2, 5: 2.8, 8: 1.0, **dict.fromkeys(_BT709, 2.4)}
_SMPTE240: Final = 7
_SRGB: Final = 13
_PQ: Final = 16
_DCI: Final = 17
_HLG: Final = 18
_UNNAMED: Final = 2

# ICC.1:2022, annex E: what the eye sees of the three cones.
_BRADFORD: Final = np.array(
    ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
)
_ROWS: Final = 256
_STEPS: Final = 1 << 16


@dataclass(frozen=True)
class Coding:
    """How the numbers of a picture become light.

    Attributes:
        xy: The chromaticities of white and of its primaries.
        transfer: The curve, by its number in ITU-T H.273; 0 for ``gamma``.
        gamma: The exponent of a curve without a number.
    """

    xy: Chromaticities
    transfer: int
    gamma: float = 1.0

    @property
    def is_srgb(self) -> bool:
        """Whether nothing has to be converted."""
        return self.xy == _PRIMARIES[1] and self.transfer == _SRGB


def coding_of_numbers(primaries: int, transfer: int, *, is_video: bool) -> Coding | None:
    """The coding that numbers of ITU-T H.273 name; None if one of them is unknown.

    Args:
        primaries: Of table 2.
        transfer: Of table 3.
        is_video: Whether unnamed numbers are those of sRGB and the curve of BT.709 stands for that
            of sRGB, as browsers read HEIC and AVIF.
    """
    if is_video:
        primaries = 1 if primaries == _UNNAMED else primaries
        transfer = _SRGB if transfer in (_UNNAMED, *_BT709) else transfer
    is_known = transfer in (*_GAMMAS, _SMPTE240, _SRGB, _PQ, _DCI, _HLG)
    if primaries not in _PRIMARIES or not is_known:
        return None
    return Coding(_PRIMARIES[primaries], transfer)


def coding_of_gamma(gamma: float, xy: Chromaticities | None) -> Coding | None:
    """The coding of a plain exponent; None if the chromaticities are impossible.

    Args:
        gamma: From values to light, such as 2.2.
        xy: Those of sRGB if None.
    """
    coding = Coding(xy or _PRIMARIES[1], 0, gamma)
    try:
        return coding if coding.xy[1] and np.isfinite(_to_srgb(coding.xy)).all() else None
    except np.linalg.LinAlgError:
        return None


def coded_to_srgb(image_rgb: NDArray[np.uint8], coding: Coding) -> NDArray[np.uint8]:
    """Convert pixels to sRGB; highlights above white are clipped.

    Args:
        image_rgb: (h, w, 3) uint8; changed in place.
        coding: Theirs.

    Returns:
        The same array.
    """
    if coding.is_srgb:
        return image_rgb
    matrix = _to_srgb(coding.xy).astype(np.float32).T
    light_of, value_of = _light(coding), _value()
    for top in range(0, len(image_rgb), _ROWS):
        light = light_of[image_rgb[top : top + _ROWS]]
        if coding.transfer == _HLG:  # BT.2100: the system gamma of 1.2
            light *= (SCREEN_CD / WHITE_CD) * np.maximum(light @ LUMINANCE, 0)[..., None] ** 0.2
        steps = ((light @ matrix).clip(0, 1) * (_STEPS - 1) + 0.5).astype(np.int32)
        image_rgb[top : top + _ROWS] = value_of[steps]
    return image_rgb


def _to_srgb(xy: Chromaticities) -> NDArray[np.float64]:
    """From linear light of these primaries to that of sRGB, white to white."""
    return np.linalg.inv(_to_xyz(_PRIMARIES[1])) @ _adapted(xy) @ _to_xyz(xy)


def _to_xyz(xy: Chromaticities) -> NDArray[np.float64]:
    """From linear light to CIE XYZ (SMPTE RP 177)."""
    primaries = np.stack([_xyz(*xy[at : at + 2]) for at in (2, 4, 6)], axis=1)
    return np.asarray(primaries * np.linalg.solve(primaries, _white(xy)), np.float64)


def _white(xy: Chromaticities) -> NDArray[np.float64]:
    return _xyz(xy[0], xy[1]) / xy[1]


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    return np.array((x, y, 1 - x - y), np.float64)


def _adapted(xy: Chromaticities) -> NDArray[np.float64]:
    """From colours under one white to those under D65."""
    ours, theirs = _BRADFORD @ _white(_PRIMARIES[1]), _BRADFORD @ _white(xy)
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(ours / theirs) @ _BRADFORD, np.float64)


@functools.cache
def _light(coding: Coding) -> Floats:
    """Light of each of 256 levels, where 1 is the white of SDR; of HLG, that of the scene."""
    x = np.arange(256) / 255
    transfer = coding.transfer
    if transfer == _PQ:
        light = pq_light(x)
    elif transfer == _HLG:
        light = hlg_scene(x)
    elif transfer == _SRGB:
        light = np.where(x > 0.04045, ((x + 0.055) / 1.055) ** 2.4, x / 12.92)
    elif transfer == _SMPTE240:
        light = np.where(x > 0.0913, ((x + 0.1115) / 1.1115) ** (1 / 0.45), x / 4)
    elif transfer == _DCI:  # SMPTE ST 428-1
        light = x**2.6 * (52.37 / 48)
    else:
        light = x ** _GAMMAS.get(transfer, coding.gamma)
    return np.asarray(light, np.float32)


@functools.cache
def _value() -> NDArray[np.uint8]:
    """The level of sRGB for each step of light."""
    x = np.arange(_STEPS) / (_STEPS - 1)
    value = np.where(x > 0.0031308, 1.055 * x ** (1 / 2.4) - 0.055, x * 12.92)
    return np.asarray(np.rint(value * 255), np.uint8)

"""Colours that HEIC and AVIF name by number instead of a profile, wide-gamut and HDR among them."""

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

# ITU-T H.273, tables 2 and 3.
_BT2020: Final = 9
_P3: Final = 12
_PQ: Final = 16
_HLG: Final = 18

# From linear light of these primaries to that of sRGB (BT.2087-0 and SMPTE EG 432-1).
_MATRICES: Final = {
    _P3: ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0196, -0.0786, 1.0979)),
    _BT2020: (
        (1.6605, -0.5876, -0.0728),
        (-0.1246, 1.1329, -0.0083),
        (-0.0182, -0.1006, 1.1187),
    ),
}
# White of an SDR picture on an HDR screen, and the screen of HLG, cd/m2 (BT.2408).
_WHITE: Final = 203.0
_SCREEN: Final = 1000.0
_LUMINANCE: Final = np.array((0.2627, 0.6780, 0.0593), np.float32)
_ROWS: Final = 256
_STEPS: Final = 4096


def coded_to_srgb(image_rgb: NDArray[np.uint8], data: bytes) -> NDArray[np.uint8]:
    """Convert pixels to sRGB by the numbers in the container; highlights above white are clipped.

    Args:
        image_rgb: (h, w, 3) uint8; changed in place where a conversion is needed.
        data: The bytes of the HEIC or AVIF file.

    Returns:
        The same array.
    """
    at = data.find(b"colrnclx")
    if at < 0 or at + 12 > len(data):
        return image_rgb
    primaries, transfer = struct.unpack_from(">2H", data, at + 8)
    if primaries not in _MATRICES and transfer not in (_PQ, _HLG):
        return image_rgb
    matrix = np.array(_MATRICES.get(primaries, np.eye(3)), np.float32).T
    light_of, value_of = _light(transfer), _value()
    for top in range(0, len(image_rgb), _ROWS):
        light = light_of[image_rgb[top : top + _ROWS]]
        if transfer == _HLG:  # BT.2100: the system gamma of 1.2
            light *= (_SCREEN / _WHITE) * np.maximum(light @ _LUMINANCE, 0)[..., None] ** 0.2
        steps = ((light @ matrix).clip(0, 1) * (_STEPS - 1) + 0.5).astype(np.int32)
        image_rgb[top : top + _ROWS] = value_of[steps]
    return image_rgb


def _light(transfer: int) -> NDArray[np.float32]:
    """Light of each of 256 levels, where 1 is the white of SDR; of HLG, that of the scene."""
    x = np.arange(256) / 255
    if transfer == _PQ:  # SMPTE ST 2084
        power = x ** (1 / 78.84375)
        light = (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (
            1 / 0.1593017578125
        )
        light *= 10_000 / _WHITE
    elif transfer == _HLG:  # ARIB STD-B67
        bright = (np.exp((x - 0.55991073) / 0.17883277) + 0.28466892) / 12
        light = np.where(x <= 0.5, x**2 / 3, bright)
    else:
        light = np.where(x > 0.04045, ((x + 0.055) / 1.055) ** 2.4, x / 12.92)
    return np.asarray(light, np.float32)


def _value() -> NDArray[np.uint8]:
    """The level of sRGB for each step of light."""
    x = np.arange(_STEPS) / (_STEPS - 1)
    value = np.where(x > 0.0031308, 1.055 * x ** (1 / 2.4) - 0.055, x * 12.92)
    return np.asarray(np.rint(value * 255), np.uint8)

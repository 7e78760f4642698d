"""High dynamic range to standard: frames in HLG or PQ become sRGB, as bright as they were meant.

HLG and PQ are the two curves of ITU-R BT.2100. White of normal pictures lies at 203 cd/m² (ITU-R
BT.2408); what is brighter is compressed. Files that a program has converted from SDR often have
their white elsewhere. Their first bright frame shows it, and they get back their former values.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ferapp.media.pictures.hdr import LUMINANCE, SCREEN_CD, WHITE_CD, hlg_scene, pq_light

Curve = Literal["HLG", "PQ"]
Floats = NDArray[np.float32]

_HLG_PEAK: Final = np.float32(SCREEN_CD / WHITE_CD)
_OLD_WHITE: Final = 100 / WHITE_CD
_LEAST_TOP: Final = 0.3
# What encoders make of white may be a little brighter.
_OVER: Final = 1.05
_STEPS: Final = 4096
# From the primaries of BT.2020 to those of BT.709 (ITU-R BT.2087).
_TO_BT709: Final = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
# Highlights are small. A larger share brighter than white means that white lies higher.
_MOST_HIGHLIGHTS: Final = 0.1
# Brighter than this share of white is compressed, so that highlights keep their detail.
_KNEE: Final = np.float32(0.8)


@dataclass(frozen=True)
class _Exposure:
    """Where white lies: `white` as a multiple of `WHITE_CD`, and which curve SDR had before."""

    white: float
    is_converted: bool


class ToneMapper:
    """Maps the frames of one video.

    Args:
        curve: How they are encoded.

    Example:
        >>> grey = np.full((2, 2, 3), 38_000, np.uint16)
        >>> int(ToneMapper("PQ").map(grey)[0, 0, 0])
        252
    """

    def __init__(self, curve: Curve) -> None:
        self._curve = curve
        codes = np.arange(_STEPS, dtype=np.float64) / (_STEPS - 1)
        self._light = (hlg_scene(codes) if curve == "HLG" else pq_light(codes)).astype(np.float32)
        self._exposure: _Exposure | None = None

    def map(self, image: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """Map a frame.

        Args:
            image: (h, w, 3) RGB of BT.2020, 16 bits, encoded with the curve.

        Returns:
            (h, w, 3) sRGB.
        """
        scene = self._light[image >> 4]
        light = _hlg_display(scene) if self._curve == "HLG" else scene
        exposure = self._exposure or self._measure(light)
        if not exposure.is_converted:
            return _encode(_compress(light @ _TO_BT709.T), _SRGB)
        if self._curve == "HLG":
            return _encode(scene @ _TO_BT709.T, _BT709)
        return _encode(light @ _TO_BT709.T / np.float32(exposure.white), _BT709)

    def _measure(self, light: Floats) -> _Exposure:
        """Where white lies in a frame."""
        brightest = light.max(axis=2)
        top = float(np.percentile(brightest, 99.9))
        found = _Exposure(1.0, is_converted=False)
        if float((brightest > _OVER).mean()) > _MOST_HIGHLIGHTS:
            found = _Exposure(top, is_converted=True)
        # FFmpeg's zscale puts white at 100 cd/m² in PQ.
        elif self._curve == "PQ" and 0.8 * _OLD_WHITE <= top <= _OVER * _OLD_WHITE:
            found = _Exposure(_OLD_WHITE, is_converted=True)
        if top >= _LEAST_TOP:  # not black, as before a fade
            self._exposure = found
        return found


def _hlg_display(scene: Floats) -> Floats:
    """Light of a display of 1,000 cd/m², in multiples of white (BT.2100, table 5, OOTF)."""
    luminance = np.maximum(scene @ LUMINANCE, np.float32(1e-9))
    out: Floats = scene * (luminance ** np.float32(0.2) * _HLG_PEAK)[..., None]
    return out


def _compress(light: Floats) -> Floats:
    """Bring highlights up to the peak of HLG below white; the hue stays."""
    brightest = light.max(axis=2)
    if float(brightest.max(initial=0)) <= _OVER:
        return light
    # A hyperbola that leaves the straight line at the knee and reaches white at the peak.
    steps = (_HLG_PEAK - _KNEE) / (1 - _KNEE)
    over = np.clip((brightest - _KNEE) / (_HLG_PEAK - _KNEE), 0, 1)
    bent = _KNEE + (1 - _KNEE) * steps * over / (1 + (steps - 1) * over)
    out: Floats = light * np.where(brightest > _KNEE, bent / np.maximum(brightest, _KNEE), 1)[
        ..., None
    ].astype(np.float32)
    return out


def _encode(light: Floats, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Light from 0 to 1 as eight bits, by a table over its square root."""
    codes = np.sqrt(np.clip(light, 0, 1)) * np.float32(_STEPS - 1) + np.float32(0.5)
    return table[codes.astype(np.uint16)]


def _tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The curves of sRGB (IEC 61966-2-1) and of BT.709, over the square root of the light."""
    light = (np.arange(_STEPS) / (_STEPS - 1)) ** 2
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    bt709 = np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099)
    return np.round(255 * srgb).astype(np.uint8), np.round(255 * bt709).astype(np.uint8)


_SRGB, _BT709 = _tables()

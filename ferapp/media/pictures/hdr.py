"""The two curves of high dynamic range, HLG and PQ (ITU-R BT.2100), for pictures and videos."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

WHITE_CD: Final = 203.0
"""Luminance of white in SDR pictures within HDR, cd/m² (ITU-R BT.2408)."""

SCREEN_CD: Final = 1000.0
"""Luminance of the brightest white of HLG, cd/m² (ITU-R BT.2408)."""

PQ_PEAK: Final = 10_000 / WHITE_CD
"""The brightest light of PQ, in multiples of white."""

LUMINANCE: Final = np.array((0.2627, 0.6780, 0.0593), np.float32)
"""Shares of red, green and blue of BT.2020 in the luminance."""


def hlg_scene(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of the scene, 0 to 1, from numbers of HLG, 0 to 1 (BT.2100, table 5, inverse OETF)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)


def pq_light(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of the screen in multiples of white, from PQ, 0 to 1 (BT.2100, table 4, EOTF)."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = code ** (1 / m2)
    light: NDArray[np.float64] = np.maximum(power - c1, 0) / (c2 - c3 * power)
    return light ** (1 / m1) * PQ_PEAK

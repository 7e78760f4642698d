"""Colour profiles, made by hand: each says how its numbers become light."""

import struct

import numpy as np

# Primaries in XYZ adapted to D50, as in the profiles of those who defined them.
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
PROPHOTO = ((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249))
SRGB = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)

_D50 = (0.9642, 1.0, 0.8249)

INKS = {
    (c, m, y, k): (
        95 * (1 - 0.45 * c) * (1 - 0.5 * m) * (1 - 0.05 * y) * (1 - 0.85 * k),
        (-35.0 * c + 70 * m) * (1 - k),
        (-45.0 * c + 85 * y) * (1 - k),
    )
    for c in (0, 1)
    for m in (0, 1)
    for y in (0, 1)
    for k in (0, 1)
}
"""CIE L*a*b* of a press."""


def matrix_profile(
    primaries: tuple[tuple[float, ...], ...], curve: float | tuple[float, ...] = SRGB_CURVE
) -> bytes:
    """An RGB profile of three primaries and one curve: a gamma, or that of sRGB."""
    tags = {f"{c}XYZ".encode(): _xyz(p) for c, p in zip("rgb", primaries, strict=True)}
    tags |= {f"{c}TRC".encode(): _curve(curve) for c in "rgb"}
    return _profile(b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    """A profile of grey pictures."""
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": _curve(gamma)})


def press_profile(
    lab_of_inks: dict[tuple[int, ...], tuple[float, float, float]], nodes: int = 2
) -> bytes:
    """A CMYK profile from the colours of the inks.

    Args:
        lab_of_inks: CIE L*a*b* of the sixteen combinations of no and full ink.
        nodes: How many steps of each ink the profile lists; libraries differ in between.
    """
    corners = np.array([lab_of_inks[c] for c in np.ndindex(2, 2, 2, 2)]).reshape(2, 2, 2, 2, 3)
    share = np.linspace(0, 1, nodes)
    weights = np.stack([1 - share, share])
    lab = np.einsum("ai,bj,ck,dl,abcdx->ijklx", weights, weights, weights, weights, corners)
    grid = np.round(lab * (2.55, 1, 1) + (0, 128, 128)).astype(np.uint8).tobytes()
    line = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    # ICC.1:2022, 10.11: lut8Type.
    table = b"mft1" + bytes(4) + bytes((4, 3, nodes, 0)) + identity + line * 4 + grid + line * 3
    return _profile(b"CMYK", b"Lab ", {b"A2B0": table})


def to_srgb(
    rgb: np.ndarray, primaries: tuple[tuple[float, ...], ...], curve: float | tuple[float, ...]
) -> np.ndarray:
    """The same conversion in NumPy, (..., 3) levels of 8 bits."""
    light = _light(rgb / 255, curve) @ np.array(primaries) @ np.linalg.inv(np.array(SRGB))
    light = light.clip(0, 1)
    values = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(values * 255)


def _light(values: np.ndarray, curve: float | tuple[float, ...]) -> np.ndarray:
    if isinstance(curve, tuple):
        gamma, a, b, c, d = curve
        return np.where(values >= d, (a * values + b) ** gamma, c * values)
    return np.asarray(values**curve)


def _profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = b"made for a test"
    described = b"desc" + struct.pack(">4xI", len(text) + 1) + text + bytes(1 + 78)
    tags = {
        b"desc": described,
        b"cprt": b"text" + bytes(4) + text + b"\0",
        b"wtpt": _xyz(_D50),
        **tags,
    }
    body, table = b"", struct.pack(">I", len(tags))
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    size = 128 + len(table) + len(body)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4x", size) + b"\x02\x40\0\0" + kind + space + connection
    head = head.ljust(36, b"\0") + b"acsp"
    head = head.ljust(68, b"\0") + struct.pack(">3i", *(round(65536 * v) for v in _D50))
    return head.ljust(128, b"\0") + table + body


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *(round(65536 * value) for value in values))


def _curve(curve: float | tuple[float, ...]) -> bytes:
    if isinstance(curve, tuple):
        return b"para" + struct.pack(">4xHH5i", 3, 0, *(round(65536 * v) for v in curve))
    return b"curv" + struct.pack(">4xIH", 1, round(curve * 256))

"""From colours by a profile to sRGB, and from opacity to white behind."""

import io
import struct
from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageCms

# ICC.1:2022, 7.2: the colour space of the profile, and what marks a profile.
_SPACES: Final = {"RGB": b"RGB ", "L": b"GRAY", "CMYK": b"CMYK", "LAB": b"Lab "}
# Red, green and blue of sRGB as profiles give them, adapted to D50.
_SRGB_XYZ: Final = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
_SRGB_CURVE: Final = ((0.1, 0.01002), (0.5, 0.21404))
_SAME: Final = 0.004
_MOST_TAGS: Final = 64


def has_profile(picture: Image.Image) -> bool:
    """Whether a picture has a whole profile, of whatever colours."""
    profile = picture.info.get("icc_profile") or b""
    is_profile = isinstance(profile, bytes) and profile[36:40] == b"acsp"
    return is_profile and int.from_bytes(profile[:4]) <= len(profile)


def has_other_colours(picture: Image.Image) -> bool:
    """Whether a picture has a profile that fits it, and that differs from sRGB.

    It is read without a library: only the child process reads profiles of others with one.
    """
    profile = picture.info.get("icc_profile") or b""
    return (
        has_profile(picture)
        and profile[16:20] == _SPACES.get(_base(picture))
        and not _is_srgb(profile)
    )


def to_srgb(picture: Image.Image) -> Image.Image:
    """Convert a picture to sRGB by its profile; as it is if it has none that can be used."""
    if not has_other_colours(picture):
        return picture
    alpha = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        converted = ImageCms.profileToProfile(
            picture.convert(_base(picture)),
            profile,
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
            flags=ImageCms.Flags.NOOPTIMIZE if picture.mode in ("L", "LA") else ImageCms.Flags.NONE,
        )
    except (ImageCms.PyCMSError, OSError):
        return picture
    assert converted is not None
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def opaque(
    picture: Image.Image, convert: Callable[[Image.Image], Image.Image] = to_srgb
) -> Image.Image:
    """In RGB of sRGB, and what is transparent on white.

    Args:
        picture: A loaded picture of eight bits.
        convert: How its colours become those of sRGB; the opacity stays.
    """
    is_clear = picture.has_transparency_data
    if is_clear and picture.mode not in ("RGBA", "LA"):
        picture = picture.convert("RGBA")
    shown = convert(picture)
    if is_clear:
        layer = shown.convert("RGBA")
        shown = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return shown if shown.mode == "RGB" else shown.convert("RGB")


def lab_to_rgb(picture: Image.Image) -> Image.Image:
    """Convert a picture in CIE L*a*b* to sRGB."""
    converted = ImageCms.profileToProfile(
        picture, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert converted is not None
    return converted


def _base(picture: Image.Image) -> str:
    """The mode in which the profile applies."""
    mode = picture.mode
    if mode in ("1", "L", "LA", "La") or mode[0] in "IF":
        return "L"
    return mode if mode in ("CMYK", "LAB") else "RGB"


def _is_srgb(profile: bytes) -> bool:
    """Whether the primaries and curves of an RGB profile are those of sRGB."""
    try:
        tags = _tags(profile)
        if b"A2B0" in tags:
            return False
        for name, expected in zip(b"rgb", _SRGB_XYZ, strict=True):
            xyz = np.array(struct.unpack_from(">3i", tags[bytes([name]) + b"XYZ"], 8)) / 65536
            if np.abs(xyz - expected).max() > _SAME:
                return False
        return all(abs(_curve(tags[b"gTRC"], x) - y) < _SAME for x, y in _SRGB_CURVE)
    except (struct.error, KeyError, ValueError, IndexError, ArithmeticError):
        return False


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    places = [
        struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(count, _MOST_TAGS))
    ]
    return {name: profile[at : at + size] for name, at, size in places}


def _curve(tag: bytes, x: float) -> float:
    """The light of a value, by a curve of a profile (ICC.1:2022, 10.6 and 10.18)."""
    kind, count = struct.unpack_from(">4s4xI", tag)
    if kind == b"para":
        form = count >> 16
        numbers = np.frombuffer(tag, ">i4", offset=12)[:7].astype(float) / 65536
        gamma, a, b, c, d = (*numbers, *[0.0] * 5)[:5]
        if form == 0:
            return float(x**gamma)
        # Forms 1, 2 and 4 are not used for sRGB.
        return float((a * x + b) ** gamma if x >= d else c * x) if form == 3 else -1.0
    if kind != b"curv" or count == 0:
        return x
    if count == 1:
        return float(x ** (struct.unpack_from(">H", tag, 12)[0] / 256))
    values = np.frombuffer(tag, ">u2", count, 12) / 65535
    return float(np.interp(x, np.linspace(0, 1, count), values))

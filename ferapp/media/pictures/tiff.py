"""TIFF pictures of scientific instruments that Pillow refuses or misreads: OpenCV decodes them."""

import io
import struct
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from ferapp.errors import ImageError
from ferapp.media.pictures.bits import scaled
from ferapp.media.pictures.formats import DAMAGED

# TIFF 6.0, section 8 and further on; 338 and 339 are ExtraSamples and SampleFormat.
_WIDTH: Final = 256
_HEIGHT: Final = 257
_BITS: Final = 258
_PHOTOMETRIC: Final = 262
_STRIPS: Final = (273, 279)
_SAMPLES: Final = 277
_PLANAR: Final = 284
_TILES: Final = (324, 325)
_EXTRA: Final = 338
_FORMAT: Final = 339
_PROFILE: Final = 34675
# Compression, fill order, orientation, rows in a strip, predictor, size of a tile.
_KEPT: Final = (_WIDTH, _HEIGHT, 259, 266, 274, 278, 317, 322, 323)

# Tags of sixteen bits; the others have 32.
_SHORT: Final = (_BITS, 259, _PHOTOMETRIC, 266, 274, _SAMPLES, 317, _EXTRA, _FORMAT)

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = range(3)
_WHOLE, _SIGNED, _FLOAT = 1, 2, 3
_APART: Final = 2
_BYTE: Final = 8
_ALPHA: Final = (1, 2)
# OpenCV takes numbers of these sizes only as another kind; they are what they were afterwards.
_READ_AS: Final = {
    (_FLOAT, 16): (_WHOLE, np.dtype(np.float16)),
    (_WHOLE, 32): (_SIGNED, np.dtype(np.uint32)),
}


def deep_tiff(data: bytes, check_size: Callable[[int, int], None]) -> Image.Image | None:
    """A TIFF of fractions in colour, of packed bits, or whose colours lie apart, in eight bits.

    Args:
        data: The bytes of the file.
        check_size: Called with width and height before anything is decoded.

    Returns:
        A loaded picture; None if Pillow reads this kind of TIFF.

    Raises:
        ImageError: It is damaged, or nobody can say how bright its numbers are.
        UnidentifiedImageError: Neither Pillow nor OpenCV reads this kind of TIFF.
    """
    tags = _tags(data)
    if tags is None:
        return None
    if not _is_deep(tags):
        if _are_apart(tags) and _first(tags, _BITS) > _BYTE:
            raise UnidentifiedImageError  # Pillow would take the bytes of one colour for many
        return None
    check_size(tags[_WIDTH], tags[_HEIGHT])
    values = _values(data, tags)
    colours = 3 if tags[_PHOTOMETRIC] == _RGB else 1
    levels = scaled(values[..., :colours])
    if tags[_PHOTOMETRIC] == _WHITE_IS_ZERO:
        levels = 255 - levels
    picture = Image.fromarray(levels if colours == 3 else levels[..., 0])
    if values.shape[2] > colours and _first(tags, _EXTRA) in _ALPHA:
        picture.putalpha(Image.fromarray(_opacity(values[..., colours], tags)))
    picture.info["icc_profile"] = tags.get(_PROFILE, b"")
    return picture


def _tags(data: bytes) -> Any:
    """The tags of the first page; None for a BigTIFF, and where they can't be read."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return None
    file = io.BytesIO(data)
    tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
    try:
        file.seek(tags.next)
        tags.load(file)
        return tags if {_WIDTH, _HEIGHT, _PHOTOMETRIC} <= set(tags) else None
    except Exception:  # Pillow says what is wrong with it
        return None


def _is_deep(tags: Any) -> bool:
    bits, kind, samples = _first(tags, _BITS), _first(tags, _FORMAT), tags.get(_SAMPLES, 1)
    is_apart = _are_apart(tags)
    colours = 3 if tags[_PHOTOMETRIC] == _RGB else 1
    has_one_kind = len(set(tags.get(_BITS, (1,)))) == len(set(tags.get(_FORMAT, (1,)))) == 1
    if not has_one_kind or tags[_PHOTOMETRIC] > _RGB or samples < colours:
        return False
    if not is_apart and samples not in (1, 3, 4):
        return False
    if kind == _FLOAT:
        return is_apart or samples > 1 or bits in (16, 64)
    is_packed = bits in (10, 14) or (bits == 12 and samples > 1)
    return kind == _WHOLE and (is_packed or bits == 32 or (is_apart and bits > _BYTE))


def _are_apart(tags: Any) -> bool:
    """Whether each colour is stored as a picture of its own."""
    return bool(tags.get(_SAMPLES, 1) > 1 and tags.get(_PLANAR) == _APART)


def _first(tags: Any, tag: int) -> int:
    """The first number of a tag that has one for each sample; 1 is the default of all of them."""
    values = tags.get(tag, (1 if tag != _EXTRA else 0,))
    return int(values[0] if isinstance(values, tuple) else values)


def _values(data: bytes, tags: Any) -> NDArray[Any]:
    """The numbers of a picture, (height, width, samples), RGB."""
    samples = tags.get(_SAMPLES, 1)
    if _are_apart(tags):
        return np.concatenate(
            [_values(*_one_plane(data, tags, n, samples)) for n in range(samples)], axis=2
        )
    kind, dtype = _READ_AS.get((_first(tags, _FORMAT), _first(tags, _BITS)), (0, None))
    if kind:
        data = _with_tags(data, tags, {_FORMAT: (kind,) * samples})
    from ferapp.vision.opencv import cv2  # the app starts without it

    values: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ImageError(DAMAGED)
    if dtype is not None:
        values = values.view(dtype)
    samples = values.size // (values.shape[0] * values.shape[1])
    shaped: NDArray[Any] = values.reshape(*values.shape[:2], samples)
    return shaped[..., [2, 1, 0, 3][:samples]] if samples > 2 else shaped


def _one_plane(data: bytes, tags: Any, number: int, samples: int) -> tuple[bytes, Any]:
    """One colour of a picture whose colours lie apart, as a grey picture."""
    changes: dict[int, Any] = {_SAMPLES: 1, _PHOTOMETRIC: _BLACK_IS_ZERO}
    for tag in (_BITS, _FORMAT):
        changes[tag] = (_first(tags, tag),)
    for tag in (*_STRIPS, *_TILES):
        if tag in tags:
            each = len(tags[tag]) // samples
            changes[tag] = tags[tag][number * each : (number + 1) * each]
    data = _with_tags(data, tags, changes)
    return data, _tags(data)


def _with_tags(data: bytes, tags: Any, changes: dict[int, Any]) -> bytes:
    """A TIFF with other tags for the same pixels; Pillow's writer would move them."""
    kept = (*_KEPT, _BITS, _PHOTOMETRIC, *_STRIPS, _SAMPLES, *_TILES, _EXTRA, _FORMAT)
    found = {tag: changes.get(tag, tags.get(tag)) for tag in sorted(kept)}
    if _SAMPLES in changes:
        del found[_EXTRA]
    order = "<" if data[:2] == b"II" else ">"
    data += bytes(len(data) % 2)
    lists = b""
    entries = []
    for tag, value in found.items():
        if value is None:
            continue
        numbers = value if isinstance(value, tuple) else (value,)
        kind, letter = (3, "H") if tag in _SHORT else (4, "I")
        packed = struct.pack(order + letter * len(numbers), *numbers)
        if len(packed) > 4:
            packed, lists = struct.pack(order + "I", len(data) + len(lists)), lists + packed
        entries.append(struct.pack(order + "HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0"))
    at = len(data) + len(lists)
    table = struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
    return data[:4] + struct.pack(order + "I", at) + data[8:] + lists + table


def _opacity(values: NDArray[Any], tags: Any) -> NDArray[np.uint8]:
    """An alpha channel, whose full opacity is the largest number of its kind, or 1."""
    if _first(tags, _FORMAT) == _FLOAT:
        shares = np.nan_to_num(values.astype(np.float32)).clip(0, 1)
    else:
        shares = values / np.float32(np.iinfo(values.dtype).max)
    return np.asarray(np.rint(shares * 255), np.uint8)

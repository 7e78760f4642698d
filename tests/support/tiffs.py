"""TIFF files of kinds that instruments write and Pillow does not."""

import struct

import numpy as np

WHOLE, SIGNED, FLOAT = 1, 2, 3
_LETTERS = {3: "H", 4: "I"}


def tiff(
    values: np.ndarray,
    *,
    bits: int = 0,
    photometric: int | None = None,
    is_apart: bool = False,
    orientation: int = 1,
    order: str = "<",
    profile: bytes = b"",
) -> bytes:
    """An uncompressed TIFF of an array.

    Args:
        values: (h, w) or (h, w, samples), RGB; a fourth or, in grey, second one is its opacity.
        bits: Of a number, packed without gaps; by default as many as in the array.
        photometric: 0 if 0 is white; from the number of samples if None.
        is_apart: Whether each colour is stored as a picture of its own.
        orientation: As in EXIF.
        order: Of the bytes: "<" or ">".
        profile: A colour profile.
    """
    values = values if values.ndim == 3 else values[:, :, None]
    height, width, samples = values.shape
    kind = {"f": FLOAT, "i": SIGNED}.get(values.dtype.kind, WHOLE)
    each = [values[:, :, n] for n in range(samples)] if is_apart else [values]
    strips = [_packed(part, bits) if bits else _ordered(part, order) for part in each]
    colours = 3 if samples > 2 else 1
    tags: dict[int, tuple[int, tuple[int, ...] | bytes]] = {
        256: (3, (width,)),
        257: (3, (height,)),
        258: (3, (bits or 8 * values.dtype.itemsize,) * samples),
        259: (3, (1,)),
        262: (3, ((2 if colours == 3 else 1) if photometric is None else photometric,)),
        273: (4, (0,) * len(strips)),
        274: (3, (orientation,)),
        277: (3, (samples,)),
        278: (4, (2**32 - 1,)),
        279: (4, tuple(map(len, strips))),
        284: (3, (2 if is_apart else 1,)),
        339: (3, (kind,) * samples),
    }
    if samples > colours:
        tags[338] = (3, (2,))
    if profile:
        tags[34675] = (7, profile)
    length = len(_file(tags, order))
    starts = np.cumsum([length, *map(len, strips)])[:-1]
    tags[273] = (4, tuple(map(int, starts)))
    return _file(tags, order) + b"".join(strips)


def _file(tags: dict[int, tuple[int, tuple[int, ...] | bytes]], order: str) -> bytes:
    """The header and the tags."""
    after = 8 + 2 + 12 * len(tags) + 4
    table, lists = struct.pack(order + "H", len(tags)), b""
    for tag, (kind, value) in sorted(tags.items()):
        raw = (
            value
            if isinstance(value, bytes)
            else struct.pack(order + _LETTERS[kind] * len(value), *value)
        )
        table += struct.pack(order + "HHI", tag, kind, len(value))
        if len(raw) > 4:
            table += struct.pack(order + "I", after + len(lists))
            lists += raw + bytes(len(raw) % 2)
        else:
            table += raw.ljust(4, b"\0")
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", 8) + table + bytes(4) + lists


def _ordered(values: np.ndarray, order: str) -> bytes:
    return values.astype(values.dtype.newbyteorder(order)).tobytes()


def _packed(values: np.ndarray, bits: int) -> bytes:
    rows = values.reshape(len(values), -1).astype(np.int64)
    each = (rows[:, :, None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(each.astype(np.uint8).reshape(len(values), -1), axis=1).tobytes()

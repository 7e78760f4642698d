"""From the arrays that programs hold to RGB, where it is clear what their numbers mean."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import InvalidValue
from ferapp.media.pictures.bits import MOST_SHARE, scaled, white_of
from ferapp.media.pictures.pillow import on_white

EXPECTED: Final = (
    "expected one RGB picture, such as an array (height, width, 3) of uint8 as read_image gives it"
)
"""How the message for a value that is no picture begins."""

_CHANNELS: Final = (1, 3, 4)
# Rounding may leave shares of white this much outside 0 to 1.
_ROUNDING: Final = 1e-3


def array_to_rgb(values: NDArray[Any]) -> tuple[NDArray[np.uint8], str]:
    """RGB, (h, w, 3) uint8, and a note about how the numbers were read, empty for bytes.

    Args:
        values: Grey, (h, w) or (h, w, 1), RGB, (h, w, 3), or RGBA, (h, w, 4), which is put on
            white. Bytes are levels. Integers of more bits are levels of 8, 10, 12, 14 or 16 bits,
            as their largest value says. Fractions are shares of white if none is over 1, else
            levels of eight bits. What is true is white.

    Raises:
        InvalidValue: It has another shape, no pixels, or numbers whose meaning isn't clear.

    Example:
        >>> array_to_rgb(np.full((2, 2), 0.5))[0][0, 0].tolist()
        [128, 128, 128]
    """
    _check_mask(values)
    values = np.asarray(values)
    _check_shape(values)
    if values.ndim == 2:
        values = values[:, :, None]
    channels = values.shape[2]
    if values.dtype == np.uint8:
        levels, note = values, ""
    else:
        _check_numbers(values)
        levels, note = _levels(values[:, :, :3]), reading_note(values[:, :, :3])
    if channels == 1:
        levels = np.repeat(levels, 3, axis=2)
    if channels == 4:
        levels = on_white(np.concatenate([levels[:, :, :3], _alpha(values)], axis=2))
    return np.asarray(levels, np.uint8), note


def reading_note(values: NDArray[Any]) -> str:
    """A sentence about how numbers that are no bytes become levels; empty for bytes."""
    if values.dtype == np.uint8:
        return ""
    name = values.dtype.name
    if values.dtype == np.bool_:
        return f"The picture came as {name}: what is true was read as white."
    return f"The picture came as {name}: 0 to {white_of(values):g} was read as black to white."


def _levels(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    return scaled(values)


def _alpha(values: NDArray[Any]) -> NDArray[np.uint8]:
    """The fourth channel as bytes; fractions beside levels of 0 to 255 may be shares."""
    if values.dtype.kind == "f":
        return _levels(values[:, :, 3:])
    return (values if values.dtype == np.uint8 else _levels(values))[:, :, 3:]


def _check_shape(values: NDArray[Any]) -> None:
    shape = values.shape
    if values.size == 0:
        raise _refusal(values, "it has no pixels")
    if values.ndim == 2 or (values.ndim == 3 and shape[2] in _CHANNELS):
        return
    hint = ""
    if values.ndim == 1 and values.dtype == np.uint8:
        hint = "the bytes of a file are read by ferapp.read_image(data.tobytes())"
    elif values.ndim == 3 and shape[0] in _CHANNELS:
        hint = "the channels come first; use numpy.moveaxis(picture, 0, -1)"
    elif values.ndim == 3 and shape[2] == 2:
        hint = "of two channels it isn't clear what the second one means"
    elif values.ndim == 4:
        hint = "this may be several pictures; analyze each by itself"
    raise _refusal(values, hint)


def _check_mask(values: NDArray[Any]) -> None:
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        count = np.count_nonzero(np.ma.getmaskarray(values))
        raise _refusal(values, f"{count:,} of its numbers are masked; fill them, see .filled()")


def _check_numbers(values: NDArray[Any]) -> None:
    kind = values.dtype.kind
    if kind == "b":
        return
    if kind not in "uif":
        raise _refusal(values, "it holds no numbers of one kind")
    if kind == "f" and not np.isfinite(values).all():
        count = values.size - np.count_nonzero(np.isfinite(values))
        raise _refusal(values, f"{count:,} of its numbers are infinite or not a number")
    low, top = values.min(), values.max()
    text = f"its numbers lie from {low:.6g} to {top:.6g}"
    if kind == "f":
        is_share = low >= -_ROUNDING and top <= 1 + _ROUNDING
        # In between they may be shares that overshoot, or nearly black levels.
        if not is_share and not (low >= 0 and MOST_SHARE < top <= 255):
            raise _refusal(values, f"{text}, where 0 to 1 or 0 to 255 would be clear")
    elif low < 0 or top > 65535:
        raise _refusal(values, f"{text}, where 0 to 255 or 0 to 65535 would be clear")


def _refusal(values: NDArray[Any], hint: str) -> InvalidValue:
    got = f"{values.shape} {values.dtype}"
    return InvalidValue(f"{EXPECTED}; got an array {got}{': ' * bool(hint)}{hint}.")

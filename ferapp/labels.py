"""What a face is called, its label and its colour, the same in pictures, videos, charts, tables."""

import math
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from types import MappingProxyType
from typing import Final

from ferapp.emotions import COLOURS, class_of

UNSURE: Final = "unsure"
"""The label of a face whose top probability is below the threshold."""

UNSURE_COLOUR: Final = "#8b95a1"
"""The colour of faces without an expression: unsure ones, and those that can't be read."""


def label_text(expression: str | None, flaw: str | None = None) -> str:
    """The label of a face: why it can't be read, else its expression, else "unsure".

    Args:
        expression: Its expression; None if the model is unsure.
        flaw: Why it can't be read; None if it can.

    Example:
        >>> label_text("anger"), label_text(None), label_text(None, "too dark")
        ('anger', 'unsure', 'too dark')
    """
    return flaw or expression or UNSURE


def label_colour(expression: str | None, flaw: str | None = None, *, labels: Sequence[str]) -> str:
    """The sRGB hex colour that belongs to `label_text`.

    Args:
        expression: As for `label_text`.
        flaw: As for `label_text`.
        labels: All names of the classifier or the session; see `label_colours`.
    """
    if flaw is not None or expression is None:
        return UNSURE_COLOUR
    known = label_colours(tuple(labels))
    return known.get(expression) or label_colours((*labels, expression))[expression]


@cache
def label_colours(labels: tuple[str, ...]) -> Mapping[str, str]:
    """One sRGB hex colour for each name, all different; their order makes no difference.

    Classes of FER+ have their own colours, under any name. Each other name has a place of its own
    among colours that are far from these and from each other; of two names with the same place,
    the later in the alphabet moves on.

    Example:
        >>> label_colours(("happy", "neutral"))["happy"]
        '#e0a100'
    """
    colours: dict[str, str] = {}
    # Of several names for one class, its own comes first.
    names = sorted(set(labels), key=lambda name: (name not in COLOURS, name))
    used: set[str] = set()
    others: tuple[str, ...] = ()
    for name in names:
        colour = COLOURS.get(class_of(name))
        if colour is None or colour in used:
            others = others or _other_colours(max(len(names), _PLACES))
            place = zlib.crc32(class_of(name).encode("utf-8", "replace")) % len(others)
            onwards = others[place:] + others[:place]
            colour = next((one for one in onwards if one not in used), onwards[0])
        used.add(colour)
        colours[name] = colour
    return MappingProxyType(colours)


_PLACES: Final = 12
# Visible on white and on black: relative luminance (WCAG 2.2) of the candidates.
_LEAST_LUMINANCE: Final = 0.12
_MOST_LUMINANCE: Final = 0.45
# Of each of red, green and blue.
_STEP: Final = 17


@cache
def _other_colours(count: int) -> tuple[str, ...]:
    """Colours that are far from those of the classes, each the farthest from all before it.

    Glasbey et al., 2007, "Colour displays for categorical images", Color Research and Application
    32, 304-309; distances in OKLab (Ottosson, 2020, "A perceptual color space for image
    processing").
    """
    steps = range(0, 256, _STEP)
    colours = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in product(steps, steps, steps)]
    places = {
        colour: place
        for colour in colours
        if _LEAST_LUMINANCE < _luminance(place := _linear(colour)) < _MOST_LUMINANCE
    }
    labs = {colour: _oklab(place) for colour, place in places.items()}
    taken = [_oklab(_linear(colour)) for colour in (*COLOURS.values(), UNSURE_COLOUR)]
    free = {colour: min(math.dist(lab, one) for one in taken) for colour, lab in labs.items()}
    chosen: list[str] = []
    while len(chosen) < count and free:
        farthest = max(free, key=free.__getitem__)
        chosen.append(farthest)
        del free[farthest]
        for colour, distance in free.items():
            free[colour] = min(distance, math.dist(labs[colour], labs[farthest]))
    return tuple(chosen)


def _linear(colour: str) -> tuple[float, float, float]:
    """Red, green and blue without the gamma of sRGB, in [0, 1]."""
    values = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return r, g, b


def _luminance(linear: tuple[float, float, float]) -> float:
    r, g, b = linear
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _oklab(linear: tuple[float, float, float]) -> tuple[float, float, float]:
    r, g, b = linear
    long = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    middle = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def face_title(face: int, names: Mapping[int, str], note: str = "") -> str:
    """What a face is called at the start of a line: its name and number, or only its number.

    Args:
        face: Its number.
        names: Names by number; faces without a name may be missing.
        note: A remark in brackets.

    Example:
        >>> face_title(3, {3: "Ada"}), face_title(4, {3: "Ada"}, "2 readings")
        ('Ada (face 3)', 'Face 4 (2 readings)')
    """
    name = names.get(face)
    remarks = ", ".join([f"face {face}"] * bool(name) + [note] * bool(note))
    return f"{name or f'Face {face}'} ({remarks})" if remarks else f"Face {face}"


def face_phrase(face: int, names: Mapping[int, str]) -> str:
    """As `face_title`, inside a sentence.

    Example:
        >>> face_phrase(3, {3: "Ada"}), face_phrase(4, {3: "Ada"})
        ('Ada (face 3)', 'face 4')
    """
    return face_title(face, names) if names.get(face) else f"face {face}"


def face_caption(face: int, names: Mapping[int, str]) -> str:
    """The shortest text for a face, for captions: its name, else its number.

    A name that could be the number of another face comes with the number.

    Example:
        >>> names = {3: "Ada", 4: "1"}
        >>> face_caption(3, names), face_caption(4, names), face_caption(5, names)
        ('Ada', '1 (face 4)', '5')
    """
    name = names.get(face) or str(face)
    return name if name == str(face) or not name.isdecimal() else f"{name} (face {face})"

"""What a face is called and its label, the same in pictures, videos, charts and tables."""

from collections.abc import Mapping
from typing import Final

from ferapp.emotions import COLOURS, OTHER_COLOUR

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


def label_colour(expression: str | None, flaw: str | None = None) -> str:
    """The sRGB hex colour that belongs to `label_text`."""
    if flaw is not None or expression is None:
        return UNSURE_COLOUR
    return COLOURS.get(expression, OTHER_COLOUR)


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

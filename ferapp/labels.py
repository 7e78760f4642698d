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
    """What a face is called: its name and number, or only its number.

    Args:
        face: Its number.
        names: Names by number; faces without a name may be missing.
        note: A remark in brackets.

    Example:
        >>> face_title(3, {3: "Ada"}), face_title(4, {3: "Ada"}, "2 readings")
        ('Ada (face 3)', 'Face 4 (2 readings)')
    """
    title, *remarks = (names[face], f"face {face}") if names.get(face) else (f"Face {face}",)
    remarks += [note] if note else []
    return f"{title} ({', '.join(remarks)})" if remarks else title


def face_caption(face: int, names: Mapping[int, str]) -> str:
    """The shortest text for a face, for captions: its name, else its number."""
    return names.get(face) or str(face)

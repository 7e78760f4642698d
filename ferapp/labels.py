"""What a face is called and in which colour, the same on pictures, videos, charts and in tables."""

from typing import Final

from ferapp.emotions import COLOURS, OTHER_COLOUR

UNSURE: Final = "unsure"
"""The label of a face whose top probability is below the threshold."""

UNSURE_COLOUR: Final = "#8b95a1"
"""Of faces without an expression: unsure ones, and those that could not be read."""


def label_text(expression: str | None, flaw: str | None = None) -> str:
    """What a face is called: why it could not be read, else its expression, else "unsure".

    Args:
        expression: Its label; None where the model is unsure.
        flaw: Why it could not be read; None where it could.

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

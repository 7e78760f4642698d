"""Text of others, such as a file's name, made safe to show on one line."""

import re
from typing import Final

_CONTROL: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]"
)
_PILED_MARKS: Final = re.compile(r"([\u0300-\u036f]{2})[\u0300-\u036f]+")


def one_line(text: str) -> str:
    """Text of others, such as a file's name, on one readable line.

    Control and direction marks, and what is no text at all, become a question mark in a diamond;
    of accents piled on one letter two are left.
    """
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _PILED_MARKS.sub(r"\1", _CONTROL.sub("\ufffd", text))


def make_printable(text: str) -> str:
    """As `one_line`, and whatever else cannot be seen, such as spaces of no width, is replaced too.

    For messages of libraries that quote a stranger's file; names of files keep their letters.
    """
    return "".join(c if c.isprintable() else "\ufffd" for c in one_line(text))

"""Makes untrusted text, such as file names, safe to show on one line, and text safe to print."""

import io
import re
import sys
import unicodedata
from typing import Final

_CONTROL: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]"
)
# Zero-width spaces and tags, which hide text or make two names look the same; the joiners U+200C
# and U+200D only where they join nothing: Persian and many emoji are written with them.
_INVISIBLE: Final = re.compile(
    r"[\u200b\u2060-\u2064\ufeff\U000e0000-\U000e007f]"
    r"|(?<![^\x00-\xff])[\u200c\u200d]|[\u200c\u200d](?=[\x00-\xff])"
)
_PILED_MARKS: Final = re.compile(r"([\u0300-\u036f]{2})[\u0300-\u036f]+")
# Letters that no decomposition leads to ASCII.
_ASCII: Final = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O"}
    | {"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"}
    | {"\u2018": "'", "\u2019": "'", "\u2010": "-", "\u2011": "-", "\u2013": "-"}
)


def one_line(text: str) -> str:
    """Put untrusted text, such as a file name, on one readable line.

    Control characters, direction marks, invisible characters and bytes that are not text become
    U+FFFD; of several accents on one letter, two are kept.

    Example:
        >>> one_line("holiday" + chr(10) + "photo.jpg")
        'holiday�photo.jpg'
    """
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = _INVISIBLE.sub("\ufffd", _CONTROL.sub("\ufffd", text))
    return _PILED_MARKS.sub(r"\1", text)


def make_printable(text: str) -> str:
    """As `one_line`, but also replaces everything else that can't be seen, such as joiners.

    For messages of libraries that quote an untrusted file; file names keep such characters.
    """
    return "".join(c if c.isprintable() else "\ufffd" for c in one_line(text))


def escape_controls(text: str) -> str:
    r"""Text in which control characters are written as Python writes them, for a log.

    Example:
        >>> print(escape_controls("one" + chr(27) + "[31m"))
        one\x1b[31m
    """
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def replace_unprintable() -> None:
    """Let standard output and error print any text: what their encoding lacks becomes ``?``.

    Where Python's output is not UTF-8, as in pipes on Windows, one such character would otherwise
    end the command with a traceback. The entry points call this first.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def to_ascii(text: str) -> str:
    """Text without accents, for fonts that have only ASCII; empty if a letter has no such form.

    Example:
        >>> to_ascii("Zoë Łukasz"), to_ascii("李")
        ('Zoe Lukasz', '')
    """
    parts = unicodedata.normalize("NFKD", text.translate(_ASCII))
    plain = "".join(c for c in parts if not unicodedata.combining(c))
    return plain if plain.isascii() and plain.isprintable() else ""

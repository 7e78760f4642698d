"""Tables as files that other programs open safely."""

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas

# What a spreadsheet takes for a formula (OWASP, "CSV Injection").
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
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


def csv_bytes(
    table: "pandas.DataFrame", *, exact: bool = False, is_continued: bool = False
) -> bytes:
    """A table as CSV in UTF-8 with a byte order mark, so that spreadsheets read it right.

    Text that a spreadsheet would take for a formula gets an apostrophe in front; `bare` takes it
    off again.

    Args:
        table: What to write, without its index.
        exact: Write each number with as many digits as tell it from every other of its type, in
            place of six.
        is_continued: Write the rows alone, to follow others in the same file.
    """
    safe = table.copy()
    for column in safe.columns:
        if safe[column].dtype.kind not in "biufc":
            safe[column] = safe[column].map(_safe_cell)
    # Without a format, pandas writes NumPy's shortest text of each number in its own precision.
    digits = None if exact else "%.6g"
    text: str = safe.to_csv(
        index=False, header=not is_continued, float_format=digits, lineterminator="\r\n"
    )
    return (b"" if is_continued else b"\xef\xbb\xbf") + text.encode("utf-8")


def _safe_cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    line = one_line(value)
    return f"'{line}" if value.lstrip("'").startswith(_FORMULA) else line


def bare(cell: str) -> str:
    """Text as it was before `csv_bytes` guarded it, or the cell itself."""
    is_guarded = cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA)
    return cell[1:] if is_guarded else cell

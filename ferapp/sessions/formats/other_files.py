"""Files of other programs that hold tables but can't be imported: what each is, and the way out."""

from typing import Final

_CSV: Final = "and import that file"
_AS_CSV: Final = f"Save the table as CSV there, {_CSV}."
_R: Final = f"In R, use write.csv, {_CSV}."
_UNPACK: Final = "Unpack it and import what is inside."
_EXCEL: Final = f'In the spreadsheet, save the sheet as "CSV UTF-8", {_CSV}.'
# What the files begin with, what they are, and what to do.
_KINDS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"$FL2", "an SPSS file", f"In SPSS, choose Save As and the type CSV, {_CSV}."),
    (b"$FL3", "an SPSS file", f"In SPSS, choose Save As and the type CSV, {_CSV}."),
    (b"<stata_dta>", "a Stata file", f"In Stata, use export delimited, {_CSV}."),
    (b"\0\0\0\0\0\0\0\0\0\0\0\0\xc2\xea\x81\x60", "a SAS file", _AS_CSV),
    (b"HEADER RECORD***", "a SAS file", _AS_CSV),
    (b"ARROW1", "a Feather or Arrow file", "Write it as Parquet instead, and import that file."),
    (b"FEA1", "a Feather file", "Write it as Parquet instead, and import that file."),
    (b"\xff\xff\xff\xff", "an Arrow stream", "Write it as Parquet instead, and import that file."),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", _EXCEL),
    (b"RDX", "a file of R", _R),
    (b"RDA", "a file of R", _R),
    (b"X\n\0\0\0", "a file of R", _R),
    (b"\x89HDF", "an HDF5 file", _AS_CSV),
    (b"MATLAB 5.0", "a MATLAB file", f"In MATLAB, use writetable, {_CSV}."),
    (b"\x93NUMPY", "a NumPy file", _AS_CSV),
    (b"SQLite format 3", "a database", _AS_CSV),
    (b"%PDF", "a PDF", _AS_CSV),
    (b"BZh", "a compressed file", _UNPACK),
    (b"\xfd7zXZ", "a compressed file", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a compressed file", _UNPACK),
    (b"7z\xbc\xaf", "a packed folder", _UNPACK),
)
_STATA: Final = frozenset((kind, order, 1) for kind in range(0x69, 0x74) for order in (1, 2))
_PAGE: Final = (b"<!doctype html", b"<html")


def describe_other_file(name: str, data: bytes) -> str | None:
    """What a file of another program is and how to bring its table here, as "it is …".

    Args:
        name: Name of the file.
        data: Its bytes.

    Returns:
        None if it may be a session.

    Example:
        >>> describe_other_file("talk.sav", b"$FL2@(#)")
        'it is an SPSS file. In SPSS, choose Save As and the type CSV, and import that file.'
    """
    ending = name.rpartition(".")[2].casefold()
    for start, kind, advice in _KINDS:
        if data.startswith(start):
            return f"it is {kind}. {advice}"
    if data.startswith(b"PK\x03\x04"):
        return f"it is {_zip_kind(ending, data)}"
    if data.startswith(b"\x1f\x8b"):
        is_of_r = ending in ("rds", "rda", "rdata")
        return f"it is a file of R. {_R}" if is_of_r else f"it is a compressed file. {_UNPACK}"
    if ending == "dta" and tuple(data[:3]) in _STATA:
        return f"it is a Stata file. In Stata, use export delimited, {_CSV}."
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_PAGE):
        return "it is a web page, such as a report. Export the session as CSV, Parquet or JSON."
    if start.startswith(b"["):
        return f"it is JSON of another program. {_AS_CSV}"
    return None


def _zip_kind(ending: str, data: bytes) -> str:
    if ending in ("xlsx", "xlsm") or b"xl/" in data[:4096]:
        return f"an Excel workbook. {_EXCEL}"
    if ending == "ods" or b"opendocument.spreadsheet" in data[:256]:
        return f"a LibreOffice workbook. {_EXCEL}"
    return f"a packed folder. {_UNPACK}"

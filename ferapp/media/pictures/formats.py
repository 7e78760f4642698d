"""The picture formats that ferapp reads, each recognised by its content."""

from dataclasses import dataclass
from typing import Final, TypeVar

from ferapp.errors import ImageError

T = TypeVar("T")


@dataclass(frozen=True)
class Format:
    """One format of pictures.

    Attributes:
        name: What people call it.
        parser: Pillow's name of its parser.
        endings: The file name endings that it usually has, in lower case.
        is_confined: Whether it is decoded in a child process; see
            docs/decisions/0016-picture-formats.md.
        most_pixels: Larger ones are refused, so that no picture takes over 600 MB: some decoders
            have several copies of it in memory.
    """

    name: str
    parser: str
    endings: tuple[str, ...]
    is_confined: bool = True
    most_pixels: int = 50_000_000


# MPO, which phones write for portraits, and Ultra HDR begin with an ordinary JPEG.
JPEG: Final = Format(
    "JPG",
    "JPEG",
    (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    is_confined=False,
)
PNG: Final = Format("PNG", "PNG", (".png", ".apng"), is_confined=False)
HEIC: Final = Format("HEIC", "HEIF", (".heic", ".heif", ".hif"))
WEBP: Final = Format("WebP", "WEBP", (".webp",), most_pixels=24_000_000)
AVIF: Final = Format("AVIF", "AVIF", (".avif",))
TIFF: Final = Format("TIFF", "TIFF", (".tif", ".tiff"))
BMP: Final = Format("BMP", "BMP", (".bmp", ".dib"))
GIF: Final = Format("GIF", "GIF", (".gif",))
JPEG2000: Final = Format(
    "JPEG 2000",
    "JPEG2000",
    (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"),
    most_pixels=20_000_000,
)

FORMATS: Final = (JPEG, PNG, HEIC, WEBP, AVIF, TIFF, BMP, GIF, JPEG2000)

ENDINGS: Final = (
    *(each.endings[0] for each in FORMATS),
    *(ending for each in FORMATS for ending in each.endings[1:]),
)
"""File name endings of pictures, the usual ones first; what a file is, only its content says."""

NAMES: Final = ", ".join(each.name for each in FORMATS[:-1]) + f" or {FORMATS[-1].name}"
"""All formats, for sentences."""

DAMAGED: Final = "The picture is damaged or cut short."
"""What is said of a file whose pixels can't be read."""

_MAGIC: Final[tuple[tuple[bytes, int, Format], ...]] = (
    (b"\xff\xd8", 0, JPEG),
    (b"\x89PNG", 0, PNG),
    (b"WEBP", 8, WEBP),
    (b"GIF87a", 0, GIF),
    (b"GIF89a", 0, GIF),
    (b"II*\0", 0, TIFF),
    (b"MM\0*", 0, TIFF),
    (b"II+\0", 0, TIFF),  # BigTIFF
    (b"MM\0+", 0, TIFF),
    (b"\xff\x4f\xff\x51", 0, JPEG2000),
    (b"\0\0\0\x0cjP  \r\n\x87\n", 0, JPEG2000),
)
# ISO 23008-12; files of the third kind hold any codec, and name it as well.
_AVIF_BRANDS: Final = frozenset((b"avif", b"avis"))
_HEIC_BRANDS: Final = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
)
_ANY_BRANDS: Final = frozenset((b"mif1", b"msf1"))
_MOST_BRANDS: Final = 32

# Sizes of the header that follows, bytes.
_BMP_HEADERS: Final = frozenset((12, 40, 52, 56, 64, 108, 124))

_RAW: Final = "a camera raw picture"
_OTHER_PICTURES: Final[tuple[tuple[bytes, int, str], ...]] = (
    (b"CR\2\0", 8, _RAW),
    (b"ftypcrx", 4, _RAW),
    (b"FUJIFILMCCD-RAW", 0, _RAW),
    (b"IIRO", 0, _RAW),
    (b"IIU\0", 0, _RAW),
    (b"8BPS", 0, "a Photoshop picture"),
    (b"\xff\x0a", 0, "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", 0, "a JPEG XL picture"),
    (b"\0\0\1\0", 0, "an icon"),
)
_NO_PICTURES: Final[tuple[tuple[bytes, int, str], ...]] = (
    (b"ftyp", 4, "a video"),
    (b"AVI ", 8, "a video"),
    (b"\x1a\x45\xdf\xa3", 0, "a video"),
    (b"%PDF", 0, "a PDF document"),
    (b"%!PS", 0, "a PostScript document"),
    (b"PK\3\4", 0, "a ZIP archive"),
)


def format_of(data: bytes) -> Format | None:
    """The format of a file, from its first bytes; None if it is no picture that ferapp reads.

    Example:
        >>> format_of(b"GIF89a").name
        'GIF'
    """
    if _first(_OTHER_PICTURES[:1], data):  # inside a TIFF
        return None
    if data[4:8] == b"ftyp":
        return _of_brands(data)
    # Two letters are too few: text may begin with them.
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return BMP
    return _first(_MAGIC, data)


def _of_brands(data: bytes) -> Format | None:
    """HEIC or AVIF, from the brands of an ISO container; None for others, such as videos."""
    end = min(int.from_bytes(data[:4]), 16 + 4 * _MOST_BRANDS)
    major = data[8:12]
    if major in _ANY_BRANDS:
        compatible = {data[at : at + 4] for at in range(16, end, 4)}
        return AVIF if compatible & _AVIF_BRANDS else HEIC
    if major in _AVIF_BRANDS:
        return AVIF
    return HEIC if major in _HEIC_BRANDS else None


def _first(table: tuple[tuple[bytes, int, T], ...], data: bytes) -> T | None:
    for magic, offset, value in table:
        if data[offset : offset + len(magic)] == magic:
            return value
    return None


def unsupported(data: bytes) -> ImageError:
    """The error for a file that is no picture which ferapp reads."""
    if name := _first(_OTHER_PICTURES, data):
        return ImageError(f"This is {name}; save it as JPG or PNG and try again.")
    if name := _first(_NO_PICTURES, data):
        return ImageError(f"This is {name}, not a picture; {NAMES} can be read.")
    return ImageError(f"This file is not a supported picture; use {NAMES}.")

"""Detect the container format of a video file from its first bytes alone.

FFmpeg also opens playlists, session descriptions and scripts that refer to other files and
addresses. So it gets only the formats below, and opens each file as the detected format.
"""

from typing import Final

from ferapp.errors import VideoError
from ferapp.media.pictures.formats import GIF, format_of

HEAD_BYTES: Final = 1024
"""How many bytes from the start of the file are needed."""

# Boxes that ISO 14496-12 and QuickTime files begin with.
_BOXES: Final = frozenset(
    (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx")
)
# What Matroska and WebM files, and the element with all their content, begin with.
_EBML: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT: Final = b"\x18\x53\x80\x67"
_PACKETS: Final = ((188, 0), (192, 4))
# Magic numbers, and FFmpeg's names for the formats.
_STARTS: Final = (
    (_EBML, "matroska"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b"OggS", "ogg"),
    (b"FLV\1", "flv"),
    (b"\0\0\1\xba", "mpeg"),
)
_OTHERS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"GIF8", "a GIF; save it as MP4"),
    (b"#EXTM3U", "a playlist; choose the video itself"),
    (b"ffconcat", "a playlist; choose the video itself"),
    (b"%PDF", "a PDF document"),
    (b"PK\3\4", "a ZIP archive"),
)
_READABLE: Final = "MP4, MOV, 3GP, MKV, WebM, AVI, MPEG, MPEG-TS, WMV, FLV and OGV can be read"


def stated_bytes(head: bytes) -> int | None:
    """How many bytes a Matroska, WebM or AVI file says that it has; None if it does not say.

    Live recordings don't know it when they begin.

    Args:
        head: The first `HEAD_BYTES` of the file.

    Example:
        >>> stated_bytes(b"RIFF" + bytes([100, 0, 0, 0]) + b"AVI LIST")
        108
    """
    if head.startswith(b"RIFF"):
        stated = int.from_bytes(head[4:8], "little")
        return stated + 8 if stated else None
    if not head.startswith(_EBML):
        return None
    length = _ebml_size(head[4:])
    if length is None:
        return None
    place = 4 + sum(length)
    if head[place : place + 4] != _SEGMENT:
        return None
    length = _ebml_size(head[place + 4 :])
    return None if length is None else place + 4 + sum(length)


def _ebml_size(data: bytes) -> tuple[int, int] | None:
    """How many bytes the size of an element takes, and the size; None if it is unknown."""
    width = 9 - data[0].bit_length() if data and data[0] else 9
    if width > min(len(data), 8):
        return None
    value = int.from_bytes(data[:width]) & ((1 << 7 * width) - 1)
    return None if value == (1 << 7 * width) - 1 else (width, value)


def container_of(head: bytes) -> str:
    """The name of FFmpeg's demuxer for a file.

    Args:
        head: The first `HEAD_BYTES` of the file, or all of it.

    Raises:
        VideoError: It is empty or has none of these formats.

    Example:
        >>> container_of(b"RIFF....AVI LIST")
        'avi'
    """
    if not head:
        raise VideoError("The file is empty.")
    kind = format_of(head)
    if kind is not None and kind is not GIF:
        raise VideoError(f"This is a picture ({kind.name}); pictures have a page of their own.")
    if head[4:8] in _BOXES:
        return "mov"
    for magic, name in _STARTS:
        if head.startswith(magic):
            return name
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    for length, offset in _PACKETS:
        if len(head) > 2 * length and set(head[offset : 3 * length : length]) == {0x47}:
            return "mpegts"
    for magic, name in _OTHERS:
        if head.startswith(magic):
            raise VideoError(f"This is {name}. {_READABLE}.")
    raise VideoError(f"This is not a video that ferapp can read. {_READABLE}.")

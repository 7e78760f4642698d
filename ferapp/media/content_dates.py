"""When the content of a file was recorded, as the file itself says; never the time of the file."""

import re
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

# Local time with its offset comes first: the other ones are UTC, or say that they are.
_KEYS: Final = ("com.apple.quicktime.creationdate", "creation_time", "date_recorded", "date")
# Where a container starts to count: what a clock that was never set leaves.
_NEVER_SET: Final = tuple(datetime(year, 1, 1, tzinfo=UTC) for year in (1904, 1970, 2001))
_ORIGINAL, _OFFSET, _EXIF = 36867, 36881, 34665
# In JPG, HEIC, WebP, PNG and AVIF the Exif block is a small TIFF file behind one of these.
_BLOCK: Final = re.compile(rb"(?:Exif\0\0|eXIf|EXIF.{4}|(?<=\0\0\0\0))(?:II\*\0|MM\0\*)", re.DOTALL)
_HEADER_BYTES: Final = 4
_MOST_BLOCK: Final = 1 << 20


def container_date(metadata: Mapping[str, str]) -> datetime | None:
    """When a video was recorded; without a time zone where the container names none.

    Args:
        metadata: Of the container or a track, as FFmpeg names it.

    Example:
        >>> container_date({"creation_time": "2026-03-01T12:30:00.000000Z"})
        datetime.datetime(2026, 3, 1, 12, 30, tzinfo=datetime.timezone.utc)
    """
    values = {name.lower(): value for name, value in metadata.items()}
    dates = (parse_date(values.get(key, "")) for key in _KEYS)
    return next((date for date in dates if date is not None), None)


def picture_date(data: bytes) -> datetime | None:
    """When a picture was taken (Exif's DateTimeOriginal); without a time zone where it names none.

    Args:
        data: Bytes of its file.
    """
    block = data if data.startswith((b"II*\0", b"MM\0*")) else _find_block(data)
    if block is None:
        return None
    # Here, since the decoder of videos needs no Pillow.
    from PIL.Image import Exif

    # A damaged block raises whatever its bytes lead to, and warns. It says nothing then.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = Exif()
            exif.load(block)
            tags = exif.get_ifd(_EXIF)
            day, _, time = str(tags.get(_ORIGINAL, "")).strip(" \0").partition(" ")
            offset = str(tags.get(_OFFSET, "")).strip(" \0")
    except Exception:
        return None
    text = f"{day.replace(':', '-')} {time}"
    return parse_date(f"{text}{offset}") or parse_date(text)


def parse_date(text: str) -> datetime | None:
    """A date with a time of day in ISO 8601; None if it is something else or was never set."""
    try:
        date = datetime.fromisoformat(text.strip())
        is_never_set = (date if date.tzinfo else date.replace(tzinfo=UTC)) in _NEVER_SET
        # Near the first or last year a moment may not exist in UTC.
        date.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None if is_never_set or ":" not in text else date


def _find_block(data: bytes) -> bytes | None:
    found = _BLOCK.search(data)
    if found is None:
        return None
    start = found.end() - _HEADER_BYTES
    return data[start : start + _MOST_BLOCK]

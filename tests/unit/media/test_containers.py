"""Containers are detected from their content; other files are refused."""

import pytest

from ferapp.errors import VideoError
from ferapp.media.containers import HEAD_BYTES, container_of

TS = (b"G" + bytes(187)) * 5
M2TS = (bytes(4) + b"G" + bytes(187)) * 5
CONTAINERS = {
    "MP4": (b"\0\0\0\x18ftypisom", "mov"),
    "MOV without brand": (b"\0\0\x10\0moov\0\0\0", "mov"),
    "MOV that begins with its frames": (b"\0\0\0\1mdat", "mov"),
    "MOV that begins with nothing": (b"\0\0\0\x08wide", "mov"),
    "a fragment of MP4": (b"\0\0\0\x18stypmsdh", "mov"),
    "Matroska and WebM": (b"\x1a\x45\xdf\xa3\x01", "matroska"),
    "AVI": (b"RIFF\0\0\0\0AVI LIST", "avi"),
    "MPEG-TS": (TS[:HEAD_BYTES], "mpegts"),
    "MPEG-TS of a Blu-ray": (M2TS[:HEAD_BYTES], "mpegts"),
    "MPEG of a DVD": (b"\0\0\1\xba\x44", "mpeg"),
    "Windows Media": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6", "asf"),
    "Flash": (b"FLV\1\5", "flv"),
    "Ogg": (b"OggS\0\2", "ogg"),
}
REFUSED = {
    "empty": (b"", "The file is empty."),
    "HEIC": (b"\0\0\0\x18ftypheic", "a picture (HEIC); pictures have a page of their own"),
    "AVIF": (b"\0\0\0\x18ftypavif", "a picture (AVIF)"),
    "JPEG": (b"\xff\xd8\xff\xe0", "a picture (JPG)"),
    "PNG": (b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
    "WebP": (b"RIFF\0\0\0\0WEBPVP8 ", "a picture (WebP)"),
    "TIFF": (b"MM\0*\0\0\0\x08", "a picture (TIFF)"),
    "GIF": (b"GIF89a", "a GIF; save it as MP4"),
    "HLS": (b"#EXTM3U\n", "a playlist; choose the video itself"),
    "ffconcat": (b"ffconcat version 1.0\n", "a playlist; choose the video itself"),
    "PDF": (b"%PDF-1.7", "a PDF document"),
    "ZIP": (b"PK\3\4", "a ZIP archive"),
    "sound in RIFF": (b"RIFF\0\0\0\0WAVEfmt ", "not a video that ferapp can read"),
    "session description": (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1", "not a video that ferapp can read"),
    "text": (b"hello", "not a video that ferapp can read"),
    "one letter": (b"G", "not a video that ferapp can read"),
    "a sync byte by chance": (TS[:188] + bytes(500), "not a video that ferapp can read"),
}


@pytest.mark.parametrize(("head", "name"), CONTAINERS.values(), ids=CONTAINERS)
def test_the_container_is_detected_from_its_content(head: bytes, name: str) -> None:
    assert container_of(head) == name


@pytest.mark.parametrize(("head", "message"), REFUSED.values(), ids=REFUSED)
def test_other_files_are_refused_with_a_message(head: bytes, message: str) -> None:
    with pytest.raises(VideoError) as refusal:
        container_of(head)
    assert message in str(refusal.value) and str(refusal.value).endswith(".")

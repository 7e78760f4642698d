"""Damaged pictures and videos: small valid files of every kind, changed at random.

The same seed and number give the same bytes with the same encoders.
"""

import io
import random
import re
import struct
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from ferapp.media.images import read_image
from tests.support import videos
from tests.support.heic import heic
from tests.support.profiles import DISPLAY_P3, matrix_profile, press_profile

SAMPLE = Path(__file__).parents[1] / "ferapp" / "samples" / "astronaut.jpg"
PICTURE_WH = (48, 40)
LONGEST_BLOCK = 256

_PNG = b"\x89PNG\r\n\x1a\n"
# Lengths are next to these: markers of JPEG, names of PNG chunks and of MP4 boxes.
_PLACES = re.compile(rb"\xff[\xc0-\xfe]|[A-Za-z]{4}")
_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)
_NUMBERS = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclass(frozen=True)
class File:
    """A valid file, or one made from it.

    Attributes:
        name: The trait of the valid file, and the usual ending.
        data: Its bytes.
        is_video: Whether the valid file is a video.
    """

    name: str
    data: bytes
    is_video: bool


def mutant(originals: Sequence[File], seed: int, number: int) -> File:
    """One of the originals with one to six changes."""
    rng = random.Random(f"{seed}:{number}")
    original = rng.choice(originals)
    data = bytearray(original.data)
    for _ in range(min(int(rng.expovariate(1.0)) + 1, 6)):
        if rng.random() < 0.06:
            other = rng.choice(originals).data
            data = data[: _place(rng, data)] + other[rng.randrange(len(other)) :]
        else:
            rng.choices(_MUTATIONS, _WEIGHTS)[0](rng, data)
        if not data:
            break
    # A wrong checksum is refused at once; the code behind it has to be reached as well.
    if data.startswith(_PNG) and rng.random() < 0.7:
        data = _with_checksums(data)
    return File(original.name, bytes(data), original.is_video)


def _place(rng: random.Random, data: bytearray) -> int:
    """A position, more often near the start and next to a name or marker."""
    near = rng.randrange(len(data))
    if rng.random() < 0.3:
        near = min(near, rng.randrange(128))
    if rng.random() < 0.5 and (match := _PLACES.search(data, near)):
        near = min(max(match.start() + rng.randrange(-4, 24), 0), len(data) - 1)
    return near


def _flip(rng: random.Random, data: bytearray) -> None:
    data[_place(rng, data)] ^= 1 << rng.randrange(8)


def _overwrite(rng: random.Random, data: bytearray) -> None:
    data[_place(rng, data)] = rng.choice((*_BYTES, rng.randrange(256)))


def _number(rng: random.Random, data: bytearray) -> None:
    """Change a number of two or four bytes to an unlikely one, or by a little."""
    size, order = rng.choice((2, 4)), rng.choice(("big", "big", "little"))
    at = _place(rng, data)
    old = int.from_bytes(data[at : at + size], order)
    new = rng.choice((rng.choice(_NUMBERS), old + rng.randint(-3, 3), 2 * old, old << 8))
    data[at : at + size] = (new % (1 << 8 * size)).to_bytes(size, order)


def _length(rng: random.Random, data: bytearray) -> None:
    """Change the length that belongs to a name or marker."""
    if match := _PLACES.search(data, rng.randrange(len(data))):
        is_marker = match[0][0] == 0xFF
        size = 2 if is_marker else 4
        at = match.end() if is_marker else max(match.start() - size, 0)
        old = int.from_bytes(data[at : at + size], "big")
        new = rng.choice((rng.choice(_NUMBERS), old + rng.randint(-9, 9), 2 * old))
        data[at : at + size] = (new % (1 << 8 * size)).to_bytes(size, "big")


def _copy(rng: random.Random, data: bytearray) -> None:
    start, at = _place(rng, data), _place(rng, data)
    block = data[start : start + rng.randint(1, LONGEST_BLOCK)]
    if rng.random() < 0.5:
        data[at:at] = block
    else:
        data[at : at + len(block)] = block


def _delete(rng: random.Random, data: bytearray) -> None:
    at = _place(rng, data)
    del data[at : at + rng.randint(1, LONGEST_BLOCK)]


def _insert(rng: random.Random, data: bytearray) -> None:
    at = _place(rng, data)
    data[at:at] = rng.choice((rng.randbytes, bytes))(rng.randint(1, LONGEST_BLOCK))


def _cut(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data)) :]


_MUTATIONS: tuple[Callable[[random.Random, bytearray], None], ...] = (
    _flip,
    _overwrite,
    _number,
    _length,
    _copy,
    _delete,
    _insert,
    _cut,
)
_WEIGHTS = (4, 4, 4, 4, 2, 2, 2, 1)


def _with_checksums(data: bytearray) -> bytearray:
    """A PNG file with correct checksums of its chunks."""
    at = len(_PNG)
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return data


def pictures() -> list[File]:
    """Small files of every format and of many sub-formats."""
    with Image.open(SAMPLE) as sample:
        image = sample.convert("RGB").crop((120, 20, 360, 220)).resize(PICTURE_WH)
    made = {
        "small.jpg": _file(image, "JPEG"),
        "sample.jpg": _file(image.resize((240, 200)), "JPEG"),
        "full-colour.jpg": _file(image, "JPEG", subsampling=0),
        "progressive.jpg": _file(image, "JPEG", progressive=True),
        "grey.jpg": _file(image.convert("L"), "JPEG"),
        "cmyk.jpg": _file(image.convert("CMYK"), "JPEG"),
        "restarts.jpg": _file(image, "JPEG", restart_marker_blocks=2),
        "comment.jpg": _file(image, "JPEG", comment="said", xmp=b"<x:xmpmeta/>", dpi=(72, 72)),
        "turned.jpg": _file(image, "JPEG", exif=_exif()),
        "two.jpg": _file(image, "MPO", save_all=True, append_images=[image.rotate(90)]),
        "small.png": _file(image, "PNG"),
        "clear.png": _file(_clear(image), "PNG"),
        "grey.png": _file(image.convert("L"), "PNG"),
        "grey-clear.png": _file(_clear(image).convert("LA"), "PNG"),
        "one-bit.png": _file(image.convert("1"), "PNG"),
        "palette.png": _file(image.quantize(40), "PNG", transparency=bytes(range(0, 240, 6))),
        "two-bits.png": _file(image.quantize(4), "PNG", bits=2, transparency=1),
        "key.png": _file(image, "PNG", transparency=(1, 2, 3)),
        "sixteen.png": _file(
            Image.fromarray(np.asarray(image.convert("L")) * np.uint16(257)), "PNG"
        ),
        "turned.png": _file(image, "PNG", exif=_exif()),
        "texts.png": _file(image, "PNG", pnginfo=_texts()),
        "animated.png": _file(image, "PNG", save_all=True, append_images=[image.rotate(90)] * 2),
        "deep.png": _by_ffmpeg(image, "rgb48be"),
        "interlaced.png": _by_ffmpeg(image, "rgb24", is_interlaced=True),
        "interlaced-grey.png": _by_ffmpeg(image, "gray16be", is_interlaced=True),
        "interlaced-palette.png": _by_ffmpeg(image, "monob", is_interlaced=True),
        **_with_profiles(image),
        **_confined(image),
    }
    return [File(name, data, is_video=False) for name, data in made.items()]


def _with_profiles(image: Image.Image) -> dict[str, bytes]:
    wide = matrix_profile(DISPLAY_P3)
    inks = {tuple(n >> s & 1 for s in (3, 2, 1, 0)): (100.0 - 6 * n, 0.0, 0.0) for n in range(16)}
    return {
        "wide.jpg": _file(image, "JPEG", icc_profile=wide),
        "wide.png": _file(_clear(image), "PNG", icc_profile=wide),
        "press.jpg": _file(image.convert("CMYK"), "JPEG", icc_profile=press_profile(inks)),
    }


def _confined(image: Image.Image) -> dict[str, bytes]:
    """Files of the formats that are decoded in a child process."""
    later = [image.rotate(90), image.rotate(180)]
    grey = Image.fromarray(np.asarray(image.convert("L")) * np.uint16(16))
    shares = Image.fromarray(np.asarray(image.convert("L")) / np.float32(255))
    wide = matrix_profile(DISPLAY_P3)
    large = np.asarray(image.resize((64, 64)))
    return {
        "small.webp": _file(image, "WEBP", exif=_exif()),
        "lossless.webp": _file(_clear(image), "WEBP", lossless=True),
        "animated.webp": _file(image, "WEBP", save_all=True, append_images=later),
        "small.avif": _file(image, "AVIF", exif=_exif()),
        "clear.avif": _file(_clear(image), "AVIF", icc_profile=wide),
        "animated.avif": _timeless(_file(image, "AVIF", save_all=True, append_images=later)),
        "small.heic": heic(large, quarters=1, icc=wide),
        "deep.heic": heic(large, pix_fmt="yuv420p10le", exif=_exif().tobytes()[6:]),
        "bright.heic": heic(large, nclx=(9, 18, 9)),
        "small.gif": _file(image, "GIF"),
        "animated.gif": _file(image, "GIF", save_all=True, append_images=later),
        "small.bmp": _file(image, "BMP"),
        "clear.bmp": _file(_clear(image), "BMP"),
        "palette.bmp": _file(image.quantize(40), "BMP"),
        "small.jp2": _file(image, "JPEG2000"),
        "clear.j2k": _file(_clear(image), "JPEG2000", no_jp2=True, irreversible=True),
        "deep.jp2": _file(grey, "JPEG2000"),
        "small.tif": _file(image, "TIFF", exif=_exif()),
        "pages.tif": _file(image, "TIFF", save_all=True, append_images=later),
        "lzw.tif": _file(image, "TIFF", compression="tiff_lzw"),
        "deflate.tif": _file(_clear(image), "TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tif": _file(image, "TIFF", compression="jpeg"),
        "fax.tif": _file(image.convert("1"), "TIFF", compression="group4"),
        "deep.tif": _file(grey, "TIFF"),
        "shares.tif": _file(shares, "TIFF"),
        "press.tif": _file(image.convert("CMYK"), "TIFF", compression="packbits"),
    }


def _timeless(data: bytes) -> bytes:
    """An ISO container without the times at which it was made (14496-12, boxes of version 1)."""
    return re.sub(rb"((?:mvhd|tkhd|mdhd)\x01...).{16}", rb"\1" + bytes(16), data, flags=re.DOTALL)


def _file(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "made", 72.0
    exif.get_ifd(0x8825)[1] = "N"
    return exif


def _clear(image: Image.Image) -> Image.Image:
    with_alpha = image.convert("RGBA")
    with_alpha.putalpha(image.convert("L"))
    return with_alpha


def _texts() -> PngImagePlugin.PngInfo:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("plain", "text")
    texts.add_text("packed", "text" * 50, zip=True)
    texts.add_itxt("international", "text" * 50, "en", "text", zip=True)
    texts.add(b"gAMA", struct.pack(">I", 45455))
    texts.add(b"pHYs", struct.pack(">IIB", 2835, 2835, 1))
    return texts


def _by_ffmpeg(image: Image.Image, pix_fmt: str, *, is_interlaced: bool = False) -> bytes:
    """A PNG of a kind that Pillow reads but does not write."""
    encoder: Any = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *image.size, pix_fmt
    encoder.time_base = Fraction(1, 25)
    if is_interlaced:
        encoder.flags |= Flags.interlaced_dct
    frame = av.VideoFrame.from_ndarray(np.asarray(image), "rgb24").reformat(format=pix_fmt)
    return b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode()))


def films() -> list[File]:
    """Short videos of many codecs and containers."""
    images = [np.roll(read_image(SAMPLE)[60:108, 200:264], 3 * n, 1) for n in range(6)]
    # Muxers would write the time, and Matroska a random number.
    exact = {"fflags": "+bitexact"}
    wanted: dict[str, dict[str, Any]] = {
        "h264.mp4": {},
        "b-frames.mp4": {"bframes": 2},
        "mpeg4.mp4": {"codec": "mpeg4"},
        "sound.mp4": {"sound": "aac"},
        "fragmented.mp4": {"options": {"movflags": "frag_keyframe+empty_moov"}},
        "mjpeg.mov": {"codec": "mjpeg"},
        "tagged.mov": {"is_tagged": True},
        "vp8.webm": {},
        "vp9.webm": {"codec": "libvpx-vp9"},
        "mjpeg.mkv": {"codec": "mjpeg"},
        "sound.mkv": {"sound": "aac"},
        "mpeg4.avi": {},
        "sound.avi": {"sound": "libmp3lame"},
        "h264.ts": {},
        "mpeg2.ts": {"codec": "mpeg2video", "rate": 25},
    }
    made = [File("hevc.mp4", _hevc(images), is_video=True)]
    with tempfile.TemporaryDirectory() as folder:
        for name, traits in wanted.items():
            traits["options"] = exact | traits.get("options", {})
            path = videos.write_video(Path(folder) / name, images, **traits)
            made.append(File(name, path.read_bytes(), is_video=True))
    return made


def _hevc(images: Sequence[NDArray[np.uint8]]) -> bytes:
    """A format that phones record; its encoder logs unless silenced."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        options = {"x265-params": "log-level=none", "preset": "ultrafast"}
        stream: Any = container.add_stream("libx265", rate=10, options=options)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    return out.getvalue()

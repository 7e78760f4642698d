"""One decoder for app, command line and training."""

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferapp.errors import ImageError
from ferapp.media import images
from ferapp.media.images import read_image
from ferapp.media.pictures import large_pictures
from ferapp.media.pictures.pixels import MOST_SCANS
from ferapp.system.files import lock_folder
from tests.support.made_pictures import encoded, jpeg_of_scans
from tests.support.pictures import chunk, png
from tests.support.places import ROOT


def palette(**options: object) -> bytes:
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 10, 200, 30])
    return encoded(picture, **options)


RGB16 = struct.pack(">3H", 200 << 8, 100 << 8, 50 << 8)
# The rows of the seven passes of Adam7 (PNG, 8.2) over four by four pixels.
ADAM7 = b"".join(b"\0" + RGB16 * count for count in (1, 1, 2, 2, 2, 4, 4))
GREY16 = Image.fromarray(np.full((4, 4), 128 << 8, np.uint16))
CLEAR = Image.new("RGBA", (4, 4), (9, 9, 9, 0))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(encoded(Image.new("RGB", (4, 4), (1, 2, 3))), (1, 2, 3), id="RGB"),
        pytest.param(encoded(Image.new("L", (4, 4), 7)), (7, 7, 7), id="grey"),
        pytest.param(encoded(GREY16), (128, 128, 128), id="sixteen bits are scaled"),
        pytest.param(encoded(CLEAR), (255, 255, 255), id="transparent is white"),
        pytest.param(encoded(Image.new("1", (4, 4), 1)), (255, 255, 255), id="one bit"),
        pytest.param(encoded(Image.new("LA", (4, 4), (9, 0))), (255, 255, 255), id="grey, clear"),
        pytest.param(palette(), (10, 200, 30), id="palette"),
        pytest.param(palette(transparency=1), (255, 255, 255), id="palette, clear"),
        pytest.param(
            png((4, 4), ADAM7, depth=16, colour=2, interlace=1),
            (200, 100, 50),
            id="interlaced, sixteen bits",
        ),
        pytest.param(
            encoded(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "JPEG", quality=100),
            (255, 0, 0),
            id="CMYK",
        ),
        pytest.param(
            encoded(Image.new("RGB", (4, 4), (90, 90, 90)), "JPEG", progressive=True),
            (90, 90, 90),
            id="progressive",
        ),
        pytest.param(
            encoded(Image.new("RGB", (4, 4), (90, 90, 90)), "JPEG", icc_profile=bytes(500_000)),
            (90, 90, 90),
            id="a profile of half a megabyte that is none",
        ),
    ],
)
def test_every_mode_becomes_rgb(data: bytes, expected: tuple[int, int, int]) -> None:
    image = read_image(data)
    assert image.shape == (4, 4, 3) and image.dtype == np.uint8
    assert tuple(image[0, 0].tolist()) == expected


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_upright(orientation: int) -> None:
    upright = np.zeros((32, 16, 3), np.uint8)
    upright[:16, :8] = 255
    turned = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(turned)), "PNG", exif=exif)
    np.testing.assert_array_equal(read_image(data), upright)


def tiff(entry: bytes) -> bytes:
    """EXIF data with one entry, whose next directory is always itself."""
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 8)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


WIDE = Image.new("RGB", (16, 8))


@pytest.mark.parametrize(
    "exif",
    [
        pytest.param(turned(0), id="0"),
        pytest.param(turned(9), id="9"),
        pytest.param(tiff(struct.pack("<HHI4s", 0x112, 2, 2, b"6")), id="text"),
        pytest.param(tiff(struct.pack("<HHIHH", 0x112, 3, 1, 1, 0)), id="a loop"),
        pytest.param(tiff(struct.pack("<HHII", 0x11A, 5, 1, 8)), id="no such number"),
        pytest.param(b"Exif\0\0no such thing", id="no EXIF"),
        pytest.param(b"Exif\0\0II*\0\x08\0\0\0" + bytes(65_000), id="64 kB"),
    ],
)
def test_an_invalid_orientation_is_ignored(exif: Image.Exif | bytes) -> None:
    assert read_image(encoded(WIDE, "JPEG", exif=exif)).shape == (8, 16, 3)


def test_the_first_of_two_orientations_applies() -> None:
    parts = []
    for orientation in (6, 1):
        data = encoded(WIDE, "JPEG", exif=turned(orientation))
        start = data.index(b"\xff\xe1")
        parts.append(data[start : start + 2 + struct.unpack(">H", data[start + 2 : start + 4])[0]])
    plain = encoded(WIDE, "JPEG")
    for order, shape in ((parts, (16, 8, 3)), (parts[::-1], (8, 16, 3))):
        assert read_image(plain[:2] + b"".join(order) + plain[2:]).shape == shape


@pytest.mark.parametrize("kind", ["MPO", "PNG"])
def test_the_first_of_several_pictures_in_a_file_is_read(kind: str) -> None:
    """Like portraits from phones, and animations."""
    first, second = (Image.new("RGB", (8, 8), (grey,) * 3) for grey in (10, 200))
    image = read_image(encoded(first, kind, save_all=True, append_images=[second] * 30))
    assert image.shape == (8, 8, 3) and (image == 10).all()


NOISE = Image.effect_noise((99, 99), 90)
FLIPPED = bytearray(encoded(NOISE))
FLIPPED[500] ^= 0xFF
JPEG = encoded(Image.new("RGB", (8, 8)), "JPEG")
SIZE_AT = JPEG.index(b"\xff\xc0") + 5  # ITU T.81, B.2.2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"hello", "not a supported picture", id="text"),
        pytest.param(b"GIF89a......", "damaged, or a kind of GIF that can't be read", id="gif"),
        pytest.param(b"RIFF\0\0\0\0WEBPVP8 ", "damaged or cut short", id="webp"),
        pytest.param(b"\0\0\0\x18ftypheic", "damaged, or a kind of HEIC", id="heic"),
        pytest.param(b"\xff\xd8\xff\xe0", "damaged or cut short", id="only a signature"),
        pytest.param(b"\0\0\0\x18ftypavif", "damaged, or a kind of AVIF", id="avif"),
        pytest.param(b"%PDF-1.7", "PDF document, not a picture", id="pdf"),
        pytest.param(b"%!PS-Adobe", "PostScript document", id="postscript"),
        pytest.param(b"PK\3\4", "ZIP archive", id="zip"),
        pytest.param(b"<svg><script/></svg>", "not a supported picture", id="svg"),
        pytest.param(b"<html>", "not a supported picture", id="html"),
        pytest.param(encoded(NOISE, "JPEG")[:-400], "damaged", id="truncated"),
        pytest.param(encoded(NOISE)[:-400], "damaged", id="truncated PNG"),
        pytest.param(bytes(FLIPPED), "damaged", id="a byte that flipped in a PNG"),
        pytest.param(
            JPEG[: SIZE_AT - 1] + b"\x0c" + JPEG[SIZE_AT:], "damaged", id="JPEG of twelve bits"
        ),
        pytest.param(
            JPEG[:SIZE_AT] + bytes(2) + JPEG[SIZE_AT + 2 :], "damaged", id="JPEG of no height"
        ),
        pytest.param(
            JPEG[:SIZE_AT] + struct.pack(">HH", 65_500, 65_500) + JPEG[SIZE_AT + 4 :],
            "4,290 megapixels, more than the limit",
            id="JPEG that claims too much",
        ),
    ],
)
def test_unreadable_files_give_a_message(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        read_image(data)


@pytest.mark.parametrize(
    "kind",
    "DDS DIB ICNS ICO PCX PDF PPM QOI SGI SPIDER TGA".split(),
)
def test_no_other_parser_of_pillow_is_reached(kind: str) -> None:
    with pytest.raises(ImageError, match=r"save it as JPG|not a (supported )?picture"):
        read_image(encoded(Image.new("RGB", (32, 32)), kind))


def test_too_many_pixels_are_refused_before_decoding() -> None:
    header_only = encoded(Image.new("L", (300, 200)))[:60]
    with pytest.raises(ImageError, match="300 × 200 pixels, more than the limit"):
        read_image(header_only, max_pixels=10_000)


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(Image.new("L", (2, 3))))
    assert read_image(tmp_path / "a.png").shape == (3, 2, 3)
    with pytest.raises(ImageError, match="no file of that name"):
        read_image(tmp_path / "b.png")
    with pytest.raises(ImageError, match="This is a folder"):
        read_image(tmp_path)


def test_a_file_over_the_limit_is_refused_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(Image.new("L", (2, 3)))
    (tmp_path / "a.png").write_bytes(data)
    monkeypatch.setattr(images, "MAX_BYTES", len(data))
    assert read_image(data).shape == read_image(tmp_path / "a.png").shape == (3, 2, 3)
    monkeypatch.setattr(images, "MAX_BYTES", len(data) - 1)
    for source in (data, tmp_path / "a.png"):
        with pytest.raises(ImageError, match="larger than the limit"):
            read_image(source)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"], ids=["here", "in a child process"])
def test_a_small_picture_does_not_wait_for_a_large_one(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large pictures are decoded one at a time, but must not delay those of other visitors."""
    monkeypatch.setattr(images, "LARGE_PIXELS", 100)
    small, large = (encoded(Image.new("RGB", (side, side)), kind) for side in (10, 11))
    with ThreadPoolExecutor(2) as pool, large_pictures._lock:
        waiting = pool.submit(images.read_image, large)
        assert pool.submit(images.read_image, small).result(10).shape == (10, 10, 3)
        assert not waiting.done()
        large_pictures._lock.release()
        assert waiting.result(10).shape == (11, 11, 3)
        large_pictures._lock.acquire()


def test_workers_hold_one_large_picture_at_a_time_until_it_is_analysed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of 49 megapixels at once would take a gigabyte."""
    pytest.importorskip("fcntl")  # Windows has no such locks
    monkeypatch.setattr(images, "LARGE_PIXELS", 100)
    monkeypatch.setattr(large_pictures, "_folders", [])
    large_pictures.share_turns(tmp_path)
    small, large = (encoded(Image.new("RGB", (side, side)), "PNG") for side in (10, 11))

    def is_free() -> bool:
        """Whether another process would get its turn."""
        try:
            with lock_folder(tmp_path, waits=False):
                return True
        except BlockingIOError:
            return False

    with large_pictures.keep_turn():
        images.read_image(small)
        assert is_free(), "others may read small ones meanwhile"
        images.read_image(large)
        images.read_image(large)
        assert not is_free(), "it is still in memory"
    assert is_free()
    images.read_image(large)
    assert is_free()


PEAK = """if True:
    import re, sys
    from ferapp.errors import ImageError
    from ferapp.media.images import read_image

    def peak_mb():
        return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1000

    data = sys.stdin.buffer.read()
    before = peak_mb()
    try:
        read_image(data)
    except ImageError:
        pass
    print(peak_mb() - before)
"""


def inflating(kind: bytes) -> bytes:
    """A small picture with a text or profile of 80 MB, in 80 kB."""
    return png((8, 8), bytes(72), extra=chunk(kind, b"a\0\0" + zlib.compress(bytes(80 << 20), 9)))


def with_a_false_length() -> bytes:
    data = bytearray(png((2, 2), bytes(6)))
    data[33:37] = struct.pack(">I", 2**31 - 16)
    return bytes(data)


BOMBS = {
    "a header alone": (lambda: png((50_000, 50_000), bytes(9), colour=6), 20),
    "144 megapixels": (lambda: png((12_000, 12_000), bytes(12_001 * 12_000)), 50),
    "a text": (lambda: inflating(b"zTXt"), 50),
    "a profile": (lambda: inflating(b"iCCP"), 50),
    "a length of two gigabytes": (with_a_false_length, 50),
    "as large as may be": (lambda: png((7000, 7000), bytes(21_001 * 7000), colour=2), 600),
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(("made", "most_mb"), BOMBS.values(), ids=BOMBS)
def test_pictures_stay_within_the_memory_limit(made: Callable[[], bytes], most_mb: int) -> None:
    data = made()
    run = subprocess.run(
        [sys.executable, "-c", PEAK], input=data, capture_output=True, check=True, cwd=ROOT
    )
    assert len(data) < 200_000 and float(run.stdout) < most_mb


def test_a_jpeg_that_is_decoded_again_and_again_is_refused() -> None:
    """Each of its scans is 75 bytes and takes as long as one of all its pixels."""
    assert read_image(jpeg_of_scans(MOST_SCANS)).shape == (64, 64, 3)
    with pytest.raises(ImageError, match="more than 100 scans"):
        read_image(jpeg_of_scans(MOST_SCANS + 1))
    marks = b"\xff\xda" * 200
    comment = b"\xff\xfe" + struct.pack(">H", len(marks) + 2) + marks
    assert read_image(jpeg_of_scans(9, between=comment) + marks).shape == (64, 64, 3)

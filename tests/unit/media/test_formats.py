"""Every format that people have is read, by its content and whatever its name."""

import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferapp.errors import ImageError
from ferapp.media.images import read_image
from ferapp.media.pictures.formats import ENDINGS, FORMATS, NAMES, format_of
from tests.support import made_pictures
from tests.support.decoding import decode
from tests.support.heic import heic
from tests.support.made_pictures import encoded, made
from tests.support.places import SAMPLES
from tests.support.shown_pictures import shown_pictures
from tests.support.videos import quadrant_image

PORTRAIT = read_image(SAMPLES / "astronaut.jpg")[:256, 100:356]


def test_the_tests_know_every_format() -> None:
    assert tuple(kind.name for kind in FORMATS) == made_pictures.FORMATS
    assert all(name in NAMES for name in made_pictures.FORMATS)
    assert len(set(ENDINGS)) == len(ENDINGS) and all(e == e.lower() for e in ENDINGS)


@pytest.mark.parametrize("kind", made_pictures.FORMATS)
def test_every_format_is_read_whatever_the_file_is_called(kind: str, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(made(kind, PORTRAIT))
    image = read_image(tmp_path / "photo.jpg")
    assert image.shape == PORTRAIT.shape and image.dtype == np.uint8 and image.flags.writeable
    # A GIF has 256 colours.
    difference = np.abs(image.astype(int) - PORTRAIT).mean()
    assert difference < (10 if kind == "GIF" else 3)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        pytest.param("TIFF", {"compression": name}, id=f"TIFF, {name}")
        for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    ]
    + [
        pytest.param("TIFF", {"big_tiff": True}, id="BigTIFF"),
        pytest.param("WEBP", {"quality": 95}, id="WebP, lossy"),
        pytest.param("JPEG2000", {"no_jp2": True}, id="JPEG 2000, no container"),
        pytest.param("JPEG2000", {"irreversible": True, "quality_layers": [5]}, id="lossy"),
    ],
)
def test_every_kind_of_a_format_is_read(kind: str, options: dict[str, object]) -> None:
    image = decode(encoded(Image.fromarray(PORTRAIT), kind, **options))
    assert np.abs(image.astype(int) - PORTRAIT).mean() < 5


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_heic_of_phones_and_cameras_is_read(pix_fmt: str, brand: bytes) -> None:
    image = decode(heic(PORTRAIT, pix_fmt=pix_fmt, brand=brand))
    assert np.abs(image.astype(int) - PORTRAIT).mean() < 4


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_the_first_page_or_frame_is_read(kind: str) -> None:
    first, second = (Image.new("RGB", (16, 16), (grey,) * 3) for grey in (10, 200))
    image = decode(encoded(first, kind, save_all=True, append_images=[second] * 30))
    assert image.shape == (16, 16, 3) and np.abs(image.astype(int) - 10).max() < 3


def test_a_heic_without_its_decoder_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heic(quadrant_image())
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(ImageError, match=r"HEIC picture.* pip install pi-heif$"):
        decode(data)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        pytest.param(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC", id="of a phone"),
        pytest.param(b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc", "HEIC", id="a burst"),
        pytest.param(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF", id="AVIF, as HEIF"),
        pytest.param(b"\0\0\0\x18ftypavis\0\0\0\0avifmif1", "AVIF", id="animated"),
        pytest.param(b"\0\0\0\x14ftypmif1\0\0\0\0mif1avif", "HEIC", id="after the brands"),
        pytest.param(b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", None, id="video"),
        pytest.param(b"BMW drives well, they say.", None, id="text that begins with BM"),
        pytest.param(b"II*\0\x10\0\0\0CR\2\0", None, id="raw of a Canon"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_the_content_says_the_format(head: bytes, name: str | None) -> None:
    kind = format_of(head)
    assert (kind and kind.name) == name


def tiff(*tags: tuple[int, int, int]) -> bytes:
    """A grey TIFF of one pixel with further tags: number, type, value."""
    numbers = {256: 1, 257: 1, 258: 8, 259: 1, 262: 1, 273: 4, 277: 1, 278: 1, 279: 1}
    entries = [(number, 3, value) for number, value in numbers.items()]
    entries = sorted([*entries, *tags])
    body = b"".join(struct.pack("<HHII", number, kind, 1, v) for number, kind, v in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(tiff((50706, 4, 0x0401)), "a camera raw picture; save it", id="DNG"),
        pytest.param(tiff((254, 4, 1), (330, 4, 8)), "a camera raw picture", id="NEF"),
        pytest.param(b"II*\0\x10\0\0\0CR\2\0", "a camera raw picture", id="CR2"),
        pytest.param(b"\0\0\0\x18ftypcrx \0\0\0\1", "a camera raw picture", id="CR3"),
        pytest.param(b"8BPS\0\1", "a Photoshop picture; save it as JPG", id="PSD"),
        pytest.param(b"\xff\x0a\0", "a JPEG XL picture; save it as JPG", id="JPEG XL"),
        pytest.param(b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", id="JPEG XL, boxes"),
        pytest.param(b"\0\0\0\x18ftypisom", "a video, not a picture", id="MP4"),
        pytest.param(b"RIFF\0\0\0\0AVI LIST", "a video, not a picture", id="AVI"),
        pytest.param(b"\x1a\x45\xdf\xa3", "a video, not a picture", id="Matroska"),
        pytest.param(b"BM, as text", "not a supported picture; use JPG, PNG, HEIC", id="text"),
    ],
)
def test_other_files_are_refused_by_their_name(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        read_image(data)


def test_a_tiff_with_a_thumbnail_flag_alone_is_read() -> None:
    assert read_image(tiff((254, 4, 1))).shape == (1, 1, 3)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("kind", made_pictures.FORMATS)
def test_a_picture_that_is_cut_short_is_refused(kind: str, share: float) -> None:
    """A half of a face must not be read as one."""
    data = made(kind, PORTRAIT)
    with pytest.raises(ImageError, match="damaged"):
        decode(data[: int(len(data) * share)])


@pytest.mark.parametrize("kind", made_pictures.FORMATS)
def test_too_many_pixels_are_refused_from_the_header(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = made(kind, PORTRAIT)
    decode(data)  # loads what is loaded on first use
    monkeypatch.setattr(Image.Image, "frombytes", None)  # used by every decoder
    monkeypatch.setattr(Image.core, "new", None)
    with pytest.raises(ImageError, match="256 × 256 pixels, more than the limit"):
        decode(data, max_pixels=1000)


@pytest.mark.parametrize(("kind", "limit"), [("WebP", 24), ("JPEG 2000", 20)])
def test_decoders_that_take_much_memory_get_smaller_pictures(
    kind: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = made(kind, PORTRAIT)
    monkeypatch.setattr(Image.Image, "size", (limit * 1000 + 1, 1000))
    with pytest.raises(ImageError, match=f"more than the limit of {limit} megapixels"):
        decode(data)


def test_a_heic_of_another_size_than_its_header_says_is_refused() -> None:
    data = heic(quadrant_image((128, 128)), claims_wh=(64, 64))
    with pytest.raises(ImageError):
        read_image(data, max_pixels=100 * 100)


def test_a_bmp_whose_fourth_byte_is_unused_is_not_white() -> None:
    data = encoded(Image.new("RGBA", (4, 4), (200, 30, 10, 0)), "BMP")
    assert decode(data)[0, 0].tolist() == [200, 30, 10]


def test_a_picture_with_a_page_that_does_not_end_is_read() -> None:
    """The pages of a TIFF are a list, which may lead back to its start."""
    out = io.BytesIO(tiff())
    out.seek(-4, io.SEEK_END)
    out.write(struct.pack("<I", 8))
    assert read_image(out.getvalue()).shape == (1, 1, 3)


def test_a_bmp_that_says_where_its_opacity_is_is_transparent() -> None:
    pictures = shown_pictures("BMP")
    assert (decode(pictures["BMP: 32 bits, alpha 0, V5"]) == 255).all()
    plain = decode(pictures["BMP: 24 bits"])
    np.testing.assert_array_equal(decode(pictures["BMP: 32 bits, fourth byte 0"]), plain)
    np.testing.assert_array_equal(decode(pictures["BMP: 24 bits, top down"]), plain)


def test_what_a_gif_does_not_cover_is_white_and_not_of_its_background() -> None:
    pictures = shown_pictures("GIF")
    image = decode(pictures["GIF: first frame in a corner"])
    plain = decode(pictures["GIF: plain"])
    np.testing.assert_array_equal(image[6:70, 12:108], plain)
    assert (image[:6] == 255).all() and (image[:, :12] == 255).all()


def test_the_first_frame_of_an_animated_png_is_read_and_not_its_stand_in() -> None:
    pictures = shown_pictures("PNG")
    np.testing.assert_array_equal(
        decode(pictures["PNG: APNG, default apart"]), decode(pictures["PNG: plain"])
    )

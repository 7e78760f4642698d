"""Arrays, pictures of Pillow and files in every form that a program may hand over."""

import array
import io
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ferapp.errors import ImageError, InvalidValue
from ferapp.media.images import png_bytes, read_image, to_rgb
from tests.support.made_pictures import deep_picture, encoded, in_lab, turned_by
from tests.support.pictures import chunk, with_chunks
from tests.support.profiles import DISPLAY_P3, matrix_profile
from tests.support.tiffs import tiff

# Every level of grey and some colours, 16 x 18 px.
GREY = np.arange(288).reshape(16, 18).astype(np.uint8)
RGB = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=2)
ALPHA = np.full((16, 18, 1), 255, np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(RGB, id="itself"),
        pytest.param(RGB[:, ::-1][:, ::-1], id="a view"),
        pytest.param(np.asfortranarray(RGB), id="Fortran order"),
        pytest.param(np.concatenate([RGB, ALPHA], axis=2), id="opaque RGBA"),
        pytest.param(np.ma.array(RGB), id="nothing masked"),
        pytest.param(RGB.astype(np.int64), id="int64"),
        pytest.param(RGB.astype(np.uint64), id="uint64"),
        pytest.param(RGB.astype(np.uint16) * 4, id="10 bits"),
        pytest.param(RGB.astype(np.uint16) * 16, id="12 bits"),
        pytest.param(RGB.astype(np.uint16) * 64, id="14 bits"),
        pytest.param(RGB.astype(np.uint16) * 257, id="16 bits"),
        pytest.param((RGB.astype(np.uint16) * 257).astype(">u2"), id="big-endian"),
        pytest.param(RGB.astype(np.int32) * 257, id="16 bits in int32"),
        pytest.param(RGB.astype(np.int16) * 128, id="15 bits, with a sign"),
        pytest.param(RGB / 255, id="shares of white"),
        pytest.param((RGB / 255).astype(np.float16), id="float16"),
        pytest.param((RGB / 255).astype(np.longdouble), id="longdouble"),
        pytest.param((RGB / 255).astype(">f4"), id="big-endian shares"),
        pytest.param(RGB / 255 * 1.0005, id="shares that are a rounding over 1"),
        pytest.param(RGB.astype(np.float32), id="levels as floats"),
        pytest.param(np.concatenate([RGB, ALPHA], axis=2).astype(np.uint16) * 257, id="RGBA of 16"),
        pytest.param(np.concatenate([RGB, ALPHA], axis=2) / 255, id="RGBA of shares"),
        pytest.param(np.concatenate([RGB, ALPHA / 255], axis=2), id="levels, alpha of shares"),
        pytest.param(Image.fromarray(RGB), id="Pillow"),
        pytest.param(Image.fromarray(RGB).convert("RGBA"), id="Pillow RGBA"),
        pytest.param(Image.fromarray(RGB).convert("RGBA").convert("RGBa"), id="Pillow RGBa"),
        pytest.param(Image.fromarray(RGB).convert("RGBX"), id="Pillow RGBX"),
        pytest.param(png_bytes(RGB), id="bytes"),
        pytest.param(bytearray(png_bytes(RGB)), id="bytearray"),
        pytest.param(memoryview(png_bytes(RGB)), id="memoryview"),
    ],
)
def test_the_same_picture_in_any_form(picture: Any) -> None:
    image, note = to_rgb(picture)
    assert image.shape == RGB.shape and image.dtype == np.uint8
    np.testing.assert_array_equal(image, RGB)
    is_bytes = not isinstance(picture, np.ndarray) or picture.dtype == np.uint8
    assert bool(note) != is_bytes, "how other numbers were read is told"


@pytest.mark.parametrize(
    ("picture", "tolerance"),
    [
        pytest.param(GREY, 0, id="grey"),
        pytest.param(GREY[:, :, None], 0, id="one channel"),
        *(
            pytest.param(Image.fromarray(GREY).convert(mode), tolerance, id=mode)
            for mode, tolerance in {
                "L": 0, "LA": 0, "P": 0, "I": 0, "F": 0, "RGB": 0, "CMYK": 0, "HSV": 0,
                "YCbCr": 1,
            }.items()
        ),
        pytest.param(Image.fromarray(GREY).convert("LA").convert("La"), 0, id="La"),
        pytest.param(Image.fromarray(GREY).convert("P").convert("PA"), 0, id="PA"),
        pytest.param(Image.fromarray(GREY.astype(np.uint16) * 257), 0, id="I;16"),
        pytest.param(Image.fromarray(GREY.astype(np.uint16) * 16), 0, id="12 bits in I;16"),
        pytest.param(
            Image.frombytes("I;16B", (18, 16), (GREY.astype(np.uint16) * 257).byteswap().tobytes()),
            0,
            id="I;16B",
        ),
        pytest.param(Image.fromarray((GREY / 255).astype(np.float32)), 0, id="F of shares"),
    ],
)  # fmt: skip
def test_a_grey_picture_in_any_form(picture: Any, tolerance: int) -> None:
    image, _ = to_rgb(picture)
    expected = np.repeat(GREY[:, :, None], 3, axis=2).astype(int)
    assert image.dtype == np.uint8 and np.abs(image - expected).max() <= tolerance


def test_two_colours_are_black_and_white() -> None:
    is_light = GREY > 127
    for picture in (is_light, Image.fromarray(is_light)):
        image, _ = to_rgb(picture)
        np.testing.assert_array_equal(image[:, :, 0], is_light * 255)
    assert to_rgb(is_light)[1].endswith("what is true was read as white.")


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        pytest.param(None, "got None, which OpenCV", id="None"),
        pytest.param(np.zeros((0, 9, 3), np.uint8), "no pixels", id="empty slice"),
        pytest.param(np.zeros((9, 0), np.float32), "no pixels", id="empty grey"),
        pytest.param(np.array(3), r"\(\) int64", id="a number"),
        pytest.param(np.zeros(9), r"\(9,\) float64", id="a row"),
        pytest.param(np.zeros(9, np.uint8), r"read_image\(data.tobytes\(\)\)", id="a file's bytes"),
        pytest.param(np.zeros((3, 9, 9), np.uint8), "the channels come first", id="channels first"),
        pytest.param(np.zeros((9, 9, 2), np.uint8), "two channels", id="two channels"),
        pytest.param(np.zeros((9, 9, 5), np.uint8), r"\(9, 9, 5\)", id="five channels"),
        pytest.param(np.zeros((2, 9, 9, 3), np.uint8), "several pictures", id="batch"),
        pytest.param(np.zeros((9, 9, 3), object), "no numbers of one kind", id="objects"),
        pytest.param(np.zeros((9, 9, 3), complex), "no numbers of one kind", id="complex"),
        pytest.param(np.full((9, 9), "a"), "no numbers of one kind", id="text"),
        pytest.param(np.zeros((9, 9), [("r", "u1")]), "no numbers of one kind", id="records"),
        pytest.param(np.full((9, 9), np.nan), "81 of its numbers", id="NaN"),
        pytest.param(np.full((9, 9), np.inf), "infinite or not a number", id="infinite"),
        pytest.param(RGB / 127.5 - 1, "from -1 to 1", id="-1 to 1"),
        pytest.param(RGB / 170, "from 0 to 1.5", id="shares or levels"),
        pytest.param(RGB * 257.0, "from 0 to 65535", id="floats of 16 bits"),
        pytest.param(RGB.astype(np.int16) - 128, "from -128 to 127", id="signed"),
        pytest.param(RGB.astype(np.uint32) << 20, "0 to 255 or 0 to 65535", id="32 bits"),
        pytest.param(
            np.ma.masked_less(RGB, 1), r"[0-9]+ of its numbers are masked", id="masked"
        ),
        pytest.param([RGB, RGB], "a list of ndarray; analyze each", id="list"),
        pytest.param((True, RGB), "a tuple of bool, ndarray", id="what VideoCapture.read gives"),
        pytest.param([], "a list of nothing", id="empty list"),
        pytest.param({"image": RGB}, "got dict", id="dict"),
        pytest.param(3, "got int", id="int"),
        pytest.param(iter([RGB]), "got list_iterator", id="iterator"),
        pytest.param(array.array("B", b"abc"), "array.array", id="array.array"),
        pytest.param(io.StringIO("text"), "StringIO", id="text file"),
        pytest.param(Image.new("RGB", (0, 9)), "without pixels", id="Pillow, empty"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused_with_what_came(picture: Any, message: str) -> None:
    with pytest.raises(InvalidValue, match=message) as caught:
        to_rgb(picture)
    assert "expected one RGB picture" in str(caught.value)


class Tensor:
    """As torch and TensorFlow have them; ferapp must not move its data to find out."""

    shape = (3, 224, 224)
    dtype = "torch.float32"

    def __array__(self) -> np.ndarray:
        raise AssertionError("it may be on another device")


def test_tensors_are_refused_without_touching_their_data() -> None:
    with pytest.raises(InvalidValue, match=r"Tensor \(3, 224, 224\) torch.float32; turn it into"):
        to_rgb(Tensor())  # type: ignore[arg-type]


def test_what_is_transparent_is_white_as_in_a_file() -> None:
    half = np.concatenate([RGB, ALPHA // 2], axis=2)
    expected = read_image(encoded(Image.fromarray(half)))
    for picture in (half, Image.fromarray(half), half.astype(np.uint16) * 257, half / 255):
        np.testing.assert_array_equal(to_rgb(picture)[0], expected)
    assert (to_rgb(np.zeros((4, 4, 4), np.uint8))[0] == 255).all()


def test_read_only_arrays_and_maps_of_files_are_not_copied(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", RGB)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    image, _ = to_rgb(mapped)
    assert np.shares_memory(image, mapped) and type(image) is np.ndarray


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pillow_pictures_are_turned_as_their_files(kind: str, orientation: int) -> None:
    data = encoded(Image.fromarray(RGB), kind, exif=turned_by(orientation))
    with Image.open(io.BytesIO(data)) as picture:
        np.testing.assert_array_equal(to_rgb(picture)[0], read_image(data))
        assert picture.getpixel((0, 0)) is not None, "the caller's picture stays open"
        assert picture.info.get("exif") or kind == "TIFF", "and as it was"


GREY_16 = GREY.astype(np.uint16) * 257


@pytest.mark.parametrize(
    ("data", "note"),
    [
        pytest.param(tiff(GREY_16), "0 to 65535", id="16 bits"),
        pytest.param(tiff(GREY_16, photometric=0), "0 to 65535", id="white is zero"),
        pytest.param(tiff((GREY_16 // 2).astype(np.int16)), "0 to 32767", id="with a sign"),
        pytest.param(tiff((GREY_16 // 16).astype(np.int16)), "0 to 4095", id="12 of them"),
        pytest.param(tiff((GREY / 255).astype(np.float32)), "0 to 1 ", id="fractions"),
        pytest.param(
            with_chunks(deep_picture(GREY_16), chunk(b"tRNS", struct.pack(">H", GREY_16[0, 7]))),
            "0 to 65535",
            id="PNG in which one is transparent",
        ),
    ],
)
def test_grey_pillow_pictures_of_many_bits_are_read_as_their_files(data: bytes, note: str) -> None:
    expected = read_image(data)
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        before = dict(picture.info)
        image, said = to_rgb(picture)
        assert picture.info == before, "the caller's picture stays as it was"
    np.testing.assert_array_equal(image, expected)
    assert note in said


def test_a_pillow_picture_is_turned_once() -> None:
    data = encoded(Image.fromarray(RGB), exif=turned_by(6))
    upright = read_image(data)
    with Image.open(io.BytesIO(data)) as picture:
        from PIL import ImageOps

        for form in (picture.convert("RGBA"), picture.copy(), ImageOps.exif_transpose(picture)):
            np.testing.assert_array_equal(to_rgb(form)[0], upright)


def test_the_profile_of_a_pillow_picture_counts_as_in_its_file() -> None:
    profile = matrix_profile(DISPLAY_P3)
    data = encoded(Image.fromarray(RGB), exif=turned_by(6), icc_profile=profile)
    expected = read_image(data)
    assert (expected != np.rot90(RGB, -1)).any()
    with Image.open(io.BytesIO(data)) as picture:
        np.testing.assert_array_equal(to_rgb(picture)[0], expected)


def test_a_pillow_picture_in_lab_is_converted_as_its_file() -> None:
    lab = in_lab(RGB)
    np.testing.assert_array_equal(to_rgb(lab)[0], read_image(encoded(lab, "TIFF")))


def test_damaged_and_closed_pillow_pictures_are_refused() -> None:
    whole = png_bytes(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    with pytest.raises(ImageError, match="damaged, cut short or closed"):
        to_rgb(Image.open(io.BytesIO(whole[:2000])))
    closed = Image.open(io.BytesIO(whole))
    closed.close()
    with pytest.raises(ImageError, match="damaged, cut short or closed"):
        to_rgb(closed)


def test_the_current_frame_of_an_animation_counts() -> None:
    frames = [Image.new("L", (8, 8), level) for level in (10, 200)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(data)) as picture:
        picture.seek(1)
        assert to_rgb(picture)[0][0, 0].tolist() == [200] * 3


def test_paths_and_open_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(RGB))
    written = io.BytesIO()
    Image.fromarray(RGB).save(written, "PNG")  # it stands at its end now
    with path.open("rb") as file, os.scandir(tmp_path) as entries:
        for source in (path, str(path), next(entries), file, written):
            np.testing.assert_array_equal(to_rgb(source)[0], RGB)
            np.testing.assert_array_equal(read_image(source), RGB)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("no-such.jpg", "no file of that name", id="missing"),
        pytest.param("a\0b", "no file of that name", id="NUL"),
        pytest.param("a" * 5000, "name too long", id="too long"),
        pytest.param("https://example.org/a.jpg", "a web address", id="web address"),
        pytest.param(b"", "empty", id="no bytes"),
        pytest.param(b"hello", "not a supported picture", id="other bytes"),
    ],
)
def test_files_that_are_no_pictures_are_refused(source: Any, message: str) -> None:
    for read in (to_rgb, read_image):
        with pytest.raises(ImageError, match=message):
            read(source)


def test_a_closed_file_is_refused() -> None:
    file = io.BytesIO(png_bytes(RGB))
    file.close()
    with pytest.raises(ImageError, match=r"closed file\.$"):
        read_image(file)


@pytest.mark.parametrize("source", [None, 3, [], RGB, io.StringIO("a")])
def test_read_image_refuses_what_is_no_file(source: Any) -> None:
    with pytest.raises(InvalidValue, match="expected the path, the bytes or the open file"):
        read_image(source)

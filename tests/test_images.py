"""One decoder for app, command line and training."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferapp.errors import ImageError
from ferapp.media import images
from ferapp.media.images import read_image


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


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


@pytest.mark.parametrize(
    ("data", "told"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"hello", "not a picture", id="text"),
        pytest.param(b"GIF89a......", "GIF picture; save it as JPG or PNG", id="gif"),
        pytest.param(b"RIFF\0\0\0\0WEBPVP8 ", "WebP picture", id="webp"),
        pytest.param(b"\0\0\0\x18ftypheic", "HEIC picture", id="heic"),
        pytest.param(b"\xff\xd8\xff\xe0", "damaged or cut short", id="only a signature"),
        pytest.param(
            encoded(Image.effect_noise((99, 99), 90), "JPEG")[:-400], "damaged", id="truncated"
        ),
    ],
)
def test_what_can_not_be_read_is_one_sentence(data: bytes, told: str) -> None:
    with pytest.raises(ImageError, match=told):
        read_image(data)


def test_too_many_pixels_are_refused_from_the_header() -> None:
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


def test_a_small_picture_waits_for_no_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of large ones one is decoded at a time; a visitor with a bomb must not stop the others."""
    monkeypatch.setattr(images, "_LARGE_PIXELS", 100)
    small, large = (encoded(Image.new("RGB", (side, side)), "PNG") for side in (10, 11))
    with ThreadPoolExecutor(2) as pool, images._TURN:
        waiting = pool.submit(images.read_image, large)
        assert pool.submit(images.read_image, small).result(10).shape == (10, 10, 3)
        assert not waiting.done()
        images._TURN.release()
        assert waiting.result(10).shape == (11, 11, 3)
        images._TURN.acquire()

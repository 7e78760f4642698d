"""Why a face can't be read."""

import cv2
import numpy as np
import pytest

from ferapp.media.images import read_image
from ferapp.vision.quality import LEAST_PX, flaws
from tests.support.places import SAMPLES

FACE = np.array([[181, 66, 269, 173]], np.float32)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return read_image(SAMPLES / "astronaut.jpg")


def test_no_face_has_no_flaw(portrait: np.ndarray) -> None:
    assert flaws(portrait, np.empty((0, 4), np.float32)) == []


def test_a_good_portrait_has_no_flaw(portrait: np.ndarray) -> None:
    assert flaws(portrait, FACE) == [None]


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        pytest.param(lambda p: p // 12, "too dark", id="dark"),
        pytest.param(lambda p: 255 - p // 10, "too bright", id="bright"),
        pytest.param(lambda p: cv2.GaussianBlur(p, (0, 0), 8), "blurred", id="out of focus"),
        pytest.param(lambda p: np.full_like(p, 120), "blurred", id="flat"),
        pytest.param(lambda p: p // 3, None, id="dim is still fit"),
        pytest.param(lambda p: cv2.GaussianBlur(p, (0, 0), 1.5), None, id="soft is still fit"),
    ],
)
def test_light_and_sharpness(portrait: np.ndarray, change: object, flaw: str | None) -> None:
    assert flaws(change(portrait).astype(np.uint8), FACE) == [flaw]


@pytest.mark.parametrize(
    ("box", "flaw"),
    [
        pytest.param((200, 100, 200 + LEAST_PX - 1, 100 + LEAST_PX - 1), "too small", id="small"),
        pytest.param((0, 60, 60, 170), "cut by the border", id="half outside"),
        pytest.param((0, 60, 100, 165), None, id="touches the border"),
    ],
)
def test_size_and_border(portrait: np.ndarray, box: tuple[int, ...], flaw: str | None) -> None:
    assert flaws(portrait, np.array([box], np.float32)) == [flaw]

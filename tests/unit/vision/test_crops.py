import tracemalloc

import cv2
import numpy as np
import pytest

from ferapp.vision.crops import fit_within, region, resize
from ferapp.vision.sizes import fitted_size


def box(*sides: float) -> np.ndarray:
    return np.array(sides, np.float32)


def test_a_region_inside_is_the_same_pixels(photo: np.ndarray) -> None:
    cut = region(photo, box(10, 20, 30, 50), (20, 30))
    np.testing.assert_array_equal(cut, photo[20:50, 10:30])


def test_the_border_is_repeated_outside_the_picture(photo: np.ndarray) -> None:
    cut = region(photo, box(-10, 0, 10, 20), (20, 20))
    np.testing.assert_array_equal(cut[:, 10:], photo[:20, :10])
    np.testing.assert_array_equal(cut[:, :10], np.repeat(photo[:20, :1], 10, axis=1))


@pytest.mark.parametrize(
    "sides",
    [
        pytest.param((-40, -40, -20, -20), id="far outside at the top left"),
        pytest.param((500, 500, 520, 520), id="far outside at the bottom right"),
        pytest.param((5, 5, 5, 5), id="empty"),
        pytest.param((20, 20, 10, 10), id="inverted"),
        pytest.param((-10, -10, 200, 200), id="larger than the picture"),
        pytest.param((0.4, 0.4, 0.6, 0.6), id="less than a pixel"),
    ],
)
def test_every_box_gives_a_crop(photo: np.ndarray, sides: tuple) -> None:
    assert region(photo, box(*sides), (48, 48)).shape == (48, 48, 3)


def test_a_one_pixel_picture_can_be_cut() -> None:
    one = np.full((1, 1, 3), 7, np.uint8)
    assert (region(one, box(-3, -3, 4, 4), (8, 8)) == 7).all()


def test_shrinking_averages() -> None:
    stripes = np.tile(np.array([0, 200], np.uint8), (8, 4))
    assert (resize(stripes, (4, 4)) == 100).all()


def test_a_crop_of_a_thin_strip_takes_little_memory() -> None:
    """A face as large as a picture of 1000 x 1 px would need a square of 1000 x 1000 px."""
    strip = np.full((100, 60_000, 3), 9, np.uint8)
    square = box(0, -29_950, 60_000, 30_050)
    tracemalloc.start()
    assert (region(strip, square, (48, 48)) == 9).all()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * strip.nbytes


@pytest.mark.parametrize("size", [(1280, 960), (1280, 800), (960, 720), (641, 481)], ids=str)
def test_shrinking_in_steps_is_nearly_the_same_average(
    size: tuple[int, int], photo: np.ndarray
) -> None:
    image = cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC)
    at_once = cv2.resize(image, (320, 240), interpolation=cv2.INTER_AREA)
    difference = np.abs(resize(image, (320, 240)).astype(int) - at_once)
    assert difference.mean() < 1 and difference.max() < 12


@pytest.mark.parametrize(
    ("size_wh", "expected"),
    [
        pytest.param((640, 480), (640, 480), id="small enough"),
        pytest.param((1600, 900), (1600, 900), id="just so"),
        pytest.param((4000, 3000), (1600, 1200), id="wide"),
        pytest.param((3000, 4000), (1200, 1600), id="high"),
        pytest.param((9000, 1), (1600, 1), id="a strip keeps a pixel"),
    ],
)
def test_a_picture_is_fitted_and_never_enlarged(
    size_wh: tuple[int, int], expected: tuple[int, int]
) -> None:
    image = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    fit = fit_within(image, 1600)
    assert fitted_size(size_wh, 1600) == expected and fit.shape[1::-1] == expected
    assert (fit is image) == (size_wh == expected)

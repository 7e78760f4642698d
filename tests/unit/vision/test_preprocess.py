import numpy as np
import pytest

from ferapp.errors import InvalidValue
from ferapp.vision.preprocess import InputSpec, batch, convert_colour

PRIMARIES = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)


def test_golden_grey() -> None:
    """BT.601 luma of the primaries, shifted and scaled."""
    spec = InputSpec(size_wh=(4, 1), colour="grey", mean=127.5, std=64.0)
    out = batch([PRIMARIES], spec)
    assert out.dtype == np.float32 and out.shape == (1, 1, 1, 4)
    np.testing.assert_allclose(out[0, 0, 0] * 64 + 127.5, [76, 150, 29, 255])


def test_golden_rgb_and_bgr() -> None:
    rgb = batch([PRIMARIES], InputSpec(size_wh=(4, 1), colour="rgb", mean=127, std=128))
    bgr = batch([PRIMARIES], InputSpec(size_wh=(4, 1), colour="bgr", mean=127, std=128))
    np.testing.assert_allclose(rgb[0, :, 0, 0], [1, -127 / 128, -127 / 128])
    np.testing.assert_array_equal(rgb[:, ::-1], bgr)


def test_no_picture_is_an_empty_batch() -> None:
    spec = InputSpec(size_wh=(48, 48), colour="grey", mean=0, std=1)
    assert batch([], spec).shape == (0, 1, 48, 48)


def test_pictures_of_any_size_are_resized_to_the_input(photo: np.ndarray) -> None:
    spec = InputSpec(size_wh=(48, 40), colour="rgb", mean=0, std=1)
    assert batch([photo, photo[:7, :9]], spec).shape == (2, 3, 40, 48)


def test_the_picture_is_not_changed(photo: np.ndarray) -> None:
    before = photo.copy()
    batch([photo], InputSpec(size_wh=(80, 60), colour="bgr", mean=9, std=2))
    np.testing.assert_array_equal(photo, before)


def test_grey_takes_views_with_negative_strides(photo: np.ndarray) -> None:
    np.testing.assert_array_equal(
        convert_colour(photo[:, ::-1], "grey"), convert_colour(photo, "grey")[:, ::-1]
    )


@pytest.mark.parametrize(("size_wh", "std"), [((0, 5), 1.0), ((5, 5), 0.0)])
def test_an_impossible_spec_is_refused(size_wh: tuple, std: float) -> None:
    with pytest.raises(InvalidValue):
        InputSpec(size_wh=size_wh, colour="grey", mean=0, std=std)

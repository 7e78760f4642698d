"""How much noise a camera leaves in a face, and the face without it."""

import numpy as np
import pytest

from ferapp.media.images import read_image
from ferapp.vision.crops import resize
from ferapp.vision.noise import noise, without_noise
from ferapp.vision.preprocess import InputSpec, batch, convert_colour
from tests.support.places import SAMPLES


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """A clean grey face of 48 px."""
    picture = read_image(SAMPLES / "astronaut.jpg")[66:173, 181:288]
    return convert_colour(resize(picture, (48, 48)), "grey")[:, :, 0]


def noisy(face: np.ndarray, sigma: float, share: float = 1.0) -> np.ndarray:
    levels = face * share + np.random.default_rng(0).normal(0, sigma, face.shape)
    return np.asarray(np.rint(levels).clip(0, 255), np.uint8)


@pytest.mark.parametrize("sigma", [6, 10, 20])
def test_noise_is_measured_in_spite_of_edges(face: np.ndarray, sigma: float) -> None:
    with_noise = noisy(face, sigma)
    levels = noise(with_noise) * (with_noise.std() ** 2 + 25) ** 0.5
    assert levels == pytest.approx(sigma, rel=0.2)


def test_the_same_noise_hides_more_of_a_dim_face(face: np.ndarray) -> None:
    assert noise(noisy(face, 6, 0.3)) > 2 * noise(noisy(face, 6))


@pytest.mark.parametrize(("sigma", "share"), [(15, 1.0), (6, 0.3)], ids=["noise", "dim room"])
def test_smoothing_brings_a_noisy_face_closer_to_the_clean_one(
    face: np.ndarray, sigma: float, share: float
) -> None:
    def gap(changed: np.ndarray) -> float:
        return float(np.square(changed - face * share).mean() ** 0.5)

    before = noisy(face, sigma, share)
    assert gap(without_noise(before)) < 0.7 * gap(before)


def test_clean_faces_are_read_as_they_are(face: np.ndarray) -> None:
    """Smoothing takes the finest lines away, and with them expressions."""
    np.testing.assert_array_equal(without_noise(face), face)


def test_pictures_without_contrast_are_not_noisy() -> None:
    flat = np.full((48, 48), 100, np.uint8)
    assert noise(flat) == 0
    np.testing.assert_array_equal(without_noise(flat), flat)


def test_the_input_of_the_network_is_smoothed(face: np.ndarray) -> None:
    """Only where the manifest says so: other models were made for pictures as they are."""
    picture = np.repeat(noisy(face, 15)[:, :, None], 3, axis=2)
    with_it, without = (
        batch([picture], InputSpec((48, 48), "grey", 0, 1, denoise=denoise))[0, 0]
        for denoise in (True, False)
    )
    np.testing.assert_array_equal(without, picture[:, :, 0])
    np.testing.assert_array_equal(with_it, without_noise(picture[:, :, 0]))

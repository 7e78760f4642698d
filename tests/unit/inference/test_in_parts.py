"""Detectors that look in parts of a picture as well."""

import numpy as np
import pytest

from ferapp.inference.detectors import InParts
from ferapp.inference.manifest import manifest
from ferapp.inference.registry import load_detector
from ferapp.media.images import read_image
from ferapp.settings import DetectionSettings
from ferapp.types import Faces
from ferapp.vision.crops import resize
from tests.support.places import SAMPLES

SETTINGS = DetectionSettings()


@pytest.mark.parametrize("preset", ["careful", "crowd"])
def test_presets_find_faces_that_are_too_small_for_the_default(preset: str) -> None:
    """Twelve portraits of which the default sees the faces some 10 px wide."""
    portrait = resize(read_image(SAMPLES / "astronaut.jpg")[20:240, 120:340], (120, 120))
    image = np.full((1200, 1600, 3), 110, np.uint8)
    for i in range(12):
        y, x = 60 + 380 * (i // 4), 60 + 400 * (i % 4)
        image[y : y + 120, x : x + 120] = portrait
    found = {
        name: len(load_detector(name).detect(image, SETTINGS))
        for name in (manifest().defaults.detector, manifest().presets[preset])
    }
    assert found[manifest().presets[preset]] == 12 > found[manifest().defaults.detector]


class Finder:
    """Finds white squares that are not too small for it, and counts its calls."""

    def __init__(self, least_share: float) -> None:
        self.sizes: list[tuple[int, int]] = []
        self._least_share = least_share

    def detect(self, image_rgb: np.ndarray, settings: DetectionSettings) -> Faces:
        self.sizes.append(image_rgb.shape[1::-1])
        y, x = np.nonzero(image_rgb[:, :, 0])
        if not len(x) or (np.ptp(x) + 1) / image_rgb.shape[1] < self._least_share:
            return Faces.empty()
        box = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        return Faces(np.array([box], np.float32), np.array([0.9], np.float32))


def squares(*places: tuple[int, int, int]) -> np.ndarray:
    image = np.zeros((480, 1100, 3), np.uint8)
    for x, y, side in places:
        image[y : y + side, x : x + side] = 255
    return image


@pytest.mark.parametrize(
    ("square", "expected"),
    [
        pytest.param((50, 50, 40), [50, 50, 90, 90], id="only large enough in a part"),
        pytest.param((500, 50, 80), [500, 50, 580, 130], id="in both parts"),
        pytest.param((300, 50, 300), [300, 50, 600, 350], id="cut by the parts"),
    ],
)
def test_a_face_is_found_once_at_its_place(
    square: tuple[int, int, int], expected: list[int]
) -> None:
    finder = Finder(least_share=0.05)
    faces = InParts(finder, part_wh=(640, 480), most=12).detect(squares(square), SETTINGS)
    assert faces.xyxy.tolist() == [expected]
    assert finder.sizes == [(1100, 480), (629, 480), (629, 480)]


def test_no_face_and_a_small_picture_are_looked_at_once() -> None:
    finder = Finder(0.0)
    detector = InParts(finder, part_wh=(1100, 480), most=12)
    assert not len(detector.detect(squares(), SETTINGS)) and finder.sizes == [(1100, 480)]

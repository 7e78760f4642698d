"""Faces pasted into photos, found and classified by fakes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import LabelledFaces
from ferapp.evaluation.pasted import Pasting, evaluate_pasted
from ferapp.settings import DetectionSettings
from ferapp.types import Faces
from tests.support.fakes import FakeClassifier

LABELS = ("black", "grey", "white")


class BrightSpot:
    """Finds the brightest or darkest square in a grey picture: the pasted face."""

    def detect(self, image_rgb: np.ndarray, settings: DetectionSettings) -> Faces:
        y, x = np.nonzero(np.abs(image_rgb[:, :, 0].astype(int) - 128) > 60)
        if not len(x):
            return Faces.empty()
        box = np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]], np.float32)
        return Faces(box, np.ones(1, np.float32))


class Blind:
    def detect(self, image_rgb: np.ndarray, settings: DetectionSettings) -> Faces:
        return Faces.empty()


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    Image.new("RGB", (200, 120), (128, 128, 128)).save(tmp_path / "empty.png")
    Image.new("RGB", (200, 120), (255, 255, 255)).save(tmp_path / "with a face.png")
    return tmp_path


@pytest.fixture
def faces() -> LabelledFaces:
    images = [np.full((48, 48, 3), value, np.uint8) for value in (0, 255)] * 3
    return LabelledFaces(images, np.tile(np.eye(3, dtype=np.float32)[[0, 2]], (3, 1)), LABELS, "x")


def test_found_faces_are_evaluated_for_every_padding(scenes: Path, faces: LabelledFaces) -> None:
    result = evaluate_pasted(
        faces,
        scenes,
        BrightSpot(),
        FakeClassifier(LABELS),
        paddings=(0.0, 3.0),
        pasting=Pasting(sides_px=(40, 90)),
    )
    assert result["n"] == result["n_found"] == 6, "photos with a face of their own are left out"
    assert result["given"]["accuracy"] == 1
    tight, wide = result["paddings"]
    assert tight["accuracy_of_found"] == tight["accuracy_end_to_end"] == 1
    assert wide["accuracy_of_found"] < 1, "such a crop is mostly photo"


def test_faces_that_are_not_found_count_as_wrong(scenes: Path, faces: LabelledFaces) -> None:
    result = evaluate_pasted(faces, scenes, Blind(), FakeClassifier(LABELS), paddings=(0.0,))
    assert result["n_found"] == 0
    assert result["paddings"][0]["accuracy_end_to_end"] == 0


def test_classes_are_compared_by_what_they_mean(scenes: Path) -> None:
    """The faces' classes come in another order and under other names than the classifier's."""
    images = [np.full((48, 48, 3), value, np.uint8) for value in (255, 0, 0)]
    labels = ("happiness", "anger", "boredom")
    seen = LabelledFaces(images, np.eye(3, dtype=np.float32), labels, "x")
    classifier = FakeClassifier(("angry", "neutral", "happy"))
    result = evaluate_pasted(seen, scenes, BrightSpot(), classifier, paddings=(0.0,))
    assert (result["n"], result["n_left_out"], result["is_partial"]) == (2, 1, True)
    assert result["given"]["accuracy"] == result["paddings"][0]["accuracy_end_to_end"] == 1


def test_photos_that_all_have_faces_are_refused(tmp_path: Path, faces: LabelledFaces) -> None:
    Image.new("RGB", (50, 50), (255, 255, 255)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="expected photos without faces"):
        evaluate_pasted(faces, tmp_path, BrightSpot(), FakeClassifier(LABELS))

"""The detectors that OpenCV runs, on real files."""

import numpy as np
import pytest

from ferapp.errors import ModelError
from ferapp.inference.detectors import Detector
from ferapp.inference.opencv_detectors import CaffeUltraLight, Haar, SmileCascade, YuNet
from ferapp.inference.registry import load_detector, load_smile_cascade
from ferapp.media.images import read_image
from ferapp.settings import DetectionSettings
from ferapp.vision.boxes import iou
from ferapp.vision.preprocess import InputSpec
from tests.support.places import SAMPLES, shared_path

RGB = InputSpec((320, 240), "rgb", 127, 128)


def detector(name: str, monkeypatch: pytest.MonkeyPatch) -> Detector:
    if name != "haar":
        monkeypatch.setenv("FERAPP_CACHE_DIR", str(shared_path("models")))
    return load_detector(name)


NAMES = ["haar", "yunet", "rfb-320-caffe", "rfb-320"]


@pytest.mark.parametrize("name", NAMES)
def test_detectors_agree_on_the_face_of_a_portrait(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = read_image(SAMPLES / "astronaut.jpg")
    expected = load_detector().detect(image, DetectionSettings())
    found = detector(name, monkeypatch).detect(image, DetectionSettings())
    assert len(expected) == len(found) == 1
    assert iou(expected.xyxy, found.xyxy)[0, 0] > 0.6


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 3000, 3), (3000, 1, 3), (64, 64, 3)], ids=str)
def test_pictures_without_faces_of_any_shape(
    name: str, shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = detector(name, monkeypatch).detect(np.full(shape, 127, np.uint8), DetectionSettings())
    assert len(found) == 0


def test_the_number_of_faces_is_limited() -> None:
    image = read_image(SAMPLES / "three-portraits.jpg")
    assert len(load_detector("haar").detect(image, DetectionSettings(max_faces=2))) == 2


def test_caffe_and_onnx_files_of_one_model_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of priors must be spread as in training, or large faces are off by half a row."""
    image = read_image(SAMPLES / "grace-hopper.jpg")
    onnx, caffe = (
        detector(name, monkeypatch).detect(image, DetectionSettings(confidence=0.3))
        for name in ("rfb-320", "rfb-320-caffe")
    )
    np.testing.assert_allclose(caffe.xyxy, onnx.xyxy, atol=0.5)
    np.testing.assert_allclose(caffe.score, onnx.score, atol=1e-3)


def test_the_smile_cascade_finds_the_smile() -> None:
    image = read_image(SAMPLES / "astronaut.jpg")
    cascade = load_smile_cascade()
    boxes = load_detector().detect(image, DetectionSettings()).xyxy
    assert cascade.smiles(image, boxes).tolist() == [True]
    assert cascade.smiles(image, np.array([[300, 0, 380, 80]], np.float32)).tolist() == [False]
    assert cascade.smiles(image, np.empty((0, 4), np.float32)).shape == (0,)


@pytest.mark.parametrize("data", [b"", b"no cascade", b"\xff\xfe\x00", b"<opencv_storage/>"])
def test_bytes_that_are_not_a_cascade_are_refused(data: bytes) -> None:
    for kind in (Haar, SmileCascade):
        with pytest.raises(ModelError, match="can't load the cascade"):
            kind(data)


def test_bytes_that_are_not_a_caffe_model_are_refused() -> None:
    with pytest.raises(ModelError, match="can't load the Caffe model"):
        CaffeUltraLight(b"nothing", b"nothing", RGB)


@pytest.mark.parametrize("data", [b"", b"nothing"])
def test_bytes_that_are_not_yunet_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match="can't load the YuNet model"):
        YuNet(data)

"""Load models by name."""

from typing import Final

from ferapp.inference import weights
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.inference.detectors import Detector, InParts, UltraLight
from ferapp.inference.examination import examine
from ferapp.inference.landmarks.finder import LandmarkFinder
from ferapp.inference.manifest import Model, manifest
from ferapp.inference.onnx_model import OnnxModel
from ferapp.inference.opencv_detectors import CaffeUltraLight, Haar, SmileCascade, YuNet

# The input of an added model may decide how long it loops. streamlit-webrtc ends a stream if one
# frame takes ten seconds.
_ADDED_LIMIT_S: Final = 8.0


def load_detector(name: str | None = None, *, threads: int = 1) -> Detector:
    """Load a face detector.

    Args:
        name: Name of its manifest entry; None for the default.
        threads: Threads that one call may use (ONNX Runtime; OpenCV has its own setting).

    Raises:
        UnknownModel: There is no such detector.
        MissingWeights: Its file is not on this machine.
        WrongHash: The hash of its file differs from the manifest.
        ModelError: The graph can't be loaded.
    """
    model = manifest().model(name, "detector")
    data, *graph = weights.read(model)
    longest_px = max(model.input.size_wh)
    detector: Detector
    match model.family:
        case "ultra-light-caffe":
            detector = CaffeUltraLight(data, graph[0], model.input.spec)
        case "yunet":
            detector = YuNet(data, longest_px=longest_px)
        case "haar":
            detector = Haar(data, longest_px=longest_px)
        case _:
            detector = UltraLight(OnnxModel(data, threads=threads), model.input.spec)
    if model.parts is None:
        return detector
    return InParts(detector, part_wh=model.parts.size_wh, most=model.parts.most)


def load_classifier(name: str | None = None, *, threads: int = 1) -> ExpressionClassifier:
    """Load an expression classifier.

    Args:
        name: Name of its manifest entry; None for the default.
        threads: Threads that one call may use.

    Raises:
        UnknownModel: There is no such classifier.
        MissingWeights: Its file is not on this machine.
        WrongHash: The hash of its file differs from the manifest.
        ModelError: The graph can't be loaded or differs from its entry, or the added model was
            refused.
        MissingExtra: It was added, and onnx, which examines it, is not installed.
    """
    model = manifest().model(name, "classifier")
    return open_classifier(weights.read(model)[0], model, threads=threads)


def open_classifier(data: bytes, model: Model, *, threads: int = 1) -> ExpressionClassifier:
    """Load an expression classifier from the bytes of its file.

    Args:
        data: The bytes; their hash has been checked.
        model: Its entry.
        threads: Threads that one call may use.

    Raises:
        ModelError: As for `load_classifier`.
        MissingExtra: As for `load_classifier`.
    """
    if model.is_added:
        examine(data, model)
    session = OnnxModel(
        data,
        threads=threads,
        limit_s=_ADDED_LIMIT_S if model.is_added else None,
        # Weights that ship stay within seven bits.
        is_exact=model.is_added,
    )
    return ExpressionClassifier.of(session, model)


def load_landmarks(name: str | None = None, *, threads: int = 1) -> LandmarkFinder:
    """Load a landmark network.

    Args:
        name: Name of its manifest entry; None for the default.
        threads: Threads that one call may use.

    Raises:
        UnknownModel: There is no such network.
        MissingWeights: Its file is not on this machine.
        WrongHash: The hash of its file differs from the manifest.
        ModelError: The graph can't be loaded.
    """
    model = manifest().model(name, "landmarks")
    session = OnnxModel(weights.read(model)[0], threads=threads)
    return LandmarkFinder.of(session, model)


def load_smile_cascade() -> SmileCascade:
    """Load the smile cascade that ships with OpenCV.

    Raises:
        MissingWeights: The installed OpenCV has no cascades.
        WrongHash: The hash of its file differs from the manifest.
    """
    return SmileCascade(weights.read(manifest().model("haar-smile", "smile"))[0])

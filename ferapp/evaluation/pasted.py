"""Labelled faces pasted into photos: how much accuracy detection and cropping cost.

FER+ frames faces differently from a detector. Here the detector finds the pasted face, its box is
cut out with several paddings, and the classifier reads each crop. The original crops are the
baseline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ferapp.errors import DataError
from ferapp.evaluation.evaluators import compare
from ferapp.evaluation.labelled_faces import LabelledFaces, read_picture
from ferapp.evaluation.metrics import accuracy, macro_recall
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.inference.detectors import Detector
from ferapp.media.pictures.formats import ENDINGS
from ferapp.settings import DetectionSettings
from ferapp.types import ProgressCallback, no_report
from ferapp.vision import boxes
from ferapp.vision.crops import Image, region, resize

PADDINGS: Final = (-0.1, 0.0, 0.1, 0.2, 0.3, 0.4)

# Scenes that contain a face themselves are left out: there would be two answers.
_EMPTY: Final = DetectionSettings(confidence=0.1)
_SAME_FACE_IOU: Final = 0.25


@dataclass(frozen=True)
class Pasting:
    """How faces are pasted.

    Attributes:
        sides_px: Smallest and largest side of a pasted face, px.
        detection: Settings of the detector.
        seed: Random seed of positions and sizes.
    """

    sides_px: tuple[int, int] = (60, 200)
    detection: DetectionSettings = DetectionSettings()
    seed: int = 0


def evaluate_pasted(
    faces: LabelledFaces,
    scenes: Path,
    detector: Detector,
    classifier: ExpressionClassifier,
    *,
    paddings: Sequence[float] = PADDINGS,
    pasting: Pasting | None = None,
    report: ProgressCallback = no_report,
) -> dict[str, Any]:
    """Accuracy on the original crops, and from picture to expression for each padding.

    Args:
        faces: Labelled faces of any size.
        scenes: Folder of photos; those in which the detector finds a face are left out.
        detector: Finds the pasted faces.
        classifier: Reads the crops.
        paddings: See `ferapp.vision.boxes.squares`.
        pasting: How to paste.
        report: Called after each face.

    Returns:
        ``n``, ``n_found``, the metrics on the ``given`` crops of all and of the found faces,
        ``paddings``, one row each, and what `ferapp.evaluation.evaluators.Comparison.about` says.
        For ``end_to_end``, a face that was not found counts as wrong.

    Raises:
        DataError: No scene without a face is left, or no face with a class of the classifier.
    """
    compared = compare(faces, classifier.labels)
    faces = compared.faces
    setup = pasting or Pasting()
    rng = np.random.default_rng(setup.seed)
    background = faceless_photos(scenes, detector)
    found_indices: list[int] = []
    crops: list[list[Image]] = [[] for _ in paddings]
    for index, face in enumerate(faces.images_rgb):
        image, true = _paste(face, next(background), setup.sides_px, rng)
        detected = detector.detect(image, setup.detection).xyxy
        overlap = boxes.iou(true[None], detected)[0]
        if len(detected) and overlap.max() >= _SAME_FACE_IOU:
            found_indices.append(index)
            box = detected[overlap.argmax()][None]
            for padding, padded in zip(paddings, crops, strict=True):
                square = boxes.squares(box, padding=padding)[0]
                padded.append(region(image, square, classifier.size_wh))
        report(index + 1, len(faces))
    classes = compared.classes
    given_shares = compared.probabilities(classifier.classify(faces.images_rgb))
    rows = []
    for padding, padded in zip(paddings, crops, strict=True):
        shares = compared.probabilities(classifier.classify(padded))
        on_found = accuracy(classes[found_indices], shares) if found_indices else 0.0
        rows.append(
            {
                "padding": padding,
                "accuracy_of_found": on_found,
                "macro_recall_of_found": macro_recall(classes[found_indices], shares)
                if found_indices
                else 0.0,
                "accuracy_end_to_end": on_found * len(found_indices) / len(faces),
            }
        )
    return {
        "n": len(faces),
        "n_found": len(found_indices),
        "given": {
            "accuracy": accuracy(classes, given_shares),
            "macro_recall": macro_recall(classes, given_shares),
            "accuracy_of_found": accuracy(classes[found_indices], given_shares[found_indices])
            if found_indices
            else 0.0,
        },
        "paddings": rows,
        **compared.about(),
    }


def faceless_photos(folder: Path, detector: Detector) -> Iterator[Image]:
    """Photos below a folder in which the detector finds no face, repeated without end.

    Raises:
        DataError: There is none.
    """
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS)
    empty_paths: list[Path] = []
    for path in paths:
        image = read_picture(path, path.name)
        if not len(detector.detect(image, _EMPTY)):
            empty_paths.append(path)
            yield image
    if not empty_paths:
        raise DataError(f"{folder}: expected photos without faces, found none.")
    while True:
        yield from (read_picture(path, path.name) for path in empty_paths)


def _paste(
    face: Image, scene: Image, sides_px: tuple[int, int], rng: np.random.Generator
) -> tuple[Image, np.ndarray[Any, np.dtype[np.float32]]]:
    """Paste a face into a copy of a scene; also returns the box of the face, xyxy px."""
    height, width = scene.shape[:2]
    largest = min(sides_px[1], height, width)
    side = int(np.exp(rng.uniform(np.log(min(sides_px[0], largest)), np.log(largest))))
    x, y = (int(rng.integers(0, room + 1)) for room in (width - side, height - side))
    image = scene.copy()
    image[y : y + side, x : x + side] = resize(face, (side, side))
    return image, np.array([x, y, x + side, y + side], np.float32)

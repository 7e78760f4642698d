"""How far landmarks are off, on labelled faces."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.evaluation.landmarked_faces import LandmarkedFaces
from ferapp.inference.detectors import Detector
from ferapp.inference.landmarks.finder import LandmarkFinder
from ferapp.settings import DetectionSettings
from ferapp.types import ProgressCallback, no_report
from ferapp.vision.boxes import iou
from ferapp.vision.landmarks import REGIONS, detector_boxes, errors, eye_distance

FAILED: Final = 0.1
"""A face whose mean error is larger than this has failed, as a share of the eye distance."""

_SAME_FACE_IOU: Final = 0.3


def evaluate_landmarks(
    faces: LandmarkedFaces,
    finder: LandmarkFinder,
    detector: Detector | None = None,
    *,
    report: ProgressCallback = no_report,
) -> dict[str, Any]:
    """Errors over the distance of the outer corners of the eyes.

    Args:
        faces: The labelled faces.
        finder: Finds the landmarks.
        detector: Finds the faces; without one, each gets the box that a detector would draw around
            the true points.
        report: Called with progress.

    Returns:
        ``n``, ``n_found``, ``nme`` (the mean over points, then faces), ``median``,
        ``failure_rate`` (faces with an error above 10 %), ``regions`` (the mean of each), and
        ``expected`` (the mean error that the network expects). Figures are for found faces, and
        None if there are none.
    """
    gaps: list[NDArray[np.float32]] = []
    expected: list[float] = []
    true_boxes = detector_boxes(faces.points)
    for index, (image, box) in enumerate(zip(faces.images_rgb, true_boxes, strict=True)):
        boxes = box[None]
        if detector is not None:
            boxes = detector.detect(image, DetectionSettings()).xyxy
            overlap = iou(box[None], boxes)[0]
            boxes = boxes[np.argsort(-overlap)[:1]] if (overlap > _SAME_FACE_IOU).any() else None
        if boxes is not None:
            found = finder.find(image, boxes)
            true = faces.points[index : index + 1]
            gaps.append(errors(found.points, true)[0])
            expected.append(float(found.doubt_px.mean() / eye_distance(true)[0]))
        report(index + 1, len(faces))
    return {"n": len(faces), "n_found": len(gaps)} | _figures(gaps, expected)


def _figures(gaps: Sequence[NDArray[np.float32]], expected: Sequence[float]) -> dict[str, Any]:
    if not gaps:
        names = ("nme", "median", "failure_rate", "expected")
        return dict.fromkeys(names) | {"regions": dict.fromkeys(REGIONS)}
    table = np.stack(gaps)
    means = table.mean(axis=1)
    return {
        "nme": float(means.mean()),
        "median": float(np.median(means)),
        "failure_rate": float((means > FAILED).mean()),
        "expected": float(np.mean(expected)),
        "regions": {name: float(table[:, part].mean()) for name, part in REGIONS.items()},
    }

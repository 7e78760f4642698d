"""Why no face of a stream has been read for a while, as far as detector and quality gate know."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.stream import StreamFrame
from ferapp.settings import AnalysisSettings
from ferapp.vision.crops import Image
from ferapp.vision.quality import LEAST_PX, Flaw

AFTER_S: Final = 5.0
"""Without a face for so long, it is worth a word."""

# A second look for boxes that the detector itself would not call faces costs as much as the first.
_LOOK_EVERY_S: Final = 1.0
_DOUBTFUL: Final = 0.15
_LEAST_GREY: Final = 30.0
_SMALL_PX: Final = 1.5 * LEAST_PX

Reason = Literal["nobody", "dark picture", "small face", "doubtful face"]


@dataclass(frozen=True)
class Absence:
    """That no face has been read for a while.

    Attributes:
        for_s: For how long, s.
        reason: The flaw of the largest face that is there, or what else is known: a picture too
            dark for any face, a box too small to be told, one that may be a face turned away, or
            nothing.
    """

    for_s: float
    reason: Reason | Flaw


class AbsenceWatch:
    """Looks after each frame whether a face was read; one for each stream."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._looked_s = -np.inf
        self._reason: Reason | Flaw = "nobody"

    def update(
        self, image_rgb: Image, frame: StreamFrame, analyzer: Analyzer, settings: AnalysisSettings
    ) -> Absence | None:
        """What is to be said after this frame, (h, w, 3) uint8; None while faces are read."""
        at_s = frame.at_s
        if any(face.flaw is None for face in frame.faces):
            self._since_s = None
            return None
        if self._since_s is None or at_s < self._since_s:
            self._since_s, self._looked_s = at_s, -np.inf
        for_s = at_s - self._since_s
        if for_s < AFTER_S:
            return None
        if at_s - self._looked_s >= _LOOK_EVERY_S:
            self._looked_s = at_s
            self._reason = _reason(image_rgb, frame, analyzer, settings)
        return Absence(for_s, self._reason)


def _reason(
    image: Image, frame: StreamFrame, analyzer: Analyzer, settings: AnalysisSettings
) -> Reason | Flaw:
    seen = [(float(np.ptp(face.xyxy[[0, 2]])), face.flaw) for face in frame.faces]
    if seen:
        flaw = max(seen, key=lambda each: each[0])[1]
        if flaw is not None:
            return flaw
    if image[::8, ::8].mean() < _LEAST_GREY:
        return "dark picture"
    lower = min(_DOUBTFUL, settings.detection.confidence)
    detection = replace(settings.detection, confidence=lower)
    boxes = analyzer.detect(image, replace(settings, detection=detection)).xyxy
    if not len(boxes):
        return "nobody"
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    return "small face" if sides.max() < _SMALL_PX else "doubtful face"

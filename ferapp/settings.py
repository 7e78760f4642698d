"""Frozen settings, passed with each call and never stored in an engine."""

import math
from dataclasses import dataclass
from typing import Final, Literal

from ferapp.errors import InvalidValue

Look = Literal["both", "plain", "mirrored"]
"""What the classifier sees: the face, its mirror image, or the mean of both."""


@dataclass(frozen=True)
class DetectionSettings:
    """How the raw boxes of a face detector become faces.

    Attributes:
        confidence: Boxes with a lower score are dropped; in [0, 1].
        iou: Of two boxes that overlap by more than this, the one with the lower score is dropped.
        max_faces: The maximum number of faces; those with the highest scores are kept.
    """

    confidence: float = 0.5
    iou: float = 0.3
    max_faces: int = 200

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if not (0 <= self.confidence <= 1 and 0 <= self.iou <= 1 and self.max_faces >= 1):
            raise InvalidValue(f"confidence and iou lie in [0, 1], max_faces from 1: {self}")


LEAST_PADDING: Final = -0.3
MOST_PADDING: Final = 1.0


@dataclass(frozen=True)
class AnalysisSettings:
    """From a picture to every face's expression.

    Attributes:
        detection: For the face detector.
        padding: How much longer the side of the square crop is than the longer side of the box, as
            a share of the latter. FER+ faces are framed as our detector frames them: on Valid faces
            pasted into photos, 0 was the most accurate of -0.1 to 0.4 (docs/training.md).
        classes: Only these expressions, with probabilities renormalised; all if empty.
        unsure_below: A face with a lower top probability is unsure; None for the threshold of the
            classifier's calibration.
        with_smile: Whether to detect smiles as well.
        with_landmarks: Whether to find landmarks as well, with head pose and measures; only in
            pictures.
        look: The mean of the face and its mirror image, or one of them in half the time.
    """

    detection: DetectionSettings = DetectionSettings()
    padding: float = 0.0
    classes: tuple[str, ...] = ()
    unsure_below: float | None = None
    with_smile: bool = False
    with_landmarks: bool = False
    look: Look = "both"

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if not LEAST_PADDING <= self.padding <= MOST_PADDING:
            raise InvalidValue(f"padding lies in [{LEAST_PADDING}, {MOST_PADDING}]: {self.padding}")
        if self.unsure_below is not None and not 0 <= self.unsure_below <= 1:
            raise InvalidValue(f"unsure_below lies in [0, 1]: {self.unsure_below}")
        if len(self.classes) == 1 or len(set(self.classes)) != len(self.classes):
            raise InvalidValue(
                "classes: name at least two different expressions, or none for all; got "
                f"{', '.join(self.classes)}"
            )

    def chosen(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """The requested ones of a classifier's expressions, in its order.

        Example:
            >>> AnalysisSettings(classes=("fear", "anger")).chosen(("anger", "disgust", "fear"))
            ('anger', 'fear')
        """
        return tuple(name for name in labels if not self.classes or name in self.classes)

    def threshold(self, calibrated: float) -> float:
        """The top probability below which a face is unsure, given that of the calibration."""
        return calibrated if self.unsure_below is None else float(self.unsure_below)


@dataclass(frozen=True)
class StreamSettings:
    """From a stream of frames to every face's expression over time.

    Attributes:
        analysis: For each frame.
        time_constant_s: Of the smoothing: live into the past, in a file half of it to each side
            (`ferapp.temporal.smoothing`, `ferapp.temporal.both_directions`).
        hold_s: How long another label has to lead before it is shown; in a file it is then shown
            from when it began to lead.
        detect_every: Faces are detected in every Nth frame and followed in between; None chooses N
            by the cost of detection.
        reads_followed: In a file, whether faces are also read in the frames between two detections.
            Live, they never are.
    """

    analysis: AnalysisSettings = AnalysisSettings()
    time_constant_s: float = 0.5
    hold_s: float = 0.4
    detect_every: int | None = None
    reads_followed: bool = False

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if self.time_constant_s < 0 or self.hold_s < 0:
            raise InvalidValue(f"times are not negative: {self}")
        if self.detect_every is not None and self.detect_every < 1:
            raise InvalidValue(f"detect_every counts from 1: {self.detect_every}")


@dataclass(frozen=True)
class VideoPart:
    """Which part of a video file is read.

    Attributes:
        track: Which of its video tracks, from 1; None for the one that players show.
        from_s: Frames before this time are left out, s from the start of the file.
        to_s: Frames from this time on are left out, s; None for none.
        region: x, y, width and height of the part of the picture that is read, in px of the first
            upright frame; where the picture changes its size, the same part of it. None for all.

    Example:
        >>> VideoPart(from_s=60, to_s=90).length_s(75.0)
        15.0
    """

    track: int | None = None
    from_s: float = 0.0
    to_s: float | None = None
    region: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if self.track is not None and self.track < 1:
            raise InvalidValue(f"tracks count from 1, not from {self.track}")
        if not 0 <= self.from_s < math.inf or self.to_s in (math.inf, -math.inf):
            raise InvalidValue(f"times lie at 0 s or later: {self.from_s:g} s")
        if self.to_s is not None and not self.to_s > self.from_s:
            raise InvalidValue(
                f"the end has to lie after the start, but {self.to_s:g} s does not lie after "
                f"{self.from_s:g} s"
            )
        if self.region is not None and (min(self.region[:2]) < 0 or min(self.region[2:]) < 1):
            raise InvalidValue(
                "a region is x,y,width,height in pixels: x and y from 0, width and height from 1"
            )

    def length_s(self, end_s: float) -> float:
        """How long the part is in a video that ends at this time, s."""
        return max(min(end_s, end_s if self.to_s is None else self.to_s) - self.from_s, 0.0)


@dataclass(frozen=True)
class ClipSettings:
    """From a video file to every face's expression over time.

    Attributes:
        stream: For the analysed frames; None for `detect_every` chooses N by their rate (see
            `ferapp.pipeline.clip.LOOKS_A_SECOND`), so that results do not depend on the machine.
        per_second: How many frames per second are analysed, evenly spaced; None for all.
        max_side_px: Frames with a longer side are scaled down while they are decoded.
        part: Which part of the file is analysed.
    """

    stream: StreamSettings = StreamSettings(reads_followed=True)
    per_second: float | None = None
    max_side_px: int = 1280
    part: VideoPart = VideoPart()

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if self.per_second is not None and not self.per_second > 0:
            raise InvalidValue(f"per_second lies above 0: {self.per_second}")
        if self.max_side_px < 16:
            raise InvalidValue(f"max_side_px counts from 16: {self.max_side_px}")

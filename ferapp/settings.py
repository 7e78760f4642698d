"""Frozen settings, passed with each call and never kept by an engine."""

from dataclasses import dataclass

from ferapp.errors import InvalidValue


@dataclass(frozen=True)
class DetectionSettings:
    """How a face detector's raw boxes become faces.

    Attributes:
        confidence: Boxes with a lower score are dropped; in [0, 1].
        iou: Of two boxes that overlap by more than this, the one with the lower score is dropped.
        max_faces: How many faces to keep at most, best first.
    """

    confidence: float = 0.5
    iou: float = 0.3
    max_faces: int = 200

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if not (0 <= self.confidence <= 1 and 0 <= self.iou <= 1 and self.max_faces >= 1):
            raise InvalidValue(f"confidence and iou lie in [0, 1], max_faces from 1: {self}")

"""What the landmarks of a face say: how the head is turned, and what is open, wide or raised."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import InvalidValue

LANDMARKS: Final = 68

_SLIGHT_DEG: Final = 15.0
_STRONG_DEG: Final = 35.0
_UPSIDE_DOWN_DEG: Final = 135.0
_ANGLES: Final = ("yaw", "pitch", "roll")
_DIGITS: Final = 4


@dataclass(frozen=True)
class HeadPose:
    """How a head is turned, as the camera sees it; all angles are estimates.

    Attributes:
        yaw_deg: Turned to the right of the picture; negative to the left.
        pitch_deg: Raised; negative lowered.
        roll_deg: Tilted clockwise in the picture; negative counterclockwise.
        eye_distance_px: Distance that the outer corners of the eyes would have from the front, px.
        misfit: Mean distance between the points and the generic head, over that distance.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    eye_distance_px: float
    misfit: float

    @property
    def words(self) -> str:
        """In words, left and right as in the picture.

        Example:
            >>> HeadPose(-20, 3, 40, 60, 0.02).words
            'turned slightly left, tilted right'
            >>> HeadPose(5, -8, 2, 60, 0.02).words
            'facing the camera'
            >>> HeadPose(5, -8, 160, 60, 0.02).words
            'upside down'
        """
        is_over = abs(self.roll_deg) > _UPSIDE_DOWN_DEG
        parts = [
            _band("turned", self.yaw_deg, ("left", "right")),
            _band("turned", self.pitch_deg, ("down", "up")),
            "upside down" if is_over else _band("tilted", self.roll_deg, ("left", "right")),
        ]
        return ", ".join(part for part in parts if part) or "facing the camera"


def _band(verb: str, angle_deg: float, sides: tuple[str, str]) -> str:
    if abs(angle_deg) < _SLIGHT_DEG:
        return ""
    slightly = "slightly " if abs(angle_deg) < _STRONG_DEG else ""
    return f"{verb} {slightly}{sides[angle_deg > 0]}"


@dataclass(frozen=True)
class FaceGeometry:
    """Measures of one face; its right side lies on the left of the picture.

    Lengths are shares of the distance of the outer corners of the eyes. A measure is None where its
    points can't be seen well enough.

    Attributes:
        mouth_opening: Distance of the inner edges of the lips.
        mouth_width: Distance of the corners of the mouth.
        lip_corners_deg: How far the corners lie above the middle of the lips, as an angle seen from
            there, degrees; negative below.
        right_brow_height: Height of the brow above the corners of the eye.
        left_brow_height: The same.
    """

    mouth_opening: float | None
    mouth_width: float | None
    lip_corners_deg: float | None
    right_brow_height: float | None
    left_brow_height: float | None


MEASURES: Final = tuple(field.name for field in fields(FaceGeometry))
"""Names of the measures, in order."""


@dataclass(frozen=True, eq=False)
class FaceShape:
    """The landmarks of one face and what follows from them.

    Attributes:
        points: (68, 2) float32, px of the picture, in the order of `ferapp.vision.landmarks`; None
            if they can't be found well enough.
        pose: How the head is turned; None without points.
        geometry: Measures; None without points, and for heads that are turned too far.
        missing: Why something is missing, as "too small"; empty if nothing is.
    """

    points: NDArray[np.float32] | None = None
    pose: HeadPose | None = None
    geometry: FaceGeometry | None = None
    missing: str = ""

    def __post_init__(self) -> None:
        """Refuse points of another shape, and what can't be known without points."""
        if self.points is not None and self.points.shape != (LANDMARKS, 2):
            raise InvalidValue(f"expected points ({LANDMARKS}, 2), got {self.points.shape}")
        if (self.points is None) != (self.pose is None) or (self.geometry and not self.pose):
            raise InvalidValue("points, head pose and measures come together")

    def to_json(self) -> dict[str, Any]:
        """As plain values, without what is missing; the keys are a contract."""
        values: dict[str, Any] = {}
        if self.points is not None and self.pose is not None:
            values["landmarks"] = [[round(float(v), 2) for v in point] for point in self.points]
            values["head"] = {"pose": self.pose.words} | _angles(self.pose)
        if self.geometry is not None:
            values["measures"] = {
                name: value for name, value in _measures(self.geometry).items() if value is not None
            }
        return values | ({"missing": self.missing} if self.missing else {})


def _angles(pose: HeadPose) -> dict[str, float]:
    return {f"{name}_deg": round(getattr(pose, f"{name}_deg"), 1) for name in _ANGLES}


def _measures(geometry: FaceGeometry) -> dict[str, float | None]:
    values = asdict(geometry).items()
    return {name: value if value is None else round(value, _DIGITS) for name, value in values}


def landmarks_of(shapes: Sequence[FaceShape]) -> NDArray[np.float32]:
    """The points of faces, (n, 68, 2) float32, px; NaN for faces without."""
    missing = np.full((LANDMARKS, 2), np.nan, np.float32)
    rows = [missing if shape.points is None else shape.points for shape in shapes]
    return np.array(rows, np.float32).reshape(-1, LANDMARKS, 2)


def shape_columns(shapes: Sequence[FaceShape]) -> dict[str, list[Any]]:
    """The columns of a table with a row a face; None where something is missing."""
    poses = [shape.pose for shape in shapes]
    columns: dict[str, list[Any]] = {"head_pose": [pose and pose.words for pose in poses]}
    for name in _ANGLES:
        columns[f"head_{name}_deg"] = [
            pose and round(getattr(pose, f"{name}_deg"), 1) for pose in poses
        ]
    for name in MEASURES:
        columns[name] = [s.geometry and _measures(s.geometry)[name] for s in shapes]
    columns["shape_missing"] = [shape.missing or None for shape in shapes]
    points = landmarks_of(shapes).astype(float).round(2)
    for i in range(LANDMARKS):
        for j, axis in enumerate("xy"):
            values = points[:, i, j]
            columns[f"landmark_{i}_{axis}"] = [None if np.isnan(v) else float(v) for v in values]
    return columns

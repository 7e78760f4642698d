"""The values that packages pass to each other: frozen and validated."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import InvalidValue
from ferapp.face_shape import FaceShape, landmarks_of, shape_columns

if TYPE_CHECKING:
    import pandas

ProgressCallback = Callable[[int, int], None]
"""Called with progress: the steps done, and the total (0 if unknown)."""


def no_report(done: int, total: int) -> None:
    """Ignore progress."""


LEAST_KEPT: Final = 0.5
"""A face with less of its probability on the requested expressions is unsure."""


def top_classes(probabilities: NDArray[np.float32]) -> NDArray[np.intp]:
    """The column of the most probable class of each row, (..., k); of equal ones the first."""
    return np.asarray(probabilities.argmax(axis=-1))


def are_unsure(
    probabilities: NDArray[np.float32],
    unsure_below: float,
    share_kept: NDArray[np.float32] | None = None,
) -> NDArray[np.bool_]:
    """Whether each row has no label: for pictures, files and live video alike.

    Args:
        probabilities: (n, k).
        unsure_below: A row with a lower top probability is unsure; one that reaches it is not.
        share_kept: Share of the probability on the requested expressions, (n,), if some were left
            out; a row with less than `LEAST_KEPT` is unsure.

    Example:
        >>> are_unsure(np.array([[0.5, 0.5], [0.49, 0.51]], np.float32), 0.51)
        array([ True, False])
    """
    is_low = probabilities.max(axis=1, initial=0) < np.float32(unsure_below)
    return np.asarray(is_low if share_kept is None else is_low | (share_kept < LEAST_KEPT))


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces that a detector found in one picture, sorted by score.

    Attributes:
        xyxy: Boxes, (n, 4) float32, px of the picture.
        score: Detector score of each, (n,) float32 in [0, 1].
        landmarks: Right eye, left eye, nose, right and left corner of the mouth, as seen by the
            person, (n, 5, 2) float32, px; None if the detector gives none.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    landmarks: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Refuse arrays whose shapes do not match."""
        n = len(self.score)
        marks = self.landmarks
        if self.xyxy.shape != (n, 4) or (marks is not None and marks.shape != (n, 5, 2)):
            raise InvalidValue(
                f"expected boxes (n, 4), scores (n,) and landmarks (n, 5, 2), got "
                f"{self.xyxy.shape}, {self.score.shape}, {None if marks is None else marks.shape}"
            )

    def __len__(self) -> int:
        """How many faces there are."""
        return len(self.score)

    @classmethod
    def empty(cls) -> "Faces":
        """No faces."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32))

    def at(self, indices: NDArray[np.intp]) -> "Faces":
        """The faces at these indices, in this order."""
        marks = None if self.landmarks is None else self.landmarks[indices]
        return Faces(self.xyxy[indices], self.score[indices], marks)


@dataclass(frozen=True, eq=False)
class FrameAnalysis:
    """Every face of one picture with its expression.

    Attributes:
        size_wh: Width and height of the picture, px.
        faces: Their boxes and scores, sorted by score.
        labels: The expressions, in column order.
        probabilities: One row per face, (n, len(labels)) float32; each row sums to 1.
        unsure_below: A face with a lower top probability is unsure.
        left_out: Expressions that the classifier knows but that were not requested; if there are
            any, the probabilities are renormalised over the others.
        share_kept: Share of the probability on the requested expressions, (n,); None if all were
            requested. A face with less than half is unsure.
        is_cut: Whether there were more faces than the maximum.
        smiles: Whether the smile cascade found a smile, (n,); None if it was not used.
        detector: Name of the detector.
        classifier: Name of the classifier.
        notes: How the picture was read, where that is not obvious, and what may be missing, in
            sentences.
        flaws: Why each face is hard to read, (n,), None where it is not; see
            `ferapp.vision.quality`. Empty if they were not checked.
        shapes: Landmarks, head pose and measures of each face, (n,); None if not requested.
    """

    size_wh: tuple[int, int]
    faces: Faces
    labels: tuple[str, ...]
    probabilities: NDArray[np.float32]
    unsure_below: float
    left_out: tuple[str, ...] = ()
    share_kept: NDArray[np.float32] | None = None
    is_cut: bool = False
    smiles: NDArray[np.bool_] | None = None
    detector: str = ""
    classifier: str = ""
    notes: tuple[str, ...] = ()
    flaws: tuple[str | None, ...] = ()
    shapes: tuple[FaceShape, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse arrays whose shapes do not match."""
        n = len(self.faces)
        if self.flaws and len(self.flaws) != n:
            raise InvalidValue(f"expected flaws of {n} faces, got {len(self.flaws)}")
        if self.shapes is not None and len(self.shapes) != n:
            raise InvalidValue(f"expected shapes of {n} faces, got {len(self.shapes)}")
        if self.probabilities.shape != (n, len(self.labels)):
            raise InvalidValue(
                f"expected probabilities ({n}, {len(self.labels)}), got {self.probabilities.shape}"
            )
        for name, values in (("smiles", self.smiles), ("share_kept", self.share_kept)):
            if values is not None and values.shape != (n,):
                raise InvalidValue(f"expected {name} ({n},), got {values.shape}")

    def __len__(self) -> int:
        """How many faces there are."""
        return len(self.faces)

    def at(self, indices: NDArray[np.intp]) -> "FrameAnalysis":
        """The faces at these places, in their order."""
        return replace(
            self,
            faces=self.faces.at(indices),
            probabilities=self.probabilities[indices],
            share_kept=None if self.share_kept is None else self.share_kept[indices],
            smiles=None if self.smiles is None else self.smiles[indices],
            flaws=tuple(self.flaws[i] for i in indices) if self.flaws else (),
            shapes=None if self.shapes is None else tuple(self.shapes[i] for i in indices),
        )

    @property
    def landmarks(self) -> NDArray[np.float32] | None:
        """The 68 points of each face, (n, 68, 2) float32, px; None if not requested.

        NaN for a face whose points can't be found well enough: `shapes` says why. Their order is
        that of iBUG 300-W.
        """
        return None if self.shapes is None else landmarks_of(self.shapes)

    @property
    def expressions(self) -> list[str]:
        """The most probable expression of each face, whether sure or not."""
        return [self.labels[i] for i in top_classes(self.probabilities)]

    @property
    def confidence(self) -> NDArray[np.float32]:
        """The probability of that expression, (n,)."""
        return np.asarray(self.probabilities.max(axis=1, initial=0), np.float32)

    @property
    def is_unsure(self) -> NDArray[np.bool_]:
        """Whether that probability is below the threshold, or most of it was left out, (n,)."""
        return are_unsure(self.probabilities, self.unsure_below, self.share_kept)

    @property
    def face_labels(self) -> list[str | None]:
        """The label of each face: its most probable expression.

        None if that is unsure or the face is hard to read: `flaws` says why.
        """
        has_none = self.is_unsure | np.array([*map(bool, self.flaws)] or False)
        return [None if no else name for name, no in zip(self.expressions, has_none, strict=True)]

    def to_record(self) -> dict[str, Any]:
        """The same as plain values for JSON; the keys are a contract."""
        return PictureRecord.of(self).to_json()

    def to_frame(self) -> "pandas.DataFrame":
        """A table with one row per face: number, box in px, score, label, probabilities."""
        import pandas

        columns: dict[str, Any] = {"face": np.arange(1, len(self) + 1)}
        columns |= {n: self.faces.xyxy[:, i] for i, n in enumerate(("x1", "y1", "x2", "y2"))}
        columns |= {
            "score": self.faces.score,
            "expression": self.expressions,
            "probability": self.confidence,
            "is_unsure": self.is_unsure,
        }
        columns |= {name: self.probabilities[:, i] for i, name in enumerate(self.labels)}
        if self.share_kept is not None:
            columns["share_kept"] = self.share_kept
        if self.smiles is not None:
            columns["is_smiling"] = self.smiles
        if any(self.flaws):
            columns["flaw"] = np.array(self.flaws, object)
        if self.shapes is not None:
            columns |= shape_columns(self.shapes)
        return pandas.DataFrame(columns)


@dataclass(frozen=True)
class FaceRecord:
    """One face of a picture in plain, rounded values.

    Attributes:
        box: Left, top, right and bottom, px of the picture.
        score: Of the detector, in [0, 1].
        expression: The most probable expression, whether sure or not.
        is_unsure: Whether the model is unsure of it.
        probabilities: By expression, in [0, 1].
        share_kept: See `FrameAnalysis`; None if all expressions were requested.
        is_smiling: Whether the smile cascade found a smile; None if it was not used.
        flaw: Why it is hard to read; None if it is not, or was not checked.
        shape: See `ferapp.face_shape.FaceShape.to_json`; None if landmarks were not requested.
    """

    box: tuple[float, ...]
    score: float
    expression: str
    is_unsure: bool
    probabilities: dict[str, float]
    share_kept: float | None = None
    is_smiling: bool | None = None
    flaw: str | None = None
    shape: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse a box or probabilities that no face can have."""
        if len(self.box) != 4 or not self.probabilities:
            raise InvalidValue(
                f"expected a box of four numbers and at least one probability, got {self}"
            )

    def to_json(self) -> dict[str, Any]:
        """As plain values; the keys are a contract."""
        values = asdict(self) | {"box": list(self.box)}
        return {key: value for key, value in values.items() if value is not None}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `to_json` gave.

        Raises:
            KeyError: A key is missing.
            TypeError: A key is missing or unknown, or a value is of another type.
            ValueError: The box or the probabilities are invalid.
        """
        return cls(**value | {"box": tuple(value["box"])})


@dataclass(frozen=True)
class PictureRecord:
    """What is stored of one picture, in plain values.

    Attributes:
        width: Of the picture, px.
        height: Of the picture, px.
        faces: Sorted by detector score.
        renormalised_without: Expressions that were left out.
        unsure_below: A face with a lower top probability is unsure.
        has_more_faces: Whether there were more faces than the maximum.
        detector: Name of the detector.
        classifier: Name of the classifier.
        notes: What may be missing, in sentences.
    """

    width: int
    height: int
    faces: tuple[FaceRecord, ...]
    renormalised_without: tuple[str, ...]
    unsure_below: float
    has_more_faces: bool
    detector: str
    classifier: str
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, analysis: FrameAnalysis) -> Self:
        """The record of an analysed picture."""
        rows = []
        for i, expression in enumerate(analysis.expressions):
            kept, smiles = analysis.share_kept, analysis.smiles
            rows.append(
                FaceRecord(
                    box=tuple(round(float(v), 2) for v in analysis.faces.xyxy[i]),
                    score=round(float(analysis.faces.score[i]), 4),
                    expression=expression,
                    is_unsure=bool(analysis.is_unsure[i]),
                    probabilities={
                        name: round(float(p), 6)
                        for name, p in zip(analysis.labels, analysis.probabilities[i], strict=True)
                    },
                    share_kept=None if kept is None else round(float(kept[i]), 6),
                    is_smiling=None if smiles is None else bool(smiles[i]),
                    flaw=analysis.flaws[i] if analysis.flaws else None,
                    shape=None if analysis.shapes is None else analysis.shapes[i].to_json(),
                )
            )
        return cls(
            width=int(analysis.size_wh[0]),
            height=int(analysis.size_wh[1]),
            faces=tuple(rows),
            renormalised_without=analysis.left_out,
            unsure_below=float(analysis.unsure_below),
            has_more_faces=bool(analysis.is_cut),
            detector=analysis.detector,
            classifier=analysis.classifier,
            notes=analysis.notes,
        )

    def to_json(self) -> dict[str, Any]:
        """As plain values; the keys are a contract."""
        return asdict(self) | {
            "faces": [face.to_json() for face in self.faces],
            "renormalised_without": list(self.renormalised_without),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `to_json` gave.

        Raises:
            KeyError: A key is missing.
            TypeError: A key is missing or unknown, or a value is of another type.
            ValueError: A face is invalid.
        """
        faces = tuple(FaceRecord.from_json(face) for face in value["faces"])
        texts = {key: tuple(value.get(key, ())) for key in ("renormalised_without", "notes")}
        return cls(**value | {"faces": faces} | texts)

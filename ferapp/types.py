"""The values that cross room borders: frozen and validated."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import InvalidValue

Report = Callable[[int, int], None]
"""Told of progress: what is done, and what there is in all (0 where nobody knows)."""


def no_report(done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces that a detector found in one picture, best score first.

    Attributes:
        xyxy: Boxes, (n, 4) float32, px of the picture.
        score: Confidence of each, (n,) float32 in [0, 1].
        landmarks: Right eye, left eye, nose, right and left corner of the mouth as the person has
            them, (n, 5, 2) float32, px; None where the detector gives none.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    landmarks: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Refuse arrays whose shapes don't belong together."""
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
        """No face."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32))

    def at(self, indices: NDArray[np.intp]) -> "Faces":
        """The faces at these places, in this order."""
        marks = None if self.landmarks is None else self.landmarks[indices]
        return Faces(self.xyxy[indices], self.score[indices], marks)

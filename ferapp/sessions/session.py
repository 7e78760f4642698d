"""What a recording is: numbers over time and what has to be known to read them. No picture."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import InvalidValue

Source = Literal["live", "pictures", "video"]


@dataclass(frozen=True, eq=False)
class Readings:
    """Every reading of every face, in the order of time; n rows.

    Attributes:
        at_s: Seconds since the start, (n,) float64, ascending. Of pictures: the number of the
            picture, from 0.
        face: Whose it is, (n,) int64.
        size_wh: Width and height of the frame, px, (n, 2) int64.
        xyxy: Box in px of the frame, (n, 4) float32.
        score: Of the detector, (n,) float32.
        probabilities: Of each expression, corrected by the baseline where there is one, (n, k)
            float32; a row of NaN where the face could not be read.
        smoothed: The same over time, (n, k) float32; NaN where there is none.
        expression: The label that held, (n,) object; None for unsure or no label.
        flaw: Why there is no reading, (n,) object; None where there is one.
        is_corrected: Whether a neutral baseline was applied, (n,) bool.
    """

    at_s: NDArray[np.float64]
    face: NDArray[np.int64]
    size_wh: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    smoothed: NDArray[np.float32]
    expression: NDArray[np.object_]
    flaw: NDArray[np.object_]
    is_corrected: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Refuse columns whose lengths don't belong together."""
        n, k = len(self.at_s), self.probabilities.shape[1]
        wanted = {"size_wh": (n, 2), "xyxy": (n, 4), "probabilities": (n, k), "smoothed": (n, k)}
        for name, values in vars(self).items():
            if values.shape != wanted.get(name, (n,)):
                raise InvalidValue(f"expected {name} {wanted.get(name, (n,))}, got {values.shape}")

    def __len__(self) -> int:
        """How many there are."""
        return len(self.at_s)

    @classmethod
    def empty(cls, labels: int) -> Self:
        """No reading of so many expressions."""
        return cls(
            np.empty(0),
            np.empty(0, np.int64),
            np.empty((0, 2), np.int64),
            *(np.empty((0, 4), np.float32), np.empty(0, np.float32)),
            *(np.empty((0, labels), np.float32), np.empty((0, labels), np.float32)),
            *(np.empty(0, object), np.empty(0, object)),
            np.empty(0, np.bool_),
        )

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """One after the other; at least one part, all of the same expressions."""
        columns = zip(*(vars(part).items() for part in parts), strict=True)
        return cls(**{same[0][0]: np.concatenate([v for _, v in same]) for same in columns})

    def at(self, indices: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """Some of them."""
        return replace(self, **{name: values[indices] for name, values in vars(self).items()})

    def of(self, face: int) -> Self:
        """Those of one face."""
        return self.at(self.face == face)

    @property
    def faces(self) -> list[int]:
        """The faces that there are, by number."""
        return [int(face) for face in np.unique(self.face)]


@dataclass(frozen=True)
class Marker:
    """A moment that somebody named.

    Attributes:
        at_s: Seconds since the start.
        name: Its name.
    """

    at_s: float
    name: str


@dataclass(frozen=True)
class SessionInfo:
    """What has to be known of a session to read its numbers.

    Attributes:
        id: Random; tells nothing.
        title: What its owner calls it.
        source: Where the frames came from.
        started: With its time zone.
        labels: The expressions in column order.
        unsure_below: A top probability under this was no label.
        settings: How it was analysed, as plain values.
        models: Name and sha256 of each model by its kind.
        version: Of ferapp.
        consent: What the owner confirmed before the start, with its version.
        markers: Moments with a name, in the order of time.
    """

    id: str
    title: str
    source: Source
    started: datetime
    labels: tuple[str, ...]
    unsure_below: float
    settings: dict[str, Any] = field(default_factory=dict)
    models: dict[str, dict[str, str]] = field(default_factory=dict)
    version: str = ""
    consent: str = ""
    markers: tuple[Marker, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a start without time zone."""
        if self.started.tzinfo is None:
            raise InvalidValue("started needs a time zone")

    @property
    def started_utc(self) -> datetime:
        """The start in UTC."""
        return self.started.astimezone(UTC)

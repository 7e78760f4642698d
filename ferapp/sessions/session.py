"""A recorded session: readings over time and what is needed to understand them. No pictures."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import InvalidValue

Source = Literal["live", "pictures", "video"]

MOST_SECONDS: Final = 1e8
"""About three years; a chart of more would be useless."""

MOST_TITLE: Final = 200
"""Longest title of a session and name of a marker, in characters."""


@dataclass(frozen=True, eq=False)
class Readings:
    """All readings of all faces, in the order of time; n rows.

    Attributes:
        at_s: Seconds since the start, (n,) float64, ascending; for pictures, the number of the
            picture, from 0.
        face: Number of the face, (n,) int64.
        size_wh: Width and height of the frame, px, (n, 2) int64.
        xyxy: Box in px of the frame, (n, 4) float32.
        score: Detector score, (n,) float32.
        probabilities: Probability of each expression, corrected by the neutral baseline if there is
            one, (n, k) float32; a row of NaN if the face could not be read.
        smoothed: The smoothed probabilities, (n, k) float32; NaN if there are none. Live they look
            back, in videos ahead as well.
        expression: The label, (n,) object; live the one that was shown; None if there was none or
            it was unsure.
        flaw: Why the face could not be read, (n,) object; None if it could.
        is_corrected: Whether a neutral baseline was applied, (n,) bool.
        duration_s: How long the frame was shown for which the reading stands, s, (n,) float64; NaN
            if that is unknown, and for pictures. All NaN if it is left out.
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
    duration_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        """Refuse columns whose shapes don't match."""
        if not self.duration_s.size:
            object.__setattr__(self, "duration_s", np.full(len(self.at_s), np.nan))
        n, k = len(self.at_s), self.probabilities.shape[1]
        wanted = {"size_wh": (n, 2), "xyxy": (n, 4), "probabilities": (n, k), "smoothed": (n, k)}
        for name, values in vars(self).items():
            if values.shape != wanted.get(name, (n,)):
                raise InvalidValue(f"expected {name} {wanted.get(name, (n,))}, got {values.shape}")

    def __len__(self) -> int:
        """Number of readings."""
        return len(self.at_s)

    @classmethod
    def empty(cls, labels: int) -> Self:
        """No readings, for a number of expressions.

        Example:
            >>> Readings.empty(8).probabilities.shape
            (0, 8)
        """
        return cls(
            at_s=np.empty(0),
            face=np.empty(0, np.int64),
            size_wh=np.empty((0, 2), np.int64),
            xyxy=np.empty((0, 4), np.float32),
            score=np.empty(0, np.float32),
            probabilities=np.empty((0, labels), np.float32),
            smoothed=np.empty((0, labels), np.float32),
            expression=np.empty(0, object),
            flaw=np.empty(0, object),
            is_corrected=np.empty(0, np.bool_),
        )

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Concatenate parts: at least one, all with the same expressions."""
        names = vars(parts[0])
        return cls(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in names})

    def at(self, indices: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """The readings at some indices, or where a mask is true."""
        return replace(self, **{name: values[indices] for name, values in vars(self).items()})

    def of(self, face: int) -> Self:
        """The readings of one face."""
        return self.at(self.face == face)

    @property
    def is_read(self) -> NDArray[np.bool_]:
        """Whether the face could be read, (n,)."""
        return np.asarray(~np.isnan(self.probabilities).any(axis=1))

    @property
    def faces(self) -> list[int]:
        """The numbers of the faces, ascending."""
        return [int(face) for face in np.unique(self.face)]


@dataclass(frozen=True)
class Marker:
    """A named event of a session: a moment, or an interval.

    Attributes:
        at_s: When it was or began, seconds since the start.
        name: Its name.
        end_s: When it ended, later than `at_s`; None for a moment.
    """

    at_s: float
    name: str
    end_s: float | None = None

    @property
    def until_s(self) -> float:
        """When it was over, seconds since the start; a moment is over at once."""
        return self.at_s if self.end_s is None else self.end_s


@dataclass(frozen=True)
class Provenance:
    """The file whose content the readings are of.

    Attributes:
        sha256: Hash of its bytes, in hexadecimal.
        size_bytes: Its size.
        name: Its name, as it was when it was read.
        content_date: When its content was recorded, as the file itself says; without a time zone
            where it names none, and None where it does not say at all. Never the time of the file.
        version: Version of ferapp that read it.
    """

    sha256: str
    size_bytes: int
    name: str = ""
    content_date: datetime | None = None
    version: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain values; the keys are a contract."""
        date = self.content_date
        return asdict(self) | {"content_date": None if date is None else date.isoformat()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `to_json` gave; for values of others see `ferapp.sessions.formats.metadata`."""
        date = value["content_date"]
        return cls(**value | {"content_date": date and datetime.fromisoformat(date)})


@dataclass(frozen=True)
class SessionInfo:
    """What is needed to understand the readings of a session.

    Attributes:
        id: A random id.
        title: Its title, chosen by the owner.
        source: Where the frames came from.
        started: Start, with time zone; None if it is unknown, as that of most files.
        labels: The expressions in column order.
        unsure_below: A top probability below this gave no label.
        settings: Settings of the analysis, as plain values.
        models: Name and sha256 of each model, by its kind.
        version: Version of ferapp.
        consent: What the owner confirmed before the start, with its version.
        markers: Named events in the order of time.
        names: Names that the owner gave to faces, by their number.
        duration_s: How long it is, with or without a face, s; for pictures, how many there are.
            None if it doesn't say: then it ends with its last reading.
        provenance: The file that was read; None for live video, and where it is unknown.
    """

    id: str
    title: str
    source: Source
    started: datetime | None
    labels: tuple[str, ...]
    unsure_below: float
    settings: dict[str, Any] = field(default_factory=dict)
    models: dict[str, dict[str, str]] = field(default_factory=dict)
    version: str = ""
    consent: str = ""
    markers: tuple[Marker, ...] = ()
    names: dict[int, str] = field(default_factory=dict)
    duration_s: float | None = None
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        """Refuse a start without a time zone."""
        if self.started is not None and self.started.tzinfo is None:
            raise InvalidValue("started needs a time zone")

    @property
    def begins_s(self) -> float:
        """The time of its first frame, s: where a part of a video was read, that of the part."""
        part = self.settings.get("part")
        from_s = part.get("from_s") if isinstance(part, dict) else None
        # Settings of an imported file may say anything.
        if (
            self.source == "video"
            and isinstance(from_s, int | float)
            and 0 <= from_s < MOST_SECONDS
        ):
            return float(from_s)
        return 0.0

    @property
    def end_s(self) -> float | None:
        """The time at which its last frame ends, s; None if it doesn't say."""
        return None if self.duration_s is None else self.begins_s + self.duration_s

    @property
    def started_utc(self) -> datetime | None:
        """The start in UTC; None if it is unknown."""
        return None if self.started is None else self.started.astimezone(UTC)

    def is_same_analysis(self, other: Self) -> bool:
        """Whether both are of one file's content, read with the same settings and models."""
        ours, theirs = self.provenance, other.provenance
        return (
            ours is not None
            and theirs is not None
            and (ours.sha256, ours.size_bytes) == (theirs.sha256, theirs.size_bytes)
            and (self.settings, self.models, self.version, self.labels)
            == (other.settings, other.models, other.version, other.labels)
        )

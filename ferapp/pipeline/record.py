"""From analyses to what is stored of them: numbers, never pictures."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

import numpy as np

from ferapp._version import __version__
from ferapp.inference.manifest import Kind, manifest
from ferapp.labels import label_text
from ferapp.media.video import VideoInfo
from ferapp.pipeline.stream import StreamFrame
from ferapp.sessions.report.summary import summary
from ferapp.sessions.session import Provenance, Readings, SessionInfo, Source
from ferapp.settings import AnalysisSettings, ClipSettings, StreamSettings
from ferapp.types import FrameAnalysis


def new_recording(
    title: str,
    source: Source,
    *,
    labels: tuple[str, ...],
    unsure_below: float,
    settings: AnalysisSettings | StreamSettings | ClipSettings,
    detector: str,
    classifier: str,
    consent: str,
    duration_s: float | None = None,
    provenance: Provenance | None = None,
) -> SessionInfo:
    """A session: a live one starts now, one of a file when the file says, if it does.

    Args:
        title: What its owner calls it.
        source: Where the frames come from.
        labels: The expressions in column order.
        unsure_below: A face with a lower top probability is unsure.
        settings: How the frames are analysed.
        detector: Name of the face detector.
        classifier: Name of the expression classifier.
        consent: What the owner confirmed.
        duration_s: As for `SessionInfo`.
        provenance: The file that was read.
    """
    recorded = provenance.content_date if provenance else None
    return SessionInfo(
        id=uuid.uuid4().hex,
        title=title,
        source=source,
        started=datetime.now().astimezone() if source == "live" else zoned(recorded),
        labels=labels,
        unsure_below=unsure_below,
        consent=consent,
        duration_s=duration_s,
        provenance=provenance,
        **origin_of(settings, detector, classifier),
    )


def _plain(value: Any) -> Any:
    """Settings for JSON: programs may have set them to numbers of NumPy."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(each) for each in value)
    return value.item() if isinstance(value, np.generic) else value


def provenance_of(
    sha256: str, size_bytes: int, *, name: str = "", content_date: datetime | None = None
) -> Provenance:
    """The provenance of what this version reads from a file; see `Provenance`."""
    return Provenance(sha256, size_bytes, name, content_date, __version__)


def zoned(moment: datetime | None) -> datetime | None:
    """A moment; None if its time zone is unknown, since it could be any of 26 hours."""
    return moment if moment is not None and moment.tzinfo is not None else None


def origin_of(
    settings: AnalysisSettings | StreamSettings | ClipSettings, detector: str, classifier: str
) -> dict[str, Any]:
    """What made a result, as plain values: settings, models with their hashes, and version."""
    models = {
        "detector": _model("detector", detector),
        "classifier": _model("classifier", classifier),
    }
    return {"settings": _plain(asdict(settings)), "models": models, "version": __version__}


def _model(kind: Kind, name: str) -> dict[str, str]:
    return {"name": name, "sha256": manifest().model(name, kind).sha256}


def readings_of_frame(frame: StreamFrame) -> Readings:
    """The readings of a frame of a stream; none if its expressions were not read."""
    k = len(frame.labels)
    faces = frame.faces if frame.is_read else ()
    if not faces:
        return Readings.empty(k)
    missing = np.full(k, np.nan, np.float32)
    is_read = [face.probabilities is not None for face in faces]

    def rows(values: Sequence[Any]) -> Any:
        pairs = zip(values, is_read, strict=True)
        return np.stack([missing if not read or v is None else v for v, read in pairs])

    return Readings(
        at_s=np.full(len(faces), frame.at_s),
        face=np.array([face.id for face in faces], np.int64),
        size_wh=np.tile(np.array(frame.size_wh, np.int64), (len(faces), 1)),
        xyxy=np.stack([face.xyxy for face in faces]),
        score=np.array([face.score for face in faces], np.float32),
        probabilities=rows([face.probabilities for face in faces]),
        smoothed=rows([face.smoothed for face in faces]),
        expression=np.array([face.expression if face.flaw is None else None for face in faces]),
        flaw=np.array([face.flaw for face in faces], object),
        is_corrected=np.array([face.is_corrected for face in faces]),
    )


def readings_of_pictures(analyses: Sequence[FrameAnalysis]) -> Readings:
    """The readings of pictures; their time is the number of the picture, from 0.

    Faces are numbered across all pictures, since nothing says which are of the same person.
    """
    parts = []
    count = 0
    for number, analysis in enumerate(analyses):
        n = len(analysis)
        flaw = np.array(analysis.flaws or (None,) * n, object)
        is_read = np.array([each is None for each in flaw], np.bool_)
        parts.append(
            Readings(
                at_s=np.full(n, float(number)),
                face=np.arange(count + 1, count + n + 1),
                size_wh=np.tile(np.array(analysis.size_wh, np.int64), (n, 1)),
                xyxy=analysis.faces.xyxy,
                score=analysis.faces.score,
                probabilities=np.where(is_read[:, None], analysis.probabilities, np.float32("nan")),
                smoothed=np.full_like(analysis.probabilities, np.nan),
                expression=np.array(analysis.face_labels, object),
                flaw=flaw,
                is_corrected=np.zeros(n, np.bool_),
            )
        )
        count += n
    return Readings.join(parts)


@dataclass(frozen=True)
class Track:
    """One face of a video in a few plain values.

    Attributes:
        face: Its number.
        first_s: Time at which it was first read, s.
        last_s: Time at which it was last read, s.
        readings: How often it was read.
        seconds: How long each label held, s, the longest first; `unsure` for no label.
        unreadable_s: How long the face was there and could not be read, s.
    """

    face: int
    first_s: float
    last_s: float
    readings: int
    seconds: dict[str, float]
    unreadable_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As plain values; the keys are a contract."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `to_json` gave.

        Raises:
            TypeError: A key is missing or unknown.
        """
        return cls(**value)


def tracks_of(readings: Readings, source: Source = "video") -> list[Track]:
    """Each face of a session, by number; in pictures no label lasts."""
    tracks = []
    for face in readings.faces:
        its = readings.of(face)
        found = summary(its)
        lasts = source != "pictures"
        seconds = {name: _whole_ms(s) if lasts else 0.0 for name, s in found.seconds.items()}
        order = sorted(seconds, key=lambda name: (-seconds[name], name or ""))
        tracks.append(
            Track(
                face=face,
                first_s=round(float(its.at_s[0]), 3),
                last_s=round(float(its.at_s[-1]), 3),
                readings=len(its),
                seconds={label_text(name): seconds[name] for name in order},
                unreadable_s=_whole_ms(found.unreadable_s) if lasts else 0.0,
            )
        )
    return tracks


def _whole_ms(seconds: float) -> float:
    """Rounded down, so that the parts are never longer than the whole."""
    return math.floor(seconds * 1000 + 1e-6) / 1000


@dataclass(frozen=True)
class VideoRecord:
    """What is stored of one video, in plain values; its readings are stored beside it.

    Attributes:
        frames: How many were analysed.
        duration_s: How long it lasts, s.
        is_whole: Whether everything was analysed that could be.
        damage: What could not be read, in a sentence; empty if nothing.
        video: What the container claims.
        tracks: Its faces.
        notes: What was chosen or converted while decoding, in sentences.
    """

    frames: int
    duration_s: float
    is_whole: bool
    damage: str
    video: VideoInfo
    tracks: tuple[Track, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values; the keys are a contract."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `to_json` gave.

        Raises:
            KeyError: A key is missing.
            TypeError: A key is missing or unknown, or a value is of another type.
        """
        video = VideoInfo.from_json(value["video"])
        tracks = tuple(Track.from_json(track) for track in value["tracks"])
        notes = tuple(value.get("notes", ()))
        return cls(**value | {"video": video, "tracks": tracks, "notes": notes})

"""From what was analysed to what is recorded: numbers, never pictures."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np

from ferapp._version import __version__
from ferapp.inference.manifest import Kind, manifest
from ferapp.pipeline.stream import StreamFrame
from ferapp.sessions.session import Readings, SessionInfo, Source
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
) -> SessionInfo:
    """A session that begins now.

    Args:
        title: What its owner calls it.
        source: Where the frames come from.
        labels: The expressions in column order.
        unsure_below: A top probability under this is no label.
        settings: How it is analysed.
        detector: Name of the face detector.
        classifier: Name of the expression classifier.
        consent: What the owner confirmed.
    """
    kept = asdict(settings)
    # A stream looks at faces and at their mirror images in turn, whatever was asked for.
    for part in (kept, kept.get("stream", kept)):
        part.get("analysis", part).pop("look", None)
    return SessionInfo(
        id=uuid.uuid4().hex,
        title=title,
        source=source,
        started=datetime.now().astimezone(),
        labels=labels,
        unsure_below=unsure_below,
        settings=kept,
        models={"detector": _model("detector", detector)}
        | {"classifier": _model("classifier", classifier)},
        version=__version__,
        consent=consent,
    )


def _model(kind: Kind, name: str) -> dict[str, str]:
    return {"name": name, "sha256": manifest().model(name, kind).sha256}


def readings_of_frame(frame: StreamFrame) -> Readings:
    """Every face of a frame of a stream; none where they were not looked at."""
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
    """Every face of each picture; its time is the picture's number, from 0.

    Faces are numbered through all pictures, since nobody knows who is who in them.
    """
    parts = []
    count = 0
    for number, found in enumerate(analyses):
        n = len(found)
        told = zip(found.expressions, found.is_unsure, strict=True)
        parts.append(
            Readings(
                at_s=np.full(n, float(number)),
                face=np.arange(count + 1, count + n + 1),
                size_wh=np.tile(np.array(found.size_wh, np.int64), (n, 1)),
                xyxy=found.faces.xyxy,
                score=found.faces.score,
                probabilities=found.probabilities,
                smoothed=np.full_like(found.probabilities, np.nan),
                expression=np.array([None if unsure else name for name, unsure in told], object),
                flaw=np.full(n, None, object),
                is_corrected=np.zeros(n, np.bool_),
            )
        )
        count += n
    return Readings.join(parts)

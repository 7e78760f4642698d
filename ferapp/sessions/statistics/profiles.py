"""What each face of a session showed on the whole, so that sessions can be compared."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferapp.emotions import EXPRESSIONS, class_of
from ferapp.labels import UNSURE
from ferapp.sessions.lengths import last_end_s
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.sessions.statistics.bins import Measure, means_by_bin, values_of


@dataclass(frozen=True, eq=False)
class FaceProfile:
    """One face of one session.

    Attributes:
        session: Id of the session.
        face: Number of the face in it.
        read_s: How long it was read, s.
        readings: How many of its readings could be read.
        means: By measure and class: mean of the probabilities before smoothing, or share of the
            time read. Other names of one class, such as happy, count for it.
        curve: The mean probabilities in each part of the time, by class, (b,) each; NaN where the
            face was not read.
    """

    session: str
    face: int
    read_s: float
    readings: int
    means: dict[Measure, dict[str, float]]
    curve: dict[str, NDArray[np.float64]]


def face_profiles(
    recording: SessionInfo, readings: Readings, edges_s: NDArray[np.float64]
) -> list[FaceProfile]:
    """The profile of each face that could be read, by number.

    Args:
        recording: The session.
        readings: All its readings.
        edges_s: Where the parts of the curves begin and end, (b + 1,), s since the session's own
            beginning, so that sessions have a common axis.
    """
    profiles, labels = [], recording.labels
    for face in readings.faces:
        its = readings.of(face)
        if not its.is_read.any():
            continue
        whole_s = np.array([its.at_s[0], last_end_s(its)])
        shares = values_of(its, labels, "probability")
        shown = values_of(its, labels, "label")
        parts, _ = means_by_bin(its, shares, recording.begins_s + edges_s)
        means, seconds = means_by_bin(its, shares, whole_s)
        held, _ = means_by_bin(its, shown, whole_s)
        if not seconds[0]:
            continue
        profiles.append(
            FaceProfile(
                session=recording.id,
                face=face,
                read_s=float(seconds[0]),
                readings=int(its.is_read.sum()),
                means={
                    "probability": _by_class(labels, means[0]),
                    "label": _by_class((*labels, UNSURE), held[0]),
                },
                curve=_by_class(labels, parts.T),
            )
        )
    return profiles


def classes_of(profiles: list[FaceProfile], measure: Measure) -> list[str]:
    """The classes that any of the faces has: those of FER+ in their order, others, unsure."""
    found = {name for profile in profiles for name in profile.means[measure]}
    known = [name for name in EXPRESSIONS if name in found]
    others = sorted(found - {*known, UNSURE})
    return [*known, *others, *([UNSURE] if UNSURE in found else [])]


def _by_class(labels: tuple[str, ...], values: NDArray[np.float64]) -> dict[str, Any]:
    """The values, one row for each label, added up by what the labels mean."""
    found: dict[str, Any] = {}
    for label, value in zip(labels, values, strict=True):
        name = label if label == UNSURE else class_of(label)
        found[name] = found[name] + value if name in found else value
    return found

"""What a visitor's session remembers: every key of ``st.session_state``, and its type.

No other module touches ``st.session_state``. Keys that belong to a widget say so: Streamlit writes
these as well. A type that only one page knows is `Any` here; the page that reads it writes it out.
"""

from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ferapp.inference.manifest import Preset
from ferapp.serving.job import Job
from ferapp.serving.seats import OneAfterTheOther
from ferapp.serving.video_jobs import VideoCopyJob
from ferapp.sessions.face_edits import FaceEdit, FaceEdits
from ferapp.sessions.session import Readings

V = TypeVar("V")


@dataclass(frozen=True)
class SessionKey(Generic[V]):
    """One key of this visitor's session, and the type of its value.

    Attributes:
        name: The key in ``st.session_state``; of a widget, its ``key``.
    """

    name: str

    def get(self) -> V | None:
        """The value; None if there is none."""
        value: V | None = st.session_state.get(self.name)
        return value

    def set(self, value: V) -> None:
        """Replace the value."""
        st.session_state[self.name] = value

    def setdefault(self, value: V) -> V:
        """The value, which becomes the given one if there is none."""
        kept: V = st.session_state.setdefault(self.name, value)
        return kept

    def pop(self) -> V | None:
        """Remove the value and return it; None if there is none."""
        value: V | None = st.session_state.pop(self.name, None)
        return value

    def clear(self) -> None:
        """Remove the value, if there is one."""
        self.pop()


# Settings in the sidebar; all of them belong to widgets.
PRESET: Final = SessionKey[Preset | None]("preset")
DETECTOR: Final = SessionKey[str]("detector")
CLASSIFIER: Final = SessionKey[str]("classifier")
CONFIDENCE: Final = SessionKey[float]("confidence")
CLASSES: Final = SessionKey[list[str]]("classes")
IOU: Final = SessionKey[float]("iou")
PADDING: Final = SessionKey[int]("padding")
MAX_FACES: Final = SessionKey[int]("max_faces")
SMILE: Final = SessionKey[bool]("smile")


def unsure_below(classifier: str) -> SessionKey[int]:
    """The threshold for "unsure", in percent; each classifier has its own, and a widget for it."""
    return SessionKey(f"unsure-{classifier}")


# Pictures
PICTURE_FILES: Final = SessionKey[list[UploadedFile]]("files")
"""Of the upload widget, which forgets them when another page is opened."""
PICTURE_UPLOADS: Final = SessionKey[list[UploadedFile]]("uploads")
"""The same files, kept from page to page."""
SAMPLE: Final = SessionKey[str]("sample")
"""File name of the sample that was chosen."""
SELECTED_PICTURE: Final = SessionKey[str]("looked-at")
"""Id of the picture that is shown."""
PICTURE_ORDER: Final = SessionKey[str]("picture-order")
"""In which order several pictures are listed; of a widget."""
ONLY_UNSURE: Final = SessionKey[bool]("only-unsure")
"""Whether only pictures with unsure faces are listed; of a widget."""
PICTURE_RESULTS: Final = SessionKey[Any]("outcomes")
STOPPED_PICTURES: Final = SessionKey[Any]("stopped")
"""The pictures and settings for which the visitor pressed Stop."""
HIDDEN_BOXES: Final = SessionKey[dict[str, NDArray[np.float32]]]("hidden")
"""Where faces are hidden, (n, 4), px, by picture."""
SHOWN_PICTURE: Final = SessionKey[tuple[tuple[Any, ...], bytes]]("picture")
"""What the annotated picture was made from, the id of the upload first, and its JPEG file."""
SHOWN_CROPS: Final = SessionKey[tuple[tuple[Any, ...], NDArray[np.uint8]]]("crops")
"""What the faces on the cards were cut from, the id of the upload first, and (n, side, side, 3)."""
COMPARES: Final = SessionKey[bool]("compares")
"""Whether the picture is also shown to other models; of a widget."""
LANDMARKS: Final = SessionKey[bool]("landmarks")
"""Whether landmarks are found in pictures; of a widget."""
OTHER_DETECTOR: Final = SessionKey[str]("other-detector")
OTHER_CLASSIFIER: Final = SessionKey[str]("other-classifier")
"""The models to compare with; of widgets."""
COMPARISON: Final = SessionKey[tuple[tuple[Any, ...], Any]]("comparison")
"""What the comparison was made from, the id of the upload first, and what it shows."""
SAVED_PICTURES: Final = SessionKey[set[str]]("recorded-pictures")
"""Ids of the results that were kept as a session."""

# Live
VISITOR: Final = SessionKey[str]("visitor")
VIEWER: Final = SessionKey[Any]("viewer")
CHOSEN_FACE: Final = SessionKey[int]("live-face")
"""The face whose last minute is shown, 0 for the one in front; of a widget."""
FRONT_FACE: Final = SessionKey[int]("front-face")
"""The face in front whose last minute was shown last."""
CONNECTING_SINCE: Final = SessionKey[float]("live-since")
"""Since when the video has been connecting, s of the monotonic clock."""
CAMERA_OPTIONS: Final = SessionKey[Any]("camera-options")
"""What the page asks of the camera in this run."""
PAGE_IS_HIDDEN: Final = SessionKey[bool]("page-is-hidden")
"""Whether the page is in the background, where that pauses the analysis."""
SNAPSHOT: Final = SessionKey[Any]("snapshot")
"""The picture that the visitor keeps, until it is discarded."""
PICTURE_CONSENT: Final = SessionKey[str]("picture-consent")
"""The consent to snapshots and clips."""
CLIP_SHOWN: Final = SessionKey[bool]("clip-shown")
"""Whether the page shows a clip as running."""
BASELINE_SHOWN: Final = SessionKey[bool]("baseline-shown")
"""Whether the page shows that a neutral baseline counts."""
MARKS: Final = SessionKey[int]("marks")
"""How many moments of this recording the visitor has marked."""
RECORDING_SHOWN: Final = SessionKey[str]("was-recording")
"""Id of the recording that the page shows as running."""

# Videos
VIDEO_FILES: Final = SessionKey[list[UploadedFile]]("video-files")
"""Of the upload widget, which forgets them when another page is opened."""
VIDEO_UPLOADS: Final = SessionKey[list[UploadedFile]]("video-uploads")
"""The same files, kept from page to page."""
VIDEO_STATES: Final = SessionKey[dict[str, Any]]("video-states")
"""What the page keeps of each video, by its id."""
VIDEO_TURNS: Final = SessionKey[OneAfterTheOther]("video-turns")
"""In which the visitor's analyses wait for each other."""
SELECTED_VIDEO: Final = SessionKey[str]("video-shown")
"""Id of the video whose results are shown."""
COPY_VIDEO: Final = SessionKey[str]("copy-of")
"""Id of the video to which the copy and the choice of its faces belong."""
COPY_JOB: Final = SessionKey[Job[VideoCopyJob]]("copy-job")
COPY_ORDER: Final = SessionKey[tuple[str, tuple[int, ...], bool, FaceEdits]]("copy-asked")
"""The video, the faces seen in its copy, whether others are blurred, and the changes of faces."""
COPY_FACES: Final = SessionKey[list[int]]("copy-shown")
"""Faces that can be seen in the copy; of a widget."""

# Sessions
CONSENT: Final = SessionKey[tuple[str, int | None]]("consent")
"""The consent to live recordings, and for how many days each is kept."""
SELECTED_SESSION: Final = SessionKey[str]("session")
"""Id of the session that is shown; of a widget."""
COMPARED_SESSIONS: Final = SessionKey[list[str]]("compared-sessions")
"""Ids of the sessions that are compared; of a widget."""
PROFILES: Final = SessionKey[dict[tuple[Any, ...], Any]]("profiles")
"""Profiles of the faces of compared sessions, by session, its changes and the axis of time."""
EXAMPLE_SHOWN: Final = SessionKey[bool]("example-shown")
"""Whether the visitor looks at the example session."""
EVENT_FILES: Final = SessionKey[int]("event-files")
"""How many tables of events were added; a new number empties the upload widget."""
STRIP: Final = SessionKey[Any]("overview")
"""What is selected in the chart of all faces; of the chart."""
STRIP_TABLE: Final = SessionKey[Any]("overview-table")
"""The row that is selected in its table; of the table."""
NEXT_SESSION: Final = SessionKey[str]("next-session")
"""Id of the session that the dashboard shows next."""
RENAMED: Final = SessionKey[str]("renamed")
"""Key of the text field that was changed."""
DELETIONS: Final = SessionKey[list[Any]]("deletions")
"""What was deleted a moment ago and can be restored."""
READINGS: Final = SessionKey[dict[tuple[str, int, FaceEdits], Readings]]("remembered")
"""Readings by session, their number and the changes of the faces."""
FACE_EDIT: Final = SessionKey[tuple[str, FaceEdit]]("face-edit")
"""Id of a session, and the change of its faces that a button asked for."""
IMPORTS: Final = SessionKey[int]("imports")
"""How many files were imported; a new number empties the upload widget."""
IMPORT_NOTES: Final = SessionKey[tuple[str, list[str]]]("import-notes")
"""Id of the session that was imported last, and what its file had that was ignored or guessed."""
IMPORT_AGAIN: Final = SessionKey[int]("import-again")
"""The import that is made though the session is there already, by its number."""
REPLAY: Final = SessionKey[tuple[str, float, float]]("replay-playing")
"""Key of the slider, when it started to move, s of the monotonic clock, and from where, s."""


def shown_texts(key: SessionKey[V]) -> SessionKey[tuple[str, ...]]:
    """The texts with which a widget last showed its value."""
    return SessionKey(f"{key.name}-shown")


def session_view(views: int) -> SessionKey[str]:
    """Which view of a session is shown; of a widget, one for each number of views."""
    return SessionKey(f"view-{views}")


def face_of(session: str) -> SessionKey[int]:
    """The face of a session that is shown; of a widget."""
    return SessionKey(f"face-{session}")


def replay_position(session: str) -> SessionKey[float]:
    """Where the replay of a session is, s from its start; of a slider."""
    return SessionKey(f"replay-{session}")


def chosen_face(session: str) -> SessionKey[int]:
    """The face of a session whose curve is shown below its video."""
    return SessionKey(f"shown-face-{session}")

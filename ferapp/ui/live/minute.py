"""The last minute: of the face in front, until somebody chooses another or all in view."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import streamlit as st

from ferapp.pipeline.people import FaceReading
from ferapp.serving.latest import Snapshot
from ferapp.temporal.rolling import WINDOW_S
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.charts import alt_text, last_minute, last_minutes
from ferapp.ui.shared.live_chart import live_chart
from ferapp.wording import counted

_FOLLOW: Final = 0
_ALL: Final = -1
_OTHERS: Final = {_FOLLOW: "the face in front", _ALL: "all faces in view"}
_MOST_ROWS: Final = 6
# A face that was away for so long has left: the tracker has given up its number by then.
_LEFT_AFTER_S: Final = 2.0
# Another face must be so much more in front, or the chart would jump between two that are alike.
_CLEARLY: Final = 1.3


def show_minute(now: Snapshot) -> None:
    """The chart, and which face it shows; for a fragment."""
    assert now.frame is not None
    present = _present(now)
    front = front_face(now.frame.faces, now.frame.size_wh, session_keys.FRONT_FACE.get())
    if front is None:
        front = session_keys.FRONT_FACE.get()
    chosen = _choose_face(present)
    if chosen == _ALL:
        _show_all(now, present)
        return
    shown = chosen or front
    series = now.series.get(shown) if shown else None
    if shown is None or series is None:
        return
    if not chosen:
        session_keys.FRONT_FACE.set(shown)
    if series.probabilities.shape[1] != len(now.frame.labels):
        return  # other expressions were chosen a moment ago
    st.caption(_title(shown, now, is_chosen=bool(chosen), is_alone=len(present) < 2))
    live_chart(
        last_minute(now.frame.labels, series, window_s=WINDOW_S),
        key="live-minute",
        alt=f"Face {shown} over the last minute; at its end "
        + alt_text(now.frame.labels, series.probabilities[-1]),
    )


def _show_all(now: Snapshot, present: list[int]) -> None:
    """A chart of every face in view, one below the other."""
    assert now.frame is not None
    labels = now.frame.labels
    faces = {
        f"Face {id}": now.series[id]
        for id in present
        if now.series[id].probabilities.shape[1] == len(labels)
    }
    shown = dict(list(faces.items())[:_MOST_ROWS])
    if not shown:
        return
    more = f", of {len(faces)}" if len(faces) > len(shown) else ""
    st.caption(f"The last minute of {counted(len(shown), 'face')}{more}.")
    live_chart(
        last_minutes(labels, shown, window_s=WINDOW_S),
        key="live-minute",
        alt="The last minute; at its end "
        + "; ".join(
            f"{title}: {labels[int(series.probabilities[-1].argmax())]}"
            for title, series in shown.items()
        ),
    )


def front_face(
    faces: Sequence[FaceReading], size_wh: tuple[int, int], before: int | None
) -> int | None:
    """The number of the face in front: the largest and most central one.

    Args:
        faces: Of one frame.
        size_wh: Width and height of the frame, px.
        before: The face that was in front; it stays there unless another is clearly more so.

    Returns:
        None if there is no face.
    """
    if not faces:
        return None
    xyxy = np.array([face.xyxy for face in faces], np.float64)
    areas = np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1)
    middle = np.array(size_wh) / 2
    # 0 in the middle of the frame, 1 in its corners.
    off = np.linalg.norm((xyxy[:, :2] + xyxy[:, 2:]) / 2 - middle, axis=1) / np.linalg.norm(middle)
    weights = areas * (1 - off / 2)
    ids = [face.id for face in faces]
    best = int(weights.argmax())
    if before in ids and weights[best] < _CLEARLY * weights[ids.index(before)]:
        return before
    return ids[best]


def _present(now: Snapshot) -> list[int]:
    """The faces that have a curve and have not left, by number."""
    assert now.frame is not None
    seen = {face.id for face in now.frame.faces}
    return [
        id
        for id, series in sorted(now.series.items())
        if id in seen or now.frame.at_s - series.at_s[-1] < _LEFT_AFTER_S
    ]


def _choose_face(present: list[int]) -> int:
    """Let the visitor choose a face; `_FOLLOW` for the one in front, also once another has left."""
    chosen = session_keys.CHOSEN_FACE.get() or _FOLLOW
    if chosen not in (*present, _ALL):
        chosen = _FOLLOW
        if session_keys.CHOSEN_FACE.get():
            session_keys.CHOSEN_FACE.set(_FOLLOW)
    if len(present) < 2 and chosen == _FOLLOW:
        return _FOLLOW
    return st.selectbox(
        "Last minute of",
        [_FOLLOW, _ALL, *present],
        key=session_keys.CHOSEN_FACE.name,
        width=260,
        format_func=lambda id: _OTHERS.get(id) or f"Face {id}",
    )


def _title(shown: int, now: Snapshot, *, is_chosen: bool, is_alone: bool) -> str:
    assert now.frame is not None
    title = f"The last minute of face {shown}"
    if shown not in {face.id for face in now.frame.faces}:
        away_s = now.frame.at_s - float(now.series[shown].at_s[-1])
        if away_s >= 1:
            return f"{title}, last seen {counted(int(away_s), 'second')} ago."
    elif not is_chosen and not is_alone:
        title += ", the one in front"
    return f"{title}."

"""The neutral baseline on the live page: its buttons, the countdown, and why it was refused."""

import math
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ferapp.emotions import expression_of
from ferapp.pipeline.stream import StreamFrame
from ferapp.temporal.baseline import BASELINE_S
from ferapp.temporal.baseline_taking import COUNTDOWN_S, NEUTRAL, BaselineStatus, Refusal
from ferapp.ui.live.webcam import Viewer
from ferapp.ui.shared import session_keys

REASONS: Final[dict[Refusal, str]] = {
    "nobody": "there was no face in the picture",
    "several": "there was more than one face in the picture; be alone in it",
    "lost": "the face was lost for a moment, and came back under another number",
    "unreadable": "the face could not be read; look into the camera, in good light",
    "expression": "the face did not look neutral",
    "moving": "the face moved; hold still and stay at the same distance",
    "no neutral": "“neutral” is not among the chosen expressions",
    "labels": "other expressions were chosen meanwhile",
}
_SHOWN_S: Final = {"taken": 8.0, "refused": 30.0}


def baseline_buttons(row: DeltaGenerator, viewer: Viewer, *, is_playing: bool) -> None:
    """The button that takes a baseline, and once one counts the button that removes it."""
    row.button(
        "Take neutral baseline",
        icon=":material/self_improvement:",
        on_click=viewer.stream.take_baseline,
        disabled=not is_playing or not viewer.stream.knows_neutral,
        help=f"Be alone in the picture. After a countdown of {COUNTDOWN_S:.0f} seconds, look "
        f"neutral and hold still for {BASELINE_S:.0f}. Some faces look sad or angry at rest; "
        "afterwards, yours is compared with its own resting look (Saerens et al., 2002).",
    )
    counts = _counts(viewer.latest.snapshot().frame)
    session_keys.BASELINE_SHOWN.set(counts)
    if counts:
        row.button(
            "Remove baseline",
            icon=":material/restart_alt:",
            on_click=viewer.stream.drop_baselines,
            disabled=not is_playing,
        )


def _counts(frame: StreamFrame | None) -> bool:
    return frame is not None and any(face.is_corrected for face in frame.faces)


def show_baseline(frame: StreamFrame) -> None:
    """How far the taking of the baseline is; for a fragment."""
    if session_keys.BASELINE_SHOWN.get() is False and _counts(frame):
        st.rerun()  # the page has to offer its removal
    status = frame.baseline
    if status is None:
        return
    match status.phase:
        case "countdown":
            st.progress(0.0, f"**{math.ceil(status.left_s) or 1}** … get ready to look neutral")
        case "holding":
            left = math.ceil(status.left_s)
            st.progress(status.progress or 0.0, f"**Look neutral and hold still:** {left} s")
        case _ if frame.at_s - status.since_s > _SHOWN_S[status.phase]:
            return
        case "taken":
            st.success(
                f"The neutral baseline of face {status.face} counts from now on.",
                icon=":material/check:",
            )
        case "refused":
            st.warning(refusal_text(status), icon=":material/error:")


def refusal_text(status: BaselineStatus) -> str:
    """Why the baseline was refused, in a sentence."""
    assert status.refusal is not None
    reason = REASONS[status.refusal]
    # An added model may call its expressions anything: only names that we know are shown.
    meaning = expression_of(status.expression or "")
    if meaning not in (None, NEUTRAL):
        reason += f", but was read as {meaning}"
    return f"No baseline was taken: {reason}. Try again."

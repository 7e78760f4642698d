"""Recording: the consent before it, the red mark while it runs, what became of it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import streamlit as st

from ferapp.errors import StoreError
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.clip import Clip, recording_of_clip
from ferapp.pipeline.record import new_recording, readings_of_pictures
from ferapp.sessions.recorder import Recorder
from ferapp.sessions.store import KEEP_DAYS
from ferapp.settings import ClipSettings, StreamSettings
from ferapp.ui import resources
from ferapp.ui.controls import Choice
from ferapp.ui.owner import owner
from ferapp.ui.page import PAGES
from ferapp.ui.state import Outcome
from ferapp.ui.webcam import Viewer
from ferapp.wording import clock

_CONSENT_VERSION: Final = "2026-11"
_WHO: Final = ("I am the only person shown", "Everyone shown has agreed")
KEEP: Final[dict[str, int | None]] = {
    "7 days": 7,
    f"{KEEP_DAYS} days": KEEP_DAYS,
    "90 days": 90,
    "1 year": 365,
    "until I delete it": None,
}
"""For how long a session is kept, in days."""

_PURPOSE: Final = """
**What is kept:** numbers only, for each face and frame: time, a number for the face, its box, the
probabilities of the expressions, why a face could not be read, and which models and settings
were used. **No picture, no video, no sound, nothing that tells a face again.**

**Where:** in the database of this app, as the dashboard says. Nothing is sent anywhere.

**What for:** to look at expressions over time. Not to judge people, and in the EU not at work or in
education. An expression is not a feeling.
"""

Start = Callable[[str, int | None], None]


def live_controls(viewer: Viewer, choice: Choice, settings: StreamSettings, *, is_on: bool) -> None:
    """The button that begins or ends the recording of a stream."""
    if viewer.recorder and viewer.recorder.is_running:
        st.button(
            "Stop recording",
            icon=":material/stop_circle:",
            on_click=_stop,
            args=(viewer,),
            type="primary",
        )
        return

    def start(consent: str, keep_days: int | None) -> None:
        analyzer = resources.analyzer(choice.models)
        labels = choice.settings.classes or analyzer.labels
        recording = new_recording(
            f"Live, {datetime.now():%d %B %Y %H:%M}",
            "live",
            labels=tuple(name for name in analyzer.labels if name in labels),
            unsure_below=(
                analyzer.unsure_below
                if choice.settings.unsure_below is None
                else choice.settings.unsure_below
            ),
            settings=settings,
            detector=choice.models.detector,
            classifier=choice.models.classifier,
            consent=consent,
        )
        store = resources.store()
        store.begin(recording, owner(), keep_days=keep_days)
        viewer.record(Recorder(store, recording.id), recording.labels)

    if st.button(
        "Record",
        icon=":material/radio_button_checked:",
        disabled=not is_on,
        help="Keep the numbers of this stream as a session; no picture is kept.",
    ):
        _begin(start)
    if viewer.recorder:
        # Not in the panel, which changes too often to be clicked on.
        st.page_link(PAGES / "dashboard.py", label="Look at it")


def live_mark(viewer: Viewer) -> None:
    """The red mark and the clock, or what became of the last recording; for a fragment."""
    recorder = viewer.recorder
    if recorder is None:
        return
    was_running = st.session_state.get("was-recording") == recorder.session
    if was_running and not recorder.is_running:
        # The button in the page has to follow.
        del st.session_state["was-recording"]
        st.rerun()
    if recorder.is_running:
        st.session_state["was-recording"] = recorder.session
        st.markdown(f":red[**● Recording {clock(recorder.duration_s)}**] · numbers only")
    elif recorder.failure:
        with st.container(border=True):
            st.markdown("**The recording ended**")
            st.text(recorder.failure)
    else:
        st.caption(f"A session of {clock(recorder.duration_s)} was recorded.")


def picture_controls(outcomes: Sequence[Outcome], choice: Choice) -> None:
    """The button that keeps what was found in pictures as a session."""
    analyses = [outcome.analysis for outcome in outcomes if outcome.analysis is not None]
    if not any(len(found) for found in analyses):
        return

    def start(consent: str, keep_days: int | None) -> None:
        first = analyses[0]
        recording = new_recording(
            f"Pictures, {datetime.now():%d %B %Y %H:%M}",
            "pictures",
            labels=first.labels,
            unsure_below=first.unsure_below,
            settings=choice.settings,
            detector=first.detector,
            classifier=first.classifier,
            consent=consent,
        )
        readings = readings_of_pictures(analyses)
        resources.store().enter(
            recording,
            readings,
            owner(),
            keep_days=keep_days,
            # Also those at the end without a face.
            duration_s=float(len(analyses) - 1),
        )
        st.session_state["recorded-pictures"] = {o.id for o in outcomes}

    if st.session_state.get("recorded-pictures") == {o.id for o in outcomes}:
        st.success("Kept as a session.", icon=":material/check:")
        st.page_link(PAGES / "dashboard.py", label="Look at it")
    elif st.button(
        "Keep as a session",
        icon=":material/save:",
        help="Keep the numbers for the dashboard; no picture and no file name is kept.",
    ):
        _begin(start, asks_always=True)


def clip_controls(key: str, clip: Clip, analyzer: Analyzer, settings: ClipSettings) -> None:
    """The button that keeps what was read from a video as a session.

    Args:
        key: Of the analysis; another one may be kept again.
        clip: What was read.
        analyzer: Which read it.
        settings: As they were for it.
    """

    def start(consent: str, keep_days: int | None) -> None:
        title = f"Video, {datetime.now():%d %B %Y %H:%M}"
        recording = recording_of_clip(title, clip, analyzer, settings, consent=consent)
        resources.store().enter(
            recording, clip.readings, owner(), keep_days=keep_days, duration_s=clip.duration_s
        )
        st.session_state["recorded-clip"] = key
        st.session_state["next-session"] = recording.id

    if st.session_state.get("recorded-clip") == key:
        st.success("Kept as a session.", icon=":material/check:")
        st.page_link(PAGES / "dashboard.py", label="Look at it")
    elif st.button(
        "Keep as a session",
        icon=":material/save:",
        help="Keep the numbers for the dashboard; no picture and no file name is kept.",
    ):
        _begin(start, asks_always=True)


def _stop(viewer: Viewer) -> None:
    if viewer.recorder:
        viewer.recorder.stop()
        st.session_state.pop("was-recording", None)


def _begin(start: Start, *, asks_always: bool = False) -> None:
    """Start, after consent: the first time, or always where others may be shown each time."""
    try:
        owner()
        resources.store()
    except StoreError as exc:
        _refused(str(exc))
        return
    given = st.session_state.get("consent")
    if given and not asks_always:
        start(*given)
        st.rerun()
    _consent(start, is_remembered=not asks_always)


@st.dialog("Recording is not possible")
def _refused(reason: str) -> None:
    st.text(reason)


@st.dialog("Before recording", width="medium")
def _consent(start: Start, *, is_remembered: bool) -> None:
    st.markdown(_PURPOSE)
    who = st.radio("Who is shown?", _WHO, index=None, key="consent-who")
    keep = st.selectbox("Keep it for", list(KEEP), index=1, key="consent-keep")
    st.caption("You can change that, look at what is kept and delete it on the dashboard.")
    if st.button("Agree and record", type="primary", disabled=who is None):
        told = f"{_CONSENT_VERSION}: {who}; kept for {keep}; {datetime.now().astimezone():%c %z}"
        if is_remembered:
            st.session_state["consent"] = (told, KEEP[keep])
        try:
            start(told, KEEP[keep])
        except StoreError as exc:
            st.markdown("**This did not work**")
            st.text(str(exc))
            return
        st.rerun()

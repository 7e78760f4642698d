"""What one visitor's session remembers: the results of the pictures that are there now.

Everything lies in `st.session_state`, which no other visitor sees. Results are kept by upload and
settings and dropped with either, so that none outlives its picture and no rerun works twice.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from ferapp.errors import ImageError
from ferapp.media.images import read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.types import FrameAnalysis
from ferapp.ui.controls import Choice
from ferapp.ui.pictures import Picture
from ferapp.ui.resources import turns

_Key = tuple[str, Choice]


@dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Attributes:
        picture: Which.
        analysis: What was found; None where the picture could not be read.
        reason: Why not.
        seconds: How long reading and analysing took.
    """

    picture: Picture
    analysis: FrameAnalysis | None
    reason: str
    seconds: float


def analyses(pictures: Sequence[Picture], choice: Choice, analyzer: Analyzer) -> list[Outcome]:
    """One outcome a picture, from memory or made now, with a progress bar and a way to stop.

    After a stop the outcomes that there are come back, and a button goes on.
    """
    known: dict[_Key, Outcome] = st.session_state.get("outcomes", {})
    keys = [(picture.id, choice) for picture in pictures]
    known = {key: known[key] for key in keys if key in known}
    st.session_state["outcomes"] = known
    todo = [(k, p) for k, p in zip(keys, pictures, strict=True) if k not in known]
    if todo and _may_go_on(keys, len(todo)):
        _work_off(todo, keys, known, choice, analyzer)
    return [known[key] for key in keys if key in known]


def _may_go_on(keys: list[_Key], left: int) -> bool:
    """Whether nobody pressed stop for these pictures and settings, or somebody pressed go on."""
    if st.session_state.get("stopped") != keys:
        return True
    if not st.button(f"Go on with the other {left}", icon=":material/play_arrow:"):
        return False
    del st.session_state["stopped"]
    return True


def _stop(keys: list[_Key]) -> None:
    st.session_state["stopped"] = keys


def _work_off(
    todo: list[tuple[_Key, Picture]],
    keys: list[_Key],
    known: dict[_Key, Outcome],
    choice: Choice,
    analyzer: Analyzer,
) -> None:
    place = st.empty()
    if len(todo) == 1:
        with place, st.spinner("Looking for faces …"):
            key, picture = todo[0]
            known[key] = _outcome(picture, choice, analyzer)
        return
    with place.container():
        # The click interrupts this run at its next message; what is done by then stays known.
        st.button("Stop", icon=":material/stop:", on_click=_stop, args=(keys,))
        bar = st.progress(0.0)
        for key, picture in todo:
            bar.progress(len(known) / len(keys), text=f"Picture {len(known) + 1} of {len(keys)}")
            known[key] = _outcome(picture, choice, analyzer)
    place.empty()


def _outcome(picture: Picture, choice: Choice, analyzer: Analyzer) -> Outcome:
    start = time.perf_counter()
    with turns():
        try:
            analysis = analyzer.analyze(read_image(picture.read()), choice.settings)
        except ImageError as exc:
            return Outcome(picture, None, str(exc), time.perf_counter() - start)
    return Outcome(picture, analysis, "", time.perf_counter() - start)


def remembered(name: str, key: object, make: Callable[[], bytes]) -> bytes:
    """Bytes made once for a key; only the last key of each name is kept."""
    kept = st.session_state.get(name)
    if kept is None or kept[0] != key:
        kept = (key, make())
        st.session_state[name] = kept
    return bytes(kept[1])

"""What one visitor's session remembers: the results of the pictures that are there now.

Everything lies in the session, which no other visitor sees. Results are kept by upload and
settings and dropped with either, so that none outlives its picture and no rerun works twice. The
threshold for "unsure" is no part of that: it only changes how a result is told.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ferapp.errors import UserError
from ferapp.media.images import read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.types import FrameAnalysis
from ferapp.ui.pictures.sources import Picture
from ferapp.ui.server import metrics
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.controls import Choice
from ferapp.ui.shared.resources import turns
from ferapp.ui.shared.session_keys import SessionKey

_Key = tuple[str, Choice]


@dataclass(frozen=True)
class PictureResult:
    """What became of one picture.

    Attributes:
        id: Different for each analysis.
        picture: Which.
        analysis: What was found; None where the picture could not be read.
        reason: Why not.
        duration_s: How long reading and analysing took.
    """

    id: str
    picture: Picture
    analysis: FrameAnalysis | None
    reason: str
    duration_s: float


def analyses(
    pictures: Sequence[Picture], choice: Choice, analyzer: Analyzer
) -> list[PictureResult]:
    """One outcome a picture, from memory or made now, with a progress bar and a way to stop.

    After a stop the outcomes that there are come back, and a button goes on.
    """
    known: dict[_Key, PictureResult] = session_keys.PICTURE_RESULTS.get() or {}
    threshold = choice.settings.unsure_below
    choice = replace(choice, settings=replace(choice.settings, unsure_below=None))
    keys = [(picture.id, choice) for picture in pictures]
    known = {key: known[key] for key in keys if key in known}
    session_keys.PICTURE_RESULTS.set(known)
    _forget_all_but({picture.id for picture in pictures})
    todo = [(k, p) for k, p in zip(keys, pictures, strict=True) if k not in known]
    if todo and _may_go_on(keys, len(todo)):
        _work_off(todo, keys, known, choice, analyzer)
    return [_with_threshold(known[key], threshold) for key in keys if key in known]


def _with_threshold(outcome: PictureResult, threshold: float | None) -> PictureResult:
    if outcome.analysis is None or threshold is None:
        return outcome
    return replace(outcome, analysis=replace(outcome.analysis, unsure_below=threshold))


def _forget_all_but(ids: set[str]) -> None:
    """Drop what is kept of pictures that are no longer there."""
    for key in (session_keys.SHOWN_PICTURE, session_keys.SHOWN_CROPS):
        kept = key.get()
        if kept is not None and kept[0][0] not in ids:
            key.clear()
    hidden = session_keys.HIDDEN_BOXES.get() or {}
    session_keys.HIDDEN_BOXES.set({id: boxes for id, boxes in hidden.items() if id in ids})


def hidden_boxes(picture_id: str) -> NDArray[np.float32]:
    """Where the visitor hid faces in a picture, (n, 4), px."""
    boxes = (session_keys.HIDDEN_BOXES.get() or {}).get(picture_id)
    return np.empty((0, 4), np.float32) if boxes is None else boxes


def hide(picture_id: str, xyxy: NDArray[np.float32]) -> None:
    """Remember where faces are hidden: places, because another detector finds other faces."""
    session_keys.HIDDEN_BOXES.setdefault({})[picture_id] = xyxy


def _may_go_on(keys: list[_Key], left: int) -> bool:
    """Whether nobody pressed stop for these pictures and settings, or somebody pressed go on."""
    if session_keys.STOPPED_PICTURES.get() != keys:
        session_keys.STOPPED_PICTURES.clear()
        return True
    if not st.button(f"Analyse the remaining {left}", icon=":material/play_arrow:"):
        return False
    session_keys.STOPPED_PICTURES.clear()
    return True


def _work_off(
    todo: list[tuple[_Key, Picture]],
    keys: list[_Key],
    known: dict[_Key, PictureResult],
    choice: Choice,
    analyzer: Analyzer,
) -> None:
    place = st.empty()
    if len(todo) == 1:
        with place.container(), st.spinner("Looking for faces …"):
            line = st.empty()

            def say(number: int) -> None:
                line.caption(_in_line(number))

            key, picture = todo[0]
            known[key] = _outcome(picture, choice, analyzer, say)
        place.empty()
        return
    with place.container():
        # The click interrupts this run at its next message; what is done by then stays known.
        st.button(
            "Stop", icon=":material/stop:", on_click=session_keys.STOPPED_PICTURES.set, args=(keys,)
        )
        bar = st.progress(0.0)
        for key, picture in todo:
            share, text = len(known) / len(keys), f"Picture {len(known) + 1} of {len(keys)}"
            bar.progress(share, text=text)

            def report(number: int, share: float = share, text: str = text) -> None:
                bar.progress(share, text=f"{text}. {_in_line(number)}")

            known[key] = _outcome(picture, choice, analyzer, report)
    place.empty()


def _in_line(number: int) -> str:
    return f"Waiting for other visitors: you are number {number} in the queue."


def _outcome(
    picture: Picture, choice: Choice, analyzer: Analyzer, report: Callable[[int], None]
) -> PictureResult:
    analysis, reason = None, ""
    with turns().taken(report):
        start = time.perf_counter()
        try:
            analysis = analyzer.analyze(read_image(picture.read()), choice.settings)
        except UserError as exc:
            analysis, reason = None, str(exc)
            metrics.PICTURE_ERRORS.labels(type(exc).__name__).inc()
        else:
            metrics.PICTURES.inc()
    duration_s = time.perf_counter() - start
    metrics.PICTURE_DURATION.observe(duration_s)
    return PictureResult(uuid.uuid4().hex, picture, analysis, reason, duration_s)


def remembered(
    key: SessionKey[tuple[tuple[Any, ...], bytes]],
    outcome: PictureResult,
    detail: object,
    make: Callable[[], bytes],
) -> bytes:
    """Bytes made once for an outcome and a detail; only the last ones of each key are kept."""
    source = (outcome.picture.id, outcome.id, detail)
    kept = key.get()
    if kept is None or kept[0] != source:
        with turns().taken():
            kept = (source, make())
        key.set(kept)
    return kept[1]

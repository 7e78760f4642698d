"""Analyses the pictures that a visitor has chosen, in turn with other visitors.

Results are kept by upload and settings and dropped with either, so that none outlives its picture
and no rerun repeats the work. The threshold for "unsure" is not one of these settings: it only
changes how a result is shown.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ferapp.errors import UserError
from ferapp.media.images import read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.settings import AnalysisSettings
from ferapp.types import FrameAnalysis
from ferapp.ui.pictures.picture_results import (
    PictureResult,
    forget_all_but,
    hidden_boxes,
    hidden_faces,
    places_to_hide,
)
from ferapp.ui.pictures.sheet import thumbnail_of
from ferapp.ui.pictures.view import make_view
from ferapp.ui.server import metrics
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.controls import Choice
from ferapp.ui.shared.resources import turns
from ferapp.ui.shared.sources import Source
from ferapp.vision.crops import Image

_Key = tuple[str, Choice]
_Report = Callable[[int], None]


def analyse(pictures: Sequence[Source], choice: Choice, analyzer: Analyzer) -> list[PictureResult]:
    """One result a picture, from memory or made now, with a progress bar and a Stop button.

    After a stop, the results so far are returned, and a button continues.
    """
    known: dict[_Key, PictureResult] = session_keys.PICTURE_RESULTS.get() or {}
    threshold = choice.settings.unsure_below
    choice = replace(choice, settings=replace(choice.settings, unsure_below=None))
    keys = [(picture.id, choice) for picture in pictures]
    known = {key: known[key] for key in keys if key in known}
    session_keys.PICTURE_RESULTS.set(known)
    ids = [picture.id for picture in pictures]
    forget_all_but(ids)
    todo = [(k, p) for k, p in zip(keys, pictures, strict=True) if k not in known]
    if todo and _may_continue(keys, len(todo)):
        selected = session_keys.SELECTED_PICTURE.get()
        shown = selected if selected in ids else ids[0]

        def analyse_one(picture: Source, report: _Report) -> PictureResult:
            with turns().hold_turn(report):
                result, image = _analyse_one(picture, choice.settings, analyzer)
                if image is not None and picture.id == shown:
                    _make_first_view(result.with_threshold(threshold), image)
            return result

        _work_off(todo, keys, known, analyse_one)
    return [known[key].with_threshold(threshold) for key in keys if key in known]


def are_known(pictures: Sequence[Source]) -> bool:
    """Whether there are results of any of these pictures, with whatever settings."""
    ids = {picture.id for picture in pictures}
    return any(key[0] in ids for key in session_keys.PICTURE_RESULTS.get() or {})


def _analyse_one(
    picture: Source, settings: AnalysisSettings, analyzer: Analyzer
) -> tuple[PictureResult, Image | None]:
    """The result, and the picture itself unless it could not be read or analysed."""
    analysis, image, reason = None, None, ""
    start = time.perf_counter()
    try:
        image = read_image(picture.read())
        analysis = _left_to_right(analyzer.analyze(image, settings))
    except UserError as exc:
        image, reason = None, str(exc)
        metrics.PICTURE_ERRORS.labels(type(exc).__name__).inc()
    else:
        metrics.PICTURES.inc()
    duration_s = time.perf_counter() - start
    metrics.PICTURE_DURATION.observe(duration_s)
    thumbnail = None if image is None else thumbnail_of(image)
    id = uuid.uuid4().hex
    return PictureResult(id, picture, analysis, reason, duration_s, thumbnail), image


def _left_to_right(analysis: FrameAnalysis) -> FrameAnalysis:
    """The page numbers faces so that each is easily found in the picture."""
    centres = analysis.faces.xyxy[:, [0, 2]].mean(axis=1)
    return analysis.at(np.argsort(centres, kind="stable"))


def _make_first_view(result: PictureResult, image: Image) -> None:
    """Make what the page is about to show while the picture is decoded anyway."""
    places = hidden_boxes(result.picture.id)
    if result.analysis:
        faces = hidden_faces(result.analysis, places)
        places = places_to_hide(result.analysis, places, faces)
    make_view(result, places, image)


def _may_continue(keys: list[_Key], remaining: int) -> bool:
    """False after Stop was pressed for these pictures and settings, until the button is pressed."""
    if session_keys.STOPPED_PICTURES.get() != keys:
        session_keys.STOPPED_PICTURES.clear()
        return True
    if not st.button(f"Analyse the remaining {remaining}", icon=":material/play_arrow:"):
        return False
    session_keys.STOPPED_PICTURES.clear()
    return True


def _work_off(
    todo: list[tuple[_Key, Source]],
    keys: list[_Key],
    known: dict[_Key, PictureResult],
    analyse_one: Callable[[Source, _Report], PictureResult],
) -> None:
    place = st.empty()
    if len(todo) == 1:
        with place.container(), st.spinner("Looking for faces …"):
            line = st.empty()
            key, picture = todo[0]
            known[key] = analyse_one(picture, lambda position: _show_position(line, position))
        place.empty()
        return
    with place.container():
        # The click interrupts this run at its next message; what is done by then stays known.
        st.button(
            "Stop",
            icon=":material/stop:",
            on_click=session_keys.STOPPED_PICTURES.set,
            args=(keys,),
        )
        bar = st.progress(0.0)
        for key, picture in todo:
            share, text = len(known) / len(keys), f"Picture {len(known) + 1} of {len(keys)}"
            bar.progress(share, text=text)

            def report(position: int, share: float = share, text: str = text) -> None:
                bar.progress(share, text=f"{text}. {_queue_text(position)}")

            known[key] = analyse_one(picture, report)
    place.empty()


def _show_position(line: DeltaGenerator, position: int) -> None:
    line.caption(_queue_text(position))


def _queue_text(position: int) -> str:
    return f"Waiting for other visitors: you are number {position} in the queue."

"""The results as the page shows them: the picture, a card a face, the table, the downloads."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas
import streamlit as st

from ferapp.labels import label_text
from ferapp.system.csv_tables import csv_bytes
from ferapp.types import LEAST_KEPT, FrameAnalysis
from ferapp.ui.pictures.files import json_bytes, png_of, zip_of
from ferapp.ui.pictures.picture_results import (
    PictureResult,
    hidden_boxes,
    hidden_faces,
    hide,
    places_to_hide,
)
from ferapp.ui.pictures.view import CARD_PX, view_of
from ferapp.ui.shared import charts, session_keys
from ferapp.vision.annotate import captions, hide_faces, percent
from ferapp.vision.crops import Image
from ferapp.wording import counted

_TALL_PX: Final = 560
_CARDS_A_PAGE: Final = 12
_COLUMNS: Final = 3


def show(results: Sequence[PictureResult]) -> None:
    """Everything for the selected picture, and the table and files for all of them."""
    place = _select_picture(results)
    result = results[place]
    if result.analysis is None:
        with st.container(border=True):
            st.markdown(":material/broken_image: **This file could not be read**")
            st.text(f"{_short(result.picture.name)}: {result.reason}")
    elif not len(result.analysis):
        _show_no_face(result)
    else:
        _show_faces(place + 1, result, result.analysis)
    _show_all_pictures(results)


def _select_picture(results: Sequence[PictureResult]) -> int:
    if len(results) == 1:
        return 0
    unread = sum(o.analysis is None for o in results)
    faces = sum(len(o.analysis) for o in results if o.analysis)
    summary = f"{len(results)} pictures, {counted(faces, 'face')}"
    st.markdown(f"**{summary}**" + (f", {unread} could not be read" if unread else ""))
    places = {result.picture.id: place for place, result in enumerate(results)}
    chosen = st.selectbox(
        "Picture",
        list(places),
        key=session_keys.SELECTED_PICTURE.name,
        format_func=lambda id: f"{places[id] + 1}. {_option_text(results[places[id]])}",
    )
    return places.get(chosen, 0)


def _option_text(result: PictureResult) -> str:
    if result.analysis is None:
        status = "could not be read"
    else:
        n = len(result.analysis)
        status = counted(n, "face") if n else "no face"
    return f"{_short(result.picture.name)} ({status})"


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:40]} … {name[-16:]}"


def _show_no_face(result: PictureResult) -> None:
    picture, advice = st.columns([3, 2], gap="medium")
    view = view_of(result, hidden_boxes(result.picture.id))
    picture.image(view.jpeg, width="stretch", alt="The picture, without a face")
    with advice.container(border=True):
        st.markdown(":material/face_retouching_off: **No face found**")
        st.markdown(
            "There may be none. If there is one, try\n"
            "- a lower *minimum face score*,\n"
            "- a picture in which the face is larger, upright and turned to the camera,\n"
            "- another face detector, for faces that are small in the picture."
        )
        _show_notes(result.analysis)


def _show_notes(analysis: FrameAnalysis | None) -> None:
    # Without faces an analysis counts as false.
    for note in () if analysis is None else analysis.notes:
        st.caption(f":material/info: {note}")


def _show_faces(number: int, result: PictureResult, analysis: FrameAnalysis) -> None:
    few = len(analysis) <= 2
    left, right = st.columns([3, 2], gap="medium") if few else (st.container(), None)
    with left:
        blurred = _choose_blurred(result, analysis)
        view = view_of(result, hidden_boxes(result.picture.id))
        is_tall = analysis.size_wh[1] > analysis.size_wh[0]
        st.image(
            view.jpeg,
            width=_TALL_PX if is_tall and not few else "stretch",
            alt="; ".join(c for i, c in enumerate(captions(analysis)[:20]) if i not in blurred),
        )
        st.caption(_summary_text(result, analysis))
        _show_notes(analysis)
        st.download_button(
            "Annotated picture (PNG)",
            png_of(result, hidden_boxes(result.picture.id)),
            file_name=f"ferapp-{number:03d}.png",
            mime="image/png",
            icon=":material/download:",
            on_click="ignore",
        )
    crops = view.crops.copy()
    for i in blurred:
        crops[i] = hide_faces(crops[i], np.array([[0, 0, CARD_PX, CARD_PX]], np.float32))
    if right:
        with right:
            for i in range(len(analysis)):
                _show_card(i, analysis, crops[i])
        return
    pages = -(-len(analysis) // _CARDS_A_PAGE)
    page = st.pagination(pages, key=f"page-{result.id}") if pages > 1 else 1
    columns = st.columns(_COLUMNS, gap="small")
    first = (page - 1) * _CARDS_A_PAGE
    for place, i in enumerate(range(first, min(first + _CARDS_A_PAGE, len(analysis)))):
        with columns[place % _COLUMNS]:
            _show_card(i, analysis, crops[i])


def _choose_blurred(result: PictureResult, analysis: FrameAnalysis) -> set[int]:
    """Let the visitor blur faces; their places stay blurred whatever is found later."""
    before = hidden_boxes(result.picture.id)
    blurred = hidden_faces(analysis, before)
    if len(analysis) < 2 and not len(before):
        return blurred
    everyone = range(len(analysis))
    shown = st.pills(
        "Faces to show; the rest are blurred in the picture, its files and the cards",
        everyone,
        selection_mode="multi",
        default=[i for i in everyone if i not in blurred],
        format_func=lambda i: str(i + 1),
        key=f"shown-{result.id}",
    )
    blurred = {i for i in everyone if i not in shown}
    hide(result.picture.id, places_to_hide(analysis, before, blurred))
    return blurred


def _summary_text(result: PictureResult, analysis: FrameAnalysis) -> str:
    text = f"{counted(len(analysis), 'face')} in {result.duration_s * 1000:.0f} ms"
    text += f" with {analysis.detector} and {analysis.classifier}."
    if analysis.is_cut:
        text += f" There are more: the settings keep only the {len(analysis)} with the best scores."
    if analysis.left_out:
        text += f" Probabilities renormalised over {', '.join(analysis.labels)}."
    return text


def _show_card(i: int, analysis: FrameAnalysis, crop: Image) -> None:
    shares, label = analysis.probabilities[i], label_text(analysis.face_labels[i])
    with st.container(border=True):
        head = st.container(horizontal=True, vertical_alignment="center", wrap=False)
        head.image(crop, width=CARD_PX // 2, alt=f"Face {i + 1}")
        with head.container(gap=None):
            confidence = float(analysis.confidence[i])
            st.markdown(f"**{i + 1} · {label}**")
            is_unsure = analysis.is_unsure[i]
            st.caption(
                _unsure_text(i, analysis) if is_unsure else f"Probability {percent(confidence)}"
            )
            if analysis.flaws and analysis.flaws[i]:
                st.caption(f"Hard to read: this face is {analysis.flaws[i]}.")
            if analysis.smiles is not None:
                st.caption(f"Smile cascade: {'a smile' if analysis.smiles[i] else 'no smile'}")
        st.plotly_chart(
            charts.probability_bars(analysis.labels, shares),
            config={"staticPlot": True, "displayModeBar": False},
            key=f"bars-{i}",
            alt=charts.alt_text(analysis.labels, shares),
        )


def _unsure_text(i: int, analysis: FrameAnalysis) -> str:
    if analysis.share_kept is not None and analysis.share_kept[i] < LEAST_KEPT:
        left_out = percent(1 - float(analysis.share_kept[i]))
        return f"{left_out} of the probability lies on expressions that you left out."
    return (
        f"The best guess, {analysis.expressions[i]} at {percent(float(analysis.confidence[i]))}, "
        f"is below the threshold of {percent(analysis.unsure_below)}."
    )


def _show_all_pictures(results: Sequence[PictureResult]) -> None:
    table = _table(results)
    st.subheader("Table", anchor=False)
    if len(table):
        first = ["picture", "file", "face", "expression", "probability", "is_unsure"]
        last = ["score", "x1", "y1", "x2", "y2"]
        middle = [c for c in table.columns if c not in first + last]
        st.dataframe(
            table,
            hide_index=True,
            column_order=first + middle + last,
            column_config=_columns(middle),
        )
    else:
        st.caption("No face was found, so the table is empty.")
    files = st.container(horizontal=True)
    files.download_button(
        "Table (CSV)",
        lambda: csv_bytes(table),
        file_name="ferapp.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    files.download_button(
        "Everything (JSON)",
        lambda: json_bytes(results),
        file_name="ferapp.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
    )
    if len(results) > 1:
        files.download_button(
            "Annotated pictures (ZIP)",
            zip_of([(o, hidden_boxes(o.picture.id)) for o in results]),
            file_name="ferapp.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
        )


def _table(results: Sequence[PictureResult]) -> pandas.DataFrame:
    parts = []
    for number, result in enumerate(results, 1):
        if result.analysis is not None:
            part = result.analysis.to_frame()
            part.insert(0, "picture", number)
            part.insert(1, "file", result.picture.name)
            parts.append(part)
    return pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame()


def _columns(middle: list[str]) -> dict[str, Any]:
    """How columns look; those in the middle are probabilities unless they are named below."""
    column = st.column_config
    return {
        **{c: column.NumberColumn(format="%.3f") for c in middle},
        **{c: column.NumberColumn(format="%.0f") for c in ("x1", "y1", "x2", "y2")},
        "score": column.NumberColumn(format="%.2f"),
        "is_unsure": column.CheckboxColumn("unsure"),
        "is_smiling": column.CheckboxColumn("smile"),
        "probability": column.ProgressColumn(format="%.2f", min_value=0, max_value=1),
        "flaw": column.TextColumn("hard to read"),
    }

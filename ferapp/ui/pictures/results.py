"""The results as the page shows them: the picture, a card a face, the table, the downloads."""

from collections.abc import Sequence
from typing import Any

import pandas
import streamlit as st

from ferapp.system.csv_tables import csv_bytes
from ferapp.types import FrameAnalysis
from ferapp.ui.pictures.comparison import show_comparison
from ferapp.ui.pictures.contact_sheet import select_picture
from ferapp.ui.pictures.explorer import show_explorer
from ferapp.ui.pictures.face_shapes import explain_measures
from ferapp.ui.pictures.files import json_bytes, png_of, zip_of
from ferapp.ui.pictures.picture_results import (
    PictureResult,
    hidden_boxes,
    hidden_faces,
    hide,
    places_to_hide,
)
from ferapp.ui.pictures.stepper import show_stepper
from ferapp.ui.pictures.view import view_of
from ferapp.ui.shared.controls import Choice
from ferapp.wording import counted


def show(results: Sequence[PictureResult], choice: Choice) -> None:
    """Everything for the selected picture, and the table and files for all of them."""
    place = select_picture(results)
    result = results[place]
    if result.analysis is None:
        with st.container(border=True):
            st.markdown(":material/broken_image: **This file could not be read**")
            st.text(f"{_short(result.picture.name)}: {result.reason}")
    elif not len(result.analysis):
        _show_no_face(result)
    else:
        _show_faces(place + 1, result, result.analysis)
    if result.analysis is not None:
        show_comparison(result, choice)
    if len(results) == 1:
        # Of several, the contact sheet has the keys.
        show_stepper([result.picture.id], result.picture.id, lambda _: None)
    _show_all_pictures(results)


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
    places = hidden_boxes(result.picture.id)
    hidden = hidden_faces(analysis, places)

    def hide_these(faces: set[int]) -> None:
        hide(result.picture.id, places_to_hide(analysis, places, faces))

    # The places of what another detector found, and those of these faces.
    hide_these(hidden)
    shown = view_of(result, hidden_boxes(result.picture.id))
    show_explorer(analysis, shown, hidden, id=result.id, on_hide=hide_these)
    if analysis.shapes is not None:
        explain_measures()
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


def _summary_text(result: PictureResult, analysis: FrameAnalysis) -> str:
    text = f"{counted(len(analysis), 'face')} in {result.duration_s * 1000:.0f} ms"
    text += f" with {analysis.detector} and {analysis.classifier}."
    if analysis.is_cut:
        text += f" There are more: the settings keep only the {len(analysis)} with the best scores."
    if analysis.left_out:
        text += f" Probabilities renormalised over {', '.join(analysis.labels)}."
    return text


def _show_all_pictures(results: Sequence[PictureResult]) -> None:
    table = _table(results)
    st.header("Table", anchor=False)
    if len(table):
        first = ["picture", "file", "face", "expression", "probability", "is_unsure"]
        last = ["score", "x1", "y1", "x2", "y2"]
        # Two columns for each landmark are for files.
        others = [str(c) for c in table.columns if c not in first + last]
        middle = [c for c in others if not c.startswith("landmark_")]
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
        "head_pose": column.TextColumn("head"),
        "shape_missing": column.TextColumn("no landmarks or measures"),
    }

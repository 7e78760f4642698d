"""What was found, as the page shows it: the picture, a card a face, the table, the downloads."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas
import streamlit as st

from ferapp.system.csv_tables import csv_bytes
from ferapp.types import FrameAnalysis
from ferapp.ui.pictures.files import (
    CARD_PX,
    SAME_PLACE_IOU,
    crops,
    json_bytes,
    picture_bytes,
    png_of,
    zip_of,
)
from ferapp.ui.pictures.picture_results import PictureResult, hidden_boxes, hide
from ferapp.ui.shared import charts, session_keys
from ferapp.vision.annotate import captions, hidden, percent
from ferapp.vision.boxes import iou
from ferapp.vision.crops import Image
from ferapp.wording import counted

_TALL_PX: Final = 560
_CARDS_A_PAGE: Final = 12
_COLUMNS: Final = 3


def show(outcomes: Sequence[PictureResult]) -> None:
    """Everything for the picture that is looked at, and the table and files for all of them."""
    place = _looked_at(outcomes)
    outcome = outcomes[place]
    if outcome.analysis is None:
        with st.container(border=True):
            st.markdown(":material/broken_image: **This file could not be read**")
            st.text(f"{_short(outcome.picture.name)}: {outcome.reason}")
    elif not len(outcome.analysis):
        _nothing_found(outcome)
    else:
        _faces(place + 1, outcome, outcome.analysis)
    _all_pictures(outcomes)


def _looked_at(outcomes: Sequence[PictureResult]) -> int:
    if len(outcomes) == 1:
        return 0
    unread = sum(o.analysis is None for o in outcomes)
    faces = sum(len(o.analysis) for o in outcomes if o.analysis)
    told = f"{len(outcomes)} pictures, {counted(faces, 'face')}"
    st.markdown(f"**{told}**" + (f", {unread} could not be read" if unread else ""))
    places = {outcome.picture.id: place for place, outcome in enumerate(outcomes)}
    chosen = st.selectbox(
        "Picture",
        list(places),
        key=session_keys.SELECTED_PICTURE.name,
        format_func=lambda id: f"{places[id] + 1}. {_listed(outcomes[places[id]])}",
    )
    return places.get(chosen, 0)


def _listed(outcome: PictureResult) -> str:
    if outcome.analysis is None:
        told = "could not be read"
    else:
        n = len(outcome.analysis)
        told = counted(n, "face") if n else "no face"
    return f"{_short(outcome.picture.name)} ({told})"


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:40]} … {name[-16:]}"


def _nothing_found(outcome: PictureResult) -> None:
    picture, advice = st.columns([3, 2], gap="medium")
    picture.image(picture_bytes(outcome), width="stretch", alt="The picture, without a face")
    with advice.container(border=True):
        st.markdown(":material/face_retouching_off: **No face found**")
        st.markdown(
            "That may well be right. If there is one, try\n"
            "- a lower *minimum face score*,\n"
            "- a picture in which the face is larger, upright and turned to the camera,\n"
            "- another face detector, for faces that are small in the picture."
        )


def _faces(number: int, outcome: PictureResult, analysis: FrameAnalysis) -> None:
    few = len(analysis) <= 2
    left, right = st.columns([3, 2], gap="medium") if few else (st.container(), None)
    with left:
        covered = _covered(outcome, analysis)
        is_tall = analysis.size_wh[1] > analysis.size_wh[0]
        st.image(
            picture_bytes(outcome, analysis),
            width=_TALL_PX if is_tall and not few else "stretch",
            alt="; ".join(c for i, c in enumerate(captions(analysis)[:20]) if i not in covered),
        )
        st.caption(_summary_text(outcome, analysis))
        st.download_button(
            "Annotated picture (PNG)",
            png_of(outcome, hidden_boxes(outcome.picture.id)),
            file_name=f"ferapp-{number:03d}.png",
            mime="image/png",
            icon=":material/download:",
            on_click="ignore",
        )
    shown = crops(outcome, analysis)
    for i in covered:
        shown[i] = hidden(shown[i], np.array([[0, 0, CARD_PX, CARD_PX]], np.float32))
    if right:
        with right:
            for i in range(len(analysis)):
                _card(i, analysis, shown[i])
        return
    pages = -(-len(analysis) // _CARDS_A_PAGE)
    page = st.pagination(pages, key=f"page-{outcome.id}") if pages > 1 else 1
    columns = st.columns(_COLUMNS, gap="small")
    first = (page - 1) * _CARDS_A_PAGE
    for place, i in enumerate(range(first, min(first + _CARDS_A_PAGE, len(analysis)))):
        with columns[place % _COLUMNS]:
            _card(i, analysis, shown[i])


def _covered(outcome: PictureResult, analysis: FrameAnalysis) -> set[int]:
    """The faces that the visitor takes away; their places stay hidden whatever is found later."""
    before = hidden_boxes(outcome.picture.id)
    overlap = iou(analysis.faces.xyxy, before)
    everyone = range(len(analysis))
    covered = {i for i in everyone if overlap[i].max(initial=0) > SAME_PLACE_IOU}
    if len(analysis) < 2 and not len(before):
        return covered
    shown = st.pills(
        "Faces to show; the rest are blurred in the picture, its files and the cards",
        everyone,
        selection_mode="multi",
        default=[i for i in everyone if i not in covered],
        format_func=lambda i: str(i + 1),
        key=f"shown-{outcome.id}",
    )
    covered = {i for i in everyone if i not in shown}
    elsewhere = before[overlap.max(axis=0, initial=0) <= SAME_PLACE_IOU]
    hide(outcome.picture.id, np.concatenate([elsewhere, analysis.faces.xyxy[sorted(covered)]]))
    return covered


def _summary_text(outcome: PictureResult, analysis: FrameAnalysis) -> str:
    told = f"{counted(len(analysis), 'face')} in {outcome.duration_s * 1000:.0f} ms"
    told += f" with {analysis.detector} and {analysis.classifier}."
    if analysis.is_cut:
        told += f" There are more: only the {len(analysis)} with the best scores are kept, as set."
    if analysis.left_out:
        told += f" Probabilities renormalised over {', '.join(analysis.labels)}."
    return told


def _card(i: int, analysis: FrameAnalysis, crop: Image) -> None:
    shares, name = analysis.probabilities[i], analysis.expressions[i]
    with st.container(border=True):
        head = st.container(horizontal=True, vertical_alignment="center", wrap=False)
        head.image(crop, width=CARD_PX // 2, alt=f"Face {i + 1}")
        with head.container(gap=None):
            confidence = float(analysis.confidence[i])
            if analysis.is_unsure[i]:
                st.markdown(f"**{i + 1} · unsure**")
                st.caption(_doubt(i, analysis))
            else:
                st.markdown(f"**{i + 1} · {name}**")
                st.caption(f"Probability {percent(confidence)}")
            if analysis.smiles is not None:
                st.caption(f"Smile cascade: {'a smile' if analysis.smiles[i] else 'no smile'}")
        st.plotly_chart(
            charts.probability_bars(analysis.labels, shares),
            config={"staticPlot": True, "displayModeBar": False},
            key=f"bars-{i}",
            alt=charts.spoken(analysis.labels, shares),
        )


def _doubt(i: int, analysis: FrameAnalysis) -> str:
    if analysis.share_kept is not None and analysis.share_kept[i] < 0.5:
        left_out = percent(1 - float(analysis.share_kept[i]))
        return f"{left_out} of the probability lies on expressions that you left out."
    return (
        f"The best guess, {analysis.expressions[i]} at {percent(float(analysis.confidence[i]))}, "
        f"is under the threshold of {percent(analysis.unsure_below)}."
    )


def _all_pictures(outcomes: Sequence[PictureResult]) -> None:
    table = _table(outcomes)
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
        st.caption("No face, so no row.")
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
        lambda: json_bytes(outcomes),
        file_name="ferapp.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
    )
    if len(outcomes) > 1:
        files.download_button(
            "Annotated pictures (ZIP)",
            zip_of([(o, hidden_boxes(o.picture.id)) for o in outcomes]),
            file_name="ferapp.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
        )


def _table(outcomes: Sequence[PictureResult]) -> pandas.DataFrame:
    parts = []
    for number, outcome in enumerate(outcomes, 1):
        if outcome.analysis is not None:
            part = outcome.analysis.to_frame()
            part.insert(0, "picture", number)
            part.insert(1, "file", outcome.picture.name)
            parts.append(part)
    return pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame()


def _columns(shares: list[str]) -> dict[str, Any]:
    column = st.column_config
    return {
        **{c: column.NumberColumn(format="%.0f") for c in ("x1", "y1", "x2", "y2")},
        "score": column.NumberColumn(format="%.2f"),
        "is_unsure": column.CheckboxColumn("unsure"),
        "is_smiling": column.CheckboxColumn("smile"),
        "probability": column.ProgressColumn(format="%.2f", min_value=0, max_value=1),
        **{c: column.NumberColumn(format="%.3f") for c in shares if c != "is_smiling"},
    }

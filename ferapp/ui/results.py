"""What was found: the annotated picture, a card a face, the table and the downloads."""

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas
import streamlit as st
from numpy.typing import NDArray

from ferapp.media.images import jpeg_bytes, png_bytes, read_image
from ferapp.recording.export import csv_bytes
from ferapp.types import FrameAnalysis
from ferapp.ui import charts
from ferapp.ui.state import Outcome, remembered
from ferapp.vision.annotate import annotated, captions, colours, hidden, percent
from ferapp.vision.boxes import squares
from ferapp.vision.crops import Image, region, resized

_SHOWN_PX: Final = 1600
_TALL_PX: Final = 560
_CARD_PX: Final = 160
_CARDS_A_PAGE: Final = 12
_COLUMNS: Final = 3


def show(outcomes: Sequence[Outcome]) -> None:
    """Everything for the picture that is looked at, and the table and files for all of them."""
    outcome = outcomes[_looked_at(outcomes)]
    if outcome.analysis is None:
        with st.container(border=True):
            st.markdown(":material/broken_image: **This file could not be read**")
            st.text(f"{_short(outcome.picture.name)}: {outcome.reason}")
    elif not len(outcome.analysis):
        _nothing_found(outcome)
    else:
        _faces(outcome, outcome.analysis)
    _all_pictures(outcomes)


def _looked_at(outcomes: Sequence[Outcome]) -> int:
    if len(outcomes) == 1:
        return 0
    unread = sum(o.analysis is None for o in outcomes)
    faces = sum(len(o.analysis) for o in outcomes if o.analysis)
    told = f"{len(outcomes)} pictures, {faces} {'face' if faces == 1 else 'faces'}"
    st.markdown(f"**{told}**" + (f", {unread} could not be read" if unread else ""))
    chosen = st.selectbox(
        "Picture", range(len(outcomes)), format_func=lambda i: f"{i + 1}. {_listed(outcomes[i])}"
    )
    return chosen or 0


def _listed(outcome: Outcome) -> str:
    if outcome.analysis is None:
        told = "could not be read"
    else:
        n = len(outcome.analysis)
        told = f"{n} {'face' if n == 1 else 'faces'}" if n else "no face"
    return f"{_short(outcome.picture.name)} ({told})"


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:40]} … {name[-16:]}"


def _nothing_found(outcome: Outcome) -> None:
    picture, advice = st.columns([3, 2], gap="medium")
    picture.image(_picture_bytes(outcome, ()), width="stretch", alt="The picture, without a face")
    with advice.container(border=True):
        st.markdown(":material/face_retouching_off: **No face found**")
        st.markdown(
            "That may well be right. If there is one, try\n"
            "- a lower *least score of a face*,\n"
            "- a picture in which the face is larger, upright and turned to the camera,\n"
            "- another face detector, such as `yunet`, for small faces."
        )


def _faces(outcome: Outcome, analysis: FrameAnalysis) -> None:
    everyone = range(len(analysis))
    few = len(analysis) <= 2
    left, right = st.columns([3, 2], gap="medium") if few else (st.container(), None)
    with left:
        covered = _covered(outcome, analysis)
        is_tall = analysis.size_wh[1] > analysis.size_wh[0]
        st.image(
            _picture_bytes(outcome, covered),
            width=_TALL_PX if is_tall and not few else "stretch",
            alt="; ".join(captions(analysis)[:20]),
        )
        st.caption(_told(outcome, analysis))
        st.download_button(
            "Annotated picture (PNG)",
            lambda: _annotated_png(outcome, covered),
            file_name="ferapp.png",
            mime="image/png",
            icon=":material/download:",
            on_click="ignore",
        )
    crops = _crops(outcome, analysis)
    if right:
        with right:
            for i in everyone:
                _card(i, analysis, crops[i])
        return
    pages = -(-len(analysis) // _CARDS_A_PAGE)
    page = st.pagination(pages) if pages > 1 else 1
    columns = st.columns(_COLUMNS, gap="small")
    for place, i in enumerate(everyone[(page - 1) * _CARDS_A_PAGE : page * _CARDS_A_PAGE]):
        with columns[place % _COLUMNS]:
            _card(i, analysis, crops[i])


def _covered(outcome: Outcome, analysis: FrameAnalysis) -> tuple[int, ...]:
    """The faces that the visitor takes away; theirs are hidden in the picture and its file."""
    if len(analysis) < 2:
        return ()
    shown = st.pills(
        "Faces to show; the others are hidden in the picture and its file",
        range(len(analysis)),
        selection_mode="multi",
        default=list(range(len(analysis))),
        format_func=lambda i: str(i + 1),
        key=f"shown-{outcome.picture.id}-{len(analysis)}",
    )
    return tuple(i for i in range(len(analysis)) if i not in shown)


def _told(outcome: Outcome, analysis: FrameAnalysis) -> str:
    n = len(analysis)
    told = f"{n} {'face' if n == 1 else 'faces'} in {outcome.seconds * 1000:.0f} ms"
    told += f" with {analysis.detector} and {analysis.classifier}."
    if analysis.left_out:
        told += f" Probabilities renormalised over {', '.join(analysis.labels)}."
    return told


def _card(i: int, analysis: FrameAnalysis, crop: Image) -> None:
    shares, name = analysis.probabilities[i], analysis.expressions[i]
    with st.container(border=True):
        head = st.container(horizontal=True, vertical_alignment="center", wrap=False)
        head.image(crop, width=_CARD_PX // 2, alt=f"Face {i + 1}")
        with head.container(gap=None):
            confidence = float(analysis.confidence[i])
            if analysis.is_unsure[i]:
                st.markdown(f"**{i + 1} · unsure**")
                st.caption(
                    f"The best guess, {name} at {percent(confidence)}, is under the threshold of "
                    f"{analysis.unsure_below:.0%}."
                )
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


def _all_pictures(outcomes: Sequence[Outcome]) -> None:
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
        lambda: _json_bytes(outcomes),
        file_name="ferapp.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
    )
    if len(outcomes) > 1:
        files.download_button(
            "Annotated pictures (ZIP)",
            lambda: _zip_bytes(outcomes),
            file_name="ferapp.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
        )


def _table(outcomes: Sequence[Outcome]) -> pandas.DataFrame:
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
        "probability": column.ProgressColumn(format="percent", min_value=0, max_value=1),
        **{c: column.NumberColumn(format="percent") for c in shares if c != "is_smiling"},
    }


def _json_bytes(outcomes: Sequence[Outcome]) -> bytes:
    rows = [
        {"file": o.picture.name}
        | (o.analysis.to_record() if o.analysis is not None else {"error": o.reason})
        for o in outcomes
    ]
    return json.dumps(rows, ensure_ascii=False, indent=2, allow_nan=False).encode("utf-8")


def _zip_bytes(outcomes: Sequence[Outcome]) -> bytes:
    out = io.BytesIO()
    # PNG is compressed already.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for number, outcome in enumerate(outcomes, 1):
            if outcome.analysis is not None:
                archive.writestr(f"ferapp-{number:03d}.png", _annotated_png(outcome, ()))
    return out.getvalue()


def _annotated_png(outcome: Outcome, covered: tuple[int, ...]) -> bytes:
    return png_bytes(_drawn(read_image(outcome.picture.read()), outcome.analysis, covered))


def _picture_bytes(outcome: Outcome, covered: tuple[int, ...]) -> bytes:
    """The annotated picture as the page shows it, made once per picture, result and choice."""

    def make() -> bytes:
        return jpeg_bytes(_fitted(_drawn(read_image(outcome.picture.read()), analysis, covered)))

    analysis = outcome.analysis
    return remembered("picture", (outcome.picture.id, id(analysis), covered), make)


def _drawn(image: Image, analysis: FrameAnalysis | None, covered: tuple[int, ...]) -> Image:
    if analysis is None or not len(analysis):
        return image
    xyxy = analysis.faces.xyxy
    if covered:
        image = hidden(image, xyxy[list(covered)])
    seen = [i for i in range(len(analysis)) if i not in covered]
    texts, inks = captions(analysis), colours(analysis)
    return annotated(image, xyxy[seen], [texts[i] for i in seen], [inks[i] for i in seen])


def _fitted(image: Image) -> Image:
    scale = _SHOWN_PX / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = image.shape[:2]
    return resized(image, (max(round(width * scale), 1), max(round(height * scale), 1)))


def _crops(outcome: Outcome, analysis: FrameAnalysis) -> NDArray[np.uint8]:
    """The faces as squares for the cards, (n, side, side, 3), made once per picture and result."""
    shape = (len(analysis), _CARD_PX, _CARD_PX, 3)

    def make() -> bytes:
        image = read_image(outcome.picture.read())
        faces = [
            region(image, square, (_CARD_PX, _CARD_PX))
            for square in squares(analysis.faces.xyxy, padding=0.15)
        ]
        return np.stack(faces).tobytes()

    kept = remembered("crops", (outcome.picture.id, id(analysis)), make)
    return np.frombuffer(kept, np.uint8).reshape(shape)

"""Many pictures at a glance: totals, a sheet of thumbnails, and the way from one to the next."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

import streamlit as st

from ferapp.media.images import jpeg_bytes, read_image
from ferapp.ui.pictures.picture_results import PictureResult, hidden_boxes
from ferapp.ui.pictures.sheet import Thumbnail, show_sheet
from ferapp.ui.pictures.stepper import show_stepper
from ferapp.ui.shared import charts, session_keys
from ferapp.ui.shared.components.own import data_url
from ferapp.vision.annotate import hide_faces, label_texts
from ferapp.wording import counted

_A_PAGE: Final = 24
Order = Literal["As they came", "Most faces first", "By name"]
_ORDERS: Final[tuple[Order, ...]] = ("As they came", "Most faces first", "By name")


def select_picture(results: Sequence[PictureResult]) -> int:
    """Show what there is of several pictures, and return the place of the one to be shown."""
    places = {result.picture.id: place for place, result in enumerate(results)}
    chosen = places.get(session_keys.SELECTED_PICTURE.get() or "", 0)
    if len(results) == 1:
        return 0
    unread = sum(result.analysis is None for result in results)
    counts = _counts(results)
    summary = f"{counted(len(results), 'picture')}, {counted(sum(counts.values()), 'face')}"
    st.markdown(f"**{summary}**" + (f", {unread} could not be read" if unread else ""))
    if counts:
        st.plotly_chart(
            charts.count_bars(counts, _expressions(results)),
            config={"staticPlot": True, "displayModeBar": False},
            key="counts",
            alt="; ".join(f"{label}: {count}" for label, count in counts.items()),
        )
    listed = _listed(results)
    _show_sheet(results, listed, results[chosen].picture.id)
    ids = [results[place].picture.id for place in listed]
    show_stepper(ids, results[chosen].picture.id, session_keys.SELECTED_PICTURE.set)
    return chosen


def _counts(results: Sequence[PictureResult]) -> dict[str, int]:
    """How many faces of all pictures have each label, the most frequent first."""
    labels = (
        label
        for result in results
        if result.analysis is not None
        for label in label_texts(result.analysis)
    )
    return dict(Counter(labels).most_common())


def _expressions(results: Sequence[PictureResult]) -> tuple[str, ...]:
    """All that the models of these results know."""
    analyses = [result.analysis for result in results if result.analysis is not None]
    return tuple(dict.fromkeys(name for analysis in analyses for name in analysis.labels))


def _listed(results: Sequence[PictureResult]) -> list[int]:
    """The places of the pictures on the sheet, in its order, as the visitor wants them."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    order = row.selectbox(
        "Order", _ORDERS, key=session_keys.PICTURE_ORDER.name, persist_state="session", width=220
    )
    only_unsure = row.toggle(
        "Only with unsure faces", key=session_keys.ONLY_UNSURE.name, persist_state="session"
    )
    places = list(range(len(results)))
    if only_unsure:
        places = [place for place in places if _has_unsure(results[place])]
        if not places:
            st.caption("In no picture is a face unsure.")
    if order == "Most faces first":
        places.sort(key=lambda place: -len(results[place].analysis or ()))
    if order == "By name":
        places.sort(key=lambda place: results[place].picture.name.casefold())
    return places


def _has_unsure(result: PictureResult) -> bool:
    return result.analysis is not None and bool(result.analysis.is_unsure.any())


def _show_sheet(results: Sequence[PictureResult], listed: Sequence[int], chosen: str) -> None:
    pages = -(-len(listed) // _A_PAGE)
    page = st.pagination(pages, key=f"sheet-{pages}") if pages > 1 else 1
    first = (page - 1) * _A_PAGE
    thumbnails = [
        Thumbnail(
            results[place].picture.id,
            _image(results[place]),
            f"{place + 1}. {results[place].picture.name}",
            _text(results[place]),
            results[place].picture.name,
        )
        for place in listed[first : first + _A_PAGE]
    ]
    show_sheet(
        thumbnails,
        label="Pictures",
        chosen=chosen,
        key="sheet",
        on_choose=session_keys.SELECTED_PICTURE.set,
    )


def _text(result: PictureResult) -> str:
    if result.analysis is None:
        return "could not be read"
    return counted(len(result.analysis), "face") if len(result.analysis) else "no face"


def _image(result: PictureResult) -> str:
    """The thumbnail, with the faces blurred that the visitor hid; empty if there is no picture."""
    if result.thumbnail is None or result.analysis is None:
        return ""
    hidden = hidden_boxes(result.picture.id)
    if not len(hidden):
        return data_url(result.thumbnail)
    image = read_image(result.thumbnail)
    scale = image.shape[1] / result.analysis.size_wh[0]
    return data_url(jpeg_bytes(hide_faces(image, hidden * scale)))

"""Pictures side by side, of which one can be chosen by a click."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from ferapp.ui.shared import session_keys


@dataclass(frozen=True)
class Thumbnail:
    """One picture of a sheet.

    Attributes:
        id: Of the picture.
        image: For the browser, see `data_url`; empty if there is none to show.
        title: The first line.
        text: The second line.
        hint: Shown while the mouse is over it.
    """

    id: str
    image: str
    title: str
    text: str = ""
    hint: str = ""


def data_url(jpeg: bytes) -> str:
    """A JPEG file as an address that holds it, so that the server keeps no copy to fetch."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    here = Path(__file__).parent
    css, js = ((here / f"sheet.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    return st.components.v2.component(
        "ferapp_sheet", html="<ul class='sheet'></ul>", css=css, js=js
    )


def show_sheet(
    thumbnails: Sequence[Thumbnail],
    *,
    label: str,
    chosen: str | None,
    key: str,
    on_choose: Callable[[str], object],
) -> None:
    """Show pictures side by side.

    Args:
        thumbnails: The pictures.
        label: What they are, for screen readers.
        chosen: Id of the one that is chosen now.
        key: Of the widget.
        on_choose: Called with the id of the one that is clicked.
    """
    ids = {each.id for each in thumbnails}

    def note_chosen() -> None:
        id = (session_keys.SessionKey[Any](key).get() or {}).get("chosen")
        if id in ids:
            on_choose(id)

    _component()(
        data={"items": [asdict(each) for each in thumbnails], "label": label, "chosen": chosen},
        key=key,
        on_chosen_change=note_chosen,
    )

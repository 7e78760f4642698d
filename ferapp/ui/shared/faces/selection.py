"""Lists from which a face is chosen, by name and number."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import numpy as np
import streamlit as st

from ferapp.labels import face_title
from ferapp.sessions.session import Readings
from ferapp.ui.shared.session_keys import SessionKey, shown_texts
from ferapp.wording import counted

V = TypeVar("V")

MOST_FACES: Final = 200
"""How many faces a list offers, those seen longest first."""


def list_faces(readings: Readings) -> dict[int, int]:
    """How many readings each face has, those seen longest first; at most `MOST_FACES`."""
    faces, counts = np.unique(readings.face, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_FACES]
    return dict(zip(faces[order].tolist(), counts[order].tolist(), strict=True))


def select_face(
    label: str, counts: Mapping[int, int], names: Mapping[int, str], *, key: str, first: int = 0
) -> int:
    """Let the visitor select a face.

    Args:
        label: Of the list.
        counts: How many readings each face has, as `list_faces` gives them; at least one face.
        names: Names of faces by number.
        key: Of the widget.
        first: Place of the face that is selected at first.
    """
    faces = list(counts)
    texts = {f: face_title(f, names, counted(counts[f], "reading")) for f in faces}
    chosen = SessionKey[int](key)
    face = chosen.get()
    if face is None or face not in counts:  # the first time, or it was merged with another one
        face = faces[min(first, len(faces) - 1)]
    show_again(chosen, face, [texts[face]])
    picked = st.selectbox(label, faces, key=key, format_func=texts.__getitem__, width=360)
    return face if picked is None else int(picked)


def show_again(key: SessionKey[V], value: V, texts: Sequence[str]) -> None:
    """Set the value of a widget if the texts for it have changed.

    The browser knows an option only by its text: without a value that is set anew, it goes on
    showing the name that the face had before.

    Args:
        key: Of the widget.
        value: Its value.
        texts: How its value is shown.
    """
    shown = shown_texts(key)
    if shown.get() != tuple(texts) or key.get() != value:
        key.set(value)
    shown.set(tuple(texts))

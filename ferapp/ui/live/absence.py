"""A word when no face has been read for a while, and what to do about it."""

from typing import Final

import streamlit as st

from ferapp.pipeline.absence import Absence
from ferapp.wording import counted

ADVICE: Final = {
    "nobody": "nobody seems to be in the picture. Sit in front of the camera, facing it.",
    "dark picture": "the picture is too dark. Turn on a light in front of you.",
    "small face": "what may be a face is too small. Come closer, or choose a larger picture size.",
    "doubtful face": "there may be a face, but turned away, covered or blurred. Look into the "
    "camera, in good light.",
    "too small": "the face is too small. Come closer, or choose a larger picture size.",
    "cut by the border": "the face is cut by the border. Move to the middle of the picture.",
    "too dark": "the face is too dark. Turn on a light in front of you, not behind.",
    "too bright": "the face is too bright. Move out of the light, or dim it.",
    "blurred": "the face is blurred. Hold still, clean the lens, or turn on a light.",
}
"""The reason, and what helps, by `Absence.reason`."""


def absence_text(absence: Absence) -> str:
    """The sentence about it."""
    seconds = counted(int(absence.for_s), "second")
    return f"No face was read for {seconds}: {ADVICE[absence.reason]}"


def show_absence(absence: Absence | None) -> None:
    """Say it, if there is something to say; for a fragment."""
    if absence is not None:
        st.info(absence_text(absence), icon=":material/person_off:")

"""The pictures page: choosing pictures, their results, and keeping these as a session."""

import streamlit as st

from ferapp.ui.pictures import results
from ferapp.ui.pictures.analysis import analyse, are_known
from ferapp.ui.pictures.face_shapes import with_landmarks
from ferapp.ui.pictures.recording import picture_controls
from ferapp.ui.pictures.sources import choose_pictures
from ferapp.ui.shared import resources
from ferapp.ui.shared.controls import Choice


def show(choice: Choice) -> None:
    """The whole page below its heading."""
    pictures = choose_pictures()
    with st.sidebar:
        choice = with_landmarks(choice)
    progress, below = st.container(), st.empty()
    if not are_known(pictures):
        # What is below belongs to other pictures, and would stay until these are analysed.
        below.empty()
    analyzer = resources.analyzer(choice.models)
    with progress:
        analysed = analyse(pictures, choice, analyzer)
    if analysed:
        with below.container():
            results.show(analysed, choice)
            picture_controls(analysed, choice)

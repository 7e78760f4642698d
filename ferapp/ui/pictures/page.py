"""The pictures page: where pictures come from, what was found, and keeping it."""

import streamlit as st

from ferapp.ui.pictures import results
from ferapp.ui.pictures.picture_results import analyses
from ferapp.ui.pictures.recording import picture_controls
from ferapp.ui.pictures.sources import chosen
from ferapp.ui.shared import resources
from ferapp.ui.shared.controls import Choice


def show(choice: Choice) -> None:
    """The whole page below its heading."""
    sources = chosen()
    analyzer = resources.analyzer(choice.models)
    outcomes = analyses(sources, choice, analyzer)
    if outcomes:
        results.show(outcomes)
        picture_controls(outcomes, choice)
    elif not sources:
        st.info(
            "Upload a picture, take a photo or click a sample. Pictures stay on the machine that "
            "runs ferapp, and nothing is stored.",
            icon=":material/add_photo_alternate:",
        )

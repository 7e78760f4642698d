"""Pictures in, every face with its expression out."""

import streamlit as st

from ferapp.ui import controls, page, pictures, recording, resources, results, state

page.begin("Pictures", "Every face in a picture, with its expression as eight probabilities.")
with page.errors_as_sentences():
    choice = controls.sidebar()
    sources = pictures.chosen()
    analyzer = resources.analyzer(choice.models)
    outcomes = state.analyses(sources, choice, analyzer)
    if outcomes:
        results.show(outcomes)
        recording.picture_controls(outcomes, choice)
    elif not sources:
        st.info(
            "Upload a picture, take a photo or click a sample. Pictures stay on the machine that "
            "runs ferapp, and nothing is stored.",
            icon=":material/add_photo_alternate:",
        )

"""The app: ``streamlit run app.py``."""

from pathlib import Path

import streamlit as st

# The script lies away from pages/: beside it Streamlit would serve a deep link, as the first
# request after a start, without the navigation (docs/decisions/0004).
app = st.App(Path(__file__).parent / "ferapp" / "ui" / "navigation.py")

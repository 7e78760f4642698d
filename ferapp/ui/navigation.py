"""The script that Streamlit runs for every page: it knows them all and runs the one asked for."""

import streamlit as st

from ferapp.ui import login
from ferapp.ui.page import PAGES

gate = login.gate()
# Without icons: the browser would fetch each as the tab's icon from fonts.gstatic.com.
chosen = st.navigation(
    [
        st.Page(PAGES / "image.py", title="Pictures", default=True),
        st.Page(PAGES / "live.py", title="Live"),
        st.Page(PAGES / "video.py", title="Video"),
        st.Page(PAGES / "dashboard.py", title="Dashboard"),
        st.Page(PAGES / "about.py", title="About"),
    ],
    position="sidebar" if gate.is_open else "hidden",
)
if gate.is_open:
    login.visitor()
    chosen.run()
else:
    login.closed(gate)

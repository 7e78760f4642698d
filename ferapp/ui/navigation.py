"""The script that Streamlit runs for every page: it knows them all and runs the one asked for."""

import streamlit as st

from ferapp.ui.page import PAGES

# Without icons: the browser would fetch each as the tab's icon from fonts.gstatic.com.
st.navigation(
    [
        st.Page(PAGES / "image.py", title="Pictures", default=True),
        st.Page(PAGES / "live.py", title="Live"),
        st.Page(PAGES / "video.py", title="Video"),
        st.Page(PAGES / "dashboard.py", title="Dashboard"),
        st.Page(PAGES / "about.py", title="About"),
    ]
).run()

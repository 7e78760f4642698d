"""The script that Streamlit runs for every page: it knows them all and runs the requested one."""

import streamlit as st

from ferapp.ui.server.imports import import_pages

import_pages()

# Only now, for another thread may have been in the middle of it.
from ferapp.ui.live.leaving import end_left_recording  # noqa: E402
from ferapp.ui.login import page as login_page  # noqa: E402
from ferapp.ui.server.login_gate import gate  # noqa: E402
from ferapp.ui.shared.page import PAGES  # noqa: E402

LIVE = "live"

decision = gate()
# Their icons are in ferapp/ui/shared/page.py.
page = st.navigation(
    [
        st.Page(PAGES / "image.py", title="Pictures", default=True),
        st.Page(PAGES / "live.py", title="Live", url_path=LIVE),
        st.Page(PAGES / "video.py", title="Video"),
        st.Page(PAGES / "dashboard.py", title="Dashboard"),
        st.Page(PAGES / "laboratory.py", title="Laboratory"),
        st.Page(PAGES / "about.py", title="About"),
    ],
    position="sidebar" if decision.is_open else "hidden",
)
if page.url_path != LIVE:
    end_left_recording()
if decision.is_open:
    login_page.show_visitor()
    page.run()
else:
    login_page.show(decision)

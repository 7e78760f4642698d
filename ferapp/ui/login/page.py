"""The login page, and the logout button for visitors who are logged in."""

import streamlit as st

from ferapp.ui.server.login_gate import LOG_IN, LOG_OUT, Gate, is_logged_in, remember_decision
from ferapp.ui.shared.page import head


def show(gate: Gate) -> None:
    """The page in front of a closed gate: the reason, and the one button that helps."""
    head("Log in", "Log in to use this app.")
    if gate.reason:
        st.text(gate.reason)
    if gate.way:
        act = st.login if gate.way == LOG_IN else _log_out
        st.button(gate.way, type="primary", on_click=act)


def show_visitor() -> None:
    """The visitor's name and the logout button, in the sidebar; nothing without a login."""
    if not is_logged_in():
        return
    name = st.user.get("name") or st.user.get("email") or "Logged in"
    with st.sidebar:
        st.text(str(name))
        st.button(LOG_OUT, on_click=_log_out)


def _log_out() -> None:
    remember_decision(is_let_in=False)
    st.logout()

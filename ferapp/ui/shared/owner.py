"""Whose recordings a visitor may see."""

from typing import Final

import streamlit as st

from ferapp.errors import StoreError
from ferapp.sessions.store import LOCAL_OWNER
from ferapp.ui.server.headers import PROXY_HEADERS
from ferapp.ui.server.login_gate import is_logged_in
from ferapp.ui.server.login_rules import login_rules

_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")


def owner() -> str:
    """Who owns what this visitor records: the person at this machine, or who has logged in.

    Raises:
        StoreError: The page comes from another machine, and nobody has logged in: visitors can't
            be told apart, and would see each other's sessions. Or they have to log in, and have
            not or no longer.
    """
    if is_logged_in() and st.user.get("sub"):
        # The subject stays with a person; names and addresses change.
        return f"{st.user.get('iss', '')}|{st.user['sub']}"
    if login_rules().needs_login:
        # A part of a page that updates itself goes on for a moment after a logout.
        raise StoreError("Sessions belong to who has logged in. Log in again to see yours.")
    if is_at_this_machine():
        return LOCAL_OWNER
    raise StoreError(
        "Sessions are kept for the person at the machine that runs ferapp. This page was opened "
        "from another one, where visitors can't be told apart and would see each other's sessions."
    )


def is_at_this_machine() -> bool:
    """Whether this visitor's browser runs on the machine that runs ferapp."""
    headers = st.context.headers
    host = headers.get("Host", "localhost").lower()
    name = host if host.endswith("]") else host.rsplit(":", 1)[0]
    # The browser says what host it asked for; the address of the peer, None for loopback, is known.
    # A proxy on this machine may put its own in the place of the visitor's.
    is_near = name in _LOOPBACK and st.context.ip_address is None
    return is_near and not any(header in headers for header in PROXY_HEADERS)

"""Whose recordings a visitor may see."""

from typing import Final

import streamlit as st

from ferapp.errors import StoreError
from ferapp.serving.ice import Networks, Peer
from ferapp.sessions.store import LOCAL_OWNER
from ferapp.ui.server.headers import PROXY_HEADERS
from ferapp.ui.server.login_gate import is_logged_in
from ferapp.ui.server.login_rules import login_rules

_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")


def owner() -> str:
    """Who owns what this visitor records: the person at this machine, or the logged-in visitor.

    Raises:
        StoreError: The page was opened from another machine without a login: such visitors can't
            be distinguished and would see each other's sessions. Or a login is required, and
            the visitor is not logged in, or no longer.
    """
    if is_logged_in() and st.user.get("sub"):
        # The subject stays with a person; names and addresses change.
        return f"{st.user.get('iss', '')}|{st.user['sub']}"
    if login_rules().needs_login:
        # A fragment that updates itself keeps running for a moment after a logout.
        raise StoreError("Sessions belong to logged-in visitors. Log in again to see yours.")
    if is_at_this_machine():
        return LOCAL_OWNER
    raise StoreError(
        "Sessions are kept only for the person at the machine that runs ferapp. This page was "
        "opened from another machine: ferapp can't tell such visitors apart, and they would see "
        "each other's sessions."
    )


def is_at_this_machine() -> bool:
    """Whether this visitor's browser runs on the machine that runs ferapp."""
    headers = st.context.headers
    host = headers.get("Host", "localhost").lower()
    name = host if host.endswith("]") else host.rsplit(":", 1)[0]
    # The browser names the host that it asked for; the address of the peer is None for loopback.
    # A proxy on this machine may replace the visitor's address with its own.
    is_near = name in _LOOPBACK and st.context.ip_address is None
    return is_near and not any(header in headers for header in PROXY_HEADERS)


def visitor_peer(networks: Networks = ()) -> Peer:
    """Where this visitor is, for a connection that is not the page's own.

    Args:
        networks: See `ferapp.serving.ice.Peer`.
    """
    return Peer(st.context.ip_address, is_at_this_machine(), networks)

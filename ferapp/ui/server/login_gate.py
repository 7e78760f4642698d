"""Whether a visitor may enter: decided before any page runs, and remembered for uploads."""

from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakSet

import streamlit as st
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ferapp.ui.server.login_rules import login_rules, refusal
from ferapp.ui.server.private_parts import app_session, upload_session

LOG_IN: Final = "Log in"
LOG_OUT: Final = "Log out"

# Sessions of visitors who were let in; one that has ended disappears on its own.
_admitted: Final[WeakSet[Any]] = WeakSet()


@dataclass(frozen=True)
class Gate:
    """Whether a visitor may enter.

    Attributes:
        is_open: True if so.
        reason: Why not, in a sentence; empty if the visitor only has to log in.
        way: The label of the one button that helps; empty if none does.
    """

    is_open: bool
    reason: str = ""
    way: str = ""


def is_logged_in() -> bool:
    """Whether this visitor has logged in."""
    return getattr(st.user, "is_logged_in", False) is True


def gate() -> Gate:
    """Decide about this visitor, and remember it for the uploads of the session."""
    rules = login_rules()
    if not rules.needs_login:
        decision = Gate(True)
    elif rules.problem:
        decision = Gate(
            False, f"{rules.problem} The app stays closed until its operator fixes this."
        )
    elif not is_logged_in():
        decision = Gate(False, way=LOG_IN)
    else:
        reason = refusal(st.user.to_dict(), rules.allowed)
        decision = Gate(not reason, reason, LOG_OUT)
    remember_decision(is_let_in=decision.is_open)
    return decision


def remember_decision(*, is_let_in: bool) -> None:
    """Remember for the uploads of this session whether the visitor may enter."""
    session = app_session()
    # A visitor who has just left has none, and nothing to upload.
    if session is not None:
        (_admitted.add if is_let_in else _admitted.discard)(session)


class UploadsAfterLogin:
    """Starlette middleware that accepts files only from visitors whom the gate has let in.

    Streamlit accepts them from everyone who is connected, and the login page is a connection.

    Args:
        app: The next application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        target = upload_session(scope["path"]) if scope["type"] == "http" else None
        session = app_session(target) if target is not None else None
        # Streamlit refuses sessions that it does not know.
        if session is None or session in _admitted:
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse("Log in first.", 403)(scope, receive, send)

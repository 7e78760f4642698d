"""Whether a visitor may go on: decided before any page runs, and kept for the uploads."""

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

# Sessions of visitors who were let in; one that has ended leaves by itself.
_let_in: Final[WeakSet[Any]] = WeakSet()


@dataclass(frozen=True)
class Gate:
    """Whether a visitor may go on.

    Attributes:
        is_open: Whether.
        reason: Why not, in a sentence; empty where logging in is all that is missing.
        way: The label of the one button that helps; empty where none does.
    """

    is_open: bool
    reason: str = ""
    way: str = ""


def is_logged_in() -> bool:
    """Whether this visitor has logged in."""
    return getattr(st.user, "is_logged_in", False) is True


def gate() -> Gate:
    """Decide about this visitor, and remember it for the uploads of the session."""
    wanted = login_rules()
    if not wanted.needs_login:
        found = Gate(True)
    elif wanted.problem:
        found = Gate(
            False, f"{wanted.problem} The app stays closed until whoever runs it mends it."
        )
    elif not is_logged_in():
        found = Gate(False, way=LOG_IN)
    else:
        reason = refusal(st.user.to_dict(), wanted.allowed)
        found = Gate(not reason, reason, LOG_OUT)
    remember_decision(is_let_in=found.is_open)
    return found


def remember_decision(*, is_let_in: bool) -> None:
    """Remember for the uploads of this session whether the visitor may go on."""
    session = app_session()
    # A visitor who has just left has none, and nothing to upload.
    if session is not None:
        (_let_in.add if is_let_in else _let_in.discard)(session)


class UploadsAfterLogin:
    """Starlette middleware that takes files only from visitors whom the gate has let in.

    Streamlit takes them from everybody who is connected, and who is asked to log in is.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        target = upload_session(scope["path"]) if scope["type"] == "http" else None
        session = app_session(target) if target is not None else None
        # Streamlit refuses sessions that it does not know.
        if session is None or session in _let_in:
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse("Log in first.", 403)(scope, receive, send)

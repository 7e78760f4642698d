"""Who may use the app: whoever reaches it, or who has logged in where the operator wants that.

Streamlit does the OpenID Connect (`st.login`); `[auth]` in `.streamlit/secrets.toml` asks for it.
What is asked here is asked before any page runs, and where anything is wrong nothing is open.
"""

import importlib.util
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

import streamlit as st
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ferapp.errors import MissingExtra
from ferapp.ui import page

_KEYS: Final = (
    "redirect_uri",
    "cookie_secret",
    "client_id",
    "client_secret",
    "server_metadata_url",
)
_LOG_IN: Final = "Log in"
_LOG_OUT: Final = "Log out"
_LIBRARIES: Final = {"Authlib": "authlib", "HTTPX": "httpx"}
_UPLOAD: Final = re.compile(r"/_stcore/upload_file/([^/]+)/")

# Sessions of visitors who were let in; one that has ended leaves by itself.
_let_in: Final[WeakSet[Any]] = WeakSet()


@dataclass(frozen=True)
class Rules:
    """What the operator wants of visitors.

    Attributes:
        needs_login: Whether they have to log in.
        allowed: E-mail addresses and domains of those who may; None for all who can log in.
        problem: Why nobody can, in a sentence; empty where all is well.
    """

    needs_login: bool
    allowed: tuple[str, ...] | None = None
    problem: str = ""


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


def rules() -> Rules:
    """What the secrets say; those that can't be read or understood let nobody in."""
    try:
        is_there = st.secrets.load_if_toml_exists()
    except OSError:
        is_there = False
    if is_there:
        return _rules_of(st.secrets.to_dict())
    # Streamlit takes a file that it can't read for none.
    if any(Path(file).exists() for file in st.get_option("secrets.files")):
        return Rules(True, problem="The file of secrets can't be read, so nobody can log in.")
    return Rules(False)


def _rules_of(secrets: Mapping[str, Any]) -> Rules:
    auth, allowed = secrets.get("auth"), secrets.get("ferapp", {}).get("allowed")
    if auth is None and allowed is None:
        return Rules(False)
    if not isinstance(auth, Mapping):
        return Rules(True, problem="The secrets say who is allowed, but not how to log in: [auth].")
    if missing := [key for key in _KEYS if not auth.get(key)]:
        return Rules(True, problem=f"In the secrets [auth] lacks {', '.join(missing)}.")
    for library, module in _LIBRARIES.items():
        if importlib.util.find_spec(module) is None:
            return Rules(True, problem=str(MissingExtra(library, "login")))
    if allowed is None:
        return Rules(True)
    if not isinstance(allowed, list) or not all(isinstance(entry, str) for entry in allowed):
        return Rules(True, problem="In the secrets [ferapp] allowed is no list of addresses.")
    return Rules(True, allowed=tuple(entry.lower().removeprefix("@") for entry in allowed))


def refusal(user: Mapping[str, Any], allowed: Iterable[str] | None) -> str:
    """Why somebody who has logged in may not go on, in a sentence; empty for who may.

    Args:
        user: The claims that the provider made.
        allowed: Addresses (`ann@example.org`) and domains (`example.org`), in small letters; None
            allows everybody.
    """
    if allowed is None:
        return ""
    address = user.get("email")
    # Whoever may type any address at the provider is not its owner.
    if not isinstance(address, str) or user.get("email_verified") is not True:
        return "This app is for listed e-mail addresses, and your login comes with no verified one."
    address = address.lower()
    if {address, address.rpartition("@")[2]} & set(allowed):
        return ""
    return f"{address} is not on the list of those who may use this app. Ask whoever runs it."


def is_logged_in() -> bool:
    """Whether this visitor has logged in."""
    return getattr(st.user, "is_logged_in", False) is True


def gate() -> Gate:
    """Decide about this visitor, and remember it for the uploads of the session."""
    wanted = rules()
    if not wanted.needs_login:
        found = Gate(True)
    elif wanted.problem:
        found = Gate(
            False, f"{wanted.problem} The app stays closed until whoever runs it mends it."
        )
    elif not is_logged_in():
        found = Gate(False, way=_LOG_IN)
    else:
        reason = refusal(st.user.to_dict(), wanted.allowed)
        found = Gate(not reason, reason, _LOG_OUT)
    _remember(is_let_in=found.is_open)
    return found


def closed(found: Gate) -> None:
    """The page of a closed gate: why, and the one button that helps."""
    page.head("Log in", "This app is open to people who have logged in.")
    if found.reason:
        st.text(found.reason)
    if found.way:
        act = st.login if found.way == _LOG_IN else _log_out
        st.button(found.way, type="primary", on_click=act)


def visitor() -> None:
    """Who has logged in, and the way out, in the sidebar; nothing where nobody has to."""
    if not is_logged_in():
        return
    name = st.user.get("name") or st.user.get("email") or "Logged in"
    with st.sidebar:
        st.text(str(name))
        st.button(_LOG_OUT, on_click=_log_out)


def _log_out() -> None:
    _remember(is_let_in=False)
    st.logout()


def _remember(*, is_let_in: bool) -> None:
    context = get_script_run_ctx()
    session = get_instance().get_app_session(context.session_id) if context else None
    # A visitor who has just gone has none, and nothing to upload.
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
        found = _UPLOAD.search(scope["path"]) if scope["type"] == "http" else None
        session = get_instance().get_app_session(found[1]) if found else None
        # Streamlit refuses sessions that it does not know.
        if session is None or session in _let_in:
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse("Log in first.", 403)(scope, receive, send)

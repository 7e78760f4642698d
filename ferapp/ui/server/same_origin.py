"""Pages of other sites get nothing: no WebSocket, no upload, no picture, no logout.

Streamlit's own check (`is_url_from_allowed_origins`) lets in every page of this machine, whatever
its port, and asks the network for the machine's addresses before it refuses any other one. So it
must never have to decide.
"""

from typing import Final
from urllib.parse import SplitResult, urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ferapp.ui.server.headers import own_path

_REFUSAL: Final = "This request came from a page of another site."
_POLICY_VIOLATION: Final = 1008
_PORTS: Final = {"http": 80, "https": 443}
# A link on another site may lead to a page of the app, and a login provider back to it.
_NO_PAGES: Final = ("/auth/", "/media/", "/_stcore/", "/component/")


class SameOrigin:
    """ASGI middleware against cross-site WebSocket hijacking and cross-site request forgery.

    A request is refused if its `Origin` has another host or port than the request itself and is not
    in `server.corsAllowedOrigins`, whatever its method and path. One without `Origin` is refused if
    its `Sec-Fetch-Site` says that another site or port caused it, unless a person follows a link to
    a page; and so is whatever a browser fetches ahead. Programs send none of these headers and are
    served.

    Args:
        app: The next application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or handshake."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif _is_foreign(scope):
            await _refuse(scope, receive, send)
        else:
            _let_streamlit_agree(scope)
            await self._app(scope, receive, send)


def is_same_origin(origin: str, host: str) -> bool:
    """Whether an origin has the host and port of a request.

    The scheme is not compared: behind a proxy that ends TLS, the app sees http.

    Args:
        origin: As a browser sends it, ``http://localhost:8501``, or ``null``.
        host: The request's Host header; without a port it is the usual one of the origin's scheme.

    Example:
        >>> is_same_origin("https://faces.example.org", "faces.example.org:443")
        True
        >>> is_same_origin("http://localhost:9999", "localhost:8501")
        False
    """
    own, other = _split(f"//{host}"), _split(origin)
    usual = _PORTS.get(other.scheme) if other else None
    if own is None or other is None or usual is None:
        return False
    return (other.hostname, other.port or usual) == (own.hostname, own.port or usual)


def _split(address: str) -> SplitResult | None:
    """An address in its parts; None if it has more than scheme, host and port."""
    try:
        parts = urlsplit(address)
        # An invalid port is noticed only when it is asked for.
        is_plain = parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return None
    return parts if is_plain and parts.hostname and not any(parts[2:]) else None


def _is_foreign(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    if "sec-purpose" in headers:
        # A page on another port may name what to fetch ahead (speculation rules). Chromium sends
        # that with cookies, and as if a person had typed the address: Sec-Fetch-Site is "none".
        return True
    origins, hosts = headers.getlist("origin"), headers.getlist("host")
    if origins:
        if len(origins) > 1 or len(hosts) != 1:
            return True
        return not is_same_origin(origins[0], hosts[0]) and origins[0] not in _listed()
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False
    follows_a_link = (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )
    return not follows_a_link or own_path(scope["path"]).startswith(_NO_PAGES)


def _listed() -> set[str]:
    """The origins that the operator lets in besides the app's own."""
    return {origin.strip().rstrip("/") for origin in st.get_option("server.corsAllowedOrigins")}


def _let_streamlit_agree(scope: Scope) -> None:
    """Give a handshake the Host that Streamlit compares with its Origin, letter by letter."""
    headers = MutableHeaders(scope=scope)
    if scope["type"] == "websocket" and "origin" in headers:
        headers["host"] = urlsplit(headers["origin"]).netloc


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse(_REFUSAL, 403)(scope, receive, send)
    else:
        # Before the handshake is accepted, a server answers this with 403.
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})

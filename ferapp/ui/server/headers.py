"""What every response forbids the browser: other hosts, foreign frames, the microphone."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Final

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Each exception to 'self' is needed: blob: scripts for components such as the live chart, which
# Streamlit's page turns into modules; WebAssembly for its messages; inline styles for Streamlit and
# Plotly; data: and blob: for pictures and symbols that a page makes itself, and data: connections
# for its photos. 'self' covers the WebSocket as well (CSP 3; in Safari since 16).
_POLICY: Final = {
    "default-src": "'self'",
    "script-src": "'self' blob: 'wasm-unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data:",
    "frame-ancestors": "'self'",
    "form-action": "'self'",
    "object-src": "'none'",
    "base-uri": "'self'",
}
_OTHERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_INLINE: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)

PROXY_HEADERS: Final = (
    "Forwarded",
    "Via",
    *(f"X-Forwarded-{of}" for of in ("For", "Host", "Proto", "Port", "Server", "Scheme")),
    *("X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Original-Forwarded-For"),
    *("CF-Connecting-IP", "True-Client-IP", "Fastly-Client-IP", "X-Envoy-External-Address"),
)
"""Headers that show that a request came through a proxy."""

MEDIA: Final = "/media/"
"""Where pictures and videos are that visitors made; Streamlit's fonts are in ``/static/media/``."""


class SecurityHeaders:
    """Starlette middleware that adds the headers to every response.

    Args:
        app: The next application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = {"Content-Security-Policy": policy(), **_OTHERS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                if own_path(scope.get("path", "")).startswith(MEDIA):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class AllowedHosts(TrustedHostMiddleware):
    """Refuse requests for other host names; Streamlit itself does so only for its WebSocket.

    Without it, DNS rebinding would let another site read everything that needs no session.

    Args:
        app: The next application.
    """

    def __init__(self, app: ASGIApp) -> None:
        # For Streamlit, an empty list means every name.
        super().__init__(app, st.get_option("server.allowedHosts") or ["*"], www_redirect=False)


def own_path(path: str) -> str:
    """A path without ``server.baseUrlPath``, with one slash at its beginning."""
    base = "/" + st.get_option("server.baseUrlPath").strip("/")
    return "/" + path.removeprefix(base).lstrip("/")


def policy() -> str:
    """The Content-Security-Policy; scripts in Streamlit's own page are allowed by their hash."""
    page = (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    hashes = [
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
        for script in _INLINE.findall(page)
    ]
    allowed = _POLICY | {"script-src": " ".join([_POLICY["script-src"], *hashes])}
    return "; ".join(f"{name} {sources}" for name, sources in allowed.items())

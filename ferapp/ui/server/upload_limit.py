"""How many bytes of uploads one visitor, and all visitors together, may keep in memory.

Streamlit limits the size of one file and nothing else: it accepts any number of files from any
client that has a session, whatever the page shows (`MemoryUploadedFileManager`).
"""

import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse

from ferapp.ui.server.private_parts import upload_session, upload_sizes

MAX_SESSION_BYTES: Final = 1_000_000_000
"""What one visitor keeps at once: pictures, and a video."""

MAX_SESSION_FILES: Final = 300
"""How many files one visitor keeps at once."""

MAX_BYTES: Final = 4_000_000_000
"""What all visitors of one process keep at once."""

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]


class UploadLimit:
    """ASGI middleware that refuses an upload before its first byte is read.

    Uploads in progress count by their Content-Length; an upload without one is refused.

    Args:
        app: The next application.
        held: Returns the sizes of the files that are kept, bytes, by session.
        max_session_bytes: See `MAX_SESSION_BYTES`.
        max_session_files: See `MAX_SESSION_FILES`.
        max_bytes: See `MAX_BYTES`.
    """

    def __init__(
        self,
        app: _App,
        *,
        held: Callable[[], dict[str, list[int]]] | None = None,
        max_session_bytes: int = MAX_SESSION_BYTES,
        max_session_files: int = MAX_SESSION_FILES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._app = app
        self._held = held or upload_sizes
        self._max_session_bytes = max_session_bytes
        self._max_session_files = max_session_files
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._coming: dict[str, list[int]] = defaultdict(list)

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        session = upload_session(scope.get("path", ""))
        if session is None or scope["type"] != "http" or scope["method"] != "PUT":
            await self._app(scope, receive, send)
            return
        length = Request(scope).headers.get("content-length", "")
        if not length.isdecimal():
            await PlainTextResponse("The size of the upload is missing.", 411)(scope, receive, send)
            return
        size = int(length)
        with self._lock:
            reason = self._refusal(session, size)
            if not reason:
                self._coming[session].append(size)
        if reason:
            await PlainTextResponse(reason, 413)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            with self._lock:
                self._coming[session].remove(size)
                if not self._coming[session]:
                    del self._coming[session]

    def _refusal(self, session: str, size: int) -> str:
        held = self._held()
        mine = [*held.get(session, []), *self._coming.get(session, [])]
        if len(mine) >= self._max_session_files:
            return f"You already have {len(mine)} files here, which is the limit."
        if sum(mine) + size > self._max_session_bytes:
            return f"Your files would take more than {self._max_session_bytes / 1e6:g} MB."
        everything = sum(map(sum, (*held.values(), *self._coming.values())))
        if everything + size > self._max_bytes:
            return "The server is full; try again when others have left."
        return ""

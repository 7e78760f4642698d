"""How many bytes of uploads one visitor, and all visitors together, may keep in memory.

Streamlit limits the size of one file and nothing else: it accepts any number of files from any
client that has a session, whatever the page shows (`MemoryUploadedFileManager`), and waits for ever
for a body that was promised and does not come.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ferapp.ui.server.private_parts import upload_session, upload_sizes

MAX_SESSION_BYTES: Final = 1_000_000_000
"""What one visitor keeps at once: pictures, and a video."""

MAX_SESSION_FILES: Final = 300
"""How many files one visitor keeps at once."""

MAX_BYTES: Final = 4_000_000_000
"""What all visitors of one process keep at once."""

MAX_AT_ONCE: Final = 2
"""Uploads of one visitor that are read at once; further ones wait."""

MAX_SILENCE_S: Final = 30.0
"""How long an upload may stand still."""

MAX_LINGER_S: Final = 10.0
"""How long the rest of a refused upload is read, only to be dropped."""


class _UploadRefused(Exception):
    """An upload that has to end; its text and status are for the visitor."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


@dataclass
class _Uploads:
    """The uploads of one session that have not ended.

    Attributes:
        turns: Let through as many as are read at once.
        received: Bytes of each upload that have come so far, by an id of its own.
        count: How many there are, those that wait included.
    """

    turns: asyncio.Semaphore
    received: dict[object, int] = field(default_factory=dict)
    count: int = 0


class UploadLimit:
    """ASGI middleware that refuses uploads that are too much, or that stand still.

    What counts against others is what has come, never what is promised. A request with two lengths
    (`Content-Length` and `Transfer-Encoding`: request smuggling) or with none is refused.

    Args:
        app: The next application.
        held: Returns the sizes of the files that are kept, bytes, by session.
        max_session_bytes: See `MAX_SESSION_BYTES`.
        max_session_files: See `MAX_SESSION_FILES`.
        max_bytes: See `MAX_BYTES`.
        max_silence_s: See `MAX_SILENCE_S`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        held: Callable[[], dict[str, list[int]]] | None = None,
        max_session_bytes: int = MAX_SESSION_BYTES,
        max_session_files: int = MAX_SESSION_FILES,
        max_bytes: int = MAX_BYTES,
        max_silence_s: float = MAX_SILENCE_S,
    ) -> None:
        self._app = app
        self._held = held or upload_sizes
        self._max_session_bytes = max_session_bytes
        self._max_session_files = max_session_files
        self._max_bytes = max_bytes
        self._max_silence_s = max_silence_s
        self._uploads: dict[str, _Uploads] = defaultdict(
            lambda: _Uploads(asyncio.Semaphore(MAX_AT_ONCE))
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        session = upload_session(scope.get("path", ""))
        if session is None or scope["type"] != "http" or scope["method"] != "PUT":
            await self._app(scope, receive, send)
            return
        uploads = self._uploads[session]
        uploads.count += 1
        try:
            size = _promised_size(Headers(scope=scope))
            async with uploads.turns:
                self._check(session, promised=size)
                await self._pass_on(session, scope, receive, send)
        except _UploadRefused as refused:
            await _refuse(refused, scope, receive, send)
        finally:
            uploads.count -= 1
            if not uploads.count:
                del self._uploads[session]

    async def _pass_on(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app read an upload while it keeps to the limits."""
        uploads, upload = self._uploads[session], object()
        uploads.received[upload] = 0
        refusals: list[_UploadRefused] = []
        has_answered = False

        async def receive_counted() -> Message:
            if refusals:
                return {"type": "http.disconnect"}
            try:
                message = await asyncio.wait_for(receive(), self._max_silence_s)
                uploads.received[upload] += len(message.get("body", b""))
                self._check(session)
            except TimeoutError:
                text = f"Nothing came for {self._max_silence_s:g} seconds. Try again."
                refusals.append(_UploadRefused(text, 408))
            except _UploadRefused as refused:
                refusals.append(refused)
            # The app drops what it has read so far.
            return {"type": "http.disconnect"} if refusals else message

        async def send_unless_refused(message: Message) -> None:
            nonlocal has_answered
            if not refusals:
                has_answered = True
                await send(message)

        try:
            await self._app(scope, receive_counted, send_unless_refused)
        except ClientDisconnect:
            # Refused, or the visitor has left: no error, and nothing for the log.
            pass
        except Exception:
            if not refusals or has_answered:
                raise
        finally:
            del uploads.received[upload]
        if refusals and not has_answered:
            raise refusals[0]

    def _check(self, session: str, promised: int = 0) -> None:
        """Whether the limits are kept, with this much more of the session.

        Raises:
            _UploadRefused: They are not.
        """
        held = self._held()
        coming = {name: list(uploads.received.values()) for name, uploads in self._uploads.items()}
        mine = [*held.get(session, []), *coming.get(session, [])]
        if len(mine) + bool(promised) > self._max_session_files:
            count = self._max_session_files
            raise _UploadRefused(f"You already have {count} files here, which is the limit.", 413)
        if sum(mine) + promised > self._max_session_bytes:
            limit = f"{self._max_session_bytes / 1e6:g} MB"
            raise _UploadRefused(f"Your files would take more than {limit}.", 413)
        everything = sum(map(sum, (*held.values(), *coming.values())))
        if everything + promised > self._max_bytes:
            raise _UploadRefused("The server is full; try again when others have left.", 413)


async def _refuse(refused: _UploadRefused, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, and close the connection: what is still to come would be the next request.

    A server that closes while bytes come makes the client's system drop what it has received, so
    that some visitors never saw the answer. Of a body that is too much, the rest is therefore read
    first (lingering close, as nginx does).
    """

    async def send_late(message: Message) -> None:
        if refused.status == 413 and message["type"] == "http.response.body":
            await send({**message, "more_body": True})
            with suppress(TimeoutError):
                await asyncio.wait_for(_drop_body(receive), MAX_LINGER_S)
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    answer = PlainTextResponse(str(refused), refused.status, {"Connection": "close"})
    await answer(scope, receive, send_late)


async def _drop_body(receive: Receive) -> None:
    """Read a body to its end, or until the client leaves."""
    while (await receive()).get("more_body", False):
        pass


def _promised_size(headers: Headers) -> int:
    """The size that a request claims for its body, bytes.

    Raises:
        _UploadRefused: It claims none, or two.
    """
    lengths = headers.getlist("content-length")
    if "transfer-encoding" in headers or len(lengths) > 1:
        raise _UploadRefused("An upload must have one Content-Length and nothing else.", 400)
    if not lengths or not (lengths[0].isascii() and lengths[0].isdecimal()):
        raise _UploadRefused("The size of the upload is missing.", 411)
    return int(lengths[0])

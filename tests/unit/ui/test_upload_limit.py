"""Uploads are refused by what a visitor keeps already, before a byte of them is kept."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from ferapp.ui.server import private_parts, upload_limit
from ferapp.ui.server.upload_limit import UploadLimit


class Backend:
    """What lies behind: it keeps what arrives, when it is told that all of it has."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope.get("path", scope["type"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def asked(
    app: UploadLimit,
    session: str = "a",
    size: object = 10,
    *,
    method: str = "PUT",
    path: str = "/_stcore/upload_file/",
) -> tuple[int, str]:
    """Status and text of the answer to one request."""
    headers = [] if size is None else [(b"content-length", str(size).encode())]
    scope = {
        "type": "http",
        "method": method,
        "path": f"{path}{session}/file",
        "headers": headers,
        "query_string": b"",
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        # Only what is too much is read, and dropped, once its answer is on the way.
        assert len(sent) == 2 and sent[0]["status"] == 413, "the body was read"
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent).decode()


def limit(
    backend: Backend, held: Callable[[], dict[str, list[int]]] = dict, **limits: int
) -> UploadLimit:
    kept = {"max_session_bytes": 100, "max_session_files": 5, "max_bytes": 150} | limits
    return UploadLimit(backend, held=held, **kept)


@pytest.mark.parametrize(
    ("held", "size", "words"),
    [
        pytest.param({}, 101, "more than 0.0001 MB", id="one that is too large"),
        pytest.param({"a": [60]}, 41, "more than 0.0001 MB", id="with what is there"),
        pytest.param({"a": [1] * 5}, 1, "You already have 5 files here", id="too many"),
        pytest.param({"b": [90], "c": [50]}, 11, "server is full", id="with the others"),
    ],
)
def test_what_is_too_much_is_refused_in_words(
    held: dict[str, list[int]], size: int, words: str
) -> None:
    backend = Backend()
    status, told = asyncio.run(asked(limit(backend, lambda: held), size=size))
    assert status == 413 and words in told and not backend.seen


@pytest.mark.parametrize(
    ("held", "size"),
    [({}, 100), ({"a": [60]}, 40), ({"a": [1] * 4}, 1), ({"b": [90], "c": [50]}, 10)],
)
def test_what_fits_goes_on(held: dict[str, list[int]], size: int) -> None:
    assert asyncio.run(asked(limit(Backend(), lambda: held), size=size))[0] == 204


@pytest.mark.parametrize("size", [None, "-1", "x", "", "²"])
def test_an_upload_of_unknown_size_is_refused(size: object) -> None:
    backend = Backend()
    assert asyncio.run(asked(limit(backend), size=size))[0] == 411 and not backend.seen


class Reader(Backend):
    """What reads a body to its end, as Streamlit does."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope["path"])
        message = {"more_body": True}
        while message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Upload:
    """One upload whose parts come when the test says so."""

    def __init__(
        self, app: UploadLimit, session: str = "a", size: int = 60, **headers: str
    ) -> None:
        self.parts: asyncio.Queue[int | None] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        fields = {"content-length": str(size)} | headers
        scope = {
            "type": "http",
            "method": "PUT",
            "path": f"/_stcore/upload_file/{session}/file",
            "headers": [(n.replace("_", "-").encode(), v.encode()) for n, v in fields.items()],
        }
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        size = await self.parts.get()
        return {"type": "http.request", "body": bytes(size or 0), "more_body": size is not None}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    async def give(self, *sizes: int | None) -> None:
        """Let parts of so many bytes come; None is the end."""
        for size in sizes:
            self.parts.put_nowait(size)
        for _ in range(20):
            await asyncio.sleep(0)

    async def status(self) -> int:
        await asyncio.wait_for(self.task, 5)
        return int(self.sent[0]["status"])


def test_promises_of_some_keep_nobody_else_out() -> None:
    async def crowd() -> int:
        app = limit(Reader())
        idle = [Upload(app, f"idle {number}", 100) for number in range(20)]
        await asyncio.sleep(0)
        other = Upload(app, "b", 100)
        await other.give(100, None)
        for upload in idle:
            upload.task.cancel()
        return await other.status()

    assert asyncio.run(crowd()) == 204


def test_what_has_come_counts_and_is_forgotten_after() -> None:
    async def several() -> list[int]:
        app = limit(Reader())
        first, second = Upload(app), Upload(app, size=60)
        await first.give(50)
        # Both kept to the limit when they began; together they break it.
        await second.give(51, None)
        other = Upload(app, "b", 100)
        await other.give(100)
        crowd = Upload(app, "c", 1)
        await crowd.give(1, None)
        await first.give(None)
        await other.give(None)
        again = Upload(app, size=100)
        await again.give(100, None)
        return [await upload.status() for upload in (first, second, other, crowd, again)]

    assert asyncio.run(several()) == [204, 413, 204, 413, 204]


def test_a_refused_upload_is_answered_at_once_and_read_to_its_end() -> None:
    """A connection that is closed before takes the answer with it."""

    async def refused() -> tuple[list[bytes], list[bytes], Backend]:
        backend = Backend()
        upload = Upload(limit(backend), size=101)
        await upload.give(50)
        told = [message.get("body", b"") for message in upload.sent]
        is_open = not upload.task.done()
        await upload.give(51, None)
        assert await upload.status() == 413 and is_open
        return told, [message.get("body", b"") for message in upload.sent], backend

    before, after, backend = asyncio.run(refused())
    assert b"more than" in b"".join(before) and after == [*before, b""]
    assert not backend.seen


def test_a_refused_upload_that_stands_still_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_limit, "MAX_LINGER_S", 0.05)

    async def idle() -> int:
        return await Upload(limit(Backend()), size=101).status()

    assert asyncio.run(idle()) == 413


def test_more_than_was_promised_is_refused_on_its_way() -> None:
    async def liar() -> int:
        upload = Upload(limit(Reader()), size=1)
        await upload.give(60, 60, None)
        return await upload.status()

    assert asyncio.run(liar()) == 413


def test_the_third_upload_of_a_visitor_waits_for_the_first() -> None:
    async def three() -> tuple[int, int, list[int]]:
        backend = Reader()
        app = limit(backend, max_session_bytes=1000, max_bytes=1000)
        uploads = [Upload(app, size=1) for _ in range(3)]
        await uploads[2].give(1, None)
        before = len(backend.seen)
        await uploads[0].give(1, None)
        after = len(backend.seen)
        await uploads[1].give(1, None)
        return before, after, [await upload.status() for upload in uploads]

    assert asyncio.run(three()) == (2, 3, [204, 204, 204])


def test_an_upload_that_stands_still_ends() -> None:
    async def silent() -> tuple[int, bytes]:
        app = UploadLimit(Reader(), held=dict, max_silence_s=0.05)
        upload = Upload(app, size=10)
        await upload.give(5)
        return await upload.status(), upload.sent[1]["body"]

    assert asyncio.run(silent()) == (408, b"Nothing came for 0.05 seconds. Try again.")


@pytest.mark.parametrize("encoding", ["chunked", "identity", "gzip, chunked"])
def test_two_lengths_are_refused(encoding: str) -> None:
    async def both() -> int:
        return await Upload(limit(Backend()), transfer_encoding=encoding).status()

    assert asyncio.run(both()) == 400


def test_an_upload_that_breaks_is_forgotten_as_well() -> None:
    class Broken(Backend):
        async def __call__(self, *_: Any) -> None:
            raise ConnectionResetError

    async def twice() -> None:
        app = limit(Broken())
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                await asked(app, size=90)

    asyncio.run(twice())


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/_stcore/upload_file/"), ("DELETE", "/x/"), ("PUT", "/other/")]
)
def test_other_requests_are_none_of_its_business(method: str, path: str) -> None:
    full = limit(Backend(), lambda: {"a": [100]})
    assert asyncio.run(asked(full, size=None, method=method, path=path))[0] == 204


def test_streamlit_keeps_files_where_they_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A private place of Streamlit's: a release that moves it must not switch the limit off."""
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
    from streamlit.runtime.uploaded_file_manager import UploadedFileRec

    manager = MemoryUploadedFileManager("/_stcore/upload_file")
    for number in range(2):
        manager.add_file("a", UploadedFileRec(f"{number}", "x", "image/png", bytes(7 + number)))
    runtime = SimpleNamespace(uploaded_file_mgr=manager)
    monkeypatch.setattr(private_parts, "exists", lambda: True)
    monkeypatch.setattr(private_parts, "get_instance", lambda: runtime)
    assert private_parts.upload_sizes() == {"a": [7, 8]}


def test_a_visitor_who_leaves_while_uploading_is_no_error() -> None:
    async def left(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.disconnect"
        raise ClientDisconnect

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        pytest.fail("nobody is there")

    path, headers = "/_stcore/upload_file/a/file", [(b"content-length", b"10")]
    scope = {"type": "http", "method": "PUT", "path": path, "headers": headers}
    asyncio.run(UploadLimit(left, held=dict)(scope, receive, send))

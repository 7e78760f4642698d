"""Uploads are refused by what a visitor keeps already, before a byte of them is read."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ferapp.ui.server import private_parts
from ferapp.ui.server.upload_limit import UploadLimit


class Backend:
    """What lies behind: it keeps what arrives, when it is told that all of it has."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope.get("path", scope["type"]))
        if self.gate:
            await self.gate.wait()
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
        pytest.fail("the body was read")

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


def test_what_is_on_its_way_counts_and_is_forgotten_after() -> None:
    async def several() -> list[int]:
        backend = Backend()
        backend.gate = asyncio.Event()
        app = limit(backend)
        first = asyncio.create_task(asked(app, size=60))
        await asyncio.sleep(0)
        beside = await asked(app, size=60)
        other = asyncio.create_task(asked(app, "b", size=60))
        await asyncio.sleep(0)
        crowd = await asked(app, "c", size=60)
        backend.gate.set()
        statuses = [(await first)[0], beside[0], (await other)[0], crowd[0]]
        return [*statuses, (await asked(app, size=60))[0]]

    assert asyncio.run(several()) == [204, 413, 204, 413, 204]


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

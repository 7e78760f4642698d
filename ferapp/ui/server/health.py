"""Whether the app runs and whether it can serve, for proxies and monitoring."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ferapp.errors import UserError
from ferapp.ui.server.imports import importing

ALIVE_ROUTE: Final = "/healthz"
READY_ROUTE: Final = "/readyz"

READY: Final = "ready"
_STARTING: Final = "not ready: starting"

_KEPT_S: Final = 3.0
_MOST_S: Final = 8.0


async def alive(_: Request) -> Response:
    """Answers on the event loop itself, which shows that it runs."""
    return PlainTextResponse("ok")


class Readiness:
    """Answers whether the app can serve: one check at a time, however many ask.

    The check runs in a thread of its own: the pool of the server's threads also serves the files of
    the pages, and threads that wait for a database would use it up. An answer is kept for a few
    seconds. Where a check takes longer than `most_s`, all are told so until it is over.

    Called on the event loop.

    Args:
        check: Returns the answer; may block.
        clock: Returns seconds.
        most_s: How long an answer may take.
        kept_s: How long it is kept.
    """

    def __init__(
        self,
        check: Callable[[], str],
        *,
        clock: Callable[[], float] = time.monotonic,
        most_s: float = _MOST_S,
        kept_s: float = _KEPT_S,
    ) -> None:
        self._check = check
        self._clock = clock
        self._most_s = most_s
        self._kept_s = kept_s
        self._answer = ""
        self._until_s = float("-inf")
        self._running: Future[str] | None = None
        self._begun_s = float("-inf")

    async def answer(self) -> str:
        """`READY`, or why not, in a few words."""
        if self._running is None and self._clock() < self._until_s:
            return self._answer
        if self._running is None or self._running.done():
            self._running, self._begun_s = self._begin(), self._clock()
        running, left_s = self._running, self._begun_s + self._most_s - self._clock()
        try:
            answer = await asyncio.wait_for(
                asyncio.shield(asyncio.wrap_future(running)), max(left_s, 0.0)
            )
        except TimeoutError:
            return f"not ready: no answer within {self._most_s:g} seconds"
        if self._running is running:
            self._running = None
            if answer != _STARTING:
                self._answer, self._until_s = answer, self._clock() + self._kept_s
        return answer

    def _begin(self) -> Future[str]:
        future: Future[str] = Future()

        def run() -> None:
            try:
                future.set_result(self._check())
            except BaseException as exc:
                future.set_exception(exc)

        # A daemon, or a database that says nothing would hold up the end of the app.
        threading.Thread(target=run, name="readiness", daemon=True).start()
        return future


def check_readiness() -> str:
    """`READY` if models can run, the default ones are intact and the database responds; else why.

    Only the class of an error is given: its text may contain paths. Sessions that can't be read are
    no reason: they concern one visitor, and another replica could not read them either.
    """
    if importing.locked():
        return _STARTING
    # Imported late: the server listens first, and logging is configured by then.
    with importing:
        from ferapp.inference import onnx_model as session
        from ferapp.inference import weights
        from ferapp.inference.manifest import manifest
        from ferapp.ui.shared.resources import store
        from ferapp.vision import opencv

    try:
        opencv.loaded.require()
        session.loaded.require()
        weights.read(manifest().model(None, "detector"))
        weights.read(manifest().model(None, "classifier"))
        store().overviews("")
    except UserError as exc:
        return f"not ready: {type(exc).__name__}"
    return READY


_readiness: Final = Readiness(check_readiness)


async def ready(_: Request) -> Response:
    """200 if the app can serve; else 503 and the reason."""
    answer = await _readiness.answer()
    return PlainTextResponse(answer, 200 if answer == READY else 503)

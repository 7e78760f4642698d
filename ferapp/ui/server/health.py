"""Whether the app runs and whether it can serve, for proxies and monitoring."""

from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ferapp.errors import UserError
from ferapp.ui.server.imports import importing

ALIVE_ROUTE: Final = "/healthz"
READY_ROUTE: Final = "/readyz"


async def alive(_: Request) -> Response:
    """Answers on the event loop itself, which shows that it runs."""
    return PlainTextResponse("ok")


def ready(_: Request) -> Response:
    """200 if models can run, the default ones are intact and the database responds; else 503.

    Only the class of an error is shown: its text may contain paths and addresses.
    """
    if importing.locked():
        return PlainTextResponse("not ready: starting", 503)
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
        return PlainTextResponse(f"not ready: {type(exc).__name__}", 503)
    return PlainTextResponse("ready")

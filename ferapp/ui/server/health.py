"""Whether the app lives and whether it can serve, for proxies and for who watches it."""

from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ferapp.errors import UserError

ALIVE_ROUTE: Final = "/healthz"
READY_ROUTE: Final = "/readyz"


async def alive(_: Request) -> Response:
    """On the event loop itself: an answer says that it turns."""
    return PlainTextResponse("ok")


def ready(_: Request) -> Response:
    """200 when models can run, the default ones are whole and the database answers; else 503.

    Of an error only the class is told: its text may hold paths and addresses.
    """
    # The server listens before these have been imported, and what they log has its form by then.
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

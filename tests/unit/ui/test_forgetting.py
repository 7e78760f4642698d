"""What nobody can reach any more is collected by the clock."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from ferapp.ui.server import private_parts, session_cleanup


class Cycle:
    """As a traceback that holds a picture, and is held by it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def no_thresholds() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("no_thresholds")
def test_garbage_goes_though_no_visitor_does(monkeypatch: pytest.MonkeyPatch) -> None:
    expired: list[object] = []
    cache = SimpleNamespace(expire=lambda: expired)
    storage = SimpleNamespace(_session_storage=SimpleNamespace(_cache=cache))
    runtime = SimpleNamespace(_session_mgr=storage)
    monkeypatch.setattr(private_parts, "get_instance", lambda: runtime)
    monkeypatch.setattr(session_cleanup, "_EVERY_S", 0.01)

    async def run() -> None:
        async with session_cleanup.clean_up_sessions(None):
            seen = weakref.ref(made := Cycle())
            gc.collect(0)  # as the many objects that a script makes would cause
            del made
            assert seen() is not None, "nothing but the clock collects it"
            await asyncio.sleep(0.1)
            assert seen() is None

    asyncio.run(run())

"""Forgets visitors who have gone, and collects what nobody can reach any more."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import streamlit as st
from streamlit.runtime import get_instance
from streamlit.runtime.state import SessionState

_EVERY_S: Final = 2.0


@asynccontextmanager
async def forgetting(_: st.App) -> AsyncIterator[None]:
    """Forget them for as long as the app runs.

    Streamlit 1.67 drops sessions whose time is over only when another visitor leaves
    (`MemorySessionStorage`), and its main loop holds the last one until somebody else comes
    (`Runtime._loop_coroutine`): pictures would stay in memory meanwhile. There is no public way to
    have either done. May go when that is mended upstream.

    Streamlit would also collect garbage after every run of a script, a tenth of a second in which
    nothing else runs (`docs/decisions/0013-garbage-by-the-clock.md`); the setting
    ``runner.postScriptGC`` keeps it from that, and it is done here.
    """
    # What is there before the first visitor stays for good; nobody has to look through it again.
    gc.collect()
    gc.freeze()
    task = asyncio.create_task(_forget())
    try:
        yield
    finally:
        task.cancel()


async def _forget() -> None:
    while True:
        await asyncio.sleep(_EVERY_S)
        runtime: Any = get_instance()
        gone = runtime._session_mgr._session_storage._cache.expire()
        for _, info in gone:
            info.session.shutdown()
            # Another one: `clear` leaves what widgets offered, which holds the pictures.
            info.session._session_state = SessionState()
        if gone or any(gc.get_count()[1:]):
            # What belongs to a session holds it, and is held by it; these names would as well.
            gone = info = None
            gc.collect()

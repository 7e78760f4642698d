"""Ends the sessions of visitors who have left, collects garbage, and erases recorded sessions."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import streamlit as st

from ferapp.ui.server.private_parts import end_expired_sessions
from ferapp.ui.server.session_erasure import erase_sessions

_EVERY_S: Final = 2.0


@asynccontextmanager
async def clean_up_sessions(_: st.App) -> AsyncIterator[None]:
    """Do all of it every two seconds while the app runs.

    Streamlit would also collect garbage after every run of a script, a tenth of a second in which
    nothing else runs (`docs/decisions/0013-garbage-by-the-clock.md`). The setting
    ``runner.postScriptGC`` switches that off, and it is done here instead.
    """
    # What exists before the first visitor stays as long as the process; no need to scan it again.
    gc.collect()
    gc.freeze()
    tasks = [asyncio.create_task(work) for work in (_clean_up(), erase_sessions())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def _clean_up() -> None:
    while True:
        await asyncio.sleep(_EVERY_S)
        # What belongs to a session holds it, and is held by it.
        if end_expired_sessions() or any(gc.get_count()[1:]):
            gc.collect()

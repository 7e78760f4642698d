"""Imports of one thread at a time, right after a start.

Two threads that import a library with circular imports at once may get half of it (SQLAlchemy:
ImportError, AttributeError): Python lets one of them go on, to avoid a deadlock. Such threads are
the scripts of the first visitors, the one that erases sessions, and those that answer ``/readyz``.
"""

import threading
from importlib import import_module
from typing import Final

importing: Final = threading.Lock()
"""Held by whoever imports what the pages or the sessions need."""

_PAGES: Final = ("pictures", "live", "video", "dashboard", "laboratory", "about", "login")


def import_pages() -> None:
    """Import what the pages need, once; for a script of Streamlit's.

    Streamlit registers a component only where a script imports it.

    Raises:
        Exception: Whatever a broken installation raises; every call tries again.
    """
    with importing:
        for name in _PAGES:
            import_module(f"ferapp.ui.{name}.page")

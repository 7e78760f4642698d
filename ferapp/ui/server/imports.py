"""Imports all pages in one thread, before any of them runs.

Two threads that import a library with circular imports at once may get half of it (SQLAlchemy:
ImportError, AttributeError): Python lets one of them go on, to avoid a deadlock. Right after a
start such threads are the scripts of the first visitors, and the one that erases sessions.
"""

import logging
import threading
from importlib import import_module
from typing import Final

PAGES: Final = ("pictures", "live", "video", "dashboard", "about", "login")

_lock: Final = threading.Lock()
_logger = logging.getLogger(__name__)


def import_pages() -> None:
    """Import what the pages need, once; everybody else waits until that is done.

    Raises:
        Exception: Whatever a broken installation raises; every call tries again.
    """
    with _lock:
        for name in PAGES:
            import_module(f"ferapp.ui.{name}.page")


def is_importing() -> bool:
    """Whether somebody would have to wait now."""
    return _lock.locked()


def begin_to_import_pages() -> None:
    """Import them in the background, so that the server can listen meanwhile."""

    def work() -> None:
        try:
            import_pages()
        except Exception:
            # The page says it as well.
            _logger.exception("the pages could not be imported")

    threading.Thread(target=work, name="imports", daemon=True).start()

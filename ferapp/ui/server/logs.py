"""The app's log: time, level, logger and message, and nothing that a visitor provided."""

import logging
import traceback
from typing import Any, Final

from ferapp.system.confinement import layers
from ferapp.system.text import escape_controls

_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

# Streamlit's loggers that answer requests and messages of pages, and quote them; its server names
# only addresses of ours.
_OF_REQUESTS: Final = ("streamlit.web.", "streamlit.runtime.")
_OF_THE_SERVER: Final = "streamlit.web.server.starlette.starlette_server"


_logger = logging.getLogger(__name__)


def begin_log() -> None:
    """Log to standard error from now on; Streamlit configures its own loggers.

    The first line says what confines the processes that read files.
    """
    logging.basicConfig(level=logging.WARNING, format=_FORMAT)
    logging.setLogRecordFactory(_Record)
    # It warns of each frame that it can't decode, which anybody can send.
    logging.getLogger("aiortc").setLevel(logging.ERROR)
    found = layers()
    _logger.setLevel(logging.INFO)
    if found.gap:
        _logger.warning(
            "decoders are confined by: %s; one that is taken over could %s", found.text, found.gap
        )
    else:
        _logger.info("decoders are confined by: %s", found.text)


class _Record(logging.LogRecord):
    """A record whose traceback has places and the class of the error.

    The messages of errors are left out: libraries quote the offending input in them, which may be
    the name or a line of a visitor's file. So are the values that Streamlit quotes from a request
    or a message, which anybody can send: its own message keeps their places, as ``%s``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.name.startswith(_OF_REQUESTS) and self.name != _OF_THE_SERVER:
            self.args = ()
        if self.exc_info and self.exc_info[1]:
            # Formatters use this text where there is one.
            self.exc_text = _without_texts(self.exc_info[1])

    def getMessage(self) -> str:
        """The message on one line (log injection)."""
        return escape_controls(super().getMessage())


def _without_texts(error: BaseException | None) -> str:
    """Where an error and its causes were raised, the first cause first."""
    chain: list[str] = []
    while error is not None:
        chain.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(reversed(chain))

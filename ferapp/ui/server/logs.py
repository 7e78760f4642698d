"""What the app writes about itself: when, how grave, by whom, and nothing that a visitor gave."""

import logging
import traceback
from typing import Any, Final

_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def begin_log() -> None:
    """Write to standard error from now on; streamlit's own loggers follow its configuration."""
    logging.basicConfig(level=logging.WARNING, format=_FORMAT)
    logging.setLogRecordFactory(_Record)


class _Record(logging.LogRecord):
    """One whose traceback says where and which class of error.

    The texts of errors are left out: those of libraries quote what they stumble over, which may be
    the name of a visitor's file or a line of it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info and self.exc_info[1]:
            # Formatters use this text where there is one.
            self.exc_text = _without_texts(self.exc_info[1])


def _without_texts(error: BaseException | None) -> str:
    """Where an error and its causes came from, the first cause first."""
    chain: list[str] = []
    while error is not None:
        chain.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(reversed(chain))

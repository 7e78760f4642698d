"""What all visitors share: loaded models, the database, and turns at the processor."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from ferapp.errors import StoreError
from ferapp.inference import weights
from ferapp.inference.added import refusals
from ferapp.inference.manifest import Kind, Model, manifest
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.build import DEFAULT_THREADS, load_analyzer
from ferapp.serving.turns import Turns
from ferapp.sessions.store import Store
from ferapp.ui.server import metrics
from ferapp.vision.threads import cap_threads

_logger = logging.getLogger(__name__)

MOST_WAITING: Final = 100
"""How many pictures may wait for their turn; each visitor waits with one."""

# A database that fails at once is tried again at once.
_SLOW_S: Final = 1.0


@dataclass(frozen=True)
class Models:
    """Which models to use.

    Attributes:
        detector: Name of the face detector.
        classifier: Name of the expression classifier.
        with_smile: Whether the smile cascade runs as well.
        with_landmarks: Whether landmarks are found as well.
    """

    detector: str
    classifier: str
    with_smile: bool
    with_landmarks: bool = False


@st.cache_resource(show_spinner="Loading the models …", max_entries=8)
def analyzer(models: Models) -> Analyzer:
    """The models, loaded once per process for all visitors, of whom analyzers keep nothing."""
    cap_threads(DEFAULT_THREADS)
    return load_analyzer(
        models.detector,
        models.classifier,
        with_smile=models.with_smile,
        with_landmarks=models.with_landmarks,
    )


@st.cache_resource(show_spinner=False, on_release=Store.close)
def store() -> Store:
    """The database of sessions, opened once per process; expired sessions are deleted first.

    Raises:
        StoreError: It can't be used. The next call tries again, but not at once where this one had
            to wait: the attempts of several visitors follow one another.
    """
    return opening().open()


class Opening:
    """Opens the database; called by one thread at a time.

    Args:
        opens: Opens it, and raises a `StoreError`.
        clock: Returns seconds.
    """

    def __init__(self, opens: Callable[[], Store], clock: Callable[[], float]) -> None:
        self._opens = opens
        self._clock = clock
        self._failure: StoreError | None = None
        self._until_s = float("-inf")

    def open(self) -> Store:
        """Open it, or raise the last error again for as long as it took to come about."""
        start_s = self._clock()
        if self._failure is not None and start_s < self._until_s:
            raise self._failure.copy()
        try:
            database = self._opens()
        except StoreError as exc:
            self._failure, took_s = exc, self._clock() - start_s
            self._until_s = self._clock() + took_s if took_s > _SLOW_S else float("-inf")
            # Safe to log: the message has no address, and no word of a visitor.
            _logger.error("%s", exc)
            raise
        self._failure = None
        return database


def _open() -> Store:
    database = Store.open()
    try:
        database.purge()
    except BaseException:
        database.close()
        raise
    return database


@st.cache_resource(show_spinner=False)
def opening() -> Opening:
    """The one that opens the database; it remembers for a while that this failed."""
    return Opening(_open, time.monotonic)


@st.cache_resource(show_spinner=False)
def turns() -> Turns:
    """The queue for pictures: two are analysed at once in the whole process, the others wait."""
    return metrics.watch_queue("pictures", Turns(2, most_waiting=MOST_WAITING))


@st.cache_resource(show_spinner="Examining added models …")
def _refused_models() -> frozenset[str]:
    return frozenset(refusals())


def usable_models(kind: Kind) -> tuple[list[str], list[str]]:
    """Names of the models on this machine, the default first, and of those that are not.

    Refused models are in neither list.
    """
    models = [m for m in manifest().of_kind(kind) if m.name not in _refused_models()]
    default = getattr(manifest().defaults, kind)

    def is_usable(model: Model) -> bool:
        return model.name == default or weights.is_here(model)

    usable = [default] + [m.name for m in models if is_usable(m) and m.name != default]
    return usable, [m.name for m in models if not is_usable(m)]

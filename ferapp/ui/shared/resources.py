"""What all visitors share: loaded models, and turns at the processor."""

import logging
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
"""So many pictures wait for their turn at most; each visitor waits with one."""


@dataclass(frozen=True)
class Models:
    """Which models to use.

    Attributes:
        detector: Name of the face detector.
        classifier: Name of the expression classifier.
        with_smile: Whether the smile cascade is asked as well.
    """

    detector: str
    classifier: str
    with_smile: bool


@st.cache_resource(show_spinner="Loading the models …", max_entries=8)
def analyzer(models: Models) -> Analyzer:
    """The models, loaded once per process for every visitor; analyzers keep nothing of them."""
    cap_threads(DEFAULT_THREADS)
    return load_analyzer(models.detector, models.classifier, with_smile=models.with_smile)


@st.cache_resource(show_spinner=False, on_release=Store.close)
def store() -> Store:
    """The database of sessions, opened once per process; what has expired is deleted first.

    Raises:
        StoreError: It can't be used; asked again, it is tried again.
    """
    try:
        opened = Store.open()
        opened.purge()
    except StoreError as exc:
        # What it says is the operator's own: where the database is, and the system's reason.
        _logger.error("%s", exc)
        raise
    return opened


@st.cache_resource(show_spinner=False)
def turns() -> Turns:
    """How many pictures are worked on at once in the whole process; the others wait in line."""
    return metrics.watched("pictures", Turns(2, most_waiting=MOST_WAITING))


@st.cache_resource(show_spinner="Examining the models that were added …")
def _refused() -> frozenset[str]:
    return frozenset(refusals())


def here(kind: Kind) -> tuple[list[str], list[str]]:
    """Names of the models on this machine, the default first, and of those that are not.

    Models that were added and refused are among neither.
    """
    models = [m for m in manifest().of_kind(kind) if m.name not in _refused()]
    default = getattr(manifest().defaults, kind)

    def is_usable(model: Model) -> bool:
        return model.name == default or weights.is_here(model)

    usable = [default] + [m.name for m in models if is_usable(m) and m.name != default]
    return usable, [m.name for m in models if not is_usable(m)]

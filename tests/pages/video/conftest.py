"""Videos, and the video page before and after their analysis."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ferapp.pipeline.analyzer import Analyzer
from ferapp.types import Faces
from ferapp.ui.video import jobs
from tests.support.apps import page_text
from tests.support.places import ROOT
from tests.support.video_page import (
    HALF,
    LONG_S,
    analyse,
    open_page,
    portrait,
    upload_video,
)
from tests.support.videos import numbered_frames, solid_image, write_video


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="package")
def pair(folder: Path) -> bytes:
    """A video of 2.5 s: a face on the left for 1 s, and another on the right from 0.5 s on."""
    empty = solid_image(96, HALF)
    frames = [
        np.hstack([portrait(2, n) if n < 10 else empty, portrait(17.3, n) if n >= 5 else empty])
        for n in range(25)
    ]
    return write_video(folder / "pair.mp4", frames, sound="aac").read_bytes()


@pytest.fixture(scope="package")
def faceless(folder: Path) -> bytes:
    return write_video(folder / "faceless.mp4", numbered_frames(8)).read_bytes()


@pytest.fixture(autouse=True)
def _empty_queue() -> Iterator[None]:
    """Each test starts with an empty queue and leaves it empty."""
    jobs._seats.clear()
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("job"):
            thread.join(LONG_S)
            assert not thread.is_alive()
    jobs._seats.clear()


@pytest.fixture
def full_speed(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Analysis at ten frames a second until the event is set, then at full speed."""
    may_hurry = threading.Event()
    real = Analyzer.detect

    def detect(self: Analyzer, *args: Any) -> Faces:
        may_hurry.wait(0.1)
        return real(self, *args)

    monkeypatch.setattr(Analyzer, "detect", detect)
    yield may_hurry
    may_hurry.set()


@pytest.fixture(scope="package")
def results_state(pair: bytes) -> dict[str, Any]:
    """The state of a session after the analysis of an upload."""
    jobs._seats.clear()
    at = analyse(upload_video(open_page(), pair))
    assert "2 faces in 00:02" in page_text(at)
    names = ("video-uploads", "video-states")
    return {name: at.session_state[name] for name in names}


@pytest.fixture
def results_page(results_state: dict[str, Any]) -> AppTest:
    """The page with the results of an upload, as after a visit to another page."""
    at = AppTest.from_file(ROOT / "pages" / "video.py", default_timeout=LONG_S)
    for name, value in results_state.items():
        at.session_state[name] = value
    return at.run()


@pytest.fixture
def results_app(results_state: dict[str, Any]) -> AppTest:
    """The same in an app that has the other pages as well."""
    # The script has to be beside the pages to find them; it shows nothing itself.
    at = AppTest.from_file(ROOT / "app.py", default_timeout=LONG_S)
    for name, value in results_state.items():
        at.session_state[name] = value
    return at.run().switch_page("pages/video.py").run()

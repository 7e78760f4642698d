"""The video page in AppTest, without a browser."""

import numpy as np
from streamlit.testing.v1 import AppTest

from ferapp.pipeline.clip import Clip
from ferapp.ui.live.webcam import demo_frame
from ferapp.vision.crops import resize
from tests.support.apps import button
from tests.support.places import ROOT

LONG_S = 30
VIEWS = ("Over time", "Summary", "Replay", "Annotated copy", "Files")
HALF = (320, 240)
NEW, DONE = "Analyse", "Analyse again"


def open_page() -> AppTest:
    """Open the page by itself in a new session."""
    return AppTest.from_file(ROOT / "pages" / "video.py", default_timeout=LONG_S).run()


def upload_video(at: AppTest, data: bytes, name: str = "x.mp4") -> AppTest:
    return at.file_uploader[0].set_value((name, data, "video/mp4")).run()


def button_labels(at: AppTest) -> set[str]:
    """Labels of the buttons below the settings, without those that change faces."""
    return {b.label for b in at.button} - {"Reset", "Remove the uploaded video", "Save name"}


def analyse(at: AppTest, label: str = NEW) -> AppTest:
    """Press the button, wait until the video is analysed, and run the page again."""
    button(at, label).click().run()
    assert not at.exception and at.session_state["video-job"].wait(LONG_S)
    return at.run()


def open_view(at: AppTest, view: str) -> AppTest:
    return at.segmented_control(key="video-view").set_value(view).run()


def clip_of(at: AppTest) -> Clip:
    return at.session_state["video-job"].work.clip


def make_copy(at: AppTest) -> AppTest:
    """Press the button, wait until the copy is made or has failed, and run the page again."""
    button(at, "Make the copy").click().run()
    assert not at.exception and at.session_state["copy-job"].wait(LONG_S)
    return at.run()


def portrait(start_s: float, n: int) -> np.ndarray:
    """A frame of the demo clip at half its size."""
    return resize(demo_frame(start_s + n / 10), HALF)

"""The video page in AppTest, without a browser."""

from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from ferapp.pipeline.clip import Clip
from ferapp.serving.job import Job
from ferapp.serving.video_jobs import VideoAnalysisJob
from ferapp.ui.live.webcam import demo_frame
from ferapp.ui.video.copying import MAKE as COPY
from ferapp.ui.video.state import VideoState
from ferapp.vision.crops import resize
from tests.support.apps import button, components
from tests.support.places import ROOT

LONG_S = 30
VIEWS = ("Summary", "Chart", "Table", "Files")
HALF = (320, 240)
NEW, DONE = "Analyse", "Analyse again"


def open_page() -> AppTest:
    """Open the page by itself in a new session."""
    return AppTest.from_file(ROOT / "pages" / "video.py", default_timeout=LONG_S).run()


def upload_video(at: AppTest, data: bytes, name: str = "x.mp4") -> AppTest:
    return upload_videos(at, {name: data})


def upload_videos(at: AppTest, files: dict[str, bytes]) -> AppTest:
    """Upload these files in place of those before."""
    values = [(name, data, "video/mp4") for name, data in files.items()]
    return at.file_uploader[0].set_value(values).run()


def button_labels(at: AppTest) -> set[str]:
    """Labels of the buttons below the settings, without those that change faces."""
    always = {"Reset", "Remove 1 uploaded video", "Save name", COPY}
    return {b.label for b in at.button} - always


def analyse(at: AppTest, label: str = NEW) -> AppTest:
    """Press the button, wait until the video is analysed, and run the page again."""
    button(at, label).click().run()
    assert not at.exception and job_of(at).wait(LONG_S)
    return at.run()


def states_of(at: AppTest) -> list[VideoState]:
    """What the page keeps of each video, in the order in which they were opened."""
    return list(at.session_state["video-states"].values())


def job_of(at: AppTest) -> Job[VideoAnalysisJob]:
    """The analysis of the only video."""
    [state] = states_of(at)
    return state.job


def open_view(at: AppTest, view: str) -> AppTest:
    return at.segmented_control(key="video-view").set_value(view).run()


def clip_of(at: AppTest) -> Clip:
    return job_of(at).work.clip


def player(at: AppTest) -> dict[str, Any]:
    """What the player shows."""
    return next(data for key, data in components(at).items() if key.startswith("player-"))


def cards(at: AppTest) -> list[str]:
    """The faces below the player, by their titles."""
    return [face["title"] for face in player(at)["faces"]]


def choose_face(at: AppTest, face: int) -> AppTest:
    """As a click on its picture does."""
    session = player(at)["id"]
    at.session_state[f"shown-face-{session}"] = face
    return at.run()


def make_copy(at: AppTest) -> AppTest:
    """Press the button, wait until the copy is made or has failed, and run the page again."""
    button(at, COPY).click().run()
    assert not at.exception and at.session_state["copy-job"].wait(LONG_S)
    return at.run()


def portrait(start_s: float, n: int) -> np.ndarray:
    """A frame of the demo clip at half its size."""
    return resize(demo_frame(start_s + n / 10), HALF)

"""The analysis on the video page: settings, progress, queue, failure, cancelling."""

import threading

import pytest
from streamlit.testing.v1 import AppTest

from ferapp.errors import VideoError
from ferapp.serving.job import Job
from ferapp.serving.video_jobs import VideoAnalysisJob
from ferapp.settings import ClipSettings, StreamSettings
from ferapp.ui.video import analysis
from tests.support.apps import button, page_text
from tests.support.video_page import (
    DONE,
    LONG_S,
    NEW,
    analyse,
    button_labels,
    clip_of,
    job_of,
    open_page,
    states_of,
    upload_video,
)
from tests.support.waiting import wait_until


def test_the_demo_clip_shows_three_faces() -> None:
    at = open_page()
    at.segmented_control(key="video-where").set_value("Demo clip").run()
    assert (
        not at.file_uploader
        and "**640 × 480** pixels" in page_text(at)
        and "**00:24.0** long, no sound" in [each.label for each in at.expander]
    )
    at.selectbox(key="video-rate").set_value("2 a second").run()
    assert "About 48 frames will be read." in page_text(at)
    analyse(at)
    assert "3 faces in 00:2" in page_text(at) and not at.exception
    assert "happiness > 99 %" in page_text(at) and button_labels(at) == {"Keep as a session"}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(VideoError("The decoder is tired."), "The decoder is tired.", id="a sentence"),
        pytest.param(ZeroDivisionError("/srv/secret"), "error in the app", id="anything else"),
    ],
)
def test_a_failed_analysis_shows_why_and_can_be_tried_again(
    pair: bytes, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(analysis, "VideoAnalysisJob", fail)
        at = analyse(upload_video(open_page(), pair))
    assert "**This did not work**" in page_text(at) and message in at.text[0].value
    assert not at.exception and "secret" not in page_text(at) and button_labels(at) == {DONE}
    analyse(at, DONE)
    assert "2 faces" in page_text(at) and "**This did not work**" not in page_text(at)


def start_analysis(data: bytes) -> tuple[AppTest, Job[VideoAnalysisJob]]:
    """The page with a video of which at least one frame has been read."""
    at = upload_video(open_page(), data)
    button(at, NEW).click().run()
    job = job_of(at)
    wait_until(lambda: job.done >= 1)
    return at, job


def test_the_analysis_shows_progress_and_a_preview(
    pair: bytes, full_speed: threading.Event
) -> None:
    at, job = start_analysis(pair)
    at.run()
    assert button_labels(at) == {"Cancel"} and not at.exception
    bar = at.get("progress")[0].proto
    assert "% read" in bar.text and "left" in bar.text and 0 < bar.value < 100
    assert len(at.get("image")) == 1 and "faces in" not in page_text(at)
    full_speed.set()
    assert job.wait(LONG_S)
    assert "2 faces" in page_text(at.run()) and not at.get("progress")


def test_an_analysis_can_be_cancelled_and_restarted(
    pair: bytes, full_speed: threading.Event
) -> None:
    at, job = start_analysis(pair)
    button(at.run(), "Cancel").click().run()
    assert job.wait(3) and job.state == "cancelled"
    at.run()
    assert "Cancelled; nothing was kept." in page_text(at) and button_labels(at) == {DONE}
    assert not at.get("progress") and not at.get("image") and not at.exception
    full_speed.set()
    assert "2 faces" in page_text(analyse(at, DONE))


def test_cancelling_keeps_nothing(pair: bytes, full_speed: threading.Event) -> None:
    at = upload_video(open_page(), pair)
    button(at, NEW).click().run()
    job = job_of(at)
    wait_until(lambda: job.work is not None and job.work.preview and job.done >= 3)
    button(at.run(), "Cancel").click().run()
    assert job.wait(3)
    at.run()
    work = job_of(at).work
    assert work is None or (work.clip is None and not work.portraits and not work.preview)


def test_videos_are_analysed_one_at_a_time_for_their_visitor(
    pair: bytes, faceless: bytes, full_speed: threading.Event
) -> None:
    first, second = upload_video(open_page(), pair), upload_video(open_page(), faceless)
    button(first, NEW).click().run()
    wait_until(lambda: job_of(first).done >= 1)
    button(second, NEW).click().run()
    mine, other = job_of(first), job_of(second)
    assert mine is not other
    wait_until(lambda: other.place == 1)
    second.run()
    assert "You are number 1 in the queue." in second.get("progress")[0].proto.text
    assert button_labels(second) == {"Cancel"} and not second.exception and other.state == "waiting"
    button(first.run(), "Cancel").click().run()
    full_speed.set()
    assert other.wait(LONG_S) and other.state == "done" and mine.state == "cancelled"
    assert "No face was found" in page_text(second.run()) and "Cancelled" in page_text(first.run())
    assert "No face" not in page_text(first) and "Cancelled" not in page_text(second)


def test_settings_reach_the_analysis(pair: bytes) -> None:
    at = upload_video(open_page(), pair)
    assert at.slider(key="video-smoothing").value == StreamSettings().time_constant_s
    assert at.number_input(key="video-every").value is None
    at.selectbox(key="video-rate").set_value("5 a second")
    at.number_input(key="video-every").set_value(3)
    at.slider(key="video-smoothing").set_value(1.5)
    at.slider(key="confidence").set_value(0.6)
    analyse(at.run())
    settings: ClipSettings = states_of(at)[0].order.settings
    assert settings.per_second == 5 and settings.stream.analysis.detection.confidence == 0.6
    assert settings.stream.detect_every == 3 and settings.stream.time_constant_s == 1.5
    assert settings.stream.reads_followed and clip_of(at).frames in (12, 13)


@pytest.mark.parametrize("setting", ["rate", "confidence"])
def test_results_of_other_settings_say_so(results_page: AppTest, setting: str) -> None:
    at = results_page

    def use(rate: str, confidence: float) -> None:
        if setting == "rate":
            at.selectbox(key="video-rate").set_value(rate).run()
        else:
            at.slider(key="confidence").set_value(confidence).run()

    use("5 a second", 0.7)
    assert "The settings have changed since these results were made." in page_text(at)
    assert button_labels(at) == {DONE, "Keep as a session"} and "2 faces in 00:02" in page_text(at)
    use("Every frame", 0.5)
    assert "have changed since" not in page_text(at) and button_labels(at) == {"Keep as a session"}
    use("5 a second", 0.7)
    analyse(at, DONE)
    assert "have changed since" not in page_text(at) and not at.exception
    frames = (12, 13) if setting == "rate" else (25,)
    assert any(f"**{count} frames** read" in page_text(at) for count in frames)


def test_results_and_settings_survive_a_change_of_page(results_app: AppTest) -> None:
    at = results_app
    at.number_input(key="video-every").set_value(3).run()
    at.switch_page("pages/about.py").run()
    assert "2 faces" not in page_text(at) and not at.exception
    at.switch_page("pages/video.py").run()
    assert "2 faces in 00:02" in page_text(at) and not at.exception
    assert at.number_input(key="video-every").value == 3

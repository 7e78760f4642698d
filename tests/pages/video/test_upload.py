"""Choosing a video on its page: accepted, refused, replaced or removed."""

import threading

import pytest
from streamlit.testing.v1 import AppTest

from ferapp.media.video import VideoInfo
from ferapp.ui.video import sources
from tests.support.apps import button, page_text
from tests.support.places import ROOT
from tests.support.stores import HOSTILE
from tests.support.video_page import (
    NEW,
    VIEWS,
    analyse,
    button_labels,
    clip_of,
    job_of,
    make_copy,
    open_page,
    open_view,
    states_of,
    upload_video,
)
from tests.support.waiting import wait_until


def test_the_empty_page_says_what_to_do() -> None:
    at = open_page()
    assert not at.exception and button_labels(at) == set()
    assert "Choose a video, or try the demo clip" in page_text(at) and "not a feeling" in page_text(
        at
    )
    assert "prohibited in the EU" in page_text(at) and "python -m ferapp batch" in page_text(at)
    assert {".mp4", ".webm"} <= set(at.file_uploader[0].allowed_type)


def test_unknown_length_and_frame_rate_are_shown_as_unknown(
    monkeypatch: pytest.MonkeyPatch, pair: bytes
) -> None:
    info = VideoInfo("matroska", "vp9", (64, 48), None, None, False)
    monkeypatch.setattr(sources, "Video", lambda file: _FakeVideo(info))
    at = upload_video(open_page(), pair)
    assert "unknown length, no sound" in [each.label for each in at.expander]
    assert "unknown frame rate · **64 × 48** pixels · codec **vp9**" in page_text(at)
    assert "frames will be read" not in page_text(at) and not at.exception
    at.selectbox(key="video-rate").set_value("2 a second").run()
    assert "frames will be read" not in page_text(at) and not at.exception


class _FakeVideo:
    """A video whose container makes claims."""

    def __init__(self, info: VideoInfo) -> None:
        self.info = info

    def __enter__(self) -> "_FakeVideo":
        return self

    def __exit__(self, *_: object) -> None:
        pass


BROKEN = {
    "empty": b"",
    "a picture": b"GIF89a",
    "cut": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(100),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_upload_gives_one_sentence_without_details(broken: str) -> None:
    at = upload_video(open_page(), BROKEN[broken], "<b>secret.mp4")
    assert not at.exception and "**This did not work**" in page_text(at)
    sentence = at.text[0].value
    assert len(at.text) == 1 and sentence.endswith(".") and "\n" not in sentence
    assert all(
        part not in page_text(at) for part in ("secret", "Traceback", str(ROOT), "/tmp", "Errno")
    )
    assert button_labels(at) == set()


def test_a_good_upload_replaces_a_broken_one(pair: bytes) -> None:
    at = upload_video(open_page(), b"GIF89a")
    upload_video(at, pair)
    assert "**This did not work**" not in page_text(at) and button_labels(at) == {NEW}


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [("MAX_HOURS", 0.0005, "The video lasts 00:02"), ("MAX_MB", 1, "larger than 1 MB")],
)
def test_a_video_that_is_too_large_is_refused_with_a_message(
    pair: bytes, monkeypatch: pytest.MonkeyPatch, limit: str, value: float, message: str
) -> None:
    monkeypatch.setattr(sources, limit, value)
    at = upload_video(open_page(), pair + bytes(1_000_000))
    assert message in at.text[0].value and "python -m ferapp video" in at.text[0].value
    assert not at.exception and button_labels(at) == set()


def test_another_upload_clears_the_first(results_page: AppTest, faceless: bytes) -> None:
    at = make_copy(results_page)
    old = job_of(at)
    upload_video(at, faceless)
    assert "faces in" not in page_text(at) and button_labels(at) == {NEW} and not at.exception
    assert "copy-job" not in at.session_state and "copy-asked" not in at.session_state
    assert job_of(at) is None
    analyse(at)
    assert job_of(at) is not old and "No face was found" in page_text(at)


@pytest.mark.parametrize("after", ["another upload", "none", "the demo clip"])
def test_removing_a_video_cancels_its_analysis(
    pair: bytes, faceless: bytes, full_speed: threading.Event, after: str
) -> None:
    at = upload_video(open_page(), pair)
    button(at, NEW).click().run()
    job = job_of(at)
    wait_until(lambda: job.done >= 1)
    match after:
        case "another upload":
            upload_video(at, faceless)
        case "none":
            at.file_uploader[0].set_value([]).run()
        case _:
            at.segmented_control(key="video-where").set_value("Demo clip").run()
    assert job.wait(3) and job.state == "cancelled"
    assert job not in [state.job for state in states_of(at)]
    assert not at.exception and "Cancel" not in button_labels(at)
    assert ("try the demo clip" in page_text(at)) == (after == "none")


def test_an_upload_missing_from_its_widget_can_be_removed(results_page: AppTest) -> None:
    """The browser's widget forgets the file when the page is left; the app keeps it."""
    at = results_page
    assert "**640 × 240** pixels" in page_text(at) and "2 faces" in page_text(at)
    button(at, "Remove 1 uploaded video").click().run()
    assert "try the demo clip" in page_text(at) and button_labels(at) == set() and not at.exception
    assert not states_of(at) and not at.get("image")


def test_a_file_name_is_never_markdown(pair: bytes) -> None:
    at = analyse(upload_video(open_page(), pair, f"{HOSTILE}.mp4"))
    texts = [page_text(at)] + [page_text(open_view(at, view)) for view in VIEWS]
    assert not at.exception and not any("evil" in text or "<b>" in text for text in texts)


def test_a_slider_chooses_the_part_to_read(pair: bytes) -> None:
    at = upload_video(open_page(), pair)
    [part] = [slider for slider in at.slider if slider.label == "Part to read"]
    end_s = part.max
    assert part.value == (0.0, end_s) and end_s > 1
    part.set_value((0.5, 1.0)).run()
    assert "About 5 frames will be read" in page_text(at) and not at.exception
    clip = clip_of(analyse(at))
    assert clip.frames == 5 and clip.part.from_s == 0.5 and clip.part.to_s == 1.0
    assert clip.frame_times_s[0] == pytest.approx(0.5)
    assert len(clip.info.tracks) == 1 and "Video track" not in {box.label for box in at.selectbox}


def test_one_of_several_tracks_can_be_chosen(monkeypatch: pytest.MonkeyPatch, pair: bytes) -> None:
    tracks = ("1 (h264, 640 × 480)", "2 (mjpeg, 64 × 48)")
    info = VideoInfo("mov", "h264", (640, 480), 10.0, 3.0, False, 1, tracks)
    monkeypatch.setattr(sources, "Video", lambda file: _FakeVideo(info))
    at = upload_video(open_page(), pair)
    [box] = [box for box in at.selectbox if box.label == "Video track"]
    assert list(box.options) == list(tracks) and box.value == 1
    box.set_value(2).run()
    assert not at.exception

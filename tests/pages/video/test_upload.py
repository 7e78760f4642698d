"""The video that a visitor chooses: taken, refused, replaced and removed."""

import threading

import pytest
from streamlit.testing.v1 import AppTest

from ferapp.media.video import VideoInfo
from ferapp.ui.video import page as video
from tests.support.apps import button, page_text
from tests.support.places import ROOT
from tests.support.stores import HOSTILE
from tests.support.video_page import (
    NEW,
    VIEWS,
    analyse,
    button_labels,
    make_copy,
    open_page,
    open_view,
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
    monkeypatch.setattr(video, "Video", lambda file: _Open(info))
    at = upload_video(open_page(), pair)
    assert "unknown length · unknown frame rate · **64 × 48** pixels" in page_text(at)
    assert "codec **vp9** · no sound" in page_text(at)
    assert "frames will be read" not in page_text(at) and not at.exception
    at.selectbox(key="video-rate").set_value("2 a second").run()
    assert "frames will be read" not in page_text(at) and not at.exception


class _Open:
    """A video of which a container claims something."""

    def __init__(self, info: VideoInfo) -> None:
        self.info = info

    def __enter__(self) -> "_Open":
        return self

    def __exit__(self, *_: object) -> None:
        pass


BROKEN = {
    "empty": b"",
    "a picture": b"GIF89a",
    "cut": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(100),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_upload_is_one_sentence(broken: str) -> None:
    at = upload_video(open_page(), BROKEN[broken], "<b>secret.mp4")
    assert not at.exception and "**This did not work**" in page_text(at)
    sentence = at.text[0].value
    assert len(at.text) == 1 and sentence.endswith(".") and "\n" not in sentence
    assert all(
        part not in page_text(at) for part in ("secret", "Traceback", str(ROOT), "/tmp", "Errno")
    )
    assert button_labels(at) == set()


def test_a_good_upload_after_a_broken_one(pair: bytes) -> None:
    at = upload_video(open_page(), b"GIF89a")
    upload_video(at, pair)
    assert "**This did not work**" not in page_text(at) and button_labels(at) == {NEW}


@pytest.mark.parametrize(
    ("limit", "value", "told"),
    [("MAX_HOURS", 0.0005, "The video lasts 00:02"), ("MAX_MB", 1, "larger than 1 MB")],
)
def test_a_video_that_is_too_large_is_refused_with_a_sentence(
    pair: bytes, monkeypatch: pytest.MonkeyPatch, limit: str, value: float, told: str
) -> None:
    monkeypatch.setattr(video, limit, value)
    at = upload_video(open_page(), pair + bytes(1_000_000))
    assert told in at.text[0].value and "python -m ferapp video" in at.text[0].value
    assert not at.exception and button_labels(at) == set()


def test_another_upload_forgets_the_first(read: AppTest, nobody: bytes) -> None:
    read = make_copy(open_view(read, "Annotated copy"))
    old = read.session_state["video-job"]
    upload_video(read, nobody)
    assert "faces in" not in page_text(read) and button_labels(read) == {NEW} and not read.exception
    for key in ("video-job", "copy-job", "video-session", "video-order", "copy-asked"):
        assert key not in read.session_state
    analyse(read)
    assert read.session_state["video-job"] is not old and "no face was found" in page_text(read)


@pytest.mark.parametrize("after", ["another upload", "none", "the demo clip"])
def test_a_video_that_is_gone_is_not_read_on(
    pair: bytes, nobody: bytes, slow: threading.Event, after: str
) -> None:
    at = upload_video(open_page(), pair)
    button(at, NEW).click().run()
    job = at.session_state["video-job"]
    wait_until(lambda: job.done >= 1)
    match after:
        case "another upload":
            upload_video(at, nobody)
        case "none":
            at.file_uploader[0].set_value(None).run()
        case _:
            at.segmented_control(key="video-where").set_value("Demo clip").run()
    assert job.wait(3) and job.state == "cancelled" and "video-job" not in at.session_state
    assert not at.exception and "Cancel" not in button_labels(at)
    assert ("try the demo clip" in page_text(at)) == (after == "none")


def test_an_upload_whose_widget_is_empty_again_can_be_removed(read: AppTest) -> None:
    """In a browser the widget forgets the file when the page is left; the upload is kept."""
    assert "**640 × 240** pixels" in page_text(read) and "2 faces" in page_text(read)
    button(read, "Remove the video from before").click().run()
    assert (
        "try the demo clip" in page_text(read)
        and button_labels(read) == set()
        and not read.exception
    )
    assert "video-job" not in read.session_state and not read.get("image")


def test_a_name_is_never_taken_for_markdown(pair: bytes) -> None:
    at = analyse(upload_video(open_page(), pair, f"{HOSTILE}.mp4"))
    pages = [page_text(at), *(page_text(open_view(at, view)) for view in VIEWS)]
    assert not at.exception and not any("evil" in page or "<b>" in page for page in pages)

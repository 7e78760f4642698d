"""The annotated copy on the video page."""

import io
from collections.abc import Iterator

import av
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ferapp.errors import VideoError
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.clip import Clip
from ferapp.ui.video import results as video_results
from tests.support.apps import button, page_text
from tests.support.fakes import FakeWork
from tests.support.video_page import (
    DONE,
    analyse,
    button_labels,
    clip_of,
    make_copy,
    open_view,
)
from tests.support.waiting import wait_until


@pytest.fixture
def copying(read: AppTest) -> AppTest:
    return open_view(read, "Annotated copy")


def test_at_first_the_longest_face_alone_can_be_seen(copying: AppTest, pair: bytes) -> None:
    at = copying
    assert at.multiselect(key="copy-shown").options == ["Face 2", "Face 1"]
    assert at.multiselect(key="copy-shown").value == [2] and at.toggle(key="copy-blur").value
    assert not at.get("video") and not at.get("download_button")
    make_copy(at)
    assert (
        not at.exception and len(at.get("video")) == 1 and "Make the copy" not in button_labels(at)
    )
    assert at.get("download_button")[0].label.startswith("Download the copy (")
    assert "check the copy before you share it" in page_text(at) and not at.warning
    mp4 = at.session_state["copy-job"].work.mp4
    with av.open(io.BytesIO(mp4)) as made, av.open(io.BytesIO(pair)) as source:
        assert made.streams.audio and made.streams.video[0].codec_context.name == "h264"
        images = [frame.to_ndarray(format="rgb24") for frame in made.decode(video=0)]
        before = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    assert len(images) == 25 and images[0].shape == (240, 640, 3)
    readings = clip_of(at).readings
    for face, is_hidden in ((1, True), (2, False)):
        its = readings.of(face)
        middle = len(its) // 2
        number, box = round(10 * its.at_s[middle]), its.xyxy[middle]
        assert (detail(images[number], box) < 0.5 * detail(before[number], box)) == is_hidden


def detail(image: np.ndarray, xyxy: np.ndarray) -> float:
    """How much neighbouring pixels in the middle of a box differ."""
    x, y, right, bottom = xyxy.round().astype(int)
    dx, dy = (right - x) // 4, (bottom - y) // 4
    part = image[y + dy : bottom - dy, x + dx : right - dx].astype(float).mean(axis=2)
    return float(np.abs(np.diff(part, axis=1)).mean())


class FakeCopying(FakeWork):
    """A copy that takes as long as the test says."""

    mp4 = b""
    note = "The sound of the video can't be read. The copy has none."

    def __iter__(self) -> Iterator[float]:
        yield from super().__iter__()
        self.mp4 = b"\0\0\0\x18ftypisom"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCopying:
    work = FakeCopying()
    monkeypatch.setattr(video_results, "VideoCopyJob", lambda *_: work)
    return work


CHOICES = {
    "the longest": ([2], True, {2}, True),
    "all, and what may be a face is blurred": ([2, 1], True, {1, 2}, True),
    "one has a label, nobody is blurred": ([1], False, {1}, False),
    "all have labels": ([2, 1], False, None, False),
    "none": ([], True, set(), True),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_who_is_seen_is_who_was_chosen(
    copying: AppTest, fake: FakeCopying, choice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces, blurs, shown, hides = CHOICES[choice]
    asked: list[tuple[frozenset[int] | None, bool]] = []
    of_clip = Overlay.of_clip

    def overlay(clip: Clip, shown: frozenset[int] | None, *, hides_others: bool) -> Overlay:
        asked.append((shown, hides_others))
        return of_clip(clip, shown, hides_others=hides_others)

    monkeypatch.setattr(Overlay, "of_clip", overlay)
    fake.allow()
    copying.multiselect(key="copy-shown").set_value(faces)
    copying.toggle(key="copy-blur").set_value(blurs)
    make_copy(copying.run())
    assert asked == [(shown, hides)]


def test_copy_says_what_it_lacks(copying: AppTest, fake: FakeCopying) -> None:
    fake.allow()
    make_copy(copying)
    assert fake.note in copying.warning[0].value and copying.get("download_button")


def test_a_large_copy_is_not_played(
    copying: AppTest, fake: FakeCopying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_results, "_MOST_PLAYED", 5)
    fake.allow()
    make_copy(copying)
    assert not copying.get("video") and len(copying.get("download_button")) == 1
    assert "too large to play" in page_text(copying)


def test_copying_shows_progress_and_can_be_cancelled(copying: AppTest, fake: FakeCopying) -> None:
    at = copying
    button(at, "Make the copy").click().run()
    job = at.session_state["copy-job"]
    fake.allow(1)
    wait_until(lambda: job.done == 1)
    at.run()
    assert "00:01 of 00:04 copied" in at.get("progress")[0].proto.text and not at.exception
    assert button_labels(at) == {"Cancel", "Keep as a session"}
    button(at, "Cancel").click().run()
    assert job.wait(3) and job.state == "cancelled"
    at.run()
    assert "Cancelled." in page_text(at) and "Make the copy" in button_labels(at)
    assert "2 faces" in page_text(at), "what was read stays" and not at.get("video")


def test_a_copy_that_fails_is_a_sentence(copying: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise VideoError("There is no room.")

    with monkeypatch.context() as patch:
        patch.setattr(video_results, "VideoCopyJob", fail)
        make_copy(copying)
    assert "**This did not work**" in page_text(copying) and not copying.exception
    assert copying.text[0].value == "There is no room." and "Make the copy" in button_labels(
        copying
    )


def test_copy_of_another_choice_says_so(copying: AppTest, fake: FakeCopying) -> None:
    fake.allow()
    at = make_copy(copying)
    at.toggle(key="copy-blur").set_value(False).run()
    assert "Your choice has changed since the last copy was made." in page_text(at)
    assert not at.get("download_button") and "Make the copy" in button_labels(at)
    at.toggle(key="copy-blur").set_value(True).run()
    assert at.get("download_button") and "something else" not in page_text(at)


@pytest.mark.parametrize("way", ["another view", "another page"])
def test_a_copy_is_still_there_after_a_look_elsewhere(
    pages: AppTest, fake: FakeCopying, way: str
) -> None:
    """Also one of another choice than the first."""
    fake.allow()
    at = open_view(pages, "Annotated copy")
    at.multiselect(key="copy-shown").set_value([2, 1])
    make_copy(at.run())
    assert at.get("download_button")
    if way == "another view":
        open_view(at, "Summary")
    else:
        at.switch_page("pages/about.py").run()
        at.switch_page("pages/video.py").run()
    open_view(at, "Annotated copy")
    assert at.multiselect(key="copy-shown").value == [2, 1] and at.get("download_button")


def test_a_new_reading_begins_with_its_own_choice(read: AppTest) -> None:
    at = open_view(read, "Annotated copy")
    at.multiselect(key="copy-shown").set_value([1]).run()
    at.slider(key="confidence").set_value(0.6).run()
    analyse(at, DONE)
    open_view(at, "Annotated copy")
    assert at.multiselect(key="copy-shown").value == [2] and not at.exception

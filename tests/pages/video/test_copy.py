"""The annotated copy on the video page: who is visible, progress, failure."""

import io
from collections.abc import Iterator

import av
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ferapp.errors import VideoError
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.clip import Clip
from ferapp.sessions.face_edits import FaceEdits
from ferapp.ui.video import copying, results
from tests.support.apps import button, page_text
from tests.support.fakes import FakeWork
from tests.support.video_page import (
    COPY,
    DONE,
    analyse,
    button_labels,
    clip_of,
    make_copy,
    open_view,
    player,
)
from tests.support.waiting import wait_until


@pytest.fixture
def copy_page(results_page: AppTest) -> AppTest:
    return results_page


def test_by_default_only_the_longest_seen_face_is_visible(copy_page: AppTest, pair: bytes) -> None:
    at = copy_page
    assert at.multiselect(key="copy-shown").options == ["Face 2", "Face 1"]
    assert at.multiselect(key="copy-shown").value == [2] and at.toggle(key="copy-blur").value
    assert not at.get("download_button") and not player(at)["video"]["has_boxes"]
    make_copy(at)
    assert not at.exception and player(at)["video"]["has_boxes"] and COPY not in labels(at)
    assert at.get("download_button")[0].label.startswith("Download the copy (")
    assert "check the copy before you share it" in page_text(at) and not at.warning
    mp4 = at.session_state["copy-job"].work.mp4
    with av.open(io.BytesIO(mp4)) as copy, av.open(io.BytesIO(pair)) as source:
        assert copy.streams.audio and copy.streams.video[0].codec_context.name == "h264"
        images = [frame.to_ndarray(format="rgb24") for frame in copy.decode(video=0)]
        before = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    assert len(images) == 25 and images[0].shape == (240, 640, 3)
    readings = clip_of(at).readings
    for face, is_hidden in ((1, True), (2, False)):
        its = readings.of(face)
        middle = len(its) // 2
        number, box = round(10 * its.at_s[middle]), its.xyxy[middle]
        assert (detail(images[number], box) < 0.5 * detail(before[number], box)) == is_hidden


def labels(at: AppTest) -> set[str]:
    return {b.label for b in at.button}


def detail(image: np.ndarray, xyxy: np.ndarray) -> float:
    """Mean difference of neighbouring pixels in the middle of a box."""
    x, y, right, bottom = xyxy.round().astype(int)
    dx, dy = (right - x) // 4, (bottom - y) // 4
    part = image[y + dy : bottom - dy, x + dx : right - dx].astype(float).mean(axis=2)
    return float(np.abs(np.diff(part, axis=1)).mean())


class FakeCopyJob(FakeWork):
    """A copy that makes a step whenever the test allows it."""

    mp4 = b""
    note = "The sound of the video can't be read. The copy has none."

    def __iter__(self) -> Iterator[float]:
        yield from super().__iter__()
        self.mp4 = b"\0\0\0\x18ftypisom"


@pytest.fixture
def copy_job(monkeypatch: pytest.MonkeyPatch) -> FakeCopyJob:
    work = FakeCopyJob()
    monkeypatch.setattr(copying, "VideoCopyJob", lambda *_: work)
    return work


CHOICES = {
    "the longest-seen": ([2], True, {2}, True),
    "all, doubtful faces are blurred": ([2, 1], True, {1, 2}, True),
    "one has a label, none is blurred": ([1], False, {1}, False),
    "all have labels": ([2, 1], False, None, False),
    "none": ([], True, set(), True),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_only_chosen_faces_are_visible(
    copy_page: AppTest, copy_job: FakeCopyJob, choice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces, blurs, shown, hides = CHOICES[choice]
    calls: list[tuple[frozenset[int] | None, bool]] = []
    real = Overlay.of_clip

    def of_clip(
        clip: Clip, shown: frozenset[int] | None, *, hides_others: bool, edits: FaceEdits
    ) -> Overlay:
        calls.append((shown, hides_others))
        return real(clip, shown, hides_others=hides_others, edits=edits)

    monkeypatch.setattr(Overlay, "of_clip", of_clip)
    copy_job.allow()
    copy_page.multiselect(key="copy-shown").set_value(faces)
    copy_page.toggle(key="copy-blur").set_value(blurs)
    make_copy(copy_page.run())
    assert calls == [(shown, hides)]


def test_copy_says_what_is_missing(copy_page: AppTest, copy_job: FakeCopyJob) -> None:
    copy_job.allow()
    make_copy(copy_page)
    assert copy_job.note in copy_page.warning[0].value and copy_page.get("download_button")


def test_a_large_copy_is_not_played(
    copy_page: AppTest, copy_job: FakeCopyJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "_MOST_PLAYED", 5)
    copy_job.allow()
    make_copy(copy_page)
    assert player(copy_page)["video"] is None and len(copy_page.get("download_button")) == 1
    assert "too large to play" in page_text(copy_page)


def test_copying_shows_progress_and_can_be_cancelled(
    copy_page: AppTest, copy_job: FakeCopyJob
) -> None:
    at = copy_page
    button(at, COPY).click().run()
    job = at.session_state["copy-job"]
    copy_job.allow(1)
    wait_until(lambda: job.done == 1)
    at.run()
    assert "00:01 of 00:04 copied" in at.get("progress")[0].proto.text and not at.exception
    assert button_labels(at) == {"Cancel", "Keep as a session"}
    button(at, "Cancel").click().run()
    assert job.wait(3) and job.state == "cancelled"
    at.run()
    assert "Cancelled." in page_text(at) and COPY in labels(at)
    assert "2 faces" in page_text(at), "the results stay"
    assert player(at)["video"]["address"] and not player(at)["video"]["has_boxes"]


def test_a_failed_copy_gives_a_message_and_can_be_retried(
    copy_page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise VideoError("There is no room.")

    with monkeypatch.context() as patch:
        patch.setattr(copying, "VideoCopyJob", fail)
        make_copy(copy_page)
    assert "**This did not work**" in page_text(copy_page) and not copy_page.exception
    assert copy_page.text[0].value == "There is no room."
    assert COPY in labels(copy_page)


def test_copy_of_an_earlier_choice_says_so(copy_page: AppTest, copy_job: FakeCopyJob) -> None:
    copy_job.allow()
    at = make_copy(copy_page)
    at.toggle(key="copy-blur").set_value(False).run()
    assert "Your choice has changed since the last copy was made." in page_text(at)
    assert not at.get("download_button") and COPY in labels(at)
    at.toggle(key="copy-blur").set_value(True).run()
    assert at.get("download_button") and "something else" not in page_text(at)


@pytest.mark.parametrize("visit", ["another view", "another page"])
def test_copy_survives_a_change_of_view_or_page(
    results_app: AppTest, copy_job: FakeCopyJob, visit: str
) -> None:
    """Also with another choice of faces than the default."""
    copy_job.allow()
    at = results_app
    at.multiselect(key="copy-shown").set_value([2, 1])
    make_copy(at.run())
    assert at.get("download_button")
    if visit == "another view":
        open_view(at, "Summary")
    else:
        at.switch_page("pages/about.py").run()
        at.switch_page("pages/video.py").run()
    assert at.multiselect(key="copy-shown").value == [2, 1] and at.get("download_button")


def test_a_new_analysis_starts_with_its_own_choice(results_page: AppTest) -> None:
    at = results_page
    at.multiselect(key="copy-shown").set_value([1]).run()
    at.slider(key="confidence").set_value(0.6).run()
    analyse(at, DONE)
    assert at.multiselect(key="copy-shown").value == [2] and not at.exception

"""The player on the video page: what it plays, whose curve it shows, and what stays hidden."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ferapp.media.images import read_image
from ferapp.ui.video import copying
from tests.support.apps import button, page_text
from tests.support.face_editing import merge_faces, split_face
from tests.support.fakes import FakeWork
from tests.support.video_page import (
    COPY,
    cards,
    choose_face,
    clip_of,
    make_copy,
    open_view,
    player,
    states_of,
)


def test_the_upload_itself_is_played_with_the_curve_of_the_longest_seen_face(
    results_page: AppTest,
) -> None:
    shown = player(results_page)
    assert shown["video"]["address"].startswith("/") and shown["video"]["has_sound"]
    assert shown["video"]["from_s"] == 0 and not shown["note"]
    assert shown["curve"]["face"] == 2 and shown["curve"]["alt"].startswith("Expressions of face 2")
    assert "neutral" in shown["curve"]["alt"] and shown["size"] == [640, 240]
    its = clip_of(results_page).readings.of(2)
    assert shown["steps"] == its.at_s.round(3).tolist()
    assert [name for name, _ in shown["labels"]] == list(clip_of(results_page).labels)


def test_a_chosen_face_has_the_curve_the_summary_and_the_table(results_page: AppTest) -> None:
    at = choose_face(results_page, 1)
    assert player(at)["curve"]["face"] == 1 and "happiness" in player(at)["curve"]["alt"]
    assert "happiness" in at.dataframe[0].value["expression"].tolist()
    open_view(at, "Table")
    table = at.dataframe[0].value
    assert len(table) == len(clip_of(at).readings.of(1)) and "face 1" in page_text(at)
    assert table["happiness (%)"].max() > 50 and "happiness" in table["label"].tolist()


def test_a_face_that_was_merged_away_is_no_longer_chosen(results_page: AppTest) -> None:
    at = choose_face(split_face(results_page, 2, 1.5), 3)
    assert player(at)["curve"]["face"] == 3
    merge_faces(at, 1, [3])
    assert player(at)["curve"]["face"] in (1, 2) and not at.exception


def test_a_video_that_no_browser_plays_shows_boxes_on_an_empty_frame(
    results_page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = results_page
    [state] = states_of(at)
    clip = replace(clip_of(at), info=replace(clip_of(at).info, container="avi"))
    with monkeypatch.context() as patch:
        patch.setattr(state.job.work, "clip", clip)
        at.run()
        assert player(at)["video"] is None and "on an empty frame" in player(at)["note"]
        assert player(at)["boxes"]["tracks"] and len(cards(at)) == 2


class Copy(FakeWork):
    """A copy that is made when the test allows it."""

    mp4, note = b"", ""

    def __init__(self, *_: object) -> None:
        super().__init__()

    def __iter__(self):
        yield from super().__iter__()
        self.mp4 = b"\0\0\0\x18ftypisom"


@pytest.fixture
def copy(monkeypatch: pytest.MonkeyPatch) -> Copy:
    work = Copy()
    monkeypatch.setattr(copying, "VideoCopyJob", lambda *_: work)
    return work


def sharpness(at: AppTest, face: int) -> float:
    """How much detail the picture of a face has."""
    import base64

    [row] = [row for row in player(at)["faces"] if row["face"] == face]
    image = read_image(base64.b64decode(row["image"].partition(",")[2])).astype(float)
    return float(np.abs(np.diff(image, axis=1)).mean())


def test_a_face_that_is_blurred_in_the_copy_is_not_shown_elsewhere(
    results_page: AppTest, copy: Copy
) -> None:
    """From the moment in which the copy is asked for until it is discarded."""
    at = results_page
    before = {face: sharpness(at, face) for face in (1, 2)}
    assert not player(at)["video"]["has_boxes"]
    button(at, COPY).click().run()
    assert player(at)["video"] is None and "being made" in player(at)["note"]
    assert sharpness(at, 1) < 0.5 * before[1] and sharpness(at, 2) == before[2]
    copy.allow()
    assert at.session_state["copy-job"].wait(5)
    at.run()
    assert player(at)["video"]["has_boxes"]
    at.multiselect(key="copy-shown").set_value([2, 1]).run()
    assert player(at)["video"]["has_boxes"], "a new choice does not bring the video back"
    assert sharpness(at, 1) < 0.5 * before[1]
    button(at, "Discard the copy").click().run()
    assert not player(at)["video"]["has_boxes"] and sharpness(at, 1) == before[1]


def test_a_copy_that_blurs_nobody_hides_nobody(results_page: AppTest, copy: Copy) -> None:
    before = sharpness(results_page, 1)
    results_page.toggle(key="copy-blur").set_value(False).run()
    copy.allow()
    at = make_copy(results_page)
    assert player(at)["video"]["has_boxes"] and sharpness(at, 1) == before
    assert len(states_of(at)) == 1

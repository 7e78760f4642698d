"""The last minute on the live page: which face it shows, with faces of the test."""

import json
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ferapp.pipeline.people import FaceReading
from ferapp.pipeline.stream import StreamFrame
from ferapp.serving.latest import Latest
from ferapp.ui.live.minute import front_face
from tests.support.apps import figures, page_text
from tests.support.fakes import Clock

LABELS = ("a", "b")
SIZE_WH = (640, 480)
SHARES = np.array([0.25, 0.75], np.float32)

Boxes = Mapping[int, tuple[float, float, float]]
"""Left, top and side of the box of each face, px."""

SMALL, LARGE, MIDDLE = (20, 60, 80), (400, 100, 200), (270, 190, 100)


def readings(boxes: Boxes) -> tuple[FaceReading, ...]:
    return tuple(
        FaceReading(
            id=id,
            xyxy=np.array([x, y, x + side, y + side], np.float32),
            score=1.0,
            probabilities=SHARES,
            smoothed=SHARES,
            expression="b",
            flaw=None,
            is_corrected=False,
            baseline_progress=None,
        )
        for id, (x, y, side) in boxes.items()
    )


@pytest.mark.parametrize(
    ("boxes", "before", "expected"),
    [
        pytest.param({}, None, None, id="nobody"),
        pytest.param({}, 3, None, id="nobody any more"),
        pytest.param({1: SMALL, 2: LARGE}, None, 2, id="the largest"),
        pytest.param({1: (0, 0, 100), 2: MIDDLE}, None, 2, id="the one in the middle"),
        pytest.param({1: SMALL, 2: LARGE}, 1, 2, id="a clearly larger one takes over"),
        pytest.param({1: (200, 190, 100), 2: (330, 190, 105)}, 1, 1, id="no jump if alike"),
        pytest.param({2: SMALL, 3: LARGE}, 1, 3, id="the one before has left"),
    ],
)
def test_the_face_in_front(boxes: Boxes, before: int | None, expected: int | None) -> None:
    assert front_face(readings(boxes), SIZE_WH, before) == expected


def minute() -> None:
    import streamlit as st

    from ferapp.ui.live.minute import show_minute

    show_minute(st.session_state["latest-of-test"].snapshot())


class Show:
    """The chart of a stream whose faces the test moves."""

    def __init__(self) -> None:
        self.latest = Latest(Clock())
        self.at_s = 0.0
        self.at = AppTest.from_function(minute, default_timeout=30)
        self.at.session_state["latest-of-test"] = self.latest

    def play(self, boxes: Boxes, seconds: float = 1.0) -> "Show":
        for _ in range(int(seconds * 10)):
            self.at_s += 0.1
            self.latest.add_arrival(self.at_s)
            self.latest.add_frame(
                StreamFrame(
                    self.at_s,
                    SIZE_WH,
                    LABELS,
                    readings(boxes),
                    True,
                    True,
                    np.empty((0, 4), np.float32),
                )
            )
        self.at.run()
        assert not self.at.exception
        return self

    @property
    def shown(self) -> str:
        """The text alternative of the chart; empty without a chart."""
        charts = [json.loads(chart.proto.json) for chart in self.at.get("bidi_component")]
        return charts[0]["alt"] if charts else ""


@pytest.mark.parametrize(
    "start",
    [
        pytest.param([{1: SMALL, 2: LARGE}], id="both at once"),
        pytest.param([{1: SMALL}, {1: SMALL, 2: LARGE}], id="the larger one later"),
        pytest.param([{2: LARGE}, {1: SMALL, 2: LARGE}], id="the smaller one later"),
    ],
)
def test_a_start_with_two_faces_shows_the_one_in_front(start: list[Boxes]) -> None:
    show = Show()
    for boxes in start:
        show.play(boxes)
    assert show.shown.startswith("Face 2") and "face 2, the one in front." in page_text(show.at)
    assert show.at.selectbox(key="live-face").options == [
        "the face in front",
        "all faces in view",
        "Face 1",
        "Face 2",
    ]
    show.play({1: SMALL}, 4)
    assert show.shown.startswith("Face 1"), "the chart lets go of a face that has left"
    assert "The last minute of face 1." in page_text(show.at) and not show.at.selectbox


def test_a_chosen_face_stays_until_it_leaves() -> None:
    show = Show().play({1: SMALL, 2: LARGE})
    show.at.selectbox(key="live-face").set_value(1)
    show.play({1: SMALL, 2: LARGE})
    assert show.shown.startswith("Face 1") and "The last minute of face 1." in page_text(show.at)
    show.play({1: SMALL}, 4)
    assert show.shown.startswith("Face 1"), "though it is the only one now"
    show.play({1: SMALL, 3: LARGE})
    assert show.shown.startswith("Face 1"), "a newcomer does not take the place"
    show.play({3: LARGE, 4: SMALL}, 4)
    assert show.shown.startswith("Face 3") and show.at.selectbox(key="live-face").value == 0


def test_a_lost_detection_does_not_lose_the_choice() -> None:
    show = Show().play({1: SMALL, 2: LARGE})
    show.at.selectbox(key="live-face").set_value(1)
    show.play({2: LARGE}, 1)
    assert show.shown.startswith("Face 1")


def test_the_last_face_that_left_is_still_shown_and_named() -> None:
    show = Show().play({1: LARGE}, 2).play({}, 5.5)
    assert show.shown.startswith("Face 1")
    assert "The last minute of face 1, last seen 5 seconds ago." in page_text(show.at)


def test_without_a_face_there_is_no_chart() -> None:
    assert Show().play({}).shown == ""


def test_all_faces_in_view_have_a_row_each_until_they_leave() -> None:
    show = Show().play({1: SMALL, 2: LARGE})
    show.at.selectbox(key="live-face").set_value(-1)
    show.play({1: SMALL, 2: LARGE, 3: MIDDLE})
    assert "The last minute of 3 faces." in page_text(show.at)
    assert show.shown == "The last minute; at its end Face 1: b; Face 2: b; Face 3: b"
    layout = figures(show.at)["live-minute"]["layout"]
    rows = [layout[f"yaxis{n}"]["domain"] for n in ("", "2", "3")]
    assert all(upper[0] > lower[1] for upper, lower in pairwise(rows))
    assert [note["text"] for note in layout["annotations"]] == ["Face 1", "Face 2", "Face 3"]
    show.play({1: SMALL}, 4)
    assert "The last minute of 1 face." in page_text(show.at), "the choice holds"

"""What the player draws: curves that break at gaps, strips of labels, boxes at their faces."""

from dataclasses import replace

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.labels import UNSURE_COLOUR, label_colours
from ferapp.media.video import VideoInfo
from ferapp.pipeline.clip import Clip
from ferapp.sessions.face_edits import FaceEdits, MergeFaces, NameFace
from ferapp.sessions.session import Readings
from ferapp.ui.video import player_data
from ferapp.ui.video.player_data import boxes_of, curve_of, shares_text, steps_of, strip_of
from tests.support.sessions import face_readings, some_readings

COLOURS = label_colours(EXPRESSIONS)


def clip_of(*readings: Readings) -> Clip:
    joined = Readings.join(readings)
    by_time = joined.at(np.lexsort((joined.face, joined.at_s)))
    info = VideoInfo("mov", "h264", (640, 480), 10.0, 4.0, False)
    none = (np.empty(0), np.empty((0, 4), np.float32))
    return Clip(info, EXPRESSIONS, by_time, (), *none, 40, 0.1, 4.0, True, "")


def test_a_curve_breaks_where_the_face_was_away_or_not_readable() -> None:
    rows = [(n / 10, "anger") for n in range(10)] + [(5 + n / 10, "fear") for n in range(10)]
    curve = curve_of(face_readings(*rows, flaws={14: "blurred"}))
    anger = dict(zip(curve["at"], curve["shares"][EXPRESSIONS.index("anger")], strict=True))
    assert anger[0.0] == pytest.approx(0.9) and anger[5.0] == pytest.approx(0.014, abs=1e-3)
    breaks = [at_s for at_s, value in anger.items() if value is None]
    assert any(0.9 < at_s < 5.0 for at_s in breaks) and any(5.3 < at_s < 5.5 for at_s in breaks)


def test_a_face_that_was_never_read_has_an_empty_curve_and_strip() -> None:
    readings = face_readings((0.0, None), (0.1, None), flaws={0: "blurred", 1: "blurred"})
    assert curve_of(readings)["at"] == [] and strip_of(readings, EXPRESSIONS, 1.0) == []
    assert steps_of(readings) == [0.0, 0.1], "its frames can be looked at"


def test_a_strip_has_the_colour_of_each_label() -> None:
    rows = [(n / 10, "anger" if n < 5 else None) for n in range(10)]
    first, second = strip_of(face_readings(*rows), EXPRESSIONS, 1.0)
    assert first == [0.0, pytest.approx(0.5), COLOURS["anger"]]
    assert second == [pytest.approx(0.5), pytest.approx(1.0), UNSURE_COLOUR]


def test_boxes_are_shares_of_the_frame_with_the_caption_of_each_moment() -> None:
    readings = face_readings((0.0, "anger"), (0.1, "fear"), flaws={1: "too dark"})
    boxes = boxes_of(clip_of(readings), FaceEdits((NameFace(1, "Ada"),)))
    [track] = boxes["tracks"]
    assert track["boxes"][:4] == [round(10_000 * v) for v in (100 / 640, 80 / 480, 220 / 640, 0.5)]
    captions = [boxes["texts"][place] for place in track["captions"]]
    colours = [boxes["colours"][place] for place in track["captions"]]
    assert captions == ["Ada anger", "Ada too dark"]
    assert colours == [COLOURS["anger"], UNSURE_COLOUR]


def test_merged_faces_stay_apart_so_that_no_box_slides_between_them() -> None:
    early, late = face_readings((0.0, "anger"), face=1), face_readings((0.2, "anger"), face=2)
    boxes = boxes_of(clip_of(early, late), FaceEdits((MergeFaces(1, (2,)),)))
    assert [(track["face"], track["at"]) for track in boxes["tracks"]] == [(1, [0.0]), (1, [0.2])]


def test_a_long_video_sends_fewer_boxes_that_still_follow_one_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(player_data, "_MOST_BOXES", 100)
    monkeypatch.setattr(player_data, "_MOST_STEPS", 50)
    readings = replace(some_readings(400, faces=2, rate=10))
    boxes = boxes_of(clip_of(readings), FaceEdits())
    sent = [len(track["at"]) for track in boxes["tracks"]]
    assert sum(sent) <= 100 and min(sent) > 40
    longest_s = max(float(np.diff(track["at"]).max()) for track in boxes["tracks"])
    assert longest_s <= boxes["pause_s"], "or boxes would flicker"
    assert len(steps_of(readings.of(1))) <= 50


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        ({"neutral": 6.0, "happiness": 2.0, "anger": 1.0}, "neutral 67 % · happiness 22 %"),
        ({}, "not readable"),
        ({"unsure": 0.0}, "unsure < 1 %"),
    ],
)
def test_shares_are_of_the_time_read(seconds: dict[str, float], text: str) -> None:
    assert shares_text(seconds, 2) == text

"""Tracking, smoothing, label hold, baseline and window, with times passed in."""

import numpy as np
import pytest

from ferapp.temporal.baseline import NeutralBaseline
from ferapp.temporal.rolling import RollingWindow
from ferapp.temporal.smoothing import LabelHold, Smoother
from ferapp.temporal.tracking import Tracker

NOBODY = np.empty((0, 4), np.float32)


def at(x: float, y: float = 100, side: float = 80) -> np.ndarray:
    return np.array([x, y, x + side, y + side], np.float32)


def both(*boxes: np.ndarray) -> np.ndarray:
    return np.stack(boxes)


def ids(tracker: Tracker, xyxy: np.ndarray, at_s: float) -> list[int | None]:
    return [track.id for track in tracker.update(xyxy, at_s)]


def test_no_face_has_no_id() -> None:
    tracker = Tracker(least_hits=1)
    assert tracker.update(NOBODY, 0.0) == [] and tracker.predict(1.0) == {}


def test_a_face_that_moves_keeps_its_id() -> None:
    tracker = Tracker(least_hits=1)
    seen = [ids(tracker, both(at(10 + 15 * i)), i / 15)[0] for i in range(30)]
    assert set(seen) == {1}


def test_a_face_that_jumps_by_its_own_size_keeps_its_id() -> None:
    tracker = Tracker(least_hits=1)
    assert ids(tracker, both(at(0)), 0.0) == ids(tracker, both(at(85)), 0.2)


@pytest.mark.parametrize(("away_s", "keeps"), [(0.5, True), (0.95, True), (1.5, False)])
def test_a_face_that_comes_back_within_a_second_keeps_its_id(away_s: float, keeps: bool) -> None:
    tracker = Tracker(least_hits=1)
    for i in range(10):
        ids(tracker, both(at(100)), i / 15)
    left_s = 9 / 15
    for i in range(1, int(away_s * 15)):
        ids(tracker, NOBODY, left_s + i / 15)
    assert (ids(tracker, both(at(110)), left_s + away_s) == [1]) is keeps


def test_boxes_found_once_or_twice_have_no_id() -> None:
    tracker = Tracker()
    flicker = [ids(tracker, both(at(100)) if i % 2 else NOBODY, i / 15) for i in range(20)]
    assert {id for each in flicker for id in each} == {None}
    steady = [ids(tracker, both(at(300)), 2 + i / 15)[0] for i in range(5)]
    assert steady == [None, None, 1, 1, 1]
    assert ids(tracker, both(at(300), at(0)), 2.4) == [1, None]


def test_ids_are_never_reused() -> None:
    tracker = Tracker(least_hits=1)
    seen = [ids(tracker, both(at(0)), 2.0 * i)[0] for i in range(5)]
    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("gap_px", [0, 10, 40], ids=str)
def test_crossing_faces_do_not_swap_ids(gap_px: int) -> None:
    """Two faces walk through each other, one somewhat lower; the detector's order is random."""
    tracker = Tracker(least_hits=1)
    rng = np.random.default_rng(0)
    for i in range(60):
        boxes = [at(20 + 8 * i), at(500 - 8 * i, y=100 + gap_px, side=90)]
        order = rng.permutation(2)
        numbers = ids(tracker, both(*[boxes[k] for k in order]), i / 15)
        named = {int(k): face for k, face in zip(order, numbers, strict=True)}
        if i == 0:
            first = named
    assert named == first


def test_predictions_follow_the_motion_of_faces() -> None:
    tracker = Tracker(least_hits=1)
    for i in range(15):
        tracker.update(both(at(10 * i)), i / 15)
    x = tracker.predict(14 / 15 + 1 / 15)[1][0]
    assert 145 < x <= 151
    far = tracker.predict(14 / 15 + 10)[1][0]
    assert far < 140 + 60, "heads stop; a box never runs away"


def test_only_faces_of_the_last_frame_are_predicted() -> None:
    tracker = Tracker(least_hits=1)
    tracker.update(both(at(0), at(300)), 0.0)
    tracker.update(both(at(0)), 0.1)
    assert set(tracker.predict(0.15)) == {1} and tracker.ids == {1, 2}


LOW, HIGH = np.array([1, 0], np.float32), np.array([0, 1], np.float32)


@pytest.mark.parametrize("fps", [5, 15, 30])
def test_smoothing_does_not_depend_on_the_frame_rate(fps: int) -> None:
    smoother = Smoother(0.5)
    smoother.update(LOW, 0.0)
    for i in range(1, fps // 2 * 2 + 1):
        value = smoother.update(HIGH, i / fps)
        if i / fps >= 0.5:
            break
    assert value[1] == pytest.approx(1 - np.exp(-(i / fps) / 0.5), abs=1e-3)
    assert value.sum() == pytest.approx(1)


def test_no_smoothing_returns_the_input() -> None:
    smoother = Smoother(0)
    smoother.update(LOW, 0.0)
    np.testing.assert_array_equal(smoother.update(HIGH, 0.01), HIGH)


def test_one_frame_never_flips_a_label() -> None:
    hold = LabelHold(0.4)
    labels = ["a", "a", "b", "a", "a", "b", "b", "a"]
    assert {hold.update(label, i / 15) for i, label in enumerate(labels)} == {"a"}


def test_a_label_that_leads_for_long_enough_is_shown() -> None:
    hold = LabelHold(0.4)
    shown = [hold.update("a" if i < 5 else "b", i / 10) for i in range(15)]
    assert shown == ["a"] * 9 + ["b"] * 6


def test_alternating_rivals_do_not_add_up() -> None:
    hold = LabelHold(0.4)
    hold.update("a", 0.0)
    for i in range(1, 20):
        assert hold.update("b" if i % 4 < 2 else "c", i / 10) == "a"


def test_unsure_is_held_like_any_label() -> None:
    hold = LabelHold(0.4)
    assert hold.update(None, 0.0) is None
    assert hold.update("a", 0.1) is None
    assert hold.update("a", 0.6) == "a"


REFERENCE = np.array([0.76, 0.02, 0.01], np.float32)
SAD_AT_REST = np.array([0.35, 0.6, 0.05], np.float32)


def taken(reading: np.ndarray, *, fps: int = 15, seconds: float = 10.0) -> NeutralBaseline:
    baseline = NeutralBaseline(REFERENCE)
    for i in range(int(fps * seconds) + 1):
        baseline.observe(reading, 100 + i / fps)
    return baseline


def test_a_resting_face_reads_as_neutral_faces_do() -> None:
    corrected = taken(SAD_AT_REST).correct(SAD_AT_REST)
    np.testing.assert_allclose(corrected, REFERENCE / REFERENCE.sum(), atol=0.01)


def test_deviations_from_rest_remain() -> None:
    sadder = np.array([0.02, 0.97, 0.01], np.float32)
    baseline = taken(SAD_AT_REST)
    assert baseline.correct(sadder)[1] > 10 * baseline.correct(SAD_AT_REST)[1]
    very_sad = np.array([0.002, 0.997, 0.001], np.float32)
    assert baseline.correct(very_sad).argmax() == 1


def test_a_baseline_takes_ten_seconds() -> None:
    baseline = taken(SAD_AT_REST, seconds=5)
    assert not baseline.is_ready and baseline.progress(105) == pytest.approx(0.5)
    np.testing.assert_array_equal(baseline.correct(SAD_AT_REST), SAD_AT_REST)
    assert taken(SAD_AT_REST).is_ready and taken(SAD_AT_REST).progress(0) == 1


def test_too_few_readings_give_no_baseline() -> None:
    assert not taken(SAD_AT_REST, fps=1).is_ready


def test_a_class_that_never_occurs_is_not_corrected() -> None:
    """Means below 1 % are noise: a ratio of a thousandth to a millionth is meaningless."""
    rest = np.array([0.98, 0.02, 1e-7], np.float32)
    corrected = taken(rest).correct(np.array([0.9, 0.05, 0.05], np.float32))
    assert corrected[2] < 0.1


def test_the_window_drops_old_readings_and_separates_faces() -> None:
    window = RollingWindow(60)
    assert window.series() == {}
    for second in range(100):
        window.add(1, LOW, float(second))
        if second > 90:
            window.add(2, HIGH, float(second))
    series = window.series()
    assert series[1].at_s.tolist() == list(range(39, 100)) and len(series[2].at_s) == 9
    assert series[1].probabilities.shape == (61, 2)
    window.clear()
    assert window.series() == {}

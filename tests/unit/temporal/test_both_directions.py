"""Smoothing and labels of files: on time at every frame rate, and steady."""

import numpy as np
import pytest

from ferapp.temporal.both_directions import best_labels, needed_s, segments, smooth
from ferapp.temporal.smoothing import LabelHold, Smoother, label_delay_s

TAU_S, HOLD_S, UNSURE = 0.5, 0.4, 0.55
NEEDED_S = needed_s(TAU_S, HOLD_S)
RATES = [1, 5, 15, 30, 60]


def frames(rate: float, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Times, (n,), and the spans around them, (n, 2)."""
    at_s = np.arange(round(seconds * rate)) / rate
    return at_s, np.stack([at_s - 0.5 / rate, at_s + 0.5 / rate], axis=1)


def softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def noise(rng: np.random.Generator, count: int, rate: float) -> np.ndarray:
    """Of a classifier on a moving face: some of it lasts for 0.15 s, (count, 8)."""
    kept = np.exp(-1 / rate / 0.15)
    fresh = rng.normal(0, 0.6, (count, 8)) * np.sqrt(1 - kept**2)
    slow = np.zeros((count, 8))
    for row in range(1, count):
        slow[row] = kept * slow[row - 1] + fresh[row]
    return slow + rng.normal(0, 0.4, (count, 8))


def changing(rate: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two expressions in turn, each for three seconds: times, probabilities and the truth."""
    rng = np.random.default_rng(seed)
    at_s, _ = frames(rate, 24)
    truth = (at_s // 3).astype(int) % 2 * 3
    logits = noise(rng, len(at_s), rate)
    logits[truth == 0, 0] += rng.uniform(4, 6)
    logits[truth == 3, 3] += rng.uniform(3.5, 6)
    return at_s, softmax(logits), truth


def live_labels(at_s: np.ndarray, shares: np.ndarray) -> np.ndarray:
    smoother, hold, labels = Smoother(TAU_S), LabelHold(HOLD_S), []
    for row, now in zip(shares, at_s, strict=True):
        value = smoother.update(row, now)
        top = int(value.argmax())
        labels.append(hold.update(str(top) if value[top] >= UNSURE else "-1", now))
    return np.array(labels, int)


def file_labels(rate: float, shares: np.ndarray) -> np.ndarray:
    spans = frames(rate, len(shares) / rate)[1]
    return best_labels(shares, spans, unsure_below=UNSURE, needed_s=NEEDED_S)


def delays(at_s: np.ndarray, labels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """From each change of the truth to the nearest change to the same label, s."""
    found = []
    for change in np.flatnonzero(np.diff(truth)) + 1:
        begins = np.flatnonzero((labels[1:] == truth[change]) & (labels[:-1] != truth[change])) + 1
        late_s = at_s[begins] - at_s[change]
        found.append(late_s[np.abs(late_s).argmin()])
    return np.array(found)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_a_label_changes_when_the_face_does(rate: int) -> None:
    late_s = []
    for seed in range(6):
        at_s, shares, truth = changing(rate, seed)
        late_s += delays(at_s, file_labels(rate, shares), truth).tolist()
    assert np.median(np.abs(late_s)) == 0
    assert np.quantile(np.abs(late_s), 0.95) <= max(0.5 / rate, 0.05) + 1e-9


@pytest.mark.parametrize("kind", ["two at once", "nearly", "sure"])
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_a_constant_face_is_relabelled_no_more_often_than_live(rate: int, kind: str) -> None:
    tops = {"two at once": (3.0, 3.0), "nearly": (3.4, 2.6), "sure": (4.0, 2.5)}[kind]
    changes = {"live": 0, "file": 0}
    for seed in range(6):
        at_s, _ = frames(rate, 30)
        logits = noise(np.random.default_rng(seed), len(at_s), rate)
        logits[:, :2] += tops
        shares = softmax(logits)
        changes["live"] += int((np.diff(live_labels(at_s, shares)) != 0).sum())
        changes["file"] += int((np.diff(file_labels(rate, shares)) != 0).sum())
    assert changes["file"] <= changes["live"]


@pytest.mark.parametrize(("lasts_s", "is_shown"), [(0.2, False), (0.5, False), (0.7, True)])
def test_a_short_expression_is_shown_from_its_first_frame_to_its_last(
    lasts_s: float, is_shown: bool
) -> None:
    at_s, _ = frames(30, 4)
    is_other = (at_s >= 2) & (at_s < 2 + lasts_s - 1e-9)
    shares = np.where(is_other[:, None], [0.05, 0.95], [0.95, 0.05]).astype(np.float32)
    np.testing.assert_array_equal(file_labels(30, shares) == 1, is_other & is_shown)


@pytest.mark.parametrize("every_s", [2.0, 5.0, 10.0])
def test_at_low_rates_each_reading_has_its_own_label_and_probabilities(every_s: float) -> None:
    at_s, spans = frames(1 / every_s, 6 * every_s)
    shares = np.array([[0.99, 0.01], [0.25, 0.75], [0.3, 0.7]] * 2, np.float32)
    parts = list(segments(at_s, spans, NEEDED_S))
    assert len(parts) == 6
    labels = [
        best_labels(shares[p], spans[p], unsure_below=UNSURE, needed_s=NEEDED_S)[0] for p in parts
    ]
    assert labels == [0, 1, 1] * 2
    for part in parts:
        np.testing.assert_allclose(
            smooth(shares[part], at_s[part], spans[part], TAU_S), shares[part]
        )


@pytest.mark.parametrize("every_s", [2.0, 5.0])
def test_live_too_a_label_belongs_to_its_own_reading_at_low_rates(every_s: float) -> None:
    shares = np.array([[0.99, 0.01], [0.25, 0.75]] * 3, np.float32)
    np.testing.assert_array_equal(live_labels(np.arange(6) * every_s, shares), [0, 1] * 3)


def test_a_label_that_trails_by_far_is_not_held_at_one_frame_a_second() -> None:
    shares = np.array([[0.99, 0.01], [0.25, 0.74], [0.99, 0.01]], np.float32)
    np.testing.assert_array_equal(file_labels(1, shares), [0, 1, 0])


def test_no_clear_expression_is_unsure() -> None:
    shares = np.full((20, 8), 1 / 8, np.float32)
    np.testing.assert_array_equal(file_labels(10, shares), -1)


def test_without_smoothing_and_hold_each_frame_has_its_leading_label() -> None:
    at_s, spans = frames(30, 1)
    shares = np.where(np.arange(30)[:, None] % 2, [0.9, 0.1], [0.1, 0.9]).astype(np.float32)
    wanted_s = needed_s(0.0, 0.0)
    labels = best_labels(shares, spans, unsure_below=UNSURE, needed_s=wanted_s)
    np.testing.assert_array_equal(labels, shares.argmax(axis=1))
    np.testing.assert_array_equal(smooth(shares, at_s, spans, 0.0), shares)


@pytest.mark.parametrize("rate", [15, 30, 60], ids=str)
def test_a_step_is_smoothed_evenly_to_both_sides(rate: int) -> None:
    at_s, spans = frames(rate, 4)
    shares = np.where((at_s >= 2 - 1e-9)[:, None], [0, 1], [1, 0]).astype(np.float32)
    smoothed = smooth(shares, at_s, spans, TAU_S)
    middle = 2 * rate
    np.testing.assert_allclose(smoothed[middle:, 1], smoothed[middle - 1 :: -1, 0], atol=1e-6)
    np.testing.assert_allclose(smoothed.sum(axis=1), 1, atol=1e-6)
    seen = smoothed[middle, 1] if rate > 30 else np.interp(2.0, at_s + 0.5 / rate, smoothed[:, 1])
    assert seen == pytest.approx(0.5, abs=0.05)


def test_as_much_noise_is_taken_away_as_live() -> None:
    at_s, spans = frames(30, 200)
    rng = np.random.default_rng(0)
    shares = (0.5 + 0.1 * rng.standard_normal((len(at_s), 1)) * [1, -1]).astype(np.float32)
    smoother = Smoother(TAU_S)
    live = np.array([smoother.update(row, now) for row, now in zip(shares, at_s, strict=True)])
    file = smooth(shares, at_s, spans, TAU_S)
    assert file[:, 0].std() == pytest.approx(live[:, 0].std(), rel=0.1)


def test_frames_that_are_rarer_for_a_while_count_for_longer() -> None:
    at_s = np.r_[np.arange(30) / 30, 1 + np.arange(1, 4) * 0.3]
    halves = np.diff(at_s) / 2
    spans = np.stack([at_s - np.r_[halves[:1], halves], at_s + np.r_[halves, halves[-1:]]], axis=1)
    shares = np.where((at_s > 1)[:, None], [0, 1], [1, 0]).astype(np.float32)
    assert smooth(shares, at_s, spans, TAU_S)[30, 1] > 0.5
    labels = best_labels(shares, spans, unsure_below=UNSURE, needed_s=NEEDED_S)
    np.testing.assert_array_equal(labels, at_s > 1)


def test_hours_are_smoothed_in_blocks_without_seams() -> None:
    at_s, spans = frames(30, 1500)
    shares = softmax(np.random.default_rng(0).normal(0, 2, (len(at_s), 3)))
    whole = smooth(shares, at_s, spans, TAU_S)
    near = np.s_[19_000:21_000]
    alone = smooth(shares[near], at_s[near], spans[near], TAU_S)
    np.testing.assert_allclose(whole[19_700:20_300], alone[700:1300], atol=1e-5)


def test_a_missing_stretch_ends_what_is_compared() -> None:
    at_s, spans = frames(30, 4)
    kept = (at_s < 1) | (at_s > 1.8)
    parts = list(segments(at_s[kept], spans[kept], NEEDED_S))
    assert [part.stop - part.start for part in parts] == [30, kept.sum() - 30]
    blinked = (at_s < 1) | (at_s > 1.2)
    assert len(list(segments(at_s[blinked], spans[blinked], NEEDED_S))) == 1


def test_live_the_delay_is_what_is_said() -> None:
    at_s, _ = frames(30, 6)
    shares = np.where((at_s >= 3)[:, None], [0.02, 0.98], [0.98, 0.02]).astype(np.float32)
    late_s = at_s[np.flatnonzero(live_labels(at_s, shares) == 1)[0]] - 3
    assert late_s == pytest.approx(label_delay_s(TAU_S, HOLD_S), abs=0.1)

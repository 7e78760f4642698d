"""Made clips with and without cuts."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from benchmarks.made_clips import background
from ferapp.temporal.cuts import CutDetector

FPS = 30
WALLS = [background(np.random.default_rng(seed)) for seed in (1, 2)]
OTHER = [background(np.random.default_rng(seed)) for seed in (3, 4)]


def cuts(frames: Iterator[np.ndarray]) -> list[int]:
    detector, rng = CutDetector(), np.random.default_rng(0)
    out = []
    for n, frame in enumerate(frames):
        noisy = np.clip(frame + rng.normal(0, 3, frame.shape), 0, 255).astype(np.uint8)
        if detector.update(noisy, n / FPS):
            out.append(n)
    return out


def still() -> Iterator[np.ndarray]:
    yield from [WALLS[0]] * 40


def pan() -> Iterator[np.ndarray]:
    for n in range(40):
        yield np.roll(WALLS[0], 8 * n, axis=1)


def flash() -> Iterator[np.ndarray]:
    for n in range(40):
        yield np.clip(WALLS[0] * (1.8 if n in (20, 21) else 1.0), 0, 255)


def lights_out() -> Iterator[np.ndarray]:
    for n in range(40):
        yield WALLS[0] * (0.35 if n >= 20 else 1.0)


def lamp() -> Iterator[np.ndarray]:
    x = np.linspace(0, 1, WALLS[0].shape[1])[None, :, None]
    for n in range(40):
        yield np.clip(WALLS[0] * (0.5 + np.exp(-(((x - n / 40) / 0.2) ** 2))), 0, 255)


def somebody_passes() -> Iterator[np.ndarray]:
    for n in range(40):
        frame = WALLS[0].copy()
        frame[40:, max(16 * n - 250, 0) : 16 * n] = (30, 40, 60)
        yield frame


def one_tile_changes() -> Iterator[np.ndarray]:
    half = WALLS[0].shape[1] // 2
    for n in range(40):
        frame = WALLS[0].copy()
        if n >= 20:
            frame[:, :half] = WALLS[1][:, :half]
        yield frame


@pytest.mark.parametrize(
    "make",
    [still, pan, flash, lights_out, lamp, somebody_passes, one_tile_changes],
    ids=lambda make: make.__name__,
)
def test_what_changes_within_a_shot_is_no_cut(make: Callable[[], Iterator[np.ndarray]]) -> None:
    assert cuts(make()) == []


def test_a_cut_is_found_in_its_frame() -> None:
    assert cuts(iter([WALLS[0]] * 20 + [WALLS[1]] * 20)) == [20]


def test_a_cut_through_black_is_one_cut() -> None:
    black = np.zeros_like(WALLS[0])
    assert cuts(iter([WALLS[0]] * 20 + [black] * 5 + [WALLS[1]] * 20)) == [25]


def test_a_dissolve_is_one_cut() -> None:
    shares = np.clip((np.arange(60) - 20) / 15, 0, 1)
    found = cuts(OTHER[0] * (1 - share) + OTHER[1] * share for share in shares)
    assert len(found) == 1 and 20 < found[0] < 40

"""Times of frames without a video: they ascend, whatever the time stamps are."""

import subprocess
import sys
from itertools import pairwise

import pytest

from ferapp.media.frame_clock import MAX_SECONDS, FrameClock, Sampler


def times(stamps: list[float | None], *, start_s: float = 0.0, step_s: float = 0.1) -> list[float]:
    clock = FrameClock(start_s=start_s, step_s=step_s)
    return [clock.advance(stamp) for stamp in stamps]


@pytest.mark.parametrize(
    ("stamps", "start_s", "expected"),
    [
        pytest.param([], 0.0, [], id="no frame"),
        pytest.param([0.0, 0.1, 0.2], 0.0, [0.0, 0.1, 0.2], id="as they should be"),
        pytest.param([5.0, 5.1], 5.0, [0.0, 0.1], id="the file begins later"),
        pytest.param([4.9, 5.0], 5.0, [0.0, 0.001], id="before the file begins"),
        pytest.param([None, None, 0.3], 0.0, [0.0, 0.1, 0.3], id="some are missing"),
        pytest.param([0.0, 0.0, 0.0], 0.0, [0.0, 0.001, 0.002], id="all the same"),
        pytest.param([1.0, 0.9, 1.1], 0.0, [1.0, 1.001, 1.1], id="two changed places"),
        pytest.param([9.0, 0.0, 0.1], 0.0, [9.0, 9.1, 9.2], id="the clock was set back"),
        pytest.param([0.0, float("nan"), 0.2], 0.0, [0.0, 0.001, 0.2], id="one is no number"),
        pytest.param([float("inf"), 0.1], 0.0, [0.0, 0.1], id="the first is infinite"),
        pytest.param([1.0, 0.5, 1.1], 0.0, [1.0, 1.001, 1.1], id="back by just the limit"),
        pytest.param([9.0, 0.0, 5.0, 0.0], 0.0, [9.0, 9.1, 14.1, 14.2], id="set back twice"),
        pytest.param([0.0, 1e9, 0.1], 0.0, [0.0, 1e9, 1e9 + 0.1], id="one is decades away"),
    ],
)
def test_times_ascend_from_the_start(
    stamps: list[float | None], start_s: float, expected: list[float]
) -> None:
    found = times(stamps, start_s=start_s)
    assert found == pytest.approx(expected)
    assert all(before < after for before, after in pairwise(found))


def test_a_video_has_an_end_whatever_its_times_claim() -> None:
    clock = FrameClock(start_s=0.0, step_s=0.1)
    clock.advance(MAX_SECONDS)
    assert not clock.is_past_limits
    clock.advance(MAX_SECONDS + 1)
    assert clock.is_past_limits and clock.count == 2


@pytest.mark.parametrize(
    ("per_second", "expected"),
    [
        pytest.param(None, 30, id="all"),
        pytest.param(100.0, 30, id="more than there are"),
        pytest.param(10.0, 10, id="every third"),
        pytest.param(0.5, 1, id="one in two seconds"),
    ],
)
def test_the_requested_number_of_frames_per_second_is_sampled(
    per_second: float | None, expected: int
) -> None:
    sampler = Sampler(per_second)
    taken = [sampler.takes(number / 30) for number in range(30)]
    assert taken[0] and sum(taken) == expected


@pytest.mark.parametrize(
    ("per_second", "times", "taken"),
    [
        pytest.param(2.0, [0.0, 0.4, 0.5, 0.9, 1.0], [0.0, 0.5, 1.0], id="the first in each slot"),
        pytest.param(2.0, [0.3, 0.4, 0.6], [0.3, 0.6], id="slots count from zero"),
        pytest.param(2.0, [0.0, 3.2, 3.4, 3.5], [0.0, 3.2, 3.5], id="a pause is not made up for"),
        pytest.param(3.0, [0.0, 0.3333333, 0.6666666], [0.0, 0.3333333, 0.6666666], id="rounded"),
    ],
)
def test_frames_are_sampled_evenly(
    per_second: float, times: list[float], taken: list[float]
) -> None:
    sampler = Sampler(per_second)
    assert [at_s for at_s in times if sampler.takes(at_s)] == taken


def test_times_need_no_ffmpeg() -> None:
    code = "import sys, ferapp.media.frame_clock, ferapp.media.orientation; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "av" not in run.stdout.split()

"""Times of frames, without a video: whatever the stamps say, they ascend."""

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
def test_so_many_frames_a_second_are_taken(per_second: float | None, expected: int) -> None:
    sampler = Sampler(per_second)
    taken = [sampler.takes(number / 30) for number in range(30)]
    assert taken[0] and sum(taken) == expected

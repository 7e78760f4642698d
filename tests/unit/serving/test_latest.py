"""The latest frame with its counters, and the seats."""

import threading

import numpy as np
import pytest

from ferapp.pipeline.people import FaceReading
from ferapp.pipeline.stream import StreamFrame
from ferapp.serving.latest import Latest
from ferapp.serving.seats import Seats
from tests.support.fakes import Clock

LABELS = ("a", "b")


def frame(at_s: float, *ids: int) -> StreamFrame:
    shares = np.array([0.25, 0.75], np.float32)
    readings = [
        FaceReading(
            id=i,
            xyxy=np.zeros(4, np.float32),
            score=1.0,
            probabilities=shares,
            smoothed=shares,
            expression="b",
            flaw=None,
            is_corrected=False,
            baseline_progress=None,
        )
        for i in ids
    ]
    return StreamFrame(
        at_s, (4, 4), LABELS, tuple(readings), True, True, np.empty((0, 4), np.float32)
    )


def test_before_the_first_frame_there_is_nothing() -> None:
    now = Latest(Clock()).snapshot()
    assert now.frame is None and now.series == {} and now.message is None
    assert (now.camera_fps, now.analysed_fps, now.delay_ms, now.dropped) == (0, 0, (0, 0), 0)


def play(
    times: list[float], *, cost_s: float = 0.01, network_s: float = 5.0, dropped: int = 0
) -> Latest:
    clock = Clock()
    latest = Latest(clock)
    for at_s in times:
        clock.now_s = at_s + network_s
        latest.add_arrival(at_s)
        clock.now_s += cost_s
        for _ in range(dropped):
            latest.add_drop()
        latest.add_frame(frame(at_s, 1))
    return latest


def test_newer_frames_replace_older_ones_and_history_grows() -> None:
    now = play([i / 15 for i in range(30)]).snapshot()
    assert now.frame is not None and now.frame.at_s == pytest.approx(29 / 15)
    assert len(now.series[1].at_s) == 30 and now.analysed == 30
    assert now.camera_fps == pytest.approx(15) and now.analysed_fps == pytest.approx(15)
    assert now.dropped == 0
    assert now.delay_ms == pytest.approx((10, 10)), "network latency is not included"


def test_dropped_frames_are_counted() -> None:
    """A slow machine analyses every third frame of a camera at 30."""
    now = play([i / 10 for i in range(30)], dropped=2).snapshot()
    assert now.camera_fps == pytest.approx(30) and now.analysed_fps == pytest.approx(10)
    assert now.dropped == 2 * 30


def test_a_camera_that_slows_down_in_the_dark_drops_nothing() -> None:
    times = np.cumsum([1 / 30] * 60 + [1 / 15] * 120).tolist()
    now = play(times).snapshot()
    assert now.dropped == 0 and now.camera_fps == pytest.approx(15)


def test_a_message_disappears_with_the_next_good_frame() -> None:
    latest = play([0.0])
    latest.set_message("broken")
    assert latest.snapshot().message == "broken"
    latest.add_frame(frame(0.1, 1))
    assert latest.snapshot().message is None


def test_clear_forgets_everything() -> None:
    latest = play([0.0, 0.1])
    latest.clear()
    assert latest.snapshot().frame is None and latest.snapshot().series == {}


def test_readers_and_the_writer_don_t_wait_for_each_other() -> None:
    latest = Latest(Clock())
    stop = threading.Event()
    failures: list[Exception] = []

    def read() -> None:
        while not stop.is_set():
            try:
                latest.snapshot()
            except Exception as exc:
                failures.append(exc)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for i in range(100):
        latest.add_arrival(i / 15)
        latest.add_frame(frame(i / 15, 1, 2))
    stop.set()
    for reader in readers:
        reader.join(10)
    assert not failures and latest.snapshot().analysed == 100


def test_seats_are_given_in_order_of_arrival() -> None:
    clock = Clock()
    seats = Seats(2, clock)
    assert [seats.place(who) for who in "abcd"] == [0, 0, 1, 2]
    assert [seats.place(who) for who in "dcba"] == [2, 1, 0, 0], "asking again changes nothing"
    seats.leave("a")
    seats.leave("a")
    assert [seats.place(who) for who in "bcd"] == [0, 0, 1]


def test_a_visitor_who_stops_asking_loses_the_seat() -> None:
    clock = Clock()
    seats = Seats(1, clock)
    seats.place("a")
    for clock.now_s in np.arange(0.0, 10.0):
        place = seats.place("b")
    assert place == 0
    assert seats.place("a") == 1, "and returns at the end of the queue"

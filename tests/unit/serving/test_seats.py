"""Seats are for those who use them, and the queue moves on."""

import numpy as np

from ferapp.serving.seats import OneAfterTheOther, Seats
from tests.support.fakes import Clock

MAX_IDLE_S = 60.0


def ask(seats: Seats, clock: Clock, until_s: float, asking: str, *, using: str = "") -> list[int]:
    """Every second until a time, some ask and some use a seat; the last places of those who ask."""
    places: list[int] = []
    for now_s in np.arange(clock.now_s, until_s, 1.0):
        clock.now_s = now_s
        for who in using:
            seats.use(who)
        places = [seats.place(who) for who in asking]
    return places


def test_a_seat_in_which_no_frame_ever_comes_goes_to_the_next() -> None:
    clock = Clock()
    seats = Seats(2, clock, MAX_IDLE_S)
    assert ask(seats, clock, 60.0, "abcd") == [0, 0, 1, 2]
    assert ask(seats, clock, 63.0, "abcd") == [1, 1, 0, 0]
    assert seats.has_lost("a") and seats.has_lost("b") and not seats.has_lost("c")


def test_a_seat_without_a_frame_for_long_goes_to_the_next() -> None:
    clock = Clock()
    seats = Seats(1, clock, MAX_IDLE_S)
    ask(seats, clock, 100.0, "ab", using="a")
    assert ask(seats, clock, 155.0, "ab") == [0, 1]
    assert ask(seats, clock, 163.0, "ab") == [1, 0]


def test_who_streams_keeps_the_seat_however_many_wait() -> None:
    clock = Clock()
    seats = Seats(2, clock, MAX_IDLE_S)
    seats.use("a")
    assert ask(seats, clock, 1000.0, "bcde", using="a")[0] != 0
    assert seats.place("a") == 0 and not seats.has_lost("a")


def test_nobody_loses_a_seat_that_nobody_wants() -> None:
    clock = Clock()
    seats = Seats(2, clock, MAX_IDLE_S)
    assert ask(seats, clock, 1000.0, "ab") == [0, 0]
    assert ask(seats, clock, 1003.0, "abc") == [1, 0, 0], "until somebody does"


def test_a_lost_seat_is_asked_for_again_only_on_purpose() -> None:
    clock = Clock()
    seats = Seats(1, clock, MAX_IDLE_S)
    ask(seats, clock, 63.0, "abc")
    assert ask(seats, clock, 70.0, "abc") == [2, 0, 1], "the end of the queue"
    assert seats.waiting_count == 1, "an open page is not in the queue"
    assert seats.use("a") == 2, "a frame that is late takes nothing"
    assert seats.rejoin("a") == 2 and not seats.has_lost("a")
    assert ask(seats, clock, 200.0, "ac", using="c") == [1, 0], "b left without a frame"


def test_who_gets_a_seat_has_all_the_time() -> None:
    clock = Clock()
    seats = Seats(1, clock, MAX_IDLE_S)
    ask(seats, clock, 50.0, "abc", using="a")
    seats.leave("a")
    assert ask(seats, clock, 105.0, "bc") == [0, 1], "counted from when the seat was free"


def test_seats_without_a_limit_are_kept() -> None:
    clock = Clock()
    seats = Seats(1, clock)
    assert ask(seats, clock, 1000.0, "ab") == [0, 1]


def test_a_loss_is_forgotten_some_time_after_the_page_was_closed() -> None:
    clock = Clock()
    seats = Seats(1, clock, MAX_IDLE_S)
    ask(seats, clock, 63.0, "ab")
    clock.now_s = 5000.0
    seats.place("b")
    assert not seats.has_lost("a")


def test_jobs_of_one_visitor_let_others_in_between() -> None:
    """A visitor with three jobs goes to the end of the queue after each."""
    clock = Clock()
    seats = Seats(1, clock)
    mine = OneAfterTheOther(seats, clock)
    assert [mine.place(job) for job in "abc"] == [0, 1, 2]
    assert seats.place("other") == 1
    mine.leave("a")
    assert seats.place("other") == 0
    assert [mine.place(job) for job in "bc"] == [1, 1], "the second waits for the other visitor"
    seats.leave("other")
    assert [mine.place(job) for job in "bc"] == [0, 1]


def test_a_job_that_is_cancelled_while_it_waits_leaves_no_gap() -> None:
    clock = Clock()
    mine = OneAfterTheOther(Seats(1, clock), clock)
    assert [mine.place(job) for job in "abc"] == [0, 1, 2]
    mine.leave("b")
    mine.leave("a")
    mine.leave("a")
    assert mine.place("c") == 0

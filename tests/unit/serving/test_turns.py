"""Turns are given in order of arrival, and the queue has a maximum length."""

import threading

import pytest

from ferapp.errors import TooBusy
from ferapp.serving.turns import Turns
from tests.support.waiting import wait_until

LONG_S = 10


class Visitor:
    """Takes a turn on a thread and holds it until `go` is called."""

    def __init__(self, turns: Turns, *, leaves: bool = False) -> None:
        self.places: list[int] = []
        self.works, self.may_go = threading.Event(), threading.Event()
        self.error: BaseException | None = None
        self._turns, self._leaves = turns, leaves
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _report(self, place: int) -> None:
        self.places.append(place)
        if self._leaves:
            raise InterruptedError("the visitor has left")

    def _run(self) -> None:
        try:
            with self._turns.hold_turn(self._report):
                self.works.set()
                self.may_go.wait(LONG_S)
        except (InterruptedError, TooBusy) as exc:
            self.error = exc

    def go(self) -> None:
        self.may_go.set()
        self._thread.join(LONG_S)
        assert not self._thread.is_alive()


def wait_for_queue(turns: Turns, length: int) -> None:
    wait_until(lambda: turns.waiting_count == length, LONG_S)


def test_a_few_work_at_once_and_the_others_follow_in_order() -> None:
    turns = Turns(2, most_waiting=9)
    visitors = []
    for number in range(5):
        visitors.append(Visitor(turns))
        if number < 2:
            assert visitors[-1].works.wait(LONG_S)
        else:
            wait_for_queue(turns, number - 1)
    assert [v.works.is_set() for v in visitors] == [True, True, False, False, False]
    visitors[1].go()
    assert visitors[2].works.wait(LONG_S) and not visitors[3].works.is_set()
    for visitor in visitors:
        visitor.go()
    assert visitors[0].places == [] and turns.waiting_count == 0
    for visitor, first in zip(visitors[2:], (1, 2, 3), strict=True):
        assert visitor.places[0] == first
        assert visitor.places == sorted(visitor.places, reverse=True), "nobody is overtaken"


def test_leaving_the_queue_gives_up_the_position() -> None:
    turns = Turns(1, most_waiting=9)
    first = Visitor(turns)
    assert first.works.wait(LONG_S)
    gone = Visitor(turns, leaves=True)
    gone.go()
    assert isinstance(gone.error, InterruptedError) and turns.waiting_count == 0
    first.go()
    with turns.hold_turn(lambda place: pytest.fail(f"waits at {place}")):
        pass


def test_work_that_fails_gives_its_turn_back() -> None:
    turns = Turns(1, most_waiting=0)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), turns.hold_turn():
            raise ValueError("broken")


def test_a_full_queue_turns_visitors_away() -> None:
    turns = Turns(1, most_waiting=1)
    first = Visitor(turns)
    assert first.works.wait(LONG_S)
    second = Visitor(turns)
    wait_for_queue(turns, 1)
    with (
        pytest.raises(TooBusy, match=r"^The server is full: 1 visitors are already waiting\."),
        turns.hold_turn(),
    ):
        pytest.fail("it let a third in")
    first.go()
    second.go()
    with turns.hold_turn():
        pass

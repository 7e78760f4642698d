"""Whether the app can serve: what many probes cost while the check hangs."""

import asyncio
import threading

import pytest
from anyio import to_thread

from ferapp.ui.server.health import READY, Readiness
from tests.support.fakes import Clock
from tests.support.waiting import wait_until


class Check:
    """Answers when the test allows it."""

    def __init__(self, *, is_open: bool) -> None:
        self.calls = 0
        self.gate = threading.Event()
        if is_open:
            self.gate.set()

    def __call__(self) -> str:
        self.calls += 1
        assert self.gate.wait(10)
        return READY


def test_an_answer_is_kept_for_some_seconds() -> None:
    check, clock = Check(is_open=True), Clock()
    readiness = Readiness(check, clock=clock, kept_s=3)

    async def probes(count: int) -> list[str]:
        return [await readiness.answer() for _ in range(count)]

    assert asyncio.run(probes(20)) == [READY] * 20 and check.calls == 1
    clock.now_s = 2.9
    assert asyncio.run(probes(1)) == [READY] and check.calls == 1
    clock.now_s = 3.1
    assert asyncio.run(probes(2)) == [READY] * 2 and check.calls == 2


def test_many_probes_of_a_database_that_hangs_use_one_thread_and_none_of_the_pool() -> None:
    check = Check(is_open=False)
    readiness = Readiness(check, most_s=0.2)

    def threads() -> int:
        return sum(thread.name == "readiness" for thread in threading.enumerate())

    async def probe() -> list[str]:
        answers = await asyncio.gather(*(readiness.answer() for _ in range(200)))
        assert to_thread.current_default_thread_limiter().borrowed_tokens == 0
        assert threads() == 1
        check.gate.set()
        wait_until(lambda: not threads())
        return [*answers, await readiness.answer()]

    *while_it_hangs, after = asyncio.run(probe())
    assert set(while_it_hangs) == {"not ready: no answer within 0.2 seconds"}
    assert (after, check.calls) == (READY, 2)


def test_a_check_that_fails_is_tried_again() -> None:
    answers = iter([RuntimeError("broken"), READY])

    def check() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    readiness = Readiness(check)

    async def probes() -> str:
        with pytest.raises(RuntimeError):
            await readiness.answer()
        return await readiness.answer()

    assert asyncio.run(probes()) == READY


def test_while_it_starts_no_answer_is_kept() -> None:
    answers = iter(["not ready: starting", READY])
    readiness = Readiness(lambda: next(answers))

    async def probes() -> list[str]:
        return [await readiness.answer() for _ in range(2)]

    assert asyncio.run(probes()) == ["not ready: starting", READY]

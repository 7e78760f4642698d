"""Long work on its own thread: its states, its queue, and its end at any moment."""

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ferapp.errors import UserError, VideoError
from ferapp.serving.job import Job
from ferapp.serving.seats import Seats
from tests.support.fakes import Clock, FakeWork
from tests.support.waiting import wait_until

LONG_S = 5.0
"""Far longer than anything here takes, but short enough for a test that hangs."""


Made = Job[FakeWork]
Makes = Callable[..., Made]


def job_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("job")]


@pytest.fixture
def makes() -> Iterator[Makes]:
    """Makes jobs that share seats; none of their threads may be left."""
    jobs: list[Made] = []
    works: list[FakeWork] = []
    seats = Seats(1, Clock())

    def make(work: FakeWork | None = None, **options: Any) -> Made:
        its = work or FakeWork()
        works.append(its)
        jobs.append(Job(options.pop("begin", lambda: its), options.pop("seats", seats), **options))
        return jobs[-1]

    assert not job_threads(), "left behind by another test"
    yield make
    for work in works:
        work.allow()
    assert all(job.wait(LONG_S) for job in jobs)
    wait_until(lambda: not job_threads())


def in_line(makes: Makes, *works: FakeWork) -> list[Made]:
    """Jobs of which the first works and the others wait in this order."""
    jobs = [makes(works[0])]
    assert works[0].began.wait(LONG_S)
    for place, work in enumerate(works[1:], 1):
        jobs.append(makes(work))
        wait_until(lambda: jobs[-1].place == place)  # noqa: B023
    return jobs


def test_work_is_done_and_closed_once(makes: Makes) -> None:
    work = FakeWork()
    job = makes(work)
    assert work.began.wait(LONG_S)
    assert (job.state, job.is_over, job.place) == ("running", False, 0)
    assert job.work is work and work.closes == 0 and not job.wait(0)
    work.allow()
    assert job.wait(LONG_S) and job.is_over
    assert (job.state, job.failure, job.done, job.share) == ("done", "", 4, 1)
    assert work.closes == 1 and job.remaining_s is None


def test_progress_gives_the_share_and_the_remaining_time(makes: Makes) -> None:
    clock, work = Clock(), FakeWork()
    clock.now_s = 100.0
    job = makes(work, clock=clock)
    assert work.began.wait(LONG_S)
    assert (job.done, job.share, job.remaining_s) == (0, 0, None), "unknown before the first step"
    clock.now_s += 10
    work.allow(1)
    wait_until(lambda: job.done == 1)
    assert job.share == pytest.approx(0.25) and job.remaining_s == pytest.approx(30)
    work.allow(2)
    wait_until(lambda: job.done == 3)
    assert job.remaining_s == pytest.approx(10 / 3)


def test_time_in_the_queue_does_not_count_as_work(makes: Makes) -> None:
    clock, first, second = Clock(), FakeWork(), FakeWork()
    makes(first)
    assert first.began.wait(LONG_S)
    waiting = makes(second, clock=clock)
    clock.now_s = 1000.0
    first.allow()
    assert second.began.wait(LONG_S)
    clock.now_s += 10
    second.allow(1)
    wait_until(lambda: waiting.done == 1)
    assert waiting.remaining_s == pytest.approx(30)


def test_unknown_progress_is_none(makes: Makes) -> None:
    work = FakeWork(total=0)
    job = makes(work)
    work.allow(1)
    wait_until(lambda: job.done == 1)
    assert (job.total, job.share, job.remaining_s) == (0, None, None)


def test_progress_beyond_the_total_is_capped(makes: Makes) -> None:
    work = FakeWork(4, total=2)
    job = makes(work)
    work.allow(3)
    wait_until(lambda: job.done == 3)
    assert job.share == 1 and job.remaining_s == 0


def test_the_next_job_in_the_queue_starts_when_the_first_ends(makes: Makes) -> None:
    works = [FakeWork() for _ in range(3)]
    first, second, third = in_line(makes, *works)
    assert [job.state for job in (first, second, third)] == ["running", "waiting", "waiting"]
    assert second.work is None and second.total == 0 and second.share is None
    works[0].allow()
    assert works[1].began.wait(LONG_S)
    assert (second.state, second.place) == ("running", 0)
    wait_until(lambda: third.place == 1)
    assert third.state == "waiting" and not works[2].began.is_set()
    works[1].allow()
    assert works[2].began.wait(LONG_S)


def test_as_many_work_at_once_as_there_are_seats(makes: Makes) -> None:
    seats, works = Seats(2, Clock()), [FakeWork() for _ in range(3)]
    for work in works[:2]:
        makes(work, seats=seats)
        assert work.began.wait(LONG_S)
    last = makes(works[2], seats=seats)
    wait_until(lambda: last.place == 1)
    assert not works[2].began.is_set()


def test_a_long_job_keeps_its_seat(makes: Makes) -> None:
    """A visitor who has not asked for six seconds counts as gone."""
    clock, work = Clock(), FakeWork()
    seats = Seats(1, clock)
    asked: list[float] = []
    real = seats.place
    seats.place = lambda who: asked.append(clock.now_s) or real(who)  # type: ignore[method-assign]
    makes(work, seats=seats)
    assert work.began.wait(LONG_S)
    for clock.now_s in (4.0, 8.0):
        wait_until(lambda: asked[-1] == clock.now_s)
    assert real("another") == 1


def test_a_job_cancelled_in_the_queue_never_begins(makes: Makes) -> None:
    first, second, third = (FakeWork() for _ in range(3))
    _, job, last = in_line(makes, first, second, third)
    job.cancel()
    assert job.wait(2) and job.state == "cancelled" and job.failure == ""
    assert job.work is None and not second.began.is_set() and second.closes == 0
    wait_until(lambda: last.place == 1)
    first.allow()
    assert third.began.wait(LONG_S)


def test_a_job_cancelled_at_work_ends_at_once(makes: Makes) -> None:
    work = FakeWork()
    job = makes(work)
    work.allow(1)
    wait_until(lambda: job.done == 1)
    job.cancel()
    assert work.closes >= 1, "closed by the cancelling thread, since the work may hang"
    job.cancel()
    assert job.wait(LONG_S) and job.state == "cancelled" and job.failure == "" and job.done == 1
    assert job.remaining_s is None


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param(VideoError("The decoder has crashed."), id="a sentence"),
        pytest.param(FileNotFoundError("/tmp/x"), id="anything else"),
    ],
)
def test_an_error_caused_by_cancelling_is_no_failure(
    makes: Makes, breaks: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    work = FakeWork(breaks=breaks)
    job = makes(work)
    assert work.began.wait(LONG_S)
    job.cancel()
    assert job.wait(LONG_S)
    assert (job.state, job.failure) == ("cancelled", "")
    assert not caplog.records, "nothing went wrong"


def test_a_job_cancelled_while_it_begins_does_no_step(makes: Makes) -> None:
    work, begins, may_begin = FakeWork(), threading.Event(), threading.Event()

    def begin() -> FakeWork:
        begins.set()
        assert may_begin.wait(LONG_S)
        return work

    job = makes(work, begin=begin)
    assert begins.wait(LONG_S) and job.work is None and job.state == "running"
    job.cancel()
    assert not job.is_over
    may_begin.set()
    assert job.wait(LONG_S) and job.state == "cancelled"
    assert not work.began.is_set() and work.closes == 1


def test_cancelling_after_the_end_changes_nothing(makes: Makes) -> None:
    work = FakeWork()
    job = makes(work)
    work.allow()
    assert job.wait(LONG_S)
    job.cancel()
    job.cancel()
    assert job.state == "done" and job.work is work
    failed = makes(begin=lambda: raised(VideoError("Broken.")))
    assert failed.wait(LONG_S)
    failed.cancel()
    assert (failed.state, failed.failure) == ("failed", "Broken.")


def raised(error: Exception) -> FakeWork:
    raise error


def test_a_user_error_is_the_failure_text(makes: Makes) -> None:
    work = FakeWork(error=VideoError("The video is damaged."))
    job = makes(work)
    work.allow(1)
    assert job.wait(LONG_S)
    assert (job.state, job.failure, work.closes) == ("failed", "The video is damaged.", 1)
    assert job.remaining_s is None


def test_an_error_at_the_beginning_is_a_failure(
    makes: Makes, caplog: pytest.LogCaptureFixture
) -> None:
    job = makes(begin=lambda: raised(UserError("There is no room.")))
    assert job.wait(LONG_S)
    assert (job.state, job.failure, job.work) == ("failed", "There is no room.", None)
    assert not caplog.records


@pytest.mark.parametrize("when", ["begin", "step"])
def test_other_errors_are_logged_and_give_a_general_message(
    makes: Makes, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = ZeroDivisionError("secret")
    work = FakeWork(error=error)
    work.allow()
    job = makes(work, begin=(lambda: raised(error)) if when == "begin" else (lambda: work))
    assert job.wait(LONG_S) and job.state == "failed"
    assert "error in the app" in job.failure and "secret" not in job.failure
    assert [(r.levelno, r.exc_info[1]) for r in caplog.records] == [(logging.ERROR, error)]
    assert work.closes == (when == "step")


@pytest.mark.parametrize("error", [None, VideoError("Broken."), ZeroDivisionError()])
def test_the_seat_is_free_after_any_end(makes: Makes, error: Exception | None) -> None:
    work, after = FakeWork(error=error), FakeWork()
    work.allow()
    assert makes(work).wait(LONG_S)
    makes(after)
    assert after.began.wait(LONG_S)


def test_an_unwanted_job_is_cancelled(makes: Makes) -> None:
    is_wanted = threading.Event()
    is_wanted.set()
    work, other = FakeWork(), FakeWork()
    job = makes(work, is_wanted=is_wanted.is_set)
    assert work.began.wait(LONG_S)
    waiting = makes(other, is_wanted=is_wanted.is_set)
    assert not job.wait(0.7) and waiting.place == 1, "it was asked and is still wanted"
    is_wanted.clear()
    assert job.wait(2) and job.state == "cancelled" and work.closes
    assert waiting.wait(2) and waiting.state == "cancelled" and not other.began.is_set()

"""A clock that is suddenly ahead is not believed at once."""

from datetime import datetime, timedelta

from ferapp.system.clock import BELIEVED_AFTER_S, CautiousClock

START = datetime(2026, 1, 1)
YEAR = timedelta(days=365)


def test_a_clock_that_was_set_ahead_is_believed_after_a_day() -> None:
    seconds = [0.0]
    clock = CautiousClock(lambda: seconds[0])

    def believed(passed_s: float, jump: timedelta = timedelta()) -> timedelta:
        seconds[0] = passed_s
        return clock.believed(START + timedelta(seconds=passed_s) + jump) - START

    assert believed(0) == timedelta()
    assert believed(60) == timedelta(seconds=60)
    assert believed(120, YEAR) == timedelta(seconds=120), "it has just jumped"
    assert believed(180) == timedelta(seconds=180), "it was wrong"
    assert believed(240, YEAR) == timedelta(seconds=240)
    assert believed(BELIEVED_AFTER_S + 239, YEAR) == timedelta(seconds=BELIEVED_AFTER_S + 239)
    assert (
        believed(BELIEVED_AFTER_S + 240, YEAR) == timedelta(seconds=BELIEVED_AFTER_S + 240) + YEAR
    )


def test_a_clock_that_runs_on_or_was_set_back_is_believed() -> None:
    seconds = [0.0]
    clock = CautiousClock(lambda: seconds[0])
    for passed_s, now in ((0, START), (60, START + timedelta(seconds=90)), (120, START - YEAR)):
        seconds[0] = passed_s
        assert clock.believed(now) == now

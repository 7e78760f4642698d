"""Recorders that are killed, and many at once: short versions of two programs in stress/."""

from pathlib import Path

from sqlalchemy import URL

from stress.chaos import kill_and_check
from stress.recorders import FRAMES_PER_SECOND, load


def test_killed_recorders_lose_a_second_at_most_and_break_nothing(tmp_path: Path) -> None:
    result = kill_and_check(5, tmp_path)
    assert result.faults == ()
    assert len(result.missing_s) == 5


def test_twenty_recorders_at_once_lose_nothing(tmp_path: Path) -> None:
    url = URL.create("sqlite", database=str(tmp_path / "sessions.db"))
    found = load(url, 20, 2.0)
    assert found.failures == [] and found.incomplete == 0
    assert found.kept == found.asked == 20 * 2 * FRAMES_PER_SECOND

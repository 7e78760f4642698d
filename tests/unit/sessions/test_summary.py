"""Spells, shares and transitions of one face, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from ferapp.sessions.lengths import GAP_S, pause_s
from ferapp.sessions.report.summary import Spell, Summary, spells, summary
from ferapp.sessions.session import Readings
from tests.support.sessions import face_readings, some_readings

JOY, SAD, UNSURE = "happiness", "sadness", None

SPELLS = {
    "no reading": (face_readings(), []),
    "one reading": (face_readings((3, JOY)), [(JOY, 3, 3.04)]),
    "one label": (face_readings((0, JOY), (1, JOY), (2, JOY)), [(JOY, 0, 3)]),
    "a spell ends where the next starts": (
        face_readings((0, JOY), (1, JOY), (2, SAD), (2.5, SAD), (3, JOY)),
        [(JOY, 0, 2), (SAD, 2, 3), (JOY, 3, 3.5)],
    ),
    "unsure is a label": (face_readings((0, UNSURE), (1, JOY)), [(UNSURE, 0, 1), (JOY, 1, 2)]),
    "a pause belongs to none": (
        face_readings((0, JOY), (0.5, JOY), (10, JOY), (10.5, SAD)),
        [(JOY, 0, 1), (JOY, 10, 10.5), (SAD, 10.5, 11)],
    ),
    "as long as a pause may be": (
        face_readings((0, JOY), (GAP_S, SAD)),
        [(JOY, 0, 1.5), (SAD, 1.5, 3)],
    ),
    "a little longer": (
        face_readings((0, JOY), (1.51, SAD)),
        [(JOY, 0, 0.04), (SAD, 1.51, 1.55)],
    ),
    "three frames of a time-lapse": (
        face_readings((0, JOY), (2, JOY), (4, JOY)),
        [(JOY, 0, 6)],
    ),
    "what is usual is of no pause": (
        face_readings((0, JOY), (0.5, JOY), (60, SAD), (120, SAD), (180, SAD)),
        [(JOY, 0, 1), (SAD, 60, 60.5), (SAD, 120, 120.5), (SAD, 180, 180.5)],
    ),
    "a flaw is no reading": (
        face_readings(
            (0, JOY), (1, UNSURE), (2.5, UNSURE), (3, SAD), flaws={1: "small", 2: "small"}
        ),
        [(JOY, 0, 1), (SAD, 3, 3.5)],
    ),
    "a short flaw is not read": (
        face_readings((0, JOY), (0.5, UNSURE), (1, JOY), flaws={1: "small"}),
        [(JOY, 0, 0.5), (JOY, 1, 1.5)],
    ),
    "flaws at both ends": (
        face_readings((0, UNSURE), (1, JOY), (2, UNSURE), flaws={0: "dark", 2: "blurred"}),
        [(JOY, 1, 2)],
    ),
    "only flaws": (face_readings((0, UNSURE), (1, UNSURE), flaws={0: "small", 1: "small"}), []),
}


@pytest.mark.parametrize(("readings", "expected"), SPELLS.values(), ids=SPELLS)
def test_spells(readings: Readings, expected: list[tuple[str | None, float, float]]) -> None:
    assert spells(readings) == [Spell(*row) for row in expected]


SUMMARIES = {
    "no reading": (face_readings(), Summary({}, 0.0, (), {})),
    "one reading": (
        face_readings((3, JOY)),
        Summary({JOY: 0.04}, 0.04, (Spell(JOY, 3, 3.04),), {}, 0.0, {JOY: 1}),
    ),
    "there and back": (
        face_readings((0, JOY), (1, SAD), (2, UNSURE), (3, SAD), (4, JOY), (5, SAD)),
        Summary(
            {JOY: 2.0, SAD: 3.0, UNSURE: 1.0},
            6.0,
            tuple(
                Spell(name, at_s, at_s + 1)
                for at_s, name in enumerate((JOY, SAD, UNSURE, SAD, JOY, SAD))
            ),
            {(JOY, SAD): 2, (SAD, UNSURE): 1, (UNSURE, SAD): 1, (SAD, JOY): 1},
            0.0,
            {JOY: 2, SAD: 3, UNSURE: 1},
        ),
    ),
    "nothing follows a pause": (
        face_readings((0, JOY), (1, SAD), (9, JOY), (10, JOY)),
        Summary(
            {JOY: 3.0, SAD: 1.0},
            4.0,
            (Spell(JOY, 0, 1), Spell(SAD, 1, 2), Spell(JOY, 9, 11)),
            {(JOY, SAD): 1},
            0.0,
            {JOY: 3, SAD: 1},
        ),
    ),
}


@pytest.mark.parametrize(("readings", "expected"), SUMMARIES.values(), ids=SUMMARIES)
def test_summaries(readings: Readings, expected: Summary) -> None:
    found = summary(readings)
    assert found == replace(expected, seconds=found.seconds, total_s=found.total_s)
    assert found.seconds == pytest.approx(expected.seconds)
    assert found.total_s == pytest.approx(expected.total_s)


def test_no_time_has_no_share() -> None:
    nothing = summary(face_readings())
    assert nothing.share(JOY) == 0 and nothing.first(JOY) is None and nothing.longest(JOY) is None


def test_shares_first_and_longest() -> None:
    found = summary(
        face_readings((0, JOY), (1, UNSURE), (2, JOY), (3, JOY), (4, UNSURE), (5, UNSURE))
    )
    assert found.share(JOY) == found.share(UNSURE) == 0.5 and found.share(SAD) == 0
    assert found.first(JOY) == Spell(JOY, 0, 1) and found.longest(JOY) == Spell(JOY, 2, 4)
    assert found.first(UNSURE) == Spell(None, 1, 2) and found.longest(UNSURE) == Spell(None, 4, 6)
    assert found.first(SAD) is None and found.longest(SAD) is None


def test_the_first_of_equally_long_spells_is_the_longest() -> None:
    assert summary(face_readings((0, JOY), (1, SAD), (2, JOY))).longest(JOY) == Spell(JOY, 0, 1)


def test_every_second_of_a_session_without_pause_counts_once() -> None:
    found = summary(some_readings(900))
    assert found.total_s == pytest.approx(60) and len(found.spells) > 20
    assert sum(found.share(name) for name in found.seconds) == pytest.approx(1)
    assert sum(found.transitions.values()) == len(found.spells) - 1


PAUSES = {
    "no reading": ([], GAP_S),
    "one reading": ([3], GAP_S),
    "as fast as a camera": ([n / 15 for n in range(30)], GAP_S),
    "too few to tell what is usual": ([0, 5], GAP_S),
    "enough to tell": ([0, 5, 10], 15.0),
    "one in five seconds": ([0, 5, 10, 15, 20], 15.0),
    "one that is missing changes nothing": ([0, 5, 10, 20, 25, 30], 15.0),
    "half of the pauses that there may be": ([0, 0.5, 1, 1.5, 2], GAP_S),
    "a little more than that": ([0, 0.6, 1.2, 1.8, 2.4], 1.8),
    "two readings of one time": ([0, 0, 5, 5, 10, 10, 15, 15, 20], 15.0),
    "all of one time": ([1, 1, 1, 1, 1, 1], GAP_S),
}


@pytest.mark.parametrize(("at_s", "expected"), PAUSES.values(), ids=PAUSES)
def test_pauses_depend_on_the_usual_interval(at_s: list[float], expected: float) -> None:
    assert pause_s(np.array(at_s, np.float64)) == pytest.approx(expected)


def test_a_video_that_is_read_every_five_seconds_has_spells_and_no_pauses() -> None:
    read = face_readings((0, JOY), (5, JOY), (10, JOY), (15, SAD), (20, SAD), (40, SAD), (45, SAD))
    assert spells(read) == [Spell(JOY, 0, 15), Spell(SAD, 15, 25), Spell(SAD, 40, 50)]

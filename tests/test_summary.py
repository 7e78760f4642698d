"""Spells, shares and transitions of one face, counted by hand."""

import pytest

from ferapp.recording.session import Readings
from ferapp.recording.summary import GAP_S, Spell, Summary, spells, summary
from tests.recordings import made, some_readings

JOY, SAD, UNSURE = "happiness", "sadness", None

SPELLS = {
    "no reading": (made(), []),
    "one reading": (made((3, JOY)), [(JOY, 3, 3)]),
    "one label": (made((0, JOY), (1, JOY), (2, JOY)), [(JOY, 0, 3)]),
    "a spell ends where the next starts": (
        made((0, JOY), (1, JOY), (2, SAD), (2.5, SAD), (3, JOY)),
        [(JOY, 0, 2), (SAD, 2, 3), (JOY, 3, 3.75)],
    ),
    "unsure is a label": (made((0, UNSURE), (1, JOY)), [(UNSURE, 0, 1), (JOY, 1, 2)]),
    "a pause belongs to none": (
        made((0, JOY), (0.5, JOY), (10, JOY), (10.5, SAD)),
        [(JOY, 0, 1), (JOY, 10, 10.5), (SAD, 10.5, 11)],
    ),
    "as long as a pause may be": (made((0, JOY), (GAP_S, SAD)), [(JOY, 0, 1.5), (SAD, 1.5, 3)]),
    "a little longer": (made((0, JOY), (1.51, SAD)), [(JOY, 0, 0), (SAD, 1.51, 1.51)]),
    "the median is of no pause": (
        made((0, JOY), (0.5, JOY), (60, SAD), (120, SAD), (180, SAD)),
        [(JOY, 0, 1), (SAD, 60, 60.5), (SAD, 120, 120.5), (SAD, 180, 180.5)],
    ),
    "a flaw is no reading": (
        made((0, JOY), (1, UNSURE), (2.5, UNSURE), (3, SAD), flaws={1: "small", 2: "small"}),
        [(JOY, 0, 0), (SAD, 3, 3)],
    ),
    "a short flaw is no pause": (
        made((0, JOY), (0.5, UNSURE), (1, JOY), flaws={1: "small"}),
        [(JOY, 0, 2)],
    ),
    "only flaws": (made((0, UNSURE), (1, UNSURE), flaws={0: "small", 1: "small"}), []),
}


@pytest.mark.parametrize(("readings", "expected"), SPELLS.values(), ids=SPELLS)
def test_spells(readings: Readings, expected: list[tuple[str | None, float, float]]) -> None:
    assert spells(readings) == [Spell(*row) for row in expected]


SUMMARIES = {
    "no reading": (made(), Summary({}, 0.0, (), {})),
    "one reading": (made((3, JOY)), Summary({JOY: 0.0}, 0.0, (Spell(JOY, 3, 3),), {})),
    "there and back": (
        made((0, JOY), (1, SAD), (2, UNSURE), (3, SAD), (4, JOY), (5, SAD)),
        Summary(
            {JOY: 2.0, SAD: 3.0, UNSURE: 1.0},
            6.0,
            tuple(
                Spell(name, at_s, at_s + 1)
                for at_s, name in enumerate((JOY, SAD, UNSURE, SAD, JOY, SAD))
            ),
            {(JOY, SAD): 2, (SAD, UNSURE): 1, (UNSURE, SAD): 1, (SAD, JOY): 1},
        ),
    ),
    "nothing follows a pause": (
        made((0, JOY), (1, SAD), (9, JOY), (10, JOY)),
        Summary(
            {JOY: 3.0, SAD: 1.0},
            4.0,
            (Spell(JOY, 0, 1), Spell(SAD, 1, 2), Spell(JOY, 9, 11)),
            {(JOY, SAD): 1},
        ),
    ),
}


@pytest.mark.parametrize(("readings", "expected"), SUMMARIES.values(), ids=SUMMARIES)
def test_summaries(readings: Readings, expected: Summary) -> None:
    assert summary(readings) == expected


def test_of_nothing_there_is_no_share() -> None:
    nothing = summary(made())
    assert nothing.share(JOY) == 0 and nothing.first(JOY) is None and nothing.longest(JOY) is None


def test_shares_first_and_longest() -> None:
    found = summary(made((0, JOY), (1, UNSURE), (2, JOY), (3, JOY), (4, UNSURE), (5, UNSURE)))
    assert found.share(JOY) == found.share(UNSURE) == 0.5 and found.share(SAD) == 0
    assert found.first(JOY) == Spell(JOY, 0, 1) and found.longest(JOY) == Spell(JOY, 2, 4)
    assert found.first(UNSURE) == Spell(None, 1, 2) and found.longest(UNSURE) == Spell(None, 4, 6)
    assert found.first(SAD) is None and found.longest(SAD) is None


def test_of_equal_spells_the_first_is_the_longest() -> None:
    assert summary(made((0, JOY), (1, SAD), (2, JOY))).longest(JOY) == Spell(JOY, 0, 1)


def test_every_second_of_a_session_without_pause_counts_once() -> None:
    found = summary(some_readings(900))
    assert found.total_s == pytest.approx(60) and len(found.spells) > 20
    assert sum(found.share(name) for name in found.seconds) == pytest.approx(1)
    assert sum(found.transitions.values()) == len(found.spells) - 1

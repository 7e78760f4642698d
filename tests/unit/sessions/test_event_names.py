"""Names of events in charts: they never overlap, however many and however long they are."""

import itertools

import numpy as np
import pytest

from ferapp.sessions.report.event_names import NARROWEST_PX, _width_px, fitting_names
from ferapp.sessions.session import Marker

END_S = 60.0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [1, 6, 40, 400])
def test_names_never_overlap_and_stay_inside(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(0, END_S, count)).tolist()
    lengths = rng.integers(1, 200, count).tolist()
    letters = "李" if seed % 2 else "w"
    markers = [Marker(at_s, letters * n) for at_s, n in zip(times, lengths, strict=True)]
    names = fitting_names(markers, 0, END_S)
    taken: dict[int, list[tuple[float, float]]] = {}
    for name in names:
        at_px = markers[name.place].at_s / END_S * NARROWEST_PX
        left_px = at_px - _width_px(name.text) if name.is_before else at_px
        taken.setdefault(name.line, []).append((left_px, left_px + _width_px(name.text)))
    for spans in taken.values():
        assert all(-1e-6 <= left and right <= NARROWEST_PX + 1e-6 for left, right in spans)
        assert all(a[1] <= b[0] + 1e-6 for a, b in itertools.pairwise(spans))
    assert names, "at least one name is shown"


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([(10, "film"), (40, "question")], ["film", "question"]),
        ([(10, "film"), (10.5, "clap"), (11, "noise")], ["film", "clap", "noise"]),
        ([(59.9, "the end")], ["the end"]),
        ([(5, "a very long name that nobody can read at once")], ["a very long name that n…"]),
        ([], []),
    ],
    ids=["room for all", "on three lines", "at the right edge", "shortened", "none"],
)
def test_as_much_as_possible_is_shown(names: list[tuple[float, str]], shown: list[str]) -> None:
    found = fitting_names([Marker(at_s, name) for at_s, name in names], 0, END_S)
    assert [name.text for name in found] == shown

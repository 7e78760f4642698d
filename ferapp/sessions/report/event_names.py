"""Where the names of events have room in a chart, so that they never overlap, also on a phone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from unicodedata import east_asian_width

from ferapp.sessions.session import Marker

FONT_PX: Final = 11
"""Size of the names."""

LINE_PX: Final = 17
"""Height of a line of names."""

# How wide a chart is on a phone: what fits there fits everywhere.
NARROWEST_PX: Final = 230
"""The width for which names are chosen."""

_LINES: Final = 3
# A generous mean over letters of that size; wide ones count twice.
_LETTER_PX: Final = 7.0
_BESIDE_PX: Final = 8
_LEAST_LETTERS: Final = 3
_MOST_LETTERS: Final = 24


@dataclass(frozen=True)
class EventName:
    """Where the name of an event is.

    Attributes:
        place: Index of the event.
        text: Its name, shortened if there is little room.
        line: On which line, from 0.
        is_before: Whether it ends at the time of the event, and does not begin there.
    """

    place: int
    text: str
    line: int
    is_before: bool


def fitting_names(markers: Sequence[Marker], begin_s: float, end_s: float) -> list[EventName]:
    """The names that there is room for in the narrowest chart; the others are left out.

    Args:
        markers: The events, in the order of time.
        begin_s: The first time that the chart shows, s.
        end_s: The last one, s.

    Example:
        >>> [name.text for name in fitting_names([Marker(1.0, "film"), Marker(2.0, "end")], 0, 9)]
        ['film', 'end']
    """
    scale = NARROWEST_PX / (end_s - begin_s) if end_s > begin_s else 0.0
    free_px = [0.0] * _LINES
    found = []
    for place, marker in enumerate(markers):
        at_px = (marker.at_s - begin_s) * scale
        options = [
            EventName(place, text, line, is_before)
            for line, since_px in enumerate(free_px)
            for is_before, room_px in (
                (False, NARROWEST_PX - at_px if since_px <= at_px else 0.0),
                (True, at_px - since_px),
            )
            if (text := _shortened(marker.name, room_px))
        ]
        if options:
            # The first of those that say the most.
            name = max(options, key=lambda option: len(option.text.rstrip("…")))
            free_px[name.line] = at_px if name.is_before else at_px + _width_px(name.text)
            found.append(name)
    return found


def _width_px(text: str) -> float:
    letters = sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
    return letters * _LETTER_PX + _BESIDE_PX


def _shortened(text: str, room_px: float) -> str:
    """As much of a text as fits; empty where that says nothing."""
    room_px = min(room_px, _MOST_LETTERS * _LETTER_PX + _BESIDE_PX)
    if _width_px(text) <= room_px:
        return text
    most = min(len(text) - 1, _MOST_LETTERS)
    shorter = (f"{text[:length].rstrip()}…" for length in range(most, _LEAST_LETTERS - 1, -1))
    return next((short for short in shorter if _width_px(short) <= room_px), "")

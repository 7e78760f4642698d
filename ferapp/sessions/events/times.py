"""Times of events as people and programs write them."""

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ferapp.errors import DataError
from ferapp.sessions.session import SessionInfo
from ferapp.system.text import one_line
from ferapp.wording import clock

_SECONDS: Final = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+")
_CLOCK: Final = re.compile(r"(?:(\d{1,4}):)?(\d{1,3}):([0-5]?\d(?:[.,]\d+)?)")
_MOST_SHOWN: Final = 40
# Tables are rounded, and the last frame of a session ends at some fraction of a second.
_BEHIND_S: Final = 0.5


@dataclass(frozen=True)
class EventClock:
    """What the times in a table of events mean for a session.

    Attributes:
        begin_s: When the session begins, s.
        end_s: When it ends, s.
        started: When it was recorded; None if that is unknown, and then dates are refused.
    """

    begin_s: float
    end_s: float
    started: datetime | None

    @classmethod
    def of(cls, recording: SessionInfo, end_s: float) -> "EventClock":
        """The clock of a session that ends at a time, s."""
        return cls(recording.begins_s, end_s, recording.started)

    def seconds(self, text: str, sign: str = ".") -> float:
        """A time as seconds since the start of the session.

        Args:
            text: Seconds (``12.5``), a clock since the start (``1:05`` or ``0:01:05.5``), or a
                date and time (``2026-03-01 12:31:05``), in the session's time zone unless it names
                its own.
            sign: The decimal sign.

        Raises:
            DataError: It is something else, or is not within the session.
        """
        plain = text.replace(sign, ".") if sign != "." else text
        if _SECONDS.fullmatch(plain) or _CLOCK.fullmatch(plain):
            return self.within(self.length(text, sign), text)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise DataError(
                f"the time {one_line(text[:_MOST_SHOWN])!r} is neither seconds, such as 12.5, nor "
                "a clock, such as 1:05, nor a date and time"
            ) from None
        if self.started is None:
            raise DataError(
                "the time is a date, but when this session started is unknown; write seconds from "
                "its start"
            )
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.started.tzinfo)
        return self.within((moment - self.started).total_seconds() + self.begin_s, text)

    def length(self, text: str, sign: str = ".") -> float:
        """Seconds or a clock as seconds.

        Raises:
            DataError: It is neither.
        """
        plain = text.replace(sign, ".") if sign != "." else text
        if _SECONDS.fullmatch(plain) and math.isfinite(float(plain)):
            return float(plain)
        if parts := _CLOCK.fullmatch(plain):
            hours, minutes, seconds = parts.groups()
            return 3600.0 * int(hours or 0) + 60.0 * int(minutes) + float(seconds.replace(",", "."))
        raise DataError(f"{one_line(text[:_MOST_SHOWN])!r} is no number of seconds")

    def within(self, at_s: float, text: str) -> float:
        """The time, if it is within the session.

        Raises:
            DataError: It is not.
        """
        if self.begin_s - _BEHIND_S <= at_s <= self.end_s + _BEHIND_S:
            return min(max(at_s, self.begin_s), self.end_s)
        raise DataError(
            f"the time {one_line(text[:_MOST_SHOWN])!r} is not within the session, which goes from "
            f"{clock(self.begin_s)} to {clock(self.end_s)}"
        )

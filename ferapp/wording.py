"""Counts, lists and times as text, the same on every page and in every report."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

# In a longer time, tenths of a second say nothing.
_TENTHS_BELOW_S: Final = 60


def counted(count: int, noun: str) -> str:
    """A count with its noun, such as ``1 face`` or ``1,200 faces``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def first_of(names: Sequence[object], most: int) -> str:
    """The first of some names or numbers, and how many more there are.

    Example:
        >>> first_of("abc", 3), first_of(range(9), 2)
        ('a, b, c', '0, 1 and 7 more')
    """
    more = len(names) - most
    return ", ".join(map(str, names[:most])) + (f" and {more} more" if more > 0 else "")


def zone_text(moment: datetime) -> str:
    """The time zone of a moment, such as ``UTC+0100``."""
    return f"UTC{moment:%z}" if moment.tzinfo else "time zone unknown"


def clock(seconds: float, *, with_tenths: bool = False) -> str:
    """Minutes and seconds, with hours if needed, such as ``00:19`` or ``1:05:00``; hours go on.

    Whole seconds are those that have passed; tenths are rounded.

    Example:
        >>> clock(19.96), clock(19.96, with_tenths=True), clock(90_061)
        ('00:19', '00:20.0', '25:01:01')
    """
    # What is 2.9999999 by rounding is 3.
    tenths = round(seconds * 10) if with_tenths else int(seconds + 1e-6) * 10
    minutes, rest = divmod(tenths // 10, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"
    return f"{text}.{tenths % 10}" if with_tenths else text


def duration_text(seconds: float, whole_s: float | None = None) -> str:
    """How long something lasted: as a clock, with tenths of a second below a minute.

    Args:
        seconds: How long it lasted.
        whole_s: What it is a part of, which then decides about the tenths.

    Example:
        >>> duration_text(2.68), duration_text(75.68), duration_text(2.68, 75)
        ('00:02.7', '01:15', '00:02')
    """
    return clock(seconds, with_tenths=(seconds if whole_s is None else whole_s) < _TENTHS_BELOW_S)


def seconds_text(seconds: float) -> str:
    """A length in seconds, from a minute on as a clock.

    Example:
        >>> seconds_text(2.04), seconds_text(5400)
        ('2.0 s', '1:30:00')
    """
    return f"{seconds:.1f} s" if seconds < _TENTHS_BELOW_S else clock(seconds)

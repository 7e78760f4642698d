"""Counts and times as text, the same on every page and in every report."""


def counted(count: int, noun: str) -> str:
    """A count with its noun, such as ``1 face`` or ``1,200 faces``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours if needed, such as ``00:19`` or ``1:05:00``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"

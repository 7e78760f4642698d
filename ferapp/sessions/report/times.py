"""How long a session lasted and how long a face was read, in words."""

from typing import Final

from ferapp.sessions.report.summary import Summary
from ferapp.wording import duration_text

# Less is the rounding of frame times.
_NO_TIME_S: Final = 0.05


def seen_text(whole_s: float, seen_for_s: float) -> str:
    """How long a session is, and for how long nobody was in the picture."""
    text, nobody_s = f"in {duration_text(whole_s)}", whole_s - seen_for_s
    if seen_for_s == 0 or nobody_s < _NO_TIME_S:
        return text
    return f"{text}, {duration_text(nobody_s, whole_s)} of it without a face"


def read_text(its: Summary, whole_s: float) -> str:
    """For how much of a session one face was read, and where it was for the rest."""
    away_s = whole_s - its.total_s - its.unreadable_s
    parts = [
        f"Read for {duration_text(its.total_s, whole_s)} of {duration_text(whole_s)}",
        f"seen but not readable for {duration_text(its.unreadable_s, whole_s)}",
        f"not in the picture for {duration_text(away_s, whole_s)}",
    ]
    is_said = [True, its.unreadable_s > 0, away_s > _NO_TIME_S]
    return "; ".join(text for text, said in zip(parts, is_said, strict=True) if said) + "."

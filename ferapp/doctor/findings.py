"""What one check of an installation gives."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """What a check has found.

    Attributes:
        found: A few words; nothing private but paths, which the report shortens.
        state: ``note`` for what may disturb somebody, ``problem`` for what does not work.
        advice: What to do, in one sentence; empty where all is well.
    """

    found: str
    state: State = "ok"
    advice: str = ""


def note(found: str, advice: str) -> Finding:
    """A finding that may disturb somebody."""
    return Finding(found, "note", advice)


def problem(found: str, advice: str) -> Finding:
    """A finding because of which something does not work."""
    return Finding(found, "problem", advice)


def gigabytes(count: int) -> str:
    """Bytes in words, as ``23.5 GB``."""
    return f"{count / 1e9:.1f} GB"

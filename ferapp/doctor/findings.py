"""The result of one check of an installation."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """The result of a check.

    Attributes:
        text: A few words; nothing private but paths, which the report shortens.
        state: ``note`` for a possible concern, ``problem`` for something that does not work.
        advice: What to do, in one sentence; empty if nothing.
    """

    text: str
    state: State = "ok"
    advice: str = ""


def note(text: str, advice: str) -> Finding:
    """A finding that is a possible concern."""
    return Finding(text, "note", advice)


def problem(text: str, advice: str) -> Finding:
    """A finding that keeps something from working."""
    return Finding(text, "problem", advice)


def gigabytes(count: int) -> str:
    """Bytes as text, such as ``23.5 GB``."""
    return f"{count / 1e9:.1f} GB"

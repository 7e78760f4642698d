"""What a check found, and how a program that makes checks ends."""

import sys
from dataclasses import dataclass
from typing import NoReturn, Protocol


class Findings(Protocol):
    """What a check found; its ``str`` gives the figures in words."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Broken rules, in words."""
        ...


@dataclass(frozen=True)
class Result:
    """What a check found whose figures are words.

    Attributes:
        figures: In words.
        faults: Broken rules, in words.
    """

    figures: str
    faults: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.figures}; {len(self.faults)} faults"


def report(*found: Findings) -> NoReturn:
    """Print what was found, then each fault, and exit with status 1 if there is one."""
    faults = [fault for findings in found for fault in findings.faults]
    print(*found, *faults, sep="\n")
    sys.exit(1 if faults else 0)

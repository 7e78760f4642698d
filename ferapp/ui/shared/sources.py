"""What pages read: files of the visitor, and the pictures that ship."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SAMPLES_FOLDER: Final = Path(__file__).parents[2] / "samples"


@dataclass(frozen=True)
class Source:
    """A picture or video to read.

    Attributes:
        id: Different for each upload, the same at each rerun.
        name: Its file name, which anybody may have chosen, on one line.
        read: Returns the bytes of the file.
    """

    id: str
    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Sample:
    """A picture that ships; see ``samples/README.md``."""

    file: str
    title: str
    credit: str


SAMPLES: Final = (
    Sample("three-portraits.jpg", "Three portraits", "the next three side by side"),
    Sample("astronaut.jpg", "Astronaut", "Eileen Collins, NASA, public domain"),
    Sample("grace-hopper.jpg", "Officer", "Grace Hopper, US Navy, 1984, public domain"),
    Sample("mona-lisa.jpg", "Painting", "Mona Lisa, Leonardo da Vinci, public domain"),
    Sample("group.jpg", "Group", "these three again and again, as a group of 32 small faces"),
)
"""The first one is shown to who comes for the first time."""

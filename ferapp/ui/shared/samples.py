"""The pictures that ship."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

SAMPLES_FOLDER: Final = Path(__file__).parents[2] / "samples"


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

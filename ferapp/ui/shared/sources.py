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
    Sample(
        "three-portraits.jpg", "Three portraits", "the astronaut, officer and painting together"
    ),
    Sample(
        "eight-expressions.jpg",
        "Eight faces",
        "computer-made faces, nobody real: neutral, happiness, surprise, sadness; anger, disgust, "
        "fear and contempt, which the default model takes for neutral",
    ),
    Sample("astronaut.jpg", "Astronaut", "Eileen Collins, NASA, public domain"),
    Sample("grace-hopper.jpg", "Officer", "Grace Hopper, US Navy, 1984, public domain"),
    Sample("mona-lisa.jpg", "Painting", "Mona Lisa, Leonardo da Vinci, public domain"),
    Sample("disgust.jpg", "Disgust", "a computer-made face, nobody real"),
    Sample("fear.jpg", "Fear", "a computer-made face, nobody real"),
    Sample("group.jpg", "Group", "the three portraits again and again, 32 small faces"),
)
"""The first one is shown to who comes for the first time."""

"""The three parts of a data set, and what others call them."""

import re
from typing import Final, Literal

Split = Literal["Train", "Valid", "Test"]
SPLITS: Final[tuple[Split, ...]] = ("Train", "Valid", "Test")

USAGE: Final[dict[Split, str]] = {
    "Train": "Training",
    "Valid": "PublicTest",
    "Test": "PrivateTest",
}
"""What FER2013 and FER+ call them in the column Usage."""

_NAMES: Final[dict[str, Split]] = {
    "train": "Train",
    "training": "Train",
    "valid": "Valid",
    "val": "Valid",
    "validation": "Valid",
    "dev": "Valid",
    "publictest": "Valid",
    "test": "Test",
    "testing": "Test",
    "privatetest": "Test",
}


def split_of(name: str) -> Split | None:
    """The split that a folder's name or a word in a table means; None if it means none.

    Example:
        >>> split_of("train"), split_of("validation_set"), split_of("PublicTest"), split_of("happy")
        ('Train', 'Valid', 'Valid', None)
    """
    word = re.sub(r"[\s_-]+", "", name).lower()
    return _NAMES.get(word.removeprefix("fer2013").removesuffix("set").removesuffix("data"))

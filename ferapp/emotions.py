"""The eight expression classes of FER+: their order, their colours, and what others call them.

The order is that of the FER+ labels (Barsoum et al., 2016, "Training Deep Networks for Facial
Expression Recognition with Crowd-Sourced Label Distribution"), which every FER+ model shares.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

EXPRESSIONS: Final[tuple[str, ...]] = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
)
"""Class names in output order."""

COLOURS: Final[dict[str, str]] = {
    "neutral": "#7f8c9b",
    "happiness": "#e0a100",
    "surprise": "#d9662b",
    "sadness": "#3f6fd1",
    "anger": "#d0342c",
    "disgust": "#3f9142",
    "fear": "#8a4fc7",
    "contempt": "#a8577e",
}
"""One sRGB hex colour per class, the same in every chart and on every picture."""

SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    "neutral": ("calm",),
    "happiness": ("happy", "joy", "joyful"),
    "surprise": ("surprised",),
    "sadness": ("sad", "sorrow", "sorrowful"),
    "anger": ("angry",),
    "disgust": ("disgusted",),
    "fear": ("fearful", "afraid", "scared"),
    "contempt": ("contemptuous",),
}
"""Other names of each class.

FER2013 (Goodfellow et al., 2013), AffectNet (Mollahosseini et al., 2019), RAF-DB (Li et al., 2017)
and CK+ (Lucey et al., 2010) have happy, sad and angry beside the nouns; KDEF (Lundqvist et al.,
1998) afraid, RaFD (Langner et al., 2010) fearful and contemptuous, FaceReader scared, AFFDEX
(McDuff et al., 2016) joy, Google's Cloud Vision joy and sorrow. Calm is the second baseline of
RAVDESS (Livingstone and Russo, 2018) beside neutral, and Rekognition's name of neutral.
"""

KEYS: Final[dict[str, dict[str, str]]] = {
    "rafdb": {
        "1": "surprise",
        "2": "fear",
        "3": "disgust",
        "4": "happiness",
        "5": "sadness",
        "6": "anger",
        "7": "neutral",
    },
    "affectnet": {
        "0": "neutral",
        "1": "happiness",
        "2": "sadness",
        "3": "surprise",
        "4": "fear",
        "5": "disgust",
        "6": "anger",
        "7": "contempt",
    },
    "ck+": {
        "0": "neutral",
        "1": "anger",
        "2": "contempt",
        "3": "disgust",
        "4": "fear",
        "5": "happiness",
        "6": "sadness",
        "7": "surprise",
    },
    "fer2013": {
        "0": "anger",
        "1": "disgust",
        "2": "fear",
        "3": "happiness",
        "4": "sadness",
        "5": "surprise",
        "6": "neutral",
    },
    "ferplus": {str(place): name for place, name in enumerate(EXPRESSIONS)},
}
"""What the numbers of each data set mean, as its own description says; none agree."""

_MEANINGS: Final = {
    name: expression for expression, others in SYNONYMS.items() for name in (expression, *others)
}


def expression_of(name: str) -> str | None:
    """The class of FER+ that a name of others means; None if it means none of them.

    Case, and a number before the name as in many folders, make no difference.

    Example:
        >>> expression_of("HAPPY"), expression_of("3_surprised"), expression_of("boredom")
        ('happiness', 'surprise', None)
    """
    return _MEANINGS.get(plain_name(name))


def class_of(name: str) -> str:
    """The name under which classes are compared: a class of FER+, or else the name in lower case.

    Example:
        >>> class_of("Joy"), class_of("Boredom")
        ('happiness', 'boredom')
    """
    return expression_of(name) or plain_name(name)


def is_number(name: str) -> bool:
    """Whether a class is only numbered, which says nothing without a key.

    Example:
        >>> is_number("07"), is_number("7_neutral")
        (True, False)
    """
    return re.fullmatch(r"[0-9]+", name.strip()) is not None


def meaning_by_key(name: str, key: Mapping[str, str]) -> str | None:
    """What a key says about a name or number; None if it says nothing.

    Example:
        >>> meaning_by_key("03", KEYS["rafdb"])
        'disgust'
    """
    return key.get(name_in_key(name))


def name_in_key(name: str) -> str:
    """How a name or number is written in a key.

    Example:
        >>> name_in_key("03"), name_in_key("Very_Happy")
        ('3', 'very happy')
    """
    place = name.strip()
    return str(int(place)) if is_number(place) else plain_name(place)


def in_usual_order(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once: the classes of FER+ in their order, then the others by name.

    Example:
        >>> in_usual_order(["bored", "fear", "awe", "neutral", "fear"])
        ('neutral', 'fear', 'awe', 'bored')
    """
    found = set(names)
    return (*(e for e in EXPRESSIONS if e in found), *sorted(found - set(EXPRESSIONS)))


def merged(names: Iterable[str]) -> dict[str, list[str]]:
    """The classes that several of the names mean, with these names.

    Example:
        >>> merged(["happy", "sad", "Joy"])
        {'happiness': ['happy', 'Joy']}
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(class_of(name), []).append(name)
    return {meaning: group for meaning, group in groups.items() if len(group) > 1}


def plain_name(name: str) -> str:
    """A name in lower case, with single spaces, without a number before it.

    Example:
        >>> plain_name("01_Not-Happy")
        'not happy'
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    words = re.sub(r"[\s_.-]+", " ", text).strip()
    return re.sub(r"^[0-9]+ (?=.)", "", words)

"""Options that several commands share, and the checks of their values."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from ferapp.errors import InvalidValue

Detector = Annotated[
    str | None, typer.Option("--detector", help="Face detector; see `models list`.")
]
PresetName = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="In place of --detector: quick (the default), careful (also smaller faces, in about "
        "twice the time) or crowd (groups and large pictures; takes longest).",
    ),
]
Classifier = Annotated[
    str | None, typer.Option("--classifier", help="Expression classifier; see `models list`.")
]
Confidence = Annotated[
    float, typer.Option("--confidence", min=0, max=1, help="Minimum face score.")
]
Padding = Annotated[
    float,
    typer.Option(
        "--padding", help="How much longer the crop is than the box, as a share of its side."
    ),
]
Classes = Annotated[
    str, typer.Option("--classes", help="Only these expressions, separated by commas.")
]
UnsureBelow = Annotated[
    float | None,
    typer.Option(
        "--unsure-below", min=0, max=1, help="Unsure below this probability; calibrated by default."
    ),
]
DetectEvery = Annotated[
    int | None,
    typer.Option(
        "--detect-every",
        min=1,
        help="Detect faces only in every Nth frame; by default, 15 times a second.",
    ),
]
Track = Annotated[
    int | None,
    typer.Option("--track", min=1, help="Which video track to read; the default one if not given."),
]
FromTime = Annotated[
    str,
    typer.Option(
        "--from", metavar="TIME", help="Start here: seconds or h:mm:ss. Times stay the video's own."
    ),
]
ToTime = Annotated[
    str, typer.Option("--to", metavar="TIME", help="Stop before this time: seconds or h:mm:ss.")
]
Region = Annotated[
    str,
    typer.Option(
        "--region",
        metavar="X,Y,W,H",
        help="Read only this part of the picture, in pixels of the video. In the copy, the rest is "
        "blurred.",
    ),
]
AllFrames = Annotated[
    bool,
    typer.Option("--all-frames", help="Also write a row for each frame without a face."),
]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads per model.")]
Judged = Annotated[
    str | None,
    typer.Option("--model", "--classifier", help="Classifier; the default one if not given."),
]
Key = Annotated[
    str,
    typer.Option(
        "--key",
        metavar="KEY",
        help="What numbers or names of classes mean: rafdb, affectnet, ck+, fer2013 or ferplus, "
        "or NAME=CLASS such as 1=happy,2=sad.",
    ),
]
Ignore = Annotated[
    bool,
    typer.Option(
        "--ignore", help="Go on without the pictures that can't be used; they are still named."
    ),
]
TablePadding = Annotated[
    float,
    typer.Option(
        "--padding",
        min=0,
        max=4,
        help="For pictures of a labels.csv without a column framing: how much longer their side is "
        "than the face, such as 0.2; it is cut off.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
AsJsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]

# For the commands that measure a model.
DetectorName = Annotated[
    str | None, typer.Option("--detector", help="Face detector; the default one if not given.")
]
ClassifierName = Annotated[
    str | None,
    typer.Option("--classifier", help="Expression classifier; the default one if not given."),
]


def chosen_detector(preset: str | None, detector: str | None) -> str | None:
    """The name of the detector that ``--preset`` or ``--detector`` stands for; None for neither.

    Raises:
        BadParameter: Both are given, or there is no such preset.
    """
    from ferapp.inference.manifest import manifest

    if preset is None:
        return detector
    if detector is not None:
        raise typer.BadParameter("it chooses a detector: give --preset or --detector, not both")
    names = {str(name): model for name, model in manifest().presets.items()}
    if preset not in names:
        raise typer.BadParameter(
            f"expected {', '.join(names)}, got {preset}", param_hint="--preset"
        )
    return names[preset]


def parse_time(text: str, option: str) -> float:
    """Seconds, or minutes and seconds, or hours, minutes and seconds.

    Raises:
        BadParameter: It is none of these.

    Example:
        >>> parse_time("1:02:03.5", "--from")
        3723.5
    """
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)", text.strip())
    if match is None:
        raise typer.BadParameter(
            f"expected seconds or h:mm:ss, such as 75 or 0:01:15, got {text}", param_hint=option
        )
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return (hours * 60 + minutes) * 60 + seconds


def parse_region(text: str) -> tuple[int, int, int, int]:
    """x, y, width and height.

    Raises:
        BadParameter: It is not four whole numbers.
    """
    match = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*", text)
    if match is None:
        raise typer.BadParameter(
            "expected x,y,width,height in pixels, such as 100,0,640,360", param_hint="--region"
        )
    x, y, width, height = (int(part) for part in match.groups())
    return x, y, width, height


def split_names(text: str) -> tuple[str, ...]:
    """Names that are separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def parse_key(text: str) -> dict[str, str]:
    """What ``--key`` says: the numbers of data sets, and names or numbers with their class.

    Raises:
        BadParameter: It is neither.

    Example:
        >>> parse_key("RAF-DB")["1"], parse_key("1=happy,bored=neutral")
        ('surprise', {'1': 'happiness', 'bored': 'neutral'})
    """
    from ferapp.emotions import KEYS, expression_of, is_number, name_in_key

    sets = {_set_name(name): key for name, key in KEYS.items()}
    meanings: dict[str, str] = {}
    own: dict[str, str] = {}
    for part in split_names(text):
        name, sign, meaning = (word.strip() for word in part.partition("="))
        if not sign and _set_name(name) in sets:
            meanings |= sets[_set_name(name)]
        elif sign and name and meaning and not is_number(meaning):
            said = expression_of(meaning) or meaning
            if own.setdefault(name_in_key(name), said) != said:
                raise typer.BadParameter(f"{name} is given twice", param_hint="--key")
        else:
            raise typer.BadParameter(
                f"expected {', '.join(KEYS)}, or NAME=CLASS such as 1=happy, got {part}",
                param_hint="--key",
            )
    return meanings | own


def _set_name(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.lower()).replace("+", "plus")


def check_classes(classes: Sequence[str], known: Sequence[str]) -> None:
    """Check what ``--classes`` names.

    Args:
        classes: The names.
        known: The expressions that the classifier knows.

    Raises:
        BadParameter: A name is unknown.
    """
    unknown = [name for name in classes if name not in known]
    if unknown:
        raise typer.BadParameter(
            f"unknown: {', '.join(unknown)}; there are {', '.join(known)}", param_hint="--classes"
        )


@contextmanager
def reject_invalid_values() -> Iterator[None]:
    """Turn `InvalidValue`, which settings raise, into an error of the command line."""
    try:
        yield
    except InvalidValue as exc:
        raise typer.BadParameter(str(exc)) from exc

"""Options that several commands share, and the checks of their values."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from ferapp.errors import InvalidValue

Detector = Annotated[
    str | None, typer.Option("--detector", help="Face detector; see `models list`.")
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
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads per model.")]
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


def split_names(text: str) -> tuple[str, ...]:
    """Names that are separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


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

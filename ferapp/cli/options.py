"""Options that several commands have, with the same words in each."""

from typing import Annotated

import typer

Detector = Annotated[
    str | None, typer.Option("--detector", help="Face detector; see `models list`.")
]
Classifier = Annotated[str | None, typer.Option("--classifier", help="Expression classifier.")]
Confidence = Annotated[
    float, typer.Option("--confidence", min=0, max=1, help="Minimum face score.")
]
Padding = Annotated[
    float, typer.Option("--padding", help="Share by which the crop is larger than the box.")
]
Classes = Annotated[
    str, typer.Option("--classes", help="Only these expressions, separated by commas.")
]
UnsureBelow = Annotated[
    float | None,
    typer.Option("--unsure-below", min=0, max=1, help="Threshold instead of the calibrated."),
]
DetectEvery = Annotated[
    int | None,
    typer.Option(
        "--detect-every",
        min=1,
        help="Look for faces in every Nth frame only; by default 15 times a second.",
    ),
]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads a model may use.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

# Of the commands that measure a model.
DetectorName = Annotated[
    str | None, typer.Option("--detector", help="The default one if not given.")
]
ClassifierName = Annotated[
    str | None, typer.Option("--classifier", help="The default one if not given.")
]

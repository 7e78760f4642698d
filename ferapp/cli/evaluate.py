"""``ferapp evaluate``: how good the models are on labelled data, in the app's own runtime."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ferapp.cli.options import AsJson, ClassifierName, DetectorName, Threads
from ferapp.cli.output import console, print_json, progress

if TYPE_CHECKING:
    from ferapp.evaluation.labelled_faces import Split

app = typer.Typer(help="Measure how good the models are on labelled data.", no_args_is_help=True)

Data = Annotated[
    Path, typer.Option("--data", help="Folder or zip file with the labelled pictures.")
]


@app.command()
def emotions(
    data: Data,
    split: Annotated[str, typer.Option("--split", help="Train, Valid or Test.")] = "Test",
    model: Annotated[
        str | None,
        typer.Option("--model", "--classifier", help="Classifier; the default one if not given."),
    ] = None,
    threads: Threads = 2,
    as_json: AsJson = False,
) -> None:
    """Evaluate an expression classifier on faces in the FER+ layout, or in a folder per class."""
    from ferapp.evaluation.evaluators import evaluate_expressions
    from ferapp.evaluation.labelled_faces import load_split
    from ferapp.inference.manifest import manifest
    from ferapp.inference.registry import load_classifier

    part = _parse_split(split)
    name = manifest().model(model, "classifier").name
    classifier = load_classifier(model, threads=threads)
    faces = load_split(data, part, majority_only=True)
    with progress("faces") as report:
        result = evaluate_expressions(faces, classifier, report=report)
    result = {"model": name, "split": split, **result}
    if as_json:
        print_json(result)
    else:
        _print_expressions(result)


@app.command()
def faces(
    data: Data,
    model: Annotated[
        str | None,
        typer.Option("--model", "--detector", help="Detector; the default one if not given."),
    ] = None,
    threads: Threads = 2,
    as_json: AsJson = False,
) -> None:
    """Evaluate a face detector on images/ and annotations.json in a folder (WIDER FACE rules)."""
    from ferapp.evaluation.evaluators import DIFFICULTIES, evaluate_faces
    from ferapp.inference.manifest import manifest
    from ferapp.inference.registry import load_detector

    name = manifest().model(model, "detector").name
    detector = load_detector(model, threads=threads)
    with progress("pictures") as report:
        result = {"model": name, **evaluate_faces(data, detector, report=report)}
    if as_json:
        print_json({k: None if _is_nan(v) else v for k, v in result.items()})
        return
    table = Table("difficulty", "faces", "average precision", title=f"{name}, IoU 0.5")
    for level in DIFFICULTIES:
        table.add_row(level, str(result[f"n_{level}"]), f"{result[f'ap_{level}']:.3f}")
    console.print(table)


@app.command("pasted")
def pasted_faces(
    data: Data,
    scenes: Annotated[
        Path, typer.Option("--scenes", help="Folder of photos to paste the faces into.")
    ],
    split: Annotated[str, typer.Option("--split", help="Train, Valid or Test.")] = "Valid",
    detector: DetectorName = None,
    classifier: ClassifierName = None,
    threads: Threads = 2,
    as_json: AsJson = False,
) -> None:
    """Evaluate detector and classifier together, on faces pasted into photos."""
    from ferapp.evaluation.labelled_faces import load_split
    from ferapp.evaluation.pasted import evaluate_pasted
    from ferapp.inference.manifest import manifest
    from ferapp.inference.registry import load_classifier, load_detector

    part = _parse_split(split)
    names = {
        "detector": manifest().model(detector, "detector").name,
        "classifier": manifest().model(classifier, "classifier").name,
    }
    models = (
        load_detector(detector, threads=threads),
        load_classifier(classifier, threads=threads),
    )
    labelled = load_split(data, part, majority_only=True)
    with progress("faces") as report:
        measured = evaluate_pasted(labelled, scenes, *models, report=report)
    result: dict[str, Any] = {**names, "split": split, **measured}
    if as_json:
        print_json(result)
        return
    title = (
        f"{names['detector']}, {names['classifier']}: {result['n_found']} of {result['n']} found"
    )
    table = Table("crops", "accuracy", "macro recall", "end to end", title=title)
    given = result["given"]
    table.add_row("given, all", f"{given['accuracy']:.4f}", f"{given['macro_recall']:.4f}", "")
    table.add_row("given, found", f"{given['accuracy_of_found']:.4f}", "", "")
    for row in result["paddings"]:
        table.add_row(
            f"padding {row['padding']:+.1f}",
            f"{row['accuracy_of_found']:.4f}",
            f"{row['macro_recall_of_found']:.4f}",
            f"{row['accuracy_end_to_end']:.4f}",
        )
    console.print(table)


def _parse_split(split: str) -> "Split":
    from ferapp.evaluation.labelled_faces import SPLITS

    if split not in SPLITS:
        raise typer.BadParameter(f"expected one of {', '.join(SPLITS)}", param_hint="--split")
    return split


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _print_expressions(result: dict[str, Any]) -> None:
    labels = result["labels"]
    table = Table("true \\ given", *labels, "recall", title=f"{result['model']}, {result['split']}")
    for label, row, recall in zip(labels, result["confusion"], result["recall"], strict=True):
        shown = "" if recall is None else f"{recall:.3f}"
        table.add_row(label, *(str(count) for count in row), shown)
    console.print(table)
    console.print(
        f"n {result['n']}   accuracy {result['accuracy']:.4f}   "
        f"macro recall {result['macro_recall']:.4f}   "
        f"expected calibration error {result['ece']:.4f}"
    )

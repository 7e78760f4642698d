"""``ferapp evaluate``: how good the models are on labelled data, in the app's own runtime."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ferapp.cli.options import (
    AsJson,
    ClassifierName,
    DetectorName,
    Ignore,
    Judged,
    Key,
    TablePadding,
    Threads,
    parse_key,
)
from ferapp.cli.output import console, print_json, print_note, print_table, progress
from ferapp.system.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ferapp.evaluation.labelled_faces import Omission
    from ferapp.evaluation.reports.figures import Figures
    from ferapp.evaluation.splits import Split

app = typer.Typer(help="Measure how good the models are on labelled data.", no_args_is_help=True)

Data = Annotated[
    Path,
    typer.Option(
        "--data", help="Folder, zip or tar archive with the labelled pictures, or fer2013.csv."
    ),
]


@app.command()
def emotions(
    data: Data,
    split: Annotated[str, typer.Option("--split", help="Train, Valid or Test.")] = "Test",
    model: Judged = None,
    corruptions: Annotated[
        bool,
        typer.Option(
            "--corruptions", help="Also in other light, from afar and with a camera's noise."
        ),
    ] = False,
    threads: Threads = 2,
    key: Key = "",
    padding: TablePadding = 0.0,
    ignore: Ignore = False,
    as_json: AsJson = False,
) -> None:
    """Evaluate an expression classifier on labelled faces.

    They are FER+, a folder per class such as happy/1.jpg, pictures with a labels.csv, or the table
    fer2013.csv. What can't be used is named and counted, and the exit status is 1 unless --ignore
    is given.
    """
    from ferapp.evaluation.data_sets import load_split
    from ferapp.evaluation.evaluators import evaluate_expressions
    from ferapp.evaluation.reports.corruptions import evaluate_corrupted
    from ferapp.inference.manifest import manifest
    from ferapp.inference.registry import load_classifier

    part, meanings = parse_split(split), parse_key(key)
    name = manifest().model(model, "classifier").name
    classifier = load_classifier(model, threads=threads)
    faces = load_split(
        data, part, majority_only=True, key=meanings, may_lack_splits=True, padding=padding
    )
    with progress("faces") as report:
        result = evaluate_expressions(faces, classifier, report=report)
        changed = evaluate_corrupted(faces, classifier, report=report) if corruptions else {}
    result = {"model": name, "split": None if faces.is_whole else split, **result}
    if as_json:
        more = {"corruptions": {k: v.to_json() for k, v in changed.items()}} if changed else {}
        print_json({**result, **more})
    else:
        _print_expressions(result)
        _print_notes(result)
        if changed:
            _print_corruptions(changed)
    report_left_out(_omissions(result), may_leave_out=ignore)


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
    table = Table("difficulty", "faces", "average precision")
    for level in DIFFICULTIES:
        table.add_row(level, str(result[f"n_{level}"]), f"{result[f'ap_{level}']:.3f}")
    print_table(f"{name}, IoU 0.5", table)


@app.command()
def landmarks(
    data: Data,
    model: Annotated[
        str | None, typer.Option("--model", help="Landmark network; the default one if not given.")
    ] = None,
    detector: DetectorName = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Evaluate a landmark network on faces with 68 points (training.csv and test.csv).

    People whose frames train a network are told apart by their names. The row "seen" is for all of
    test.csv, which shows these people too.
    """
    from ferapp.evaluation.landmarked_faces import load_landmarked
    from ferapp.evaluation.landmarks import evaluate_landmarks
    from ferapp.inference.manifest import manifest
    from ferapp.inference.registry import load_detector, load_landmarks

    names = {
        "model": manifest().model(model, "landmarks").name,
        "detector": manifest().model(detector, "detector").name,
    }
    finder, boxes = load_landmarks(model, threads=threads), load_detector(detector, threads=threads)
    parts = {name: load_landmarked(data, name) for name in ("test", "seen")}
    with progress("faces") as report:
        rows = {
            f"{part}, {kind}": evaluate_landmarks(faces, finder, given, report=report)
            for part, faces in parts.items()
            for kind, given in (("given boxes", None), ("found boxes", boxes))
        }
    if as_json:
        print_json({**names, "results": rows})
        return
    regions = list(next(iter(rows.values()))["regions"])
    table = Table("faces", "n", "found", "NME", "median", "failed", *regions)
    for name, row in rows.items():
        figures = [row["nme"], row["median"], row["failure_rate"], *row["regions"].values()]
        shown = ["" if value is None else f"{value:.1%}" for value in figures]
        table.add_row(name, str(row["n"]), str(row["n_found"]), *shown)
    print_table(names["model"], table)


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
    key: Key = "",
    ignore: Ignore = False,
    as_json: AsJson = False,
) -> None:
    """Evaluate detector and classifier together, on faces pasted into photos."""
    from ferapp.evaluation.data_sets import load_split
    from ferapp.evaluation.pasted import evaluate_pasted
    from ferapp.inference.manifest import manifest
    from ferapp.inference.registry import load_classifier, load_detector

    part, meanings = parse_split(split), parse_key(key)
    names = {
        "detector": manifest().model(detector, "detector").name,
        "classifier": manifest().model(classifier, "classifier").name,
    }
    models = (
        load_detector(detector, threads=threads),
        load_classifier(classifier, threads=threads),
    )
    labelled = load_split(data, part, majority_only=True, key=meanings, may_lack_splits=True)
    with progress("faces") as report:
        measured = evaluate_pasted(labelled, scenes, *models, report=report)
    part_read = None if labelled.is_whole else split
    result: dict[str, Any] = {**names, "split": part_read, **measured}
    if as_json:
        print_json(result)
    else:
        _print_pasted(result)
        _print_notes(result)
    report_left_out(_omissions(result), may_leave_out=ignore)


def _print_pasted(result: dict[str, Any]) -> None:
    found = f"{result['n_found']} of {result['n']} found"
    title = f"{result['detector']}, {result['classifier']}{_part_text(result)}: {found}"
    table = Table("crops", "accuracy", "macro recall", "end to end")
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
    print_table(title, table)


def parse_split(split: str) -> "Split":
    """The split of that name.

    Raises:
        BadParameter: There is none.
    """
    from ferapp.evaluation.splits import SPLITS, split_of

    named = split_of(split)
    if named is None:
        raise typer.BadParameter(f"expected one of {', '.join(SPLITS)}", param_hint="--split")
    return named


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _part_text(result: dict[str, Any]) -> str:
    """For a title: that the figures are not for all pictures, if so."""
    if not result["is_partial"]:
        return ""
    return f", ONLY {result['n']:,} of {result['n'] + result['n_left_out']:,} pictures"


def _print_expressions(result: dict[str, Any]) -> None:
    labels = result["labels"]
    title = f"{result['model']}, {result['split'] or 'all faces'}{_part_text(result)}"
    table = Table("true \\ given", *labels, "recall")
    for label, row, recall in zip(labels, result["confusion"], result["recall"], strict=True):
        shown = "" if recall is None else f"{recall:.3f}"
        table.add_row(label, *(str(count) for count in row), shown)
    print_table(title, table)
    count = f"n {result['n']}"
    if result["is_partial"]:
        count = f"PARTIAL: n {result['n']} of {result['n'] + result['n_left_out']}"
    console.print(
        f"{count}   accuracy {result['accuracy']:.4f}   "
        f"macro recall {result['macro_recall']:.4f}   "
        f"expected calibration error {result['ece']:.4f}",
        soft_wrap=True,
    )


def _print_corruptions(changed: "Mapping[str, Figures]") -> None:
    """Print figures under changes of light, distance and noise."""
    table = Table("change", "accuracy", "labelled", "right of these")
    for name, one in changed.items():
        right = share_text(one.right_of_labelled)
        table.add_row(name, share_text(one.accuracy), share_text(one.labelled), right)
    print_table("Light and noise", table)


def share_text(value: float | None) -> str:
    """A share in [0, 1] for a table; nothing if there is none."""
    return "" if value is None else f"{value:.3f}"


def _print_notes(result: dict[str, Any]) -> None:
    """What was read as what, and what else a reader of the figures should know."""
    from ferapp.evaluation.labelled_faces import read_as_text

    if result["read_as"]:
        console.print(Text(read_as_text(result["read_as"])), soft_wrap=True)
    for note in result["notes"]:
        console.print(Text(one_line(note)), soft_wrap=True)


def report_left_out(left_out: "Sequence[Omission]", *, may_leave_out: bool) -> None:
    """Name what was left out, and end with the exit status of that.

    Raises:
        Exit: Pictures were left out, and that was not asked for.
    """
    from ferapp.evaluation.labelled_faces import WHAT_TO_DO, omission_text

    if not left_out:
        return
    print_note(f"Left out:\n{omission_text(left_out)}")
    if not may_leave_out:
        print_note(f"The figures are for the rest. {WHAT_TO_DO}")
        raise typer.Exit(1)


def _omissions(result: dict[str, Any]) -> "list[Omission]":
    from ferapp.evaluation.labelled_faces import Omission

    return [Omission(**row) for row in result["left_out"]]

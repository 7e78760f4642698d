"""``ferapp models``: the models with source, licence and state."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ferapp.cli.options import AsJsonLines
from ferapp.cli.output import console, print_json, print_line, print_note, progress
from ferapp.wording import counted

if TYPE_CHECKING:
    from ferapp.inference.entry_parts import Calibration
    from ferapp.inference.examination import Examination
    from ferapp.inference.manifest import Model

app = typer.Typer(help="List, verify, fetch and add models.", no_args_is_help=True)


@app.command("list")
def list_models(as_json: AsJsonLines = False) -> None:
    """List the models, which are on this machine, and why added ones are refused."""
    from ferapp.inference.added import refusals
    from ferapp.inference.manifest import added_models, manifest
    from ferapp.inference.weights import is_here

    entries = manifest()
    defaults = entries.defaults.names
    reasons = refusals()
    table = Table("name", "kind", "here", "MB", "licence", "source")
    for model in entries.models:
        if as_json:
            row = model.model_dump(mode="json", exclude_none=True)
            row |= {"is_here": is_here(model), "is_default": model.name in defaults}
            if model.name in reasons:
                row["refused"] = reasons[model.name]
            print_json(row)
            continue
        presence = "yes" if is_here(model) else "no"
        table.add_row(
            f"{model.name} (default)" if model.name in defaults else model.name,
            model.kind,
            "refused" if model.name in reasons else presence,
            f"{model.bytes / 1e6:.1f}" if model.bytes else "?",
            # As plain text: brackets that an operator wrote are not markup.
            Text(model.licence),
            Text(model.source),
        )

    for bad in added_models().refused:
        if as_json:
            print_json({"name": bad.name, "is_here": False, "refused": bad.reason})
        else:
            table.add_row(Text(bad.name), "?", "refused")
    if not as_json:
        console.print(table)
        refused = {bad.name: bad.reason for bad in added_models().refused}
        for name, reason in [*reasons.items(), *refused.items()]:
            print_note(f"{name}: {reason}")


@app.command()
def verify(as_json: AsJsonLines = False) -> None:
    """Compare every model file on this machine with the manifest.

    Added models are examined as well. The exit status is 0 if all are right, and 1 if any is not.
    """
    from ferapp.inference.verification import verify_models

    is_all_right = True
    for model in verify_models():
        is_all_right &= not model.reason
        state = "wrong" if model.reason else model.state
        if as_json:
            row = {"name": model.name, "state": state, "reason": model.reason}
            print_json(row | ({"note": model.note} if model.note else {}))
        else:
            print_line(f"{model.name}: {state}")
            if model.reason or model.note:
                print_note(model.reason or model.note)
    raise typer.Exit(0 if is_all_right else 1)


@app.command()
def fetch(name: Annotated[str, typer.Argument(help="Name from `models list`.")]) -> None:
    """Download the weights of a model to your cache; files with a wrong hash are refused."""
    from ferapp.inference import weights
    from ferapp.inference.manifest import manifest

    model = manifest().find(name)
    with progress(model.name) as report:
        path = weights.fetch(model, report=report)
    print_line(str(path))


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="An expression classifier.")],
    name: Annotated[str, typer.Option("--name", help="Name of the model for users.")],
    labels: Annotated[
        str, typer.Option("--labels", help="Its classes in output order, separated by commas.")
    ],
    size: Annotated[int, typer.Option("--size", min=1, help="Side of its input in pixels.")],
    colour: Annotated[
        str, typer.Option("--colour", help="Colour order of its input: grey, rgb or bgr.")
    ],
    mean: Annotated[
        float, typer.Option("--mean", help="Subtracted from each pixel value in 0..255.")
    ],
    std: Annotated[float, typer.Option("--std", help="Divisor after the subtraction.")],
    licence: Annotated[
        str, typer.Option("--licence", help="Licence of the weights (SPDX).")
    ] = "not stated",
    source: Annotated[str, typer.Option("--source", help="Origin of the weights.")] = "not stated",
    data: Annotated[str, typer.Option("--data", help="What it was trained on.")] = "not stated",
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            help="What it gives for each class: logits, log_probabilities, probabilities or "
            "sigmoid; found out if omitted.",
        ),
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            "--calibrate",
            metavar="FOLDER",
            help="Labelled faces, in a folder per class, on which its probabilities are fitted.",
        ),
    ] = None,
) -> None:
    """Examine a classifier and add it to the folder that FERAPP_MODELS_DIR names."""
    from ferapp.evaluation.calibration import doubts
    from ferapp.inference import weights
    from ferapp.inference.added import add as add_model
    from ferapp.inference.registry import open_classifier

    fitted: list[str] = []
    model, found = add_model(
        file,
        name=name,
        labels=tuple(label.strip().lower() for label in labels.split(",")),
        input_entry={"size_wh": (size, size), "colour": colour, "mean": mean, "std": std},
        licence=licence,
        source=source,
        data=data,
        output=output,
        calibrate=None if calibrate is None else _calibration_on(calibrate, fitted),
    )
    print_line(f"{model.name} was added; a running app offers it after a restart.")
    for line in (*_label_notes(model.labels), *_findings(model, found), *fitted):
        print_line(line)
    doubt = "" if found.is_constant else doubts(open_classifier(weights.read(model)[0], model))
    if doubt and calibrate is None:
        doubt += f" Calibrate it: models calibrate {model.name} FOLDER."
    if doubt:
        print_note(doubt, style="yellow")


@app.command("calibrate")
def calibrate_model(
    name: Annotated[str, typer.Argument(help="Name of a model that was added.")],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Labelled faces, in a folder per class.")
    ],
) -> None:
    """Fit the probabilities of an added classifier, and when it is unsure, on labelled faces."""
    from ferapp.inference.added import calibrate

    lines: list[str] = []
    calibrate(name, _calibration_on(folder, lines))
    for line in lines:
        print_line(line)
    print_line("A running app uses this after a restart.")


def _findings(model: "Model", found: "Examination") -> list[str]:
    """What was found out about a model, in sentences."""
    from ferapp.inference.verification import output_note

    lines = []
    if model.output == found.output != "logits":
        what = {
            "probabilities": "probabilities, as after a softmax",
            "log_probabilities": "logarithms of probabilities, as after a log-softmax",
            "sigmoid": "one probability for each class, as after a sigmoid",
        }[found.output]
        lines.append(f"Its outputs are {what}, and are read as such: {found.output_reason}.")
    if note := output_note(model, found):
        lines.append(note)
    if found.layout == "nhwc":
        lines.append("Its input has the channels last.")
    if found.is_constant:
        lines.append("It gives the same for every picture: black, white and noise.")
    if found.has_wide_weights:
        lines.append(
            "Its weights use all eight bits: ferapp runs it in an exact mode, up to three times "
            "slower, so that results are the same on every processor."
        )
    return lines


def _calibration_on(folder: Path, lines: list[str]) -> "Callable[[bytes, Model], Calibration]":
    """Fits a calibration on a folder, and adds sentences about it to the lines."""

    def fit(data: bytes, model: "Model") -> "Calibration":
        from ferapp.evaluation.calibration import FEW_FACES, calibrate
        from ferapp.inference.registry import open_classifier

        result = calibrate(open_classifier(data, model), folder)
        calibration = result.calibration
        lines.append(
            f"Calibrated on {counted(result.faces, 'face')}: "
            f"{100 * result.accuracy:.0f} % right, temperature {calibration.temperature:g}, "
            f"unsure below {100 * calibration.unsure_below:.0f} % "
            f"({100 * (1 - calibration.coverage):.0f} % of them)."
        )
        if result.left_out:
            left = counted(result.left_out, "face")
            lines.append(f"Left out: {left} with a label that it does not know.")
        if result.faces < FEW_FACES:
            lines.append(f"With fewer than {FEW_FACES} faces this is rough.")
        return calibration

    return fit


def _label_notes(labels: Sequence[str]) -> list[str]:
    """What labels that are not ours are taken for, and what follows for those that are unknown."""
    from ferapp.emotions import expression_of, merged
    from ferapp.evaluation.labelled_faces import read_as_text

    meanings = {label: expression_of(label) for label in labels}
    read_as = {label: name for label, name in meanings.items() if name and name != label}
    lines = [read_as_text(read_as)] if read_as else []
    for name, group in merged(labels).items():
        lines.append(
            f"{' and '.join(group)} are one class, {name}: `evaluate` adds their probabilities."
        )
    if unknown := [label for label, name in meanings.items() if name is None]:
        lines.append(
            f"Classes of its own: {', '.join(unknown)}. Charts show them, but valence and arousal "
            "are left out, and `evaluate` needs folders of the same names."
        )
    return lines

"""``ferapp models``: the models with source, licence and state."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ferapp.cli.options import AsJsonLines
from ferapp.cli.output import console, errors, print_json, print_line, progress

app = typer.Typer(help="List, verify, fetch and add models.", no_args_is_help=True)


@app.command("list")
def list_models(as_json: AsJsonLines = False) -> None:
    """List the models, which are on this machine, and why added ones are refused."""
    from ferapp.inference.added import refusals
    from ferapp.inference.manifest import added_models, manifest
    from ferapp.inference.weights import is_here

    entries = manifest()
    defaults = (entries.defaults.detector, entries.defaults.classifier)
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
            errors.print(Text(f"{name}: {reason}"), soft_wrap=True)


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
            print_json({"name": model.name, "state": state, "reason": model.reason})
        else:
            console.print(Text(f"{model.name}: {state}"))
            if model.reason:
                errors.print(Text(model.reason), soft_wrap=True)
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
) -> None:
    """Examine a classifier and add it to the folder that FERAPP_MODELS_DIR names."""
    from ferapp.inference.added import add as add_model

    model, has_wide_weights = add_model(
        file,
        name=name,
        labels=tuple(label.strip().lower() for label in labels.split(",")),
        input_entry={"size_wh": (size, size), "colour": colour, "mean": mean, "std": std},
        licence=licence,
        source=source,
        data=data,
    )
    print_line(f"{model.name} was added; a running app offers it after a restart.")
    for line in _label_notes(model.labels):
        print_line(line)
    if has_wide_weights:
        print_line(
            "Its weights use all eight bits: ferapp runs it in an exact mode, up to three times "
            "slower, so that results are the same on every processor."
        )


def _label_notes(labels: Sequence[str]) -> list[str]:
    """What labels that are not ours are taken for, and what follows for those that are unknown."""
    from ferapp.emotions import expression_of, merged

    meanings = {label: expression_of(label) for label in labels}
    others = [f"{label} = {name}" for label, name in meanings.items() if name not in (None, label)]
    lines = [f"Read as: {', '.join(others)}."] if others else []
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

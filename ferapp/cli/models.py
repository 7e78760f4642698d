"""``ferapp models``: what is here, from where, under which licence, and whether it is right."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ferapp.cli.output import console, errors, print_json, progress

app = typer.Typer(help="The weights: list, verify, fetch and add them.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """What there is, what of it is on this machine, and which added models are refused and why."""
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
            told = {"refused": reasons[model.name]} if model.name in reasons else {}
            print_json({**row, **told})
            continue
        here = "yes" if is_here(model) else "no"
        table.add_row(
            f"{model.name} (default)" if model.name in defaults else model.name,
            model.kind,
            "refused" if model.name in reasons else here,
            f"{model.bytes / 1e6:.1f}" if model.bytes else "?",
            # As they are: in text that an operator wrote, brackets are no style.
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
        for name, reason in [
            *reasons.items(),
            *((b.name, b.reason) for b in added_models().refused),
        ]:
            errors.print(Text(f"{name}: {reason}"), soft_wrap=True)


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Compare the bytes of every file on this machine with the manifest; status 1 if one is off.

    Models that were added are examined as well.
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
def fetch(name: Annotated[str, typer.Argument(help="A name from the list.")]) -> None:
    """Download a model's weights to your cache; wrong bytes are refused."""
    from ferapp.inference import weights
    from ferapp.inference.manifest import manifest

    model = manifest().find(name)
    with progress(model.name) as report:
        path = weights.fetch(model, report=report)
    typer.echo(str(path))


@app.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="An expression classifier.")],
    name: Annotated[str, typer.Option("--name", help="What users will type.")],
    labels: Annotated[
        str, typer.Option("--labels", help="What its outputs mean, in order, with commas.")
    ],
    size: Annotated[int, typer.Option("--size", min=1, help="Side of its input, px.")],
    colour: Annotated[str, typer.Option("--colour", help="grey, rgb or bgr.")],
    mean: Annotated[float, typer.Option("--mean", help="Subtracted from each value in 0..255.")],
    std: Annotated[float, typer.Option("--std", help="By which the rest is divided.")],
    licence: Annotated[
        str, typer.Option("--licence", help="SPDX name, of the weights.")
    ] = "not stated",
    source: Annotated[str, typer.Option("--source", help="Who made it.")] = "not stated",
    data: Annotated[str, typer.Option("--data", help="What it was trained on.")] = "not stated",
) -> None:
    """Examine a classifier and add it to the folder that FERAPP_MODELS_DIR names."""
    from ferapp.inference.added import add as add_model

    model, has_wide_weights = add_model(
        file,
        name=name,
        labels=tuple(label.strip() for label in labels.split(",")),
        input_entry={"size_wh": (size, size), "colour": colour, "mean": mean, "std": std},
        licence=licence,
        source=source,
        data=data,
    )
    typer.echo(f"{model.name} was added; an app that is running sees it after a restart.")
    if has_wide_weights:
        typer.echo(
            "Its weights use all eight bits: ferapp runs it in an exact mode, up to three times "
            "slower, so that its answers are the same on every processor."
        )

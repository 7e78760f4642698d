"""``ferapp models``: what is here, from where, under which licence, and whether it is right."""

from typing import Annotated

import typer
from rich.table import Table

from ferapp.cli.output import console, errors, print_json, progress
from ferapp.errors import ModelError

app = typer.Typer(help="The weights: list, verify and fetch them.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """What there is, and what of it is on this machine."""
    from ferapp.inference.manifest import manifest
    from ferapp.inference.weights import is_here

    entries = manifest()
    defaults = (entries.defaults.detector, entries.defaults.classifier)
    table = Table("name", "kind", "here", "MB", "licence", "source")
    for model in entries.models:
        if as_json:
            row = model.model_dump(mode="json", exclude_none=True)
            print_json({**row, "is_here": is_here(model), "is_default": model.name in defaults})
            continue
        table.add_row(
            f"{model.name} (default)" if model.name in defaults else model.name,
            model.kind,
            "yes" if is_here(model) else "no",
            f"{model.bytes / 1e6:.1f}" if model.bytes else "?",
            model.licence,
            model.source,
        )
    if not as_json:
        console.print(table)


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Compare the bytes of every file on this machine with the manifest; status 1 if one is off."""
    from ferapp.inference import weights
    from ferapp.inference.manifest import manifest

    is_all_right = True
    for model in manifest().models:
        if model.url is not None and not weights.is_here(model):
            state, reason = "not fetched", ""
        else:
            try:
                weights.read(model)
                state, reason = "right", ""
            except ModelError as exc:
                state, reason, is_all_right = "wrong", str(exc), False
        if as_json:
            print_json({"name": model.name, "state": state, "reason": reason})
        else:
            console.print(f"{model.name}: {state}", highlight=False)
            if reason:
                errors.print(reason, highlight=False, soft_wrap=True)
    raise typer.Exit(0 if is_all_right else 1)


@app.command()
def fetch(name: Annotated[str, typer.Argument(help="A name from the list.")]) -> None:
    """Download a model's weights to your cache; wrong bytes are refused."""
    from ferapp.inference import weights
    from ferapp.inference.manifest import manifest

    model = manifest().named(name)
    with progress(model.name) as report:
        path = weights.fetch(model, report=report)
    typer.echo(str(path))

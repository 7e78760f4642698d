"""``ferapp lab``: the ways of five tutorials, trained on the same faces and measured alike."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ferapp.cli.evaluate import parse_split
from ferapp.cli.options import AsJson
from ferapp.cli.output import console, print_json, print_line, print_note
from ferapp.errors import MissingExtra

if TYPE_CHECKING:
    from ferapp.evaluation.laboratory.rows import LabRow

app = typer.Typer(help="Compare the ways of five tutorials with ours.", no_args_is_help=True)

Data = Annotated[Path, typer.Option("--data", help="FER+, or other data with its splits.")]
Names = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="Of the systems; see `lab list`.")
]


@app.command("list")
def list_systems(as_json: AsJson = False) -> None:
    """List the systems: what they are, and where they are from."""
    from ferapp.evaluation.laboratory.systems import SYSTEMS

    if as_json:
        print_json({name: vars(system) for name, system in SYSTEMS.items()})
        return
    table = Table("name", "system", "tutorial", "its claim")
    for name, system in SYSTEMS.items():
        table.add_row(name, system.title, system.tutorial, system.claim)
    console.print(table)


@app.command()
def train(
    names: Names,
    data: Data,
    trained_on: Annotated[
        str, typer.Option("--trained-on", help="The training data and its terms.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder that holds a manifest.json.")],
    runs: Annotated[
        Path, typer.Option("--runs", help="Folder of checkpoints, from which a run resumes.")
    ] = Path("runs/lab"),
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="How many seeds; the first one is exported.")
    ] = 1,
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads to use.")] = 2,
) -> None:
    """Train systems on Train, choose on Valid, measure on Test, and export them (extra: lab)."""
    from ferapp.evaluation.laboratory.systems import TRAINED

    if unknown := set(names) - set(TRAINED):
        raise typer.BadParameter(
            f"unknown: {', '.join(sorted(unknown))}; expected of {', '.join(TRAINED)}",
            param_hint="NAME",
        )
    try:
        import sklearn  # noqa: F401  # the classical systems need it

        from ferapp.training.runs import prepare_process
    except ModuleNotFoundError as exc:
        raise MissingExtra(exc.name or "scikit-learn", "lab") from exc
    prepare_process(threads)
    from ferapp.training.systems.building import build_systems

    for row in build_systems(
        names, data, runs, out, trained_on=trained_on, seeds=seeds, report=print_note
    ):
        _keep([row], data, out / "lab.json")
        _print_rows([row])


@app.command()
def evaluate(
    data: Data,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Classifiers; all systems and ours by default."),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Valid or Test.")] = "Test",
    keep: Annotated[
        Path | None, typer.Option("--keep", help="The file of rows to put the results into.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure classifiers as they ship, on ready-cut faces and one thread."""
    from dataclasses import replace

    from ferapp.evaluation.data_sets import load_split
    from ferapp.evaluation.laboratory.rows import judge_majority, measure, read_rows
    from ferapp.evaluation.laboratory.systems import MAJORITY, SYSTEMS
    from ferapp.inference.manifest import manifest
    from ferapp.inference.registry import load_classifier

    faces = load_split(data, parse_split(split), majority_only=True)
    known = read_rows(keep) if keep else {}
    rows = []
    for name in names or [*SYSTEMS, manifest().defaults.classifier]:
        if name == MAJORITY:
            train_faces = load_split(data, "Train", majority_only=False)
            rows.append(judge_majority(name, train_faces, faces))
            continue
        model = manifest().model(name, "classifier")
        row = measure(name, load_classifier(name, threads=1), model.bytes or 0, faces)
        rows.append(replace(row, training=known[name].training if name in known else None))
    if keep:
        _keep(rows, data, keep)
    if as_json:
        print_json({"rows": [row.to_json() for row in rows]})
    else:
        _print_rows(rows)


@app.command()
def table(as_json: AsJson = False) -> None:
    """Show the measured table that ships."""
    from ferapp.evaluation.laboratory.rows import read_rows

    rows = list(read_rows().values())
    if as_json:
        print_json({"rows": [row.to_json() for row in rows]})
        return
    _print_rows(rows)


def _keep(rows: "list[LabRow]", data: Path, path: Path) -> None:
    """Put rows into a file, in the order of the systems."""
    from ferapp.evaluation.laboratory.rows import read_rows, write_rows
    from ferapp.evaluation.laboratory.systems import SYSTEMS

    known = read_rows(path) | {row.name: row for row in rows}
    order = [*(name for name in SYSTEMS if name in known), *(n for n in known if n not in SYSTEMS)]
    write_rows({name: known[name] for name in order}, data.stem, path)
    print_line(f"rows: {path}")


def _print_rows(rows: "list[LabRow]") -> None:
    shown = Table("system", "accuracy", "macro recall", "F1", "seven classes", "ECE", "MB", "ms")
    for row in rows:
        one = row.figures
        low, high = one.accuracy_interval
        macro_low, macro_high = one.macro_recall_interval
        shown.add_row(
            row.name,
            f"{one.accuracy:.3f} ({low:.3f} to {high:.3f})",
            f"{one.macro_recall:.3f} ({macro_low:.3f} to {macro_high:.3f})",
            f"{row.f1:.3f}",
            f"{row.seven:.3f}",
            f"{one.ece:.3f}",
            f"{row.bytes / 1e6:.2f}" if row.bytes else "",
            "" if row.face_ms is None else f"{row.face_ms:.2f}",
        )
    console.print(shown)

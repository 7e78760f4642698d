"""``ferapp train``: train models and export them with manifest entries.

Each step reads the output of the step before; see `docs/training.md`.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ferapp.cli.options import Ignore, Key, TablePadding, parse_key, split_names
from ferapp.cli.output import print_line, print_note, progress
from ferapp.errors import MissingExtra

if TYPE_CHECKING:
    from ferapp.training.export import Variant

app = typer.Typer(help="Train models (needs the extra: train).", no_args_is_help=True)

Data = Annotated[Path, typer.Option("--data", help="Folder of the training data.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of the run; give it again to resume.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="CPU threads to use.")]


@app.command()
def expressions(
    data: Data,
    out: Out,
    threads: Threads = 2,
    classes: Annotated[
        str,
        typer.Option("--classes", help="Only these classes, separated by commas; all if empty."),
    ] = "",
    sizes: Annotated[
        str,
        typer.Option(
            "--sizes", help='Input side in pixels and epochs, such as "32:12,40:12,48:14".'
        ),
    ] = "",
    seed: Annotated[int, typer.Option("--seed", help="Random seed.")] = 0,
    recipe_name: Annotated[str, typer.Option("--recipe", help="base or strong.")] = "base",
    also: Annotated[
        list[Path] | None,
        typer.Option("--also", help="Other labelled faces to mix in; may be given several times."),
    ] = None,
    padding: TablePadding = 0.0,
    key: Key = "",
    ignore: Ignore = False,
) -> None:
    """Train the expression classifier on FER+, on a folder per class or on a table of pixels."""
    meanings = parse_key(key)
    _prepare(threads)
    from ferapp.training.expression_data import OtherData
    from ferapp.training.train import RECIPES, train_expressions

    if recipe_name not in RECIPES:
        raise typer.BadParameter(f"expected one of {', '.join(RECIPES)}", param_hint="--recipe")
    changes: dict[str, Any] = {"seed": seed, "classes": split_names(classes)}
    if sizes:
        changes["sizes"] = _sizes(sizes)
    with progress("steps") as report:
        best = train_expressions(
            data,
            out,
            replace(RECIPES[recipe_name], **changes),
            others=[OtherData(path, padding) for path in also or []],
            key=meanings,
            may_leave_out=ignore,
            report_data=print_note,
            report=report,
        )
    print_line(f"best checkpoint: {best}")


@app.command()
def label(
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="The .npz file to write.")],
    teachers: Annotated[
        str, typer.Option("--teachers", help="Detectors, separated by commas.")
    ] = "rfb-640,yunet",
) -> None:
    """Label the faces of photos with public detectors, for `train faces`."""
    from ferapp.inference.registry import load_detector
    from ferapp.training.teachers import label_scenes

    models = [load_detector(name, threads=1) for name in split_names(teachers)]
    with progress("photos") as report:
        scenes = label_scenes(data, models, report=report)
    scenes.save(out)
    print_line(f"{len(scenes.names)} photos, {sum(len(f) for f in scenes.faces)} boxes: {out}")


@app.command()
def faces(
    data: Data,
    boxes: Annotated[Path, typer.Option("--boxes", help="The file that `train label` wrote.")],
    out: Out,
    threads: Threads = 1,
    recipe_name: Annotated[str, typer.Option("--recipe", help="base or crowds.")] = "base",
    start: Annotated[
        Path | None,
        typer.Option("--start", help="Checkpoint to start from; one of `base` for `crowds`."),
    ] = None,
    views: Annotated[
        int | None, typer.Option("--views", min=1, help="Total number of training pictures.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Random seed.")] = 0,
) -> None:
    """Train the face detector on photos and their boxes."""
    _prepare(threads)
    from ferapp.training.distil import RECIPES, train_faces
    from ferapp.training.teachers import Scenes

    if recipe_name not in RECIPES:
        raise typer.BadParameter(f"expected one of {', '.join(RECIPES)}", param_hint="--recipe")
    recipe = replace(RECIPES[recipe_name], seed=seed)
    if views:
        recipe = replace(recipe, views=views)
    with progress("steps") as report:
        best = train_faces(data, out, recipe, scenes=Scenes.load(boxes), start=start, report=report)
    print_line(f"best checkpoint: {best}")


@app.command()
def landmarks(
    data: Data,
    out: Out,
    threads: Threads = 1,
    recipe_name: Annotated[str, typer.Option("--recipe", help="base or mouths.")] = "base",
    start: Annotated[
        Path | None,
        typer.Option("--start", help="Checkpoint to start from; one of `base` for `mouths`."),
    ] = None,
    views: Annotated[
        int | None, typer.Option("--views", min=1, help="Total number of training pictures.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Random seed.")] = 0,
) -> None:
    """Train the landmark network on faces with 68 points (training.csv and test.csv)."""
    _prepare(threads)
    from ferapp.training.landmarks.train import RECIPES, train_landmarks

    if recipe_name not in RECIPES:
        raise typer.BadParameter(f"expected one of {', '.join(RECIPES)}", param_hint="--recipe")
    recipe = replace(RECIPES[recipe_name], seed=seed)
    if views:
        recipe = replace(recipe, views=views)
    with progress("steps") as report:
        best = train_landmarks(data, out, recipe, start=start, report=report)
    print_line(f"best checkpoint: {best}")


@app.command()
def average(
    first: Annotated[Path, typer.Option("--first", help="Checkpoint of the first run.")],
    second: Annotated[
        Path, typer.Option("--second", help="Checkpoint of the run that started from it.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Checkpoint to write.")],
) -> None:
    """Average the weights of two checkpoints, one of which started from the other."""
    _prepare(1)
    from ferapp.training.runs import average_checkpoints

    average_checkpoints(first, second, out)
    print_line(f"checkpoint: {out}")


Checkpoint = Annotated[Path, typer.Option("--checkpoint", help="best.pt of a run.")]
Name = Annotated[str, typer.Option("--name", help="Name of the model.")]
Models = Annotated[Path, typer.Option("--out", help="Folder that holds a manifest.json.")]
TrainedOn = Annotated[str, typer.Option("--trained-on", help="The training data and its terms.")]
Licence = Annotated[str, typer.Option("--licence", help="Licence of the weights (SPDX).")]
Source = Annotated[str, typer.Option("--source", help="Origin of the weights.")]
AsDefault = Annotated[
    bool, typer.Option("--default", help="Make it the default model of its kind.")
]


@app.command()
def export_expressions(
    checkpoint: Checkpoint,
    data: Data,
    name: Name,
    out: Models,
    trained_on: TrainedOn,
    licence: Licence = "MIT",
    source: Source = "ferapp",
    adjustment: Annotated[
        float, typer.Option("--adjustment", help="Logit adjustment for rare classes; 0 is none.")
    ] = 0.0,
    as_default: AsDefault = False,
    key: Key = "",
    ignore: Ignore = False,
) -> None:
    """Export a classifier as ONNX, fp32 and int8, with calibration and metrics."""
    meanings = parse_key(key)
    _prepare(2)
    from ferapp.training.export import Origin, export_expressions, export_into

    origin = Origin(name, trained_on, licence, source)
    _print_variants(
        export_into(
            out,
            lambda folder: export_expressions(
                checkpoint,
                data,
                folder,
                origin,
                key=meanings,
                may_leave_out=ignore,
                adjustment=adjustment,
            ),
            is_default=as_default,
        )
    )


@app.command()
def export_faces(
    checkpoint: Checkpoint,
    data: Data,
    boxes: Annotated[Path, typer.Option("--boxes", help="The file that `train label` wrote.")],
    name: Name,
    out: Models,
    trained_on: TrainedOn,
    licence: Licence = "MIT",
    source: Source = "ferapp",
    test: Annotated[
        Path | None, typer.Option("--test", help="Labelled folder, as for `evaluate faces`.")
    ] = None,
    as_default: AsDefault = False,
) -> None:
    """Export a detector as ONNX, fp32 and int8, with metrics."""
    _prepare(2)
    from ferapp.training.export import Origin, export_faces, export_into
    from ferapp.training.teachers import Scenes

    scenes = Scenes.load(boxes)
    origin = Origin(name, trained_on, licence, source)
    _print_variants(
        export_into(
            out,
            lambda folder: export_faces(checkpoint, data, scenes, folder, origin, test=test),
            is_default=as_default,
        )
    )


@app.command()
def export_landmarks(
    checkpoint: Checkpoint,
    data: Data,
    name: Name,
    out: Models,
    trained_on: TrainedOn,
    licence: Licence = "MIT",
    source: Source = "ferapp",
    as_default: AsDefault = False,
) -> None:
    """Export a landmark network as ONNX, fp32 and int8, with metrics."""
    _prepare(2)
    from ferapp.training.export import Origin, export_into
    from ferapp.training.landmarks.export import export_landmarks

    origin = Origin(name, trained_on, licence, source)
    _print_variants(
        export_into(
            out,
            lambda folder: export_landmarks(checkpoint, data, folder, origin),
            is_default=as_default,
        )
    )


def _print_variants(variants: "list[Variant]") -> None:
    for variant in variants:
        print_line(
            f"{variant.model.name}: {variant.score:.2f} points, {variant.median_ms:.2f} ms on one "
            "thread"
        )
        for metric in variant.model.metrics:
            print_line(f"  {metric.name} {metric.value:.4f} (n {metric.n})")


def _prepare(threads: int) -> None:
    """Configure the process for fast training, before torch starts."""
    try:
        from ferapp.training.runs import prepare_process
    except ModuleNotFoundError as exc:
        raise MissingExtra(exc.name or "torch", "train") from exc
    prepare_process(threads)


def _sizes(text: str) -> tuple[tuple[int, int], ...]:
    try:
        pairs = [part.split(":") for part in split_names(text)]
        return tuple((int(side), int(epochs)) for side, epochs in pairs)
    except ValueError as exc:
        raise typer.BadParameter(
            f"expected side:epochs pairs, got {text!r}", param_hint="--sizes"
        ) from exc

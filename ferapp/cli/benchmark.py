"""``ferapp benchmark``: how fast the models are on this machine."""

import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from ferapp.cli.options import AsJson, ClassifierName, DetectorName, Threads
from ferapp.cli.output import console, errors, print_json, print_table
from ferapp.errors import ImageError, UserError

_SAMPLE: Final = Path(__file__).parents[1] / "samples" / "three-portraits.jpg"


def benchmark(
    picture: Annotated[
        Path,
        typer.Option(
            "--picture", help="Picture to analyse; a sample with three faces if not given."
        ),
    ] = _SAMPLE,
    detector: DetectorName = None,
    classifier: ClassifierName = None,
    threads: Threads = 2,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Calls of each stage.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Time each stage of the analysis of one picture; results are medians."""
    from ferapp.evaluation.timing import time_stages
    from ferapp.inference.manifest import manifest
    from ferapp.inference.registry import load_classifier, load_detector
    from ferapp.media.images import read_image
    from ferapp.vision.threads import cap_threads

    cap_threads(threads)
    try:
        height, width = read_image(picture).shape[:2]
    except ImageError as exc:
        raise UserError(f"{picture}: {exc}") from exc
    models = (
        load_detector(detector, threads=threads),
        load_classifier(classifier, threads=threads),
    )
    with errors.status("timing"):
        times = time_stages(picture.read_bytes(), *models, repeats=repeats)
    stages = {
        name.removesuffix("_ms"): round(value, 3)
        for name, value in asdict(times).items()
        if name != "faces"
    }
    result = {
        "detector": manifest().model(detector, "detector").name,
        "classifier": manifest().model(classifier, "classifier").name,
        "threads": threads,
        "repeats": repeats,
        "width": width,
        "height": height,
        "faces": times.faces,
        "median_ms": stages,
        "frames_per_second": round(times.frames_per_second, 1),
        "machine": {
            "system": platform.system(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
    }
    if as_json:
        print_json(result)
        return
    table = Table("stage", "median ms")
    for name, ms in stages.items():
        table.add_row(name.replace("_", " "), f"{ms:.2f}")
    print_table(f"{width} × {height}, {times.faces} faces", table)
    console.print(
        f"{result['frames_per_second']} frames per second without decoding, with "
        f"{result['detector']} and {result['classifier']} on {threads} threads",
        soft_wrap=True,
    )

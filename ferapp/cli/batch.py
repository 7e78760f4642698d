"""``ferapp batch``: a folder of pictures and videos in, tables of every face out."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ferapp.cli.options import (
    AsJson,
    Classifier,
    Confidence,
    DetectEvery,
    Detector,
    Padding,
    PresetName,
    chosen_detector,
    reject_invalid_values,
)
from ferapp.cli.output import (
    as_text,
    errors,
    path_text,
    print_json,
    print_line,
    print_note,
    progress,
)
from ferapp.settings import AnalysisSettings, ClipSettings, DetectionSettings, StreamSettings
from ferapp.wording import counted

if TYPE_CHECKING:
    from ferapp.batch.items import Request
    from ferapp.batch.run import Engine, Tally

ENGINES = ("local", "ray")
_INTERRUPTED = 130


def batch(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", exists=True, file_okay=False, help="A folder of pictures and videos."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the results and the tables.")
    ],
    engine: Annotated[
        str, typer.Option("--engine", help=f"Where to run the work: {' or '.join(ENGINES)}.")
    ] = "local",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, help="Worker processes; by default, as many as there are cores for."
        ),
    ] = None,
    preset: PresetName = None,
    detector: Detector = None,
    classifier: Classifier = None,
    confidence: Confidence = DetectionSettings.confidence,
    padding: Padding = AnalysisSettings.padding,
    per_second: Annotated[
        float | None,
        typer.Option(
            "--per-second", min=0.001, help="Video frames to analyse per second; all if not given."
        ),
    ] = None,
    detect_every: DetectEvery = None,
    threads: Annotated[
        int, typer.Option("--threads", min=1, help="Threads per model in each worker.")
    ] = 1,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace tables in --out that are about another folder."),
    ] = False,
    follow_links: Annotated[
        bool,
        typer.Option("--follow-links", help="Also follow symbolic links that leave DIR."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find every face in the pictures and videos of a folder, and read its expression.

    Finished results are kept, so running the same command again analyses only what is missing.
    Files that are neither pictures nor videos are passed over and listed in skipped.csv.

    The exit status is 0 if every picture and video was read, and 1 if any was not.
    """
    if engine not in ENGINES:
        raise typer.BadParameter(f"expected {' or '.join(ENGINES)}", param_hint="--engine")
    if out.resolve() == folder.resolve():
        raise typer.BadParameter("choose a folder other than the one to read", param_hint="--out")
    with reject_invalid_values():
        frames = AnalysisSettings(DetectionSettings(confidence), padding)
        settings = ClipSettings(
            StreamSettings(frames, detect_every=detect_every, reads_followed=True), per_second
        )
    try:
        request = _request(chosen_detector(preset, detector), classifier, settings, threads)
        chosen = _engine(engine, workers, threads)
        tally, kinds = _run(
            folder, out, request, chosen, overwrites=overwrite, follows_links=follow_links
        )
    except KeyboardInterrupt as exc:
        errors.print("Stopped. Finished results are kept; run the same command again to continue.")
        raise typer.Exit(_INTERRUPTED) from exc
    _print_tally(tally, kinds, folder, out, as_json=as_json)
    if tally.failed:
        raise typer.Exit(1)


def _request(
    detector: str | None, classifier: str | None, settings: ClipSettings, threads: int
) -> "Request":
    """The request, with the names of models whose files have been verified."""
    from ferapp.batch.items import Request
    from ferapp.inference.manifest import manifest
    from ferapp.inference.weights import read

    models = manifest().model(detector, "detector"), manifest().model(classifier, "classifier")
    for model in models:
        read(model)
    return Request(models[0].name, models[1].name, settings, threads)


def _engine(name: str, workers: int | None, threads: int) -> "Engine":
    from ferapp.batch.engines import on_processes, on_ray

    if name == "ray":
        return partial(on_ray, workers=workers, threads=threads)
    default = max((os.cpu_count() or 1) // threads, 1)
    return partial(on_processes, workers=workers or default)


def _run(
    folder: Path,
    out: Path,
    request: "Request",
    engine: "Engine",
    *,
    overwrites: bool,
    follows_links: bool,
) -> "tuple[Tally, str]":
    """Run the batch; return it in numbers, and which kinds of files were passed over."""
    from ferapp.batch.folder import describe_kinds
    from ferapp.batch.results import Results
    from ferapp.batch.run import Batch
    from ferapp.batch.worker import FileWorker

    results = Results(out)
    with results.alone():
        results.claim(folder, request.fingerprint, overwrites=overwrites)
        batch = Batch(folder, results, request, follows_links=follows_links)
        with progress("files") as report:
            batch.analyse(engine, FileWorker(request), report)
        with progress("tables") as report:
            return batch.write_tables(report), describe_kinds(batch.skipped)


def _print_tally(tally: "Tally", kinds: str, folder: Path, out: Path, *, as_json: bool) -> None:
    read = tally.pictures + tally.videos
    files = counted(tally.skipped, "file")
    skipped = f"{files} of other kinds {'was' if tally.skipped == 1 else 'were'} passed over"
    if as_json:
        print_json({**vars(tally), "out": as_text(str(out))})
    elif read or tally.failed:
        more = f" {skipped} ({kinds}); skipped.csv says why." if tally.skipped else ""
        print_line(
            f"{counted(tally.pictures, 'picture')} and {counted(tally.videos, 'video')} with "
            f"{counted(tally.faces, 'face')}; "
            f"{tally.done_before:,} were done before. The tables are in {path_text(out)}.{more}"
        )
    if tally.set_aside:
        errors.print(
            f"{counted(tally.set_aside, 'earlier result')} of other settings or of files that are "
            f"gone {'is' if tally.set_aside == 1 else 'are'} now in results/old-…; an earlier run "
            "finds them there again."
        )
    if not read and not tally.failed:
        reason = f"{skipped} ({kinds}); skipped.csv says why." if tally.skipped else "It is empty."
        print_note(f"There are no pictures or videos in {path_text(folder)}. {reason}")
    if tally.failed:
        errors.print(
            f"{tally.failed:,} of {read + tally.failed:,} files could not be read; "
            "errors.csv says why."
        )

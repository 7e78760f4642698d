"""``ferapp analyze``: pictures in, every face with its expression out."""

import itertools
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from ferapp.cli.options import (
    AsJsonLines,
    Classes,
    Classifier,
    Confidence,
    Detector,
    Padding,
    Threads,
    UnsureBelow,
    check_classes,
    reject_invalid_values,
    split_names,
)
from ferapp.cli.output import as_text, console, errors, path_text, print_json, progress
from ferapp.errors import UserError
from ferapp.media.formats import NAMES
from ferapp.settings import AnalysisSettings, DetectionSettings

if TYPE_CHECKING:
    import pandas

    from ferapp.pipeline.analyzer import Analyzer
    from ferapp.types import FrameAnalysis

# Leaves room for the suffix in file systems whose names are limited to 255 bytes.
_LONGEST_STEM: Final = 200


def analyze(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help=f"Pictures: {NAMES}.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for annotated copies and a table, faces.csv."),
    ] = None,
    detector: Detector = None,
    classifier: Classifier = None,
    confidence: Confidence = DetectionSettings.confidence,
    iou: Annotated[
        float,
        typer.Option("--iou", min=0, max=1, help="Overlap (IoU) above which boxes are one face."),
    ] = DetectionSettings.iou,
    max_faces: Annotated[
        int, typer.Option("--max-faces", min=1, help="Maximum number of faces per picture.")
    ] = DetectionSettings.max_faces,
    padding: Padding = AnalysisSettings.padding,
    classes: Classes = "",
    unsure_below: UnsureBelow = None,
    smile: Annotated[
        bool, typer.Option("--smile", help="Also detect smiles with OpenCV's smile cascade.")
    ] = False,
    threads: Threads = 2,
    as_json: AsJsonLines = False,
) -> None:
    """Find every face in pictures and read its expression.

    The exit status is 0 if every file was read, and 1 if any was not.
    """
    from ferapp.pipeline.build import load_analyzer
    from ferapp.types import no_report
    from ferapp.vision.threads import cap_threads

    with reject_invalid_values():
        settings = AnalysisSettings(
            DetectionSettings(confidence, iou, max_faces),
            padding,
            split_names(classes.lower()),
            unsure_below,
            with_smile=smile,
        )
    cap_threads(threads)
    analyzer = load_analyzer(detector, classifier, threads=threads, with_smile=smile)
    check_classes(settings.classes, analyzer.labels)
    copies = _Copies(out) if out else None
    failed = 0
    try:
        with progress("pictures") if len(paths) > 1 else nullcontext(no_report) as report:
            for done, path in enumerate(paths, 1):
                analysis, reason = _analysis(path, analyzer, settings, copies)
                if as_json:
                    record = {"error": reason} if analysis is None else analysis.to_record()
                    print_json({"path": as_text(str(path)), **record})
                elif analysis is None:
                    errors.print(Text(f"{path_text(path)}: {reason}", style="red"))
                else:
                    console.print(_table(path, analysis))
                failed += analysis is None
                report(done, len(paths))
    finally:
        if copies:
            copies.close()
    if failed:
        if len(paths) > 1:
            errors.print(f"{failed} of {len(paths)} files could not be read.")
        raise typer.Exit(1)


def _analysis(
    path: Path, analyzer: "Analyzer", settings: AnalysisSettings, copies: "_Copies | None"
) -> "tuple[FrameAnalysis | None, str]":
    """The faces of a picture, or None and why it could not be read."""
    from ferapp.media.images import read_image

    try:
        image = read_image(path)
        analysis = analyzer.analyze(image, settings)
        if copies:
            copies.add(path, image, analysis)
    except UserError as exc:  # the other pictures are still analysed
        return None, str(exc)
    return analysis, ""


class _Copies:
    """Writes annotated copies and, at the end, a table.

    Raises:
        UserError: The folder can't be made or written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: list[pandas.DataFrame] = []
        self._names: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise UserError(
                f"The folder {path_text(folder)} can't be made: {exc.strerror or exc}."
            ) from exc

    def add(self, path: Path, image: Any, analysis: "FrameAnalysis") -> None:
        """Write a copy, and keep its rows for the table."""
        from ferapp.media.images import png_bytes
        from ferapp.vision.annotate import annotate, captions, colours

        copy = annotate(image, analysis.faces.xyxy, captions(analysis), colours(analysis))
        name = f"{self._free_name(path)}.png"
        self._write(name, png_bytes(copy))
        table = analysis.to_frame()
        table.insert(0, "path", path_text(path))
        table.insert(1, "annotated", name)
        self._tables.append(table)

    def close(self) -> None:
        """Write the table, unless no picture was read."""
        import pandas

        from ferapp.system.csv_tables import csv_bytes

        if self._tables:
            table = pandas.concat(self._tables, ignore_index=True)
            self._write("faces.csv", csv_bytes(table))

    def _free_name(self, path: Path) -> str:
        """The name of the picture, with a number if it is taken already."""
        stem = os.fsencode(path.stem)[:_LONGEST_STEM].decode(errors="ignore")
        name = f"{stem}.annotated"
        numbers = itertools.count(2)
        while name.casefold() in self._names:
            name = f"{stem}.annotated-{next(numbers)}"
        self._names.add(name.casefold())
        return name

    def _write(self, name: str, data: bytes) -> None:
        try:
            (self._folder / name).write_bytes(data)
        except OSError as exc:
            raise UserError(
                f"{path_text(self._folder / name)} can't be written: {exc.strerror or exc}."
            ) from exc


def _table(path: Path, analysis: "FrameAnalysis") -> Table | Text:
    from ferapp.vision.annotate import percent

    title = path_text(path)
    if not len(analysis):
        return Text(f"{title}: no face found.")
    table = Table(title=Text(title), title_justify="left", caption_justify="left")
    for heading in ("face", "expression", "probability", "score", "box"):
        table.add_column(heading)
    if analysis.smiles is not None:
        table.add_column("smile")
    for i, expression in enumerate(analysis.expressions):
        label = f"unsure ({expression}?)" if analysis.is_unsure[i] else expression
        box = " ".join(f"{v:.0f}" for v in analysis.faces.xyxy[i])
        row = [str(i + 1), label, percent(analysis.confidence[i])]
        row += [f"{analysis.faces.score[i]:.2f}", box]
        if analysis.smiles is not None:
            row.append("yes" if analysis.smiles[i] else "no")
        table.add_row(*row)
    if analysis.left_out:
        table.caption = f"renormalised without {', '.join(analysis.left_out)}"
    return table

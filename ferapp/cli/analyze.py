"""``ferapp analyze``: pictures in, every face with its expression out."""

import hashlib
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.table import Table

from ferapp.cli.options import (
    AsJsonLines,
    Classes,
    Classifier,
    Confidence,
    Detector,
    Padding,
    PresetName,
    Threads,
    UnsureBelow,
    check_classes,
    chosen_detector,
    reject_invalid_values,
    split_names,
)
from ferapp.cli.output import (
    STANDARD,
    as_text,
    collected_errors,
    errors,
    path_text,
    print_error,
    print_json,
    print_line,
    print_note,
    print_table,
    progress,
)
from ferapp.errors import ImageError, UserError
from ferapp.media.pictures.formats import NAMES
from ferapp.settings import AnalysisSettings, DetectionSettings
from ferapp.wording import counted

if TYPE_CHECKING:
    from ferapp.batch.annotated import AnnotatedFolder
    from ferapp.pipeline.analyzer import Analyzer
    from ferapp.types import FrameAnalysis


def analyze(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help=f"Pictures: {NAMES}; - for standard input."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder for annotated copies and a table, faces.csv. Those of earlier runs are "
            "kept: only the same picture at the same path, and what its file held before, are "
            "replaced.",
        ),
    ] = None,
    preset: PresetName = None,
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
    landmarks: Annotated[
        bool,
        typer.Option(
            "--landmarks",
            help="Also find 68 points of each face, how the head is turned, and what is open, wide "
            "or raised: in the JSON, in faces.csv and as dots on the copies.",
        ),
    ] = False,
    threads: Threads = 2,
    as_json: AsJsonLines = False,
) -> None:
    """Find every face in pictures and read its expression.

    The exit status is 0 if every file was read, and 1 if any was not, or if a copy or the table
    could not be written.
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
            with_landmarks=landmarks,
        )
    cap_threads(threads)
    analyzer = load_analyzer(
        chosen_detector(preset, detector),
        classifier,
        threads=threads,
        with_smile=smile,
        with_landmarks=landmarks,
    )
    check_classes(settings.classes, analyzer.labels)
    copies = _open_copies(out, analyzer, settings) if out else None
    if copies and copies.other_rows:
        errors.print(
            f"faces.csv holds {counted(copies.other_rows, 'row')} of other settings; its column "
            "settings says which."
        )
    failed = unwritten = 0
    try:
        with progress("pictures") if len(paths) > 1 else nullcontext(no_report) as report:
            for done, path in enumerate(paths, 1):
                analysis, reason, picture = _analysis(path, analyzer, settings)
                if as_json:
                    record = {"error": reason} if analysis is None else analysis.to_record()
                    print_json({"path": as_text(str(path)), **record})
                elif analysis is None:
                    print_error(f"{path_text(path)}: {reason}")
                else:
                    _print_faces(path_text(path), analysis)
                    for note in analysis.notes:
                        print_note(f"{path_text(path)}: {note}", style="yellow")
                if copies and analysis is not None and picture:
                    name = "stdin" if path == STANDARD else str(path)
                    with collected_errors(print_error) as problems:
                        file = path if path.is_file() and path != STANDARD else None
                        copies.add(name, picture.sha256, picture.image_rgb, analysis, file=file)
                    unwritten += len(problems)
                failed += analysis is None
                report(done, len(paths))
    finally:
        if copies:
            with collected_errors(print_error) as problems:
                copies.close()
            unwritten += len(problems)
    if failed and len(paths) > 1:
        errors.print(f"{failed} of {len(paths)} files could not be read.")
    if failed or unwritten:
        raise typer.Exit(1)


def _open_copies(out: Path, analyzer: "Analyzer", settings: AnalysisSettings) -> "AnnotatedFolder":
    """The folder of copies, whose rows name what makes them."""
    from ferapp.batch.annotated import AnnotatedFolder
    from ferapp.pipeline.record import origin_of

    made_by = origin_of(settings, analyzer.detector_name, analyzer.classifier_name)
    return AnnotatedFolder(out, made_by)


class Picture(NamedTuple):
    """A picture that could be read: the hash of its file, and its pixels."""

    sha256: str
    image_rgb: Any


def _analysis(
    path: Path, analyzer: "Analyzer", settings: AnalysisSettings
) -> "tuple[FrameAnalysis | None, str, Picture | None]":
    """The faces of a picture, or None and why it could not be read; and the picture itself."""
    from ferapp.media.images import read_bytes, read_image

    try:
        data = _standard_input() if path == STANDARD else read_bytes(path)
        image = read_image(data)
        analysis = analyzer.analyze(image, settings)
    except UserError as exc:  # the other pictures are still analysed
        return None, str(exc), None
    return analysis, "", Picture(hashlib.sha256(data).hexdigest(), image)


def _standard_input() -> bytes:
    """The picture that is piped in.

    Raises:
        ImageError: There is none.
    """
    from ferapp.media.images import read_stream

    if sys.stdin is None or sys.stdin.isatty():
        raise ImageError("There is no picture on standard input; pipe one in: analyze - < a.jpg")
    try:
        return read_stream(sys.stdin.buffer)
    except OSError as exc:
        raise ImageError(f"Standard input can't be read: {exc.strerror or exc}.") from exc


def _print_faces(title: str, analysis: "FrameAnalysis") -> None:
    """Print a table of the faces of one picture, or that there is none."""
    from ferapp.vision.annotate import label_texts, percent

    if not len(analysis):
        print_line(f"{title}: no face found.")
        return
    table = Table(caption_justify="left")
    for heading in ("face", "expression", "probability", "score", "box"):
        table.add_column(heading)
    if analysis.smiles is not None:
        table.add_column("smile")
    if analysis.shapes is not None:
        table.add_column("head")
    texts = label_texts(analysis)
    for i, expression in enumerate(analysis.expressions):
        label = texts[i]
        if analysis.face_labels[i] is None:
            label += f" ({expression}?)"
        box = " ".join(f"{v:.0f}" for v in analysis.faces.xyxy[i])
        row = [str(i + 1), label, percent(analysis.confidence[i])]
        row += [f"{analysis.faces.score[i]:.2f}", box]
        if analysis.smiles is not None:
            row.append("yes" if analysis.smiles[i] else "no")
        if analysis.shapes is not None:
            shape = analysis.shapes[i]
            row.append(shape.pose.words if shape.pose else f"({shape.missing})")
        table.add_row(*row)
    if analysis.left_out:
        table.caption = f"renormalised without {', '.join(analysis.left_out)}"
    print_table(title, table)

"""``ferapp video``: a video file in, every face's expression over time out."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ferapp.cli.options import (
    AllFrames,
    AsJson,
    Classes,
    Classifier,
    Confidence,
    DetectEvery,
    Detector,
    FromTime,
    PresetName,
    Region,
    Threads,
    ToTime,
    UnsureBelow,
    check_classes,
    chosen_detector,
    parse_region,
    parse_time,
    reject_invalid_values,
    split_names,
)
from ferapp.cli.options import Track as TrackNumber
from ferapp.cli.output import (
    as_text,
    collected_errors,
    console,
    errors,
    is_standard_output,
    open_output,
    path_text,
    print_json,
    print_note,
    print_table,
    progress,
)
from ferapp.errors import SettingError, UserError
from ferapp.settings import (
    AnalysisSettings,
    ClipSettings,
    DetectionSettings,
    StreamSettings,
    VideoPart,
)
from ferapp.wording import first_of

if TYPE_CHECKING:
    from ferapp.pipeline.analyzer import Analyzer
    from ferapp.pipeline.clip import Clip
    from ferapp.pipeline.record import Track

_MOST_SHOWN = 20


def video(
    path: Annotated[
        Path, typer.Argument(metavar="IN", help="A video file; the docs list the formats.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="MP4", help="Annotated copy to write, with sound."),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="CSV",
            help="Table to write, one row per face and time; - for standard output.",
        ),
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option(
            "--parquet", metavar="PARQUET", help="The same as Parquet, for `sessions import`."
        ),
    ] = None,
    spells: Annotated[
        Path | None,
        typer.Option(
            "--spells",
            metavar="CSV",
            help="Table to write, one row per time in which a face showed one expression.",
        ),
    ] = None,
    faces: Annotated[
        str,
        typer.Option(
            "--faces",
            metavar="N,N|longest|all|none",
            help="Faces visible in the copy, by number; the others are blurred.",
        ),
    ] = "longest",
    blur: Annotated[
        bool, typer.Option("--blur/--no-blur", help="Whether to blur the other faces.")
    ] = True,
    per_second: Annotated[
        float | None,
        typer.Option(
            "--per-second", min=0.001, help="Frames to analyse per second; all if not given."
        ),
    ] = None,
    detect_every: DetectEvery = None,
    from_time: FromTime = "",
    to_time: ToTime = "",
    region: Region = "",
    track: TrackNumber = None,
    all_frames: AllFrames = False,
    preset: PresetName = None,
    detector: Detector = None,
    classifier: Classifier = None,
    confidence: Confidence = DetectionSettings.confidence,
    smoothing: Annotated[
        float,
        typer.Option(
            "--smoothing",
            min=0,
            help="Time constant of the smoothing, which looks ahead as well as back, in seconds; "
            "0 for none.",
        ),
    ] = StreamSettings.time_constant_s,
    classes: Classes = "",
    unsure_below: UnsureBelow = None,
    threads: Threads = 2,
    as_json: AsJson = False,
) -> None:
    """Follow every face in a video and read its expression over time.

    Of a damaged video, the readable part is analysed, and a message says what is missing.

    Files that are named here are replaced, each whole or not at all.

    The exit status is 0 if the video was read and every file written, and 1 if not.
    """
    from ferapp.pipeline.build import load_analyzer
    from ferapp.pipeline.clip import recording_of_clip
    from ferapp.pipeline.record import tracks_of
    from ferapp.sessions.formats.exchange import csv_parts, write_parquet
    from ferapp.sessions.formats.spells import to_spells_csv
    from ferapp.system.files import sha256_of
    from ferapp.vision.threads import cap_threads

    files = {"--out": out, "--parquet": parquet, "--spells": spells}
    _refuse_standard_output(files, csv, as_json=as_json)
    _refuse_targets(path, {"--csv": csv, **files})
    part = _part(track, from_time, to_time, region)
    settings = _settings(
        per_second, detect_every, smoothing, confidence, classes, unsure_below, part
    )
    shown = _numbers(faces)
    cap_threads(threads)
    analyzer = load_analyzer(chosen_detector(preset, detector), classifier, threads=threads)
    check_classes(settings.stream.analysis.classes, analyzer.labels)
    started = time.monotonic()
    try:
        clip = _analyse(path, analyzer, settings)
    except SettingError as exc:
        raise typer.BadParameter(f"{path_text(path)}: {exc}") from exc
    except UserError as exc:
        if as_json:
            print_json({"path": as_text(str(path)), "error": str(exc)})
            raise typer.Exit(1) from exc
        raise UserError(f"{path_text(path)}: {exc}") from exc
    name, size_bytes = as_text(path.name), path.stat().st_size
    clip = clip.of_file(sha256_of(path), size_bytes, name)
    recording = recording_of_clip(as_text(path.stem), clip, analyzer, settings)
    times_s = clip.frame_times_s if all_frames else None
    note, unknown = "", _unknown_faces(clip, shown)
    with collected_errors() as csv_errors:
        if csv:
            with open_output(csv) as file:
                file.writelines(csv_parts(recording, clip.readings, times_s))
    with collected_errors() as parquet_errors:
        if parquet:
            with open_output(parquet) as file:
                write_parquet(file, recording, clip.readings, times_s)
    with collected_errors() as spells_errors:
        if spells:
            with open_output(spells) as file:
                file.write(to_spells_csv(recording, clip.readings))
    with collected_errors() as copy_errors:
        if out:
            note = _write_copy(path, clip, out, shown, blur=blur)
    problem = " ".join(dict.fromkeys(csv_errors + parquet_errors + spells_errors + copy_errors))
    tracks = tracks_of(clip.readings)
    notes = [text for text in dict.fromkeys((*clip.notes, clip.damage, note, unknown)) if text]
    if as_json:
        size = dict(zip(("width", "height"), clip.info.size_wh, strict=True))
        print_json(
            {"path": as_text(str(path))}
            | size
            | {
                "frames": clip.frames,
                "duration_s": round(clip.duration_s, 3),
                "tracks": [track.to_json() for track in tracks],
                "readings": len(clip.readings),
                "from_s": part.from_s,
                "to_s": part.to_s,
                "region": part.region,
                "video_track": clip.info.track,
                "codec": clip.info.codec,
                "frames_per_second": clip.info.frames_per_second,
                "has_sound": clip.info.has_sound,
                "is_partial": bool(clip.damage),
                "scenes": len(clip.cuts_s) + 1,
                "notes": notes,
                "detector": analyzer.detector_name,
                "classifier": analyzer.classifier_name,
                "took_s": round(time.monotonic() - started, 3),
            }
            | ({"error": problem} if problem else {})
        )
        raise typer.Exit(1 if problem else 0)
    _print_tracks(path, clip, tracks, to=errors if is_standard_output(csv) else console)
    for text in notes:
        print_note(text, style="yellow")
    if problem:
        raise UserError(f"{path_text(path)}: {problem}")


def _refuse_standard_output(
    files: dict[str, Path | None], csv: Path | None, *, as_json: bool
) -> None:
    """Refuse to mix results on standard output, or to put there what needs a file."""
    for option, target in files.items():
        if is_standard_output(target):
            raise typer.BadParameter(
                "this can't go to standard output; give a file name (--csv can)", param_hint=option
            )
    if is_standard_output(csv) and as_json:
        raise typer.BadParameter(
            "both would go to standard output; give --csv a file name", param_hint="--csv, --json"
        )


def _refuse_targets(source: Path, targets: dict[str, Path | None]) -> None:
    """Refuse files that can't be written before the work, not after it."""
    from ferapp.system.files import is_open_stream

    given = {
        option: target
        for option, target in targets.items()
        if target is not None and not is_standard_output(target)
    }
    for option, target in given.items():
        if is_open_stream(target):
            continue
        if target.is_dir() or not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
            raise typer.BadParameter(f"{path_text(target)} can't be written", param_hint=option)
        if target.exists() and source.exists() and target.samefile(source):
            raise typer.BadParameter("this is the video itself", param_hint=option)
    if len({target.resolve() for target in given.values()}) < len(given):
        raise typer.BadParameter("the output files need different names")


def _part(track: int | None, from_time: str, to_time: str, region: str) -> VideoPart:
    from_s = parse_time(from_time, "--from") if from_time else 0.0
    to_s = parse_time(to_time, "--to") if to_time else None
    if to_s is not None and to_s <= from_s:
        raise typer.BadParameter(
            f"the end, {to_s:g} s, has to be later than the start, {from_s:g} s", param_hint="--to"
        )
    with reject_invalid_values():
        return VideoPart(track, from_s, to_s, parse_region(region) if region else None)


def _settings(
    per_second: float | None,
    detect_every: int | None,
    smoothing: float,
    confidence: float,
    classes: str,
    unsure_below: float | None,
    part: VideoPart,
) -> ClipSettings:
    with reject_invalid_values():
        analysis = AnalysisSettings(
            DetectionSettings(confidence),
            classes=split_names(classes.lower()),
            unsure_below=unsure_below,
        )
        stream = StreamSettings(analysis, smoothing, detect_every=detect_every, reads_followed=True)
        return ClipSettings(stream, per_second, part=part)


def _numbers(faces: str) -> frozenset[int] | str:
    """The numbers of the faces, or the word that stands for them."""
    if faces in ("all", "longest"):
        return faces
    if faces == "none":
        return frozenset()
    try:
        return frozenset(int(number) for number in faces.split(",") if number.strip())
    except ValueError as exc:
        raise typer.BadParameter(
            "expected numbers separated by commas, longest, all or none", param_hint="--faces"
        ) from exc


def _unknown_faces(clip: "Clip", shown: frozenset[int] | str) -> str:
    """A sentence about numbers of faces that the video does not have; empty if there are none."""
    if isinstance(shown, str):
        return ""
    known = sorted(set(clip.readings.face.tolist()))
    unknown = sorted(shown - set(known))
    if not unknown:
        return ""
    there_are = f"its faces are {first_of(known, _MOST_SHOWN)}" if known else "no face was found"
    asked = first_of(unknown, _MOST_SHOWN)
    return f"--faces names {asked}, which the video does not have; {there_are}."


def _analyse(path: Path, analyzer: "Analyzer", settings: ClipSettings) -> "Clip":
    from ferapp.pipeline.clip import ClipAnalysis

    with ClipAnalysis(path, analyzer, settings) as analysis, progress("frames") as report:
        for count, _ in enumerate(analysis, 1):
            report(count, analysis.wanted_frames)
        return analysis.result()


def _write_copy(
    path: Path, clip: "Clip", out: Path, shown: frozenset[int] | str, *, blur: bool
) -> str:
    """Write the annotated copy; return what it lacks."""
    from ferapp.pipeline.annotated_copy.copy import AnnotatedCopy
    from ferapp.pipeline.annotated_copy.overlay import Overlay

    chosen = longest(clip) if shown == "longest" else shown
    visible = None if isinstance(chosen, str) else chosen
    overlay = Overlay.of_clip(clip, visible, hides_others=blur)
    with (
        AnnotatedCopy(path, overlay, out, part=clip.read_part) as copy,
        progress("seconds copied") as report,
    ):
        for at_s in copy:
            report(round(at_s), round(clip.duration_s))
        return copy.note


def longest(clip: "Clip") -> frozenset[int]:
    """The face with the most readings, if there is one."""
    import numpy as np

    faces, counts = np.unique(clip.readings.face, return_counts=True)
    return frozenset([int(faces[counts.argmax()])] if len(faces) else [])


def _print_tracks(path: Path, clip: "Clip", tracks: "list[Track]", *, to: Console) -> None:
    """Print a table of the faces of a video, or that there is none."""
    width, height = clip.info.size_wh
    title = (
        f"{path_text(path)}: {clip.frames:,} frames of {width} × {height} "
        f"in {clip.duration_s:.1f} s"
    )
    if not tracks:
        to.print(Text(f"{title}; no face found."), soft_wrap=True)
        return
    table = Table(caption_justify="left")
    for heading in ("face", "from", "to", "readings", "expressions"):
        table.add_column(heading)
    for track in sorted(tracks, key=lambda track: -track.readings)[:_MOST_SHOWN]:
        total = sum(track.seconds.values()) or 1
        spans = [f"{name} {part / total:.0%}" for name, part in track.seconds.items()]
        table.add_row(
            str(track.face),
            f"{track.first_s:.1f} s",
            f"{track.last_s:.1f} s",
            f"{track.readings:,}",
            ", ".join(spans[:4]),
        )
    if len(tracks) > _MOST_SHOWN:
        table.caption = f"{len(tracks) - _MOST_SHOWN} more faces with fewer readings."
    print_table(title, table, to=to)

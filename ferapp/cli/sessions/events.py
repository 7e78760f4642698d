"""``ferapp sessions events`` and ``compare``: what happened in sessions, and how they differ."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ferapp.cli.options import AsJsonLines
from ferapp.cli.output import console, path_text, print_json, print_line, print_note
from ferapp.cli.sessions.own import Id, choose_one, me, open_store
from ferapp.errors import DataError

if TYPE_CHECKING:
    from ferapp.sessions.statistics.profiles import FaceProfile
    from ferapp.sessions.store import Store

app = typer.Typer()

_CURVE_BINS = 1


@app.command("events")
def events(
    session: Id,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="CSV with the columns time, name and, for events that last, end or duration.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove the events that the session has.")
    ] = False,
    intervals: Annotated[
        Path | None,
        typer.Option("--intervals", help="Write what each face showed in each interval, as CSV."),
    ] = None,
    averages: Annotated[
        Path | None,
        typer.Option("--averages", help="Write the mean curves around the events, as CSV."),
    ] = None,
    before: Annotated[
        float, typer.Option("--before", min=0, max=60, help="Of the averages, s.")
    ] = 2.0,
    after: Annotated[
        float, typer.Option("--after", min=0.5, max=60, help="Of the averages, s.")
    ] = 5.0,
    as_json: AsJsonLines = False,
) -> None:
    """Add the events of a table to a session, list its events, or write statistics about them.

    Times are seconds or a clock since the start of the session, or dates with times. Without a
    file and without statistics, the events are listed.
    """
    with open_store() as store:
        if file is not None:
            _add(store, session, file, replace=replace)
        chosen = choose_one(store, session)
        recording = chosen.recording
        if intervals or averages:
            from ferapp.sessions.statistics.event_averages import to_averages_csv
            from ferapp.sessions.statistics.intervals import to_intervals_csv
            from ferapp.system.files import write_whole

            readings = store.readings(recording.id, me())
            if intervals:
                write_whole(intervals, to_intervals_csv(recording, readings))
                print_line(path_text(intervals))
            if averages:
                made = to_averages_csv(recording, readings, before_s=before, after_s=after)
                write_whole(averages, made)
                print_line(path_text(averages))
            return
    if file is not None and not as_json:
        return
    table = Table("from, s", "until, s", "name")
    for marker in recording.markers:
        if as_json:
            print_json({"at_s": marker.at_s, "end_s": marker.end_s, "name": marker.name})
        end = "" if marker.end_s is None else f"{marker.end_s:.2f}"
        table.add_row(f"{marker.at_s:.2f}", end, Text(marker.name))
    if not as_json:
        console.print(table)


def _add(store: "Store", session: str, file: Path, *, replace: bool) -> None:
    """Add the events of a file, and say how many there were."""
    from ferapp.sessions.events.reading import MOST_BYTES, merge_events, read_events
    from ferapp.sessions.events.times import EventClock
    from ferapp.wording import counted

    chosen = choose_one(store, session)
    try:
        with file.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            data = opened.read(MOST_BYTES + 1)
    except OSError as exc:
        raise DataError(f"{path_text(file)} can't be opened: {exc.strerror or exc}.") from exc
    if max(size, len(data)) > MOST_BYTES:
        raise DataError(f"{path_text(file)} has more than {MOST_BYTES:,} bytes.")
    found = read_events(file.name, data, EventClock.of(chosen.recording, chosen.end_s))
    kept = () if replace else chosen.recording.markers
    whole = merge_events(kept, found)
    store.mark(chosen.recording.id, me(), whole)
    print_note(
        f"{counted(len(whole) - len(kept), 'event')} added; the session has "
        f"{counted(len(whole), 'event')} now."
    )


@app.command("compare")
def compare(
    conditions: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=ID,ID…", help="A condition and its sessions; the first is the reference."
        ),
    ],
    measure: Annotated[
        str,
        typer.Option("--measure", help="probability (their mean) or label (share of the time)."),
    ] = "probability",
    unit: Annotated[
        str, typer.Option("--count", help="What is one observation: face or session.")
    ] = "face",
    out: Annotated[Path | None, typer.Option("--out", help="Write the table as CSV.")] = None,
    as_json: AsJsonLines = False,
) -> None:
    """Compare sessions or groups of them: means, differences and 95 % bootstrap intervals.

    Whole faces or sessions are drawn, never single readings. With one there is no interval.
    """
    from ferapp.sessions.statistics.conditions import (
        compare_conditions,
        comparison_table,
        to_comparison_csv,
    )
    from ferapp.system.files import write_whole

    if measure not in ("probability", "label"):
        raise typer.BadParameter("expected probability or label", param_hint="--measure")
    if unit not in ("face", "session"):
        raise typer.BadParameter("expected face or session", param_hint="--count")
    with open_store() as store:
        groups = {name: _profiles(store, ids) for name, ids in map(_named, conditions)}
    empty = [name for name, faces in groups.items() if not faces]
    if empty:
        raise DataError(f"No face could be read in the sessions of {', '.join(empty)}.")
    result = compare_conditions(groups, measure=measure, unit=unit)  # type: ignore[arg-type]
    if out is not None:
        write_whole(out, to_comparison_csv(result))
        print_line(path_text(out))
        return
    rows = comparison_table(result).to_dict("records")
    table = Table("condition", "expression", "mean", "interval", "n", "difference", "interval")
    for row in rows:
        if as_json:
            print_json({key: None if value != value else value for key, value in row.items()})
            continue
        table.add_row(
            Text(row["condition"]),
            Text(row["expression"]),
            _percent(row["mean"]),
            _between(row["low"], row["high"]),
            str(row["n"]),
            _percent(row["difference"]),
            _between(row["difference_low"], row["difference_high"]),
        )
    if not as_json:
        console.print(table)


def _named(condition: str) -> tuple[str, list[str]]:
    """The name of a condition and the ids of its sessions, as they were given."""
    name, _, ids = condition.rpartition("=")
    found = [id for id in ids.split(",") if id]
    if not name or not found:
        raise typer.BadParameter(f"expected NAME=ID,ID…, got {condition!r}")
    return name, found


def _profiles(store: "Store", ids: list[str]) -> "list[FaceProfile]":
    import numpy as np

    from ferapp.sessions.statistics.profiles import face_profiles

    found: list[FaceProfile] = []
    for id in ids:
        session = choose_one(store, id)
        recording = session.recording
        if recording.source == "pictures":
            raise DataError(f"{recording.id[:8]} is of pictures, which have no time to average.")
        edges_s = np.linspace(0, max(session.duration_s, 0.1), _CURVE_BINS + 1)
        found += face_profiles(recording, store.readings(recording.id, me()), edges_s)
    return found


def _percent(value: float) -> str:
    return "" if value != value else f"{value * 100:.1f} %"


def _between(low: float, high: float) -> str:
    return "" if low != low else f"{low * 100:.1f} to {high * 100:.1f}"

"""``ferapp sessions``: recorded sessions, without the app."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ferapp.cli.options import AsJsonLines
from ferapp.cli.output import console, path_text, print_json, print_line, print_note, progress
from ferapp.cli.sessions import events, faces
from ferapp.cli.sessions.own import choose, find_key, me, open_store
from ferapp.errors import DataError, StoreError, UserError
from ferapp.wording import counted

if TYPE_CHECKING:
    from ferapp.sessions.store import Overview

app = typer.Typer(
    help="List, export, import, compare and delete recorded sessions, add events to them, and "
    "name, merge or split their faces.",
    no_args_is_help=True,
)

Ids = Annotated[
    list[str], typer.Argument(help="Ids or their first characters; `all` for every session.")
]
FORMATS = ("csv", "parquet", "json", "html", "spells", "events")
_DELETE_IT = "Delete it with: ferapp sessions delete"
_BARE = (
    "CSV holds the readings alone; parquet and json also hold the title, start, length, settings, "
    "models and events; events are also in a CSV of their own: --format events."
)


@app.command("list")
def list_sessions(
    as_json: AsJsonLines = False,
) -> None:
    """List the local user's sessions, newest first; those of unknown start by when they came."""
    from ferapp.system.text import one_line

    table = Table("id", "title", "started", "length", "readings", "kept until")
    with open_store() as store:
        listing = store.listing(me())
    for session in listing.sessions:
        row = session.recording
        expires = session.expires.isoformat() if session.expires else None
        if as_json:
            print_json(
                {
                    "id": row.id,
                    "title": row.title,
                    "source": row.source,
                    "started": row.started.isoformat() if row.started else None,
                    "added": None if row.started else session.listed.isoformat(),
                    "duration_s": session.duration_s,
                    "readings": session.readings,
                    "expires": expires,
                    "version": row.version,
                    "models": row.models,
                    "settings": row.settings,
                    "provenance": row.provenance.to_json() if row.provenance else None,
                }
            )
            continue
        table.add_row(
            row.id[:8],
            Text(one_line(row.title)),
            # With the offset: the session may come from another time zone.
            row.started.isoformat(" ", "minutes") if row.started else "unknown",
            session.length_text,
            str(session.readings),
            expires[:10] if expires else "forever",
        )
    if not as_json:
        console.print(table)
    for bad in listing.unreadable:
        print_note(f"Session {bad.name} ({bad.key}) can't be read. {_DELETE_IT} {bad.key!r}")


@app.command()
def export(
    ids: Ids,
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    form: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")
    ] = "parquet",
    spells: Annotated[
        bool,
        typer.Option(
            "--spells",
            help="Also write ID.spells.csv: from when to when each face showed which expression.",
        ),
    ] = False,
) -> None:
    """Write each session to a file named by its id, in place of an older export of that session."""
    if form not in FORMATS:
        raise typer.BadParameter(f"expected one of {', '.join(FORMATS)}", param_hint="--format")
    from ferapp.pipeline.limits import limits_text
    from ferapp.sessions.formats.exchange import to_csv, to_json, to_parquet
    from ferapp.sessions.formats.spells import to_events_csv, to_spells_csv
    from ferapp.sessions.report.html import to_html
    from ferapp.system.files import write_whole

    report = partial(to_html, limits=limits_text())
    make: dict[str, Callable[..., bytes]] = {
        "csv": to_csv,
        "parquet": to_parquet,
        "json": to_json,
        "html": report,
    }
    makers = {form: make[form]} if form in make else {}
    if form == "events":
        makers["events.csv"] = to_events_csv
    if spells or form == "spells":
        makers["spells.csv"] = to_spells_csv
    failed = 0
    with open_store() as store:
        chosen = choose(store, ids)
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreError(f"The folder {out.name} can't be made: {exc.strerror}.") from exc
        for session in chosen:
            recording = session.recording
            try:
                readings = store.readings(recording.id, me())
            except StoreError as exc:
                failed += 1
                print_note(f"{recording.id[:8]} was not exported: {exc}")
                continue
            _note_left_out(session, len(readings))
            for ending, to_bytes in makers.items():
                if ending == "spells.csv" and recording.source == "pictures":
                    print_note(f"{recording.id[:8]} is of pictures, which have no spells.")
                    continue
                path = out / f"{recording.id}.{ending}"
                write_whole(path, to_bytes(recording, readings))
                print_line(path)
        unread = len(store.listing(me()).unreadable) if ids == ["all"] else 0
    if form == "csv" and chosen:
        print_note(_BARE)
    if unread:
        print_note(f"{counted(unread, 'session')} can't be read; see: sessions list")
    if failed or unread:
        raise typer.Exit(1)


@app.command("import")
def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="CSV, Parquet or JSON files.", exists=True, dir_okay=False, readable=True
        ),
    ],
    again: Annotated[
        bool, typer.Option("--again", help="Also import what is there already, as a second copy.")
    ] = False,
) -> None:
    """Import exported files as sessions; unreadable files are reported and skipped.

    Prints the id of each session. A file that was imported before, or whose source was read with
    the same settings and models, is not stored twice: the id is that of the session that is there.
    CSV and Parquet may come back from R, SPSS, Excel or pandas. Whatever is ignored is reported.
    A file has at most 100 MB and 20 million values (rows times columns).
    """
    from ferapp.pipeline.session_import import import_session
    from ferapp.system.text import one_line

    failed = 0
    with open_store() as store:
        for file in files:
            try:
                data = _read_bytes(file)
                with progress("readings stored") as report:
                    done = import_session(
                        store,
                        me(),
                        file.name,
                        data,
                        again=again,
                        on_note=print_note,
                        on_progress=report,
                    )
            except UserError as exc:
                failed += 1
                print_note(str(exc))
                continue
            print_line(done.session)
            if done.earlier:
                title = done.earlier.recording.title
                print_note(
                    f"{path_text(file)} is already there as {done.session[:8]}, "
                    f"“{one_line(title)}”. Add --again to import it once more."
                )
    if failed:
        raise typer.Exit(1)


def _read_bytes(file: Path) -> bytes:
    """The bytes of a session file, and at most one more than it may have.

    Raises:
        DataError: It can't be read, or is too large.
    """
    from ferapp.sessions.formats.limits import OF_STRANGERS

    try:
        with file.open("rb") as opened:
            OF_STRANGERS.check_bytes(os.fstat(opened.fileno()).st_size)
            return opened.read(OF_STRANGERS.file_bytes + 1)
    except DataError as exc:
        raise DataError(f"{path_text(file)} can't be opened: {exc}.") from exc
    except OSError as exc:
        raise DataError(f"{path_text(file)} can't be opened: {exc.strerror or exc}.") from exc


@app.command()
def delete(
    ids: Ids,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")] = False,
) -> None:
    """Delete sessions permanently, also those that can't be read."""
    with open_store() as store:
        listing = store.listing(me())
        bad = [session.key for session in listing.unreadable]
        if ids == ["all"]:
            keys = [*(s.recording.id for s in listing.sessions), *bad]
        else:
            keys = [start if start in bad else find_key(listing, start) for start in ids]
        if keys and not yes:
            typer.confirm(f"Delete {len(keys)} of your sessions permanently?", abort=True)
        if ids == ["all"]:
            store.delete_all(me())
        else:
            for key in keys:
                store.delete(key, me())
    print_line(f"{len(keys)} deleted")


def _note_left_out(session: "Overview", readings: int) -> None:
    """Say how much of a session can't be read."""
    lost = max(session.readings - readings, 0) if not session.is_running else 0
    if lost or session.left_out:
        print_note(
            f"{session.recording.id[:8]}: {counted(lost, 'reading')} and "
            f"{counted(session.left_out, 'other value')} can't be read "
            "and are left out."
        )


app.add_typer(events.app)
app.add_typer(faces.app)

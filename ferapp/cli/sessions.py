"""``ferapp sessions``: recorded sessions, without the app."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ferapp.cli.options import AsJsonLines
from ferapp.cli.output import console, errors, print_json, print_line
from ferapp.errors import StoreError, UserError

if TYPE_CHECKING:
    from ferapp.sessions.store import Overview, Store

app = typer.Typer(help="List, export, import and delete recorded sessions.", no_args_is_help=True)

Ids = Annotated[
    list[str], typer.Argument(help="Ids or their first characters; `all` for every session.")
]
FORMATS = ("csv", "parquet", "json", "html")


@app.command("list")
def list_sessions(
    as_json: AsJsonLines = False,
) -> None:
    """List the local user's sessions, newest first."""
    from ferapp.system.text import one_line

    table = Table("id", "title", "started", "seconds", "readings", "kept until")
    with _open_store() as store:
        overviews = store.overviews(_me())
    for session in overviews:
        row = session.recording
        expires = session.expires.isoformat() if session.expires else None
        if as_json:
            print_json(
                {
                    "id": row.id,
                    "title": row.title,
                    "source": row.source,
                    "started": row.started.isoformat(),
                    "duration_s": session.duration_s,
                    "readings": session.readings,
                    "expires": expires,
                }
            )
            continue
        table.add_row(
            row.id[:8],
            Text(one_line(row.title)),
            # With the offset: the session may come from another time zone.
            row.started.isoformat(" ", "minutes"),
            f"{session.duration_s:.1f}",
            str(session.readings),
            expires[:10] if expires else "forever",
        )
    if not as_json:
        console.print(table)


@app.command()
def export(
    ids: Ids,
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    form: Annotated[
        str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")
    ] = "parquet",
) -> None:
    """Write each session to a file named by its id, in place of an older export of that session."""
    if form not in FORMATS:
        raise typer.BadParameter(f"expected one of {', '.join(FORMATS)}", param_hint="--format")
    from ferapp.sessions.formats.exchange import to_csv, to_json, to_parquet
    from ferapp.sessions.report.html import to_html
    from ferapp.system.files import write_whole

    make = {"csv": to_csv, "parquet": to_parquet, "json": to_json, "html": to_html}[form]
    with _open_store() as store:
        chosen = _choose(store, ids)
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreError(f"The folder {out.name} can't be made: {exc.strerror}.") from exc
        for session in chosen:
            path = out / f"{session.recording.id}.{form}"
            write_whole(path, make(session.recording, store.readings(session.recording.id, _me())))
            print_line(path)


@app.command("import")
def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="CSV, Parquet or JSON files.", exists=True, dir_okay=False, readable=True
        ),
    ],
) -> None:
    """Import exported files as sessions; unreadable files are reported and skipped."""
    from ferapp.sessions.formats.exchange import read

    failed = 0
    with _open_store() as store:
        for file in files:
            try:
                recording, readings = read(file.name, file.read_bytes())
                store.enter(recording, readings, _me())
            except UserError as exc:
                failed += 1
                errors.print(Text(str(exc)), soft_wrap=True)
            else:
                print_line(recording.id)
    if failed:
        raise typer.Exit(1)


@app.command()
def delete(
    ids: Ids,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")] = False,
) -> None:
    """Delete sessions permanently."""
    with _open_store() as store:
        chosen = _choose(store, ids)
        if chosen and not yes:
            typer.confirm(f"Delete {len(chosen)} of your sessions permanently?", abort=True)
        for session in chosen:
            store.delete(session.recording.id, _me())
    print_line(f"{len(chosen)} deleted")


@contextmanager
def _open_store() -> "Iterator[Store]":
    from ferapp.sessions.store import Store

    with Store.open() as store:
        store.purge()
        yield store


def _me() -> str:
    from ferapp.sessions.store import LOCAL_OWNER

    return LOCAL_OWNER


def _choose(store: "Store", ids: list[str]) -> "list[Overview]":
    sessions = store.overviews(_me())
    if ids == ["all"]:
        return sessions
    chosen = []
    for start in ids:
        matches = [s for s in sessions if s.recording.id.startswith(start)]
        if len(matches) != 1:
            count = len(matches) or "None"
            raise StoreError(
                f"{count} of your sessions have ids that begin with {start!r}; see: sessions list"
            )
        chosen += matches
    return chosen

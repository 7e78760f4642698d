"""``ferapp sessions faces``, ``name``, ``merge``, ``split`` and their undoing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ferapp.cli.options import AsJsonLines
from ferapp.cli.output import console, print_json
from ferapp.cli.sessions.own import Id, choose_one, me, open_store
from ferapp.errors import FaceEditError

if TYPE_CHECKING:
    from ferapp.sessions.face_edits import FaceEdit
    from ferapp.sessions.store import Overview

app = typer.Typer()

Face = Annotated[str, typer.Argument(metavar="FACE", help="Number or name of a face.")]


@app.command("faces")
def list_faces(session: Id, as_json: AsJsonLines = False) -> None:
    """List the faces of a session: number, name, when they were seen, and what they showed."""
    from ferapp.pipeline.record import tracks_of

    with open_store() as store:
        chosen = choose_one(store, session)
        tracks = tracks_of(store.readings(chosen.recording.id, me()), chosen.recording.source)
    names = chosen.recording.names
    are_pictures = chosen.recording.source == "pictures"
    table = Table("face", "name", "from", "to", "readings", "expressions")
    for track in tracks:
        if as_json:
            print_json({"face": track.face, "name": names.get(track.face)} | track.to_json())
            continue
        total = sum(track.seconds.values()) or 1
        shares = [f"{label} {part / total:.0%}" for label, part in track.seconds.items()]
        ends = [track.first_s, track.last_s]
        table.add_row(
            str(track.face),
            Text(names.get(track.face, "")),
            *(f"picture {at_s + 1:.0f}" if are_pictures else f"{at_s:.1f} s" for at_s in ends),
            f"{track.readings:,}",
            ", ".join(list(track.seconds) if are_pictures else shares[:4]),
        )
    if not as_json:
        console.print(table)


@app.command("name")
def name_face(
    session: Id,
    face: Face,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name; '' for none.")],
) -> None:
    """Give a face of a session a name, which charts, reports and files then show."""
    from ferapp.sessions.face_edits import NameFace

    _edit_faces(session, lambda chosen: NameFace(_face_number(chosen, face), name))


@app.command("merge")
def merge_faces(
    session: Id,
    face: Face,
    others: Annotated[
        list[str],
        typer.Argument(metavar="FACE...", help="Faces that become the first, by number or name."),
    ],
) -> None:
    """Make several faces of a session one, because they are the same person."""
    from ferapp.sessions.face_edits import MergeFaces

    _edit_faces(
        session,
        lambda chosen: MergeFaces(
            _face_number(chosen, face), tuple(_face_number(chosen, other) for other in others)
        ),
    )


@app.command("split")
def split_face(
    session: Id,
    face: Face,
    at_s: Annotated[
        float,
        typer.Option("--at", metavar="SECONDS", help="Time from which it is another person."),
    ],
) -> None:
    """Give a face of a session another number from a time on, because it is another person."""
    from ferapp.sessions.face_edits import SplitFace

    _edit_faces(session, lambda chosen: SplitFace(_face_number(chosen, face), at_s))


@app.command("undo")
def undo_face_edit(session: Id) -> None:
    """Undo the last name, merge or split of a session; call it again for the one before."""
    with open_store() as store:
        chosen = choose_one(store, session)
        words = store.faces.undo(chosen.recording.id, me())
    typer.echo(f"Undone: {words}")


@app.command("forget-names")
def forget_names(
    session: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")] = False,
) -> None:
    """Delete all names of a session permanently, also those that an undo would bring back."""
    with open_store() as store:
        chosen = choose_one(store, session)
        if not yes:
            typer.confirm("Delete all names of this session permanently?", abort=True)
        store.faces.forget_names(chosen.recording.id, me())
    typer.echo("All names of this session are deleted.")


def _edit_faces(session: str, make: "Callable[[Overview], FaceEdit]") -> None:
    """Make a change and say what was changed."""
    with open_store() as store:
        chosen = choose_one(store, session)
        words = store.faces.edit(chosen.recording.id, me(), make(chosen))
    typer.echo(words or "Nothing has changed.")


def _face_number(session: "Overview", face: str) -> int:
    """The number of a face that was given by number or name."""
    from ferapp.sessions.face_edits import name_key

    if face.isascii() and face.isdigit():
        return int(face)
    names = session.recording.names
    for number, name in names.items():
        if name_key(name) == name_key(face):
            return number
    known = ", ".join(names.values())
    raise FaceEditError(
        f"No face has this name; {f'the names are: {known}' if known else 'none has a name yet'}. "
        "See: sessions faces"
    )

"""What ferapp reads and writes: models, the session database, folders, the port, settings."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ferapp.doctor.findings import Finding, gigabytes, note, problem
from ferapp.errors import StoreError
from ferapp.system.folders import CACHE_VARIABLE, DATA_VARIABLE, cache_folder
from ferapp.system.listening import configured_address, try_to_listen

_LITTLE_ROOM: Final = 1_000_000_000
_NO_ROOM: Final = 100_000_000
_SETTINGS: Final = "FERAPP_"


def models() -> Iterator[tuple[str, Finding]]:
    """Each model, by name."""
    from ferapp.inference.verification import verify_models

    for model in verify_models():
        if not model.reason:
            yield model.name, Finding(model.state)
        else:
            yield model.name, problem(model.state, model.reason)


def database() -> Finding:
    """The session database, checked without changing it."""
    from ferapp.sessions.database import check_database, database_url

    url = database_url()
    if not url.drivername.startswith("sqlite"):
        try:
            check_database(url)
        except StoreError:  # its text may name the server
            return problem(
                "a database server that can't be used",
                "Check that the server is running and that FERAPP_DATABASE_URL is right.",
            )
        return Finding("a database server that answers")
    if url.database in (None, "", ":memory:"):
        return note(
            "SQLite in memory",
            "Name a file in FERAPP_DATABASE_URL to keep sessions after a restart.",
        )
    file = Path(str(url.database))
    if not _is_writable(file.parent):
        return problem(
            f"{file}, in a folder that can't be written to",
            f"Make the folder writable, or set {DATA_VARIABLE} to another folder.",
        )
    if not file.exists():
        return _with_room(file, f"{file}, not created yet")
    check_database(url)
    return _with_room(file, f"{file}, writable")


def cache() -> Finding:
    """The folder for fetched models."""
    folder = cache_folder()
    if _is_writable(folder):
        return _with_room(folder, str(folder))
    return note(
        f"{folder}, not writable",
        f"To fetch models, make it writable or set {CACHE_VARIABLE} to another folder.",
    )


def temporary() -> Finding:
    """The folder for videos while they are read and copied."""
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError:
        return problem("no writable folder", "Set TMPDIR to a writable folder.")
    return _with_room(folder, str(folder))


def _is_writable(folder: Path) -> bool:
    """Whether a file can be made there, or in the nearest parent that exists."""
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)) as file:
            file.write(b"\0")
            file.flush()
        return True
    except OSError:
        return False


def _nearest(path: Path) -> Path:
    """The path, or the nearest parent that exists."""
    return next((p for p in (path, *path.absolute().parents) if os.path.exists(p)), Path())


def _with_room(path: Path, text: str) -> Finding:
    free = shutil.disk_usage(_nearest(path)).free
    text = f"{text}, {gigabytes(free)} free"
    if free < _NO_ROOM:
        return problem(text, "Free some space on this disk.")
    return note(text, "Free some space on this disk.") if free < _LITTLE_ROOM else Finding(text)


def port(number: int | None = None) -> Finding:
    """Whether the app can listen.

    Args:
        number: The port on which it listens already, if it does.
    """
    if number is not None:
        return Finding(f"{number}, used by this app")
    try:
        address, number = configured_address()
    except ValueError as exc:
        return problem("none", str(exc))
    try:
        try_to_listen(address, number)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            return note(
                f"{number} is in use",
                f"If not by ferapp itself, choose another one: make run PORT={number + 1}.",
            )
        return problem(
            f"{number} can't be used ({errno.errorcode.get(exc.errno or 0, 'unknown')})",
            "Choose another port or address in .streamlit/config.toml.",
        )
    return Finding(f"{number} is free")


def settings() -> Finding:
    """Which environment variables are set; never their values."""
    names = sorted(name for name in os.environ if name.startswith(_SETTINGS))
    return Finding(", ".join(names) or "none")

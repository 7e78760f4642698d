"""Files of SQLite: whose they are, who may read them, and how they are opened."""

import errno
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, event

from ferapp.errors import StoreError
from ferapp.sessions.databases.recognition import foreign, refuse_foreign
from ferapp.sessions.databases.reserve import Reserve
from ferapp.system.scratch import scratch

APPLICATION_ID: Final = 0x66657261
"""Written into the header of the file: "fera"."""

_BUSY_MS: Final = 5000
_ATTEMPTS: Final = 3
_PAGE_BYTES: Final = 4096
_LEAST_PAGES: Final = 64
_MOST_PAGES: Final = 1000
_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def file_of(url: URL) -> Path | None:
    """The file of a database; None if it is in memory, or named by a URI of SQLite's own."""
    name = url.database
    if not url.drivername.startswith("sqlite") or not name or name == ":memory:":
        return None
    return None if name.startswith("file:") else Path(name)


def watch(engine: Engine) -> None:
    """Prepare its connections and let `begin` take SQLite's lock where rows are written."""
    file = file_of(engine.url)
    reserve_bytes = 0 if file is None else Reserve(file).size_bytes()
    # The log is emptied into the file before it grows to half of the reserve: on a full disk there
    # must be room for that, and then for what a deletion writes.
    pages = min(max(reserve_bytes // 2 // _PAGE_BYTES, _LEAST_PAGES), _MOST_PAGES)

    def prepare(connection: Any, record: object) -> None:
        _prepare(connection, record)
        connection.execute(f"PRAGMA wal_autocheckpoint = {pages}")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)


def begin(connection: Connection) -> None:
    """Begin a transaction; one that writes takes the lock at once, when it can wait for it."""
    is_writing = connection.get_execution_options().get("is_writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def sign(connection: Connection) -> None:
    """Mark the file as one of ferapp's, whatever tables later versions make."""
    if connection.exec_driver_sql("PRAGMA application_id").scalar() == 0:
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def refuse_foreign_file(file: Path) -> None:
    """Refuse a file with tables of another program, without a byte written to it or beside it.

    Raises:
        StoreError: It belongs to another program.
        sqlite3.Error: It is not a database, or damaged.
        OSError: It can't be read.
    """
    if not file.exists() or not file.stat().st_size or _is_signed(file):
        return
    wal = Path(f"{file}-wal")
    has_log = wal.exists() and wal.stat().st_size
    for attempt in range(_ATTEMPTS):
        try:
            number, tables, columns = _identity(file)
            break
        except sqlite3.DatabaseError:
            # Another process may be writing to it just now: it is read without a lock.
            if attempt == _ATTEMPTS - 1 and not has_log:
                raise
            number, tables, columns = 0, set(), set()
            time.sleep(0.05)
    if not tables and has_log:
        # They may be in the log alone, which can't be read without writing beside it.
        with scratch() as folder:
            shutil.copyfile(file, folder / file.name)
            shutil.copyfile(wal, folder / wal.name)
            number, tables, columns = _identity(folder / file.name, is_mine=True)
    if number not in (0, APPLICATION_ID):
        raise foreign()
    refuse_foreign(tables, columns)


def _is_signed(file: Path) -> bool:
    """Whether the header of the file has the number of ferapp."""
    with file.open("rb") as header:
        # https://www.sqlite.org/fileformat.html#the_database_header
        return header.read(72)[68:] == APPLICATION_ID.to_bytes(4, "big")


def _identity(file: Path, *, is_mine: bool = False) -> tuple[int, set[str], set[str]]:
    """The application's number, all names in the schema, and the columns of ``sessions``."""
    # An immutable file is not locked, and neither a log nor an index is made for it.
    mode = "rw" if is_mine else "ro&immutable=1"
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True)) as reader:
        reader.text_factory = lambda text: text.decode("utf-8", "replace")
        [number] = reader.execute("PRAGMA application_id").fetchone()
        # SQLite itself makes tables of these names.
        rows = reader.execute(
            "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )
        tables = {name for (name,) in rows}
        columns = {row[1] for row in reader.execute("PRAGMA table_info(sessions)")}
    return number, tables, columns


def make_private(file: Path, own_folder: Path) -> None:
    """Make the file, and let only its owner read it and what is beside it under its name.

    Args:
        file: The database.
        own_folder: The folder that is ferapp's alone; another one, which may have other uses, keeps
            its mode.

    Raises:
        StoreError: Others can read it, and that can't be changed.
        OSError: It can't be made.
    """
    folder = file.parent
    _make_folder(folder)
    if not file.exists():
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    if os.name != "posix":
        return
    if folder.absolute() == own_folder.absolute() and _is_only_ours(folder):
        _close_to_others(folder)
    # Its log and index, a journal, the reserve, and backups beside it.
    for path in (file, *_beside(file)):
        _close_to_others(path)


def _make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, each for its owner alone, whatever the umask."""
    for path in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
        path.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def _is_only_ours(folder: Path) -> bool:
    """Whether a folder is not one that users share, such as the one for temporary files."""
    status = folder.stat()
    return status.st_uid == os.geteuid() and not status.st_mode & stat.S_ISVTX


def _beside(file: Path) -> Iterator[Path]:
    with os.scandir(file.parent) as entries:
        for entry in entries:
            is_named = entry.name.startswith(file.name) and entry.name != file.name
            if is_named and entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def _close_to_others(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if not mode & _OPEN_TO_OTHERS:
            return
        path.chmod(mode & ~_OPEN_TO_OTHERS)
        is_open = bool(path.stat().st_mode & _OPEN_TO_OTHERS)
    except FileNotFoundError:  # SQLite removes its log
        return
    except PermissionError:
        is_open = True
    if is_open:
        raise StoreError(
            f"The database of sessions can't be used: other users of this machine can read "
            f"{path.name}, and ferapp can't change that. Make it readable for its owner only "
            "(chmod go= FILE), or move it to a disk where that is possible."
        )


def _prepare(connection: Any, _: object) -> None:
    # `begin` begins transactions, not the driver.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    if connection.execute("PRAGMA auto_vacuum").fetchone() == (0,):
        # Must be set before the first table: the file shrinks when rows are deleted. Setting it
        # again would write to the file at every connection.
        connection.execute("PRAGMA auto_vacuum = FULL")
    for pragma in (
        "journal_mode = WAL",
        # A commit is on disk when it returns, even if the power fails.
        "synchronous = FULL",
        "foreign_keys = ON",
        # Deleted bytes are overwritten.
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")

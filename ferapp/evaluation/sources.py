"""The files of a data set in a folder, a zip or a tar archive, under one interface."""

import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, cast

from ferapp.errors import DataError
from ferapp.evaluation.room import MOST_FILES, Room, refuse_more
from ferapp.evaluation.tar_files import open_tar, unpack
from ferapp.media.images import MAX_BYTES
from ferapp.system.scratch import scratch

# What operating systems leave in folders; nobody means it as data.
_LITTER: Final = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"))
_BROKEN: Final = (
    OSError,
    EOFError,
    RuntimeError,  # an encrypted file in a zip
    NotImplementedError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
)


class Files:
    """The files of a data set by their path, with ``/`` between folders.

    Hidden files and what operating systems leave behind are not among them.

    Args:
        source: The data set, for messages.
        openers: How to open each file.
        folders: Paths of the folders, which may be empty.
        archive_bytes: Size of the archive; 0 if it is none.

    Attributes:
        names: All paths of files, in alphabetical order.
    """

    def __init__(
        self,
        source: Path,
        openers: Mapping[str, Callable[[], BinaryIO]],
        folders: set[str],
        *,
        archive_bytes: int = 0,
    ) -> None:
        self.source = source
        self._archive_bytes = archive_bytes
        self._openers = {name: how for name, how in openers.items() if not is_litter(name)}
        self.folders = {name for name in folders if not is_litter(name)}
        self.names = sorted(self._openers)
        for name in self.names:
            parts = name.split("/")[:-1]
            self.folders |= {"/".join(parts[: i + 1]) for i in range(len(parts))}

    def room(self) -> Room:
        """Room for what is decoded from its files."""
        return Room(self.source, self._archive_bytes)

    def has(self, name: str) -> bool:
        """Whether there is a file of this path."""
        return name in self._openers

    def below(self, folder: str) -> list[str]:
        """Names of the folders directly in a folder; "" is the top."""
        start = path_start(folder)
        rests = (name[len(start) :] for name in self.folders if name.startswith(start))
        return sorted({rest for rest in rests if rest and "/" not in rest})

    def open(self, name: str) -> BinaryIO:
        """Open one file.

        Raises:
            DataError: It is missing or damaged.
        """
        if name not in self._openers:
            raise DataError(f"{self.source}: {name} is missing.")
        with self._translated(name):
            return self._openers[name]()

    def read(self, name: str, *, most: int = MAX_BYTES + 1) -> bytes:
        """The first bytes of one file.

        Raises:
            DataError: It is missing or damaged.
        """
        with self.open(name) as file, self._translated(name):
            return file.read(most)

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as exc:
            raise DataError(f"{self.source}: {name} is missing.") from exc
        except _BROKEN as exc:
            raise DataError(f"{self.source}: {name} can't be read: {exc}.") from exc


def path_start(folder: str) -> str:
    """What the paths in a folder begin with; "" is the top.

    Example:
        >>> path_start("faces/train"), path_start("")
        ('faces/train/', '')
    """
    return f"{folder}/" if folder else ""


def is_litter(name: str) -> bool:
    """Whether a path is hidden or was left by an operating system.

    Example:
        >>> is_litter("happy/.DS_Store"), is_litter("happy/Thumbs.db"), is_litter("happy/1.png")
        (True, True, False)
    """
    return any(part.startswith(".") or part.lower() in _LITTER for part in name.split("/"))


@contextmanager
def open_files(source: Path) -> Iterator[Files]:
    """The files of a data set, or a file alone if it is no archive.

    Raises:
        DataError: There is none, or an archive is damaged.
    """
    if not source.exists():
        raise DataError(f"{source}: there is no such folder or file.")
    with ExitStack() as stack:
        try:
            if source.is_dir():
                files = _of_folder(source)
            elif zipfile.is_zipfile(source):
                files = _of_zip(source, stack)
            elif (archive := open_tar(source, stack)) is not None:
                files = _of_tar(archive, source, stack.enter_context(scratch()))
            else:
                files = Files(source, {source.name: partial(_open_path, source)}, set())
        except _BROKEN as exc:
            raise DataError(f"{source}: it can't be read: {exc}.") from exc
        yield files


def _of_folder(source: Path) -> Files:
    """The files of a folder; links are followed, but never twice to the same folder."""

    def fail(error: OSError) -> None:
        raise error

    openers: dict[str, Callable[[], BinaryIO]] = {}
    folders: set[str] = set()
    seen: set[str] = set()
    for place, below, names in os.walk(source, followlinks=True, onerror=fail):
        real = os.path.realpath(place)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not is_litter(name))
        start = "" if Path(place) == source else f"{Path(place).relative_to(source).as_posix()}/"
        folders |= {start + name for name in below}
        openers |= {start + name: partial(_open_path, Path(place, name)) for name in names}
    return Files(source, openers, folders)


def _open_path(path: Path) -> BinaryIO:
    if path.exists() and not path.is_file():  # a pipe would never end
        raise OSError("it is not a file")
    return path.open("rb")


def _of_zip(source: Path, stack: ExitStack) -> Files:
    archive = stack.enter_context(zipfile.ZipFile(source))
    openers: dict[str, Callable[[], BinaryIO]] = {}
    folders: set[str] = set()
    refuse_more(source, "files", len(archive.infolist()), MOST_FILES)
    for entry in archive.infolist():
        name = entry.filename.replace("\\", "/").strip("/")
        if entry.is_dir():
            folders.add(name)
        else:
            openers[name] = partial(_open_entry, archive, entry)
    return Files(source, openers, folders, archive_bytes=source.stat().st_size)


def _open_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> BinaryIO:
    return cast(BinaryIO, archive.open(entry))


def _of_tar(archive: tarfile.TarFile, source: Path, folder: Path) -> Files:
    openers: dict[str, Callable[[], BinaryIO]] = {}
    folders: set[str] = set()
    for name, path in unpack(archive, source, folder):
        if path is None:
            folders.add(name)
        else:
            openers[name] = partial(_open_path, path)
    return Files(source, openers, folders - {"", "."}, archive_bytes=source.stat().st_size)

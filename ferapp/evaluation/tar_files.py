"""Unpacks tar archives, whose headers and sizes are not trusted."""

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, cast

from ferapp.evaluation.room import MOST_FILES, Room, refuse_more

_PIECE: Final = 2**20
# A header may say that a name of gigabytes follows, which would be read at once.
_MOST_AT_ONCE: Final = 2**22
_PACKERS: Final = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))


# What an entry takes on the disk, also an empty one.
_ENTRY_BYTES: Final = 4096


class _InPieces:
    """A file from which nobody reads more than `_MOST_AT_ONCE` bytes at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MOST_AT_ONCE:
            raise tarfile.ReadError("a name in it is too long")
        return self._file.read(size)


def open_tar(source: Path, stack: ExitStack) -> tarfile.TarFile | None:
    """Open an archive, packed or not; None if the file is none.

    Args:
        source: The file.
        stack: Closes it.
    """
    with source.open("rb") as file:
        head = file.read(8)
    opens = next((how for magic, how in _PACKERS if head.startswith(magic)), None)
    stream = cast(BinaryIO, source.open("rb") if opens is None else opens(source, "rb"))
    stack.enter_context(stream)
    try:
        archive = tarfile.open(fileobj=cast(BinaryIO, _InPieces(stream)), mode="r:")
    except (tarfile.TarError, EOFError, OSError, lzma.LZMAError):
        return None
    return stack.enter_context(archive)


def unpack(
    archive: tarfile.TarFile, source: Path, folder: Path
) -> Iterator[tuple[str, Path | None]]:
    """Unpack files under numbers, so that no name is ever a path.

    A compressed archive can only be read from its beginning.

    Args:
        archive: The archive.
        source: Its file.
        folder: Where to put the files.

    Yields:
        The name of each entry and its file; None for a folder. Links and devices are passed over.

    Raises:
        DataError: It holds too much.
    """
    room = Room(source, source.stat().st_size)
    for number, entry in enumerate(archive):
        refuse_more(source, "files", number + 1, MOST_FILES)
        room.take(_ENTRY_BYTES)
        archive.members.clear()  # type: ignore[attr-defined]  # it would keep all of them
        name = entry.name.removeprefix("./").strip("/")
        if entry.isdir():
            yield name, None
        content = archive.extractfile(entry) if entry.isfile() else None
        if content is None:
            continue
        path = folder / str(number)
        with path.open("wb") as file:
            while piece := content.read(_PIECE):
                room.take(len(piece))
                file.write(piece)
        yield name, path

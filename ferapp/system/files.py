"""Writes files completely or not at all, and locks folders against other processes.

Links in a folder of results may have been put there by somebody else. A link in place of a file is
replaced, never written through; one in place of a folder is refused. A folder that a person names
may be a link.
"""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from ferapp.errors import StoreError
from ferapp.system.text import one_line

_PARTIAL: Final = re.compile(r"\.[0-9a-f]{16}\.part")
# Names of what is open already, such as a pipe that a shell has opened for `<(...)`.
_OPEN: Final = re.compile(r"/dev/(std(in|out|err)|fd/\d+)|/proc/(self|\d+)/fd/\d+")


def is_open_stream(path: Path) -> bool:
    """Whether a path names a pipe, a socket or a file that this process has open already."""
    if not _OPEN.fullmatch(str(path)):
        return False
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISREG(mode)


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes in hexadecimal; the file is read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, data: bytes, *, inside: Path | None = None) -> None:
    """Write a file, replacing one that may exist.

    It gets its name last, so that after a crash or with a full disk the old file is left, or none.
    The umask decides who may read it.

    Args:
        path: The file. If it is a link, the link is replaced.
        data: Its bytes.
        inside: A folder above it; none of those between the two may be a link.

    Raises:
        StoreError: It could not be written; a previous file is unchanged.
    """
    with whole_file(path, inside=inside) as file:
        file.write(data)


@contextlib.contextmanager
def whole_file(path: Path, *, inside: Path | None = None) -> Iterator[BinaryIO]:
    """As `write_whole`, for data that does not fit into memory: yields an open file.

    If the block raises an exception, a previous file is unchanged. A pipe or a device, such as
    ``/dev/null``, is written to instead of being replaced.

    Raises:
        StoreError: It could not be written; an OSError in the block counts as this.
    """
    if _is_stream(path):
        with translate_write_errors(path), open(path, "wb") as stream:
            yield stream
        return
    with contextlib.ExitStack() as stack:
        if inside is not None:
            with translate_write_errors(path):
                handle = stack.enter_context(open_folder(path.parent, inside=inside))
        else:
            handle = None
        # Relative to the folder that was looked at, which cannot become a link meanwhile.
        base = path.parent if handle is None else Path()
        partial, target = base / f".{secrets.token_hex(8)}.part", base / path.name
        try:
            with translate_write_errors(path):
                with open(partial, "xb", opener=_relative_to(handle)) as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                move_file(partial, target, source_folder=handle, target_folder=handle)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(partial, dir_fd=handle)
        if handle is None:
            _sync_folder(path.parent)
        else:
            with contextlib.suppress(OSError):  # as in _sync_folder
                os.fsync(handle)


def move_file(
    source: Path, target: Path, *, source_folder: int | None, target_folder: int | None
) -> None:
    """`os.replace`, with each path relative to an open folder where there is one."""
    if source_folder is None and target_folder is None:
        os.replace(source, target)
    else:
        os.replace(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder)


@contextlib.contextmanager
def open_folder(folder: Path, *, inside: Path) -> Iterator[int | None]:
    """Open a folder step by step from one above it, so that no link is followed on the way.

    Args:
        folder: A folder that exists.
        inside: One above it, or itself; it may be a link.

    Yields:
        Its descriptor; None on Windows, where paths have to do.

    Raises:
        StoreError: One of the folders is a link.
        OSError: One is missing or can't be opened.
    """
    names = folder.relative_to(inside).parts
    if os.name != "posix":
        steps = [inside.joinpath(*names[: n + 1]) for n in range(len(names))]
        if link := next(filter(os.path.islink, steps), None):
            raise _link_error(link.name)
        yield None
        return
    handle = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in names:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            try:
                below = os.open(name, flags, dir_fd=handle)
            except OSError as exc:
                if exc.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise _link_error(name) from exc
                raise
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


def _link_error(name: str) -> StoreError:
    return StoreError(
        f"{one_line(name)} is a link or no folder, and results are written into real folders only. "
        "Remove it or choose another place, and try again."
    )


def _relative_to(handle: int | None) -> Callable[[str, int], int]:
    """For `open`: relative to an open folder."""
    return lambda path, flags: os.open(path, flags, 0o666, dir_fd=handle)


def _is_stream(path: Path) -> bool:
    """Whether a path names what is written to instead of being replaced.

    A link to a device or a pipe does not, unless it is the system's own name of an open file.
    """
    if is_open_stream(path):
        return True
    if path.is_symlink():
        return bool(_OPEN.fullmatch(str(path))) and path.exists() and not path.is_file()
    return path.exists() and not path.is_file()


@contextlib.contextmanager
def translate_write_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of writing to a file into a sentence.

    Raises:
        StoreError: The block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{one_line(path.name)} could not be written: {error.strerror or type(error).__name__}."
            " Make room or choose another folder, and try again."
        ) from error


@contextlib.contextmanager
def lock_folder(folder: Path, *, waits: bool = True) -> Iterator[bool]:
    """Lock a folder against other processes that do the same; no file is made for it.

    The lock ends with the process, however that ends.

    Args:
        folder: A folder that exists.
        waits: Whether to wait while another process holds the lock.

    Yields:
        Whether it is locked: Windows and some file systems have no such locks.

    Raises:
        BlockingIOError: Another process holds it, and this one does not wait.
    """
    try:
        import fcntl
    except ImportError:
        yield False
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
            is_locked = True
        except BlockingIOError:
            raise
        except OSError:
            is_locked = False
        yield is_locked
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Delete partial files that killed processes left; no other process may be writing there."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _PARTIAL.fullmatch(entry.name):
                os.unlink(entry.path)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power failure, where the system can."""
    if os.name != "posix":
        return
    # The file itself is complete. Network file systems may refuse to sync a folder.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

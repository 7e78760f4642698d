"""One large picture at a time: of 49 megapixels, one takes half a gigabyte while it is decoded."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from ferapp.system.files import lock_folder

LARGE_PIXELS: Final = 12_500_000
"""Larger pictures are decoded one at a time; others don't wait."""

_lock = threading.Lock()
_folders: list[Path] = []
_kept: ContextVar[list[ExitStack] | None] = ContextVar("kept", default=None)


def share_turns(folder: Path) -> None:
    """Make this process take turns with others of this machine.

    Args:
        folder: An existing folder, the same for all of them.
    """
    _folders[:] = [folder]


@contextmanager
def wait_for_turn() -> Iterator[None]:
    """Wait until no other large picture is in work; within `keep_turn`, that counts until its end.

    The turn of a process that was killed is over.
    """
    kept = _kept.get()
    if kept is None:
        with _taken():
            yield
        return
    if not kept:
        stack = ExitStack()
        stack.enter_context(_taken())
        kept.append(stack)
    yield


@contextmanager
def keep_turn() -> Iterator[None]:
    """Keep the turn that is taken in the block, if any, to its end.

    For processes that share turns: each holds a large picture for as long as it analyses it, and
    together they would take as much memory as for decoding it.
    """
    kept: list[ExitStack] = []
    token = _kept.set(kept)
    try:
        yield
    finally:
        _kept.reset(token)
        for stack in kept:
            stack.close()


@contextmanager
def _taken() -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(_lock)
        for folder in _folders:
            stack.enter_context(lock_folder(folder))
        yield

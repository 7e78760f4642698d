"""A process that analyses files, and is replaced if it dies."""

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

from ferapp.batch.items import FileResult, Item
from ferapp.errors import ModelError
from ferapp.media.pictures.large_pictures import share_turns

if TYPE_CHECKING:
    from ferapp.batch.run import Worker

KILLED: Final = (
    "Two processes that read the file crashed: either the file breaks them, or there is too little "
    "memory for so many workers."
)
"""The error of a file that is not tried again."""

NEVER_READY: Final = (
    "The workers crash before they have loaded the models, perhaps for lack of memory. Try fewer "
    "with --workers."
)
"""The error when no worker gets ready."""

_TRIES: Final = 2
_STARTS: Final = 3


class WorkerProcess:
    """One process with a copy of a worker: started on first use, and again after it has died.

    `analyse` is called from one thread at a time, `end` from any thread, and `close` after all
    other calls.

    Args:
        worker: Has not loaded anything yet.
        folder: Of the batch alone; its processes take turns with large pictures.
    """

    def __init__(self, worker: "Worker", folder: Path) -> None:
        self._worker = worker
        self._folder = folder
        self._pool: ProcessPoolExecutor | None = None
        self._pid: int | None = None
        self._is_over = False

    def analyse(self, item: Item) -> FileResult:
        """Analyse a file; one that kills two processes has an error as its result.

        Raises:
            UserError: No file can be analysed.
        """
        for _ in range(_TRIES):
            pool = self._pool or self._start_pool()
            try:
                return pool.submit(_analyse, item).result()
            except BrokenProcessPool:
                self.close()
        return FileResult(item.key, error=KILLED)

    def end(self) -> None:
        """Kill the process, whatever it is doing, and start no other."""
        self._is_over = True
        for child in active_children():
            if child.pid == self._pid:
                child.kill()

    def close(self) -> None:
        """Wait until the process has ended; may be called twice."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool = self._pid = None

    def _start_pool(self) -> ProcessPoolExecutor:
        for _ in range(_STARTS):
            if self._is_over:
                break
            # A fork would copy the locks of this process's threads as they are.
            pool = self._pool = ProcessPoolExecutor(1, get_context("spawn"))
            _hold_back_interrupts()
            try:
                self._pid = pool.submit(_begin, self._worker, self._folder).result()
                return pool
            except BrokenProcessPool:
                self.close()
            except BaseException:
                self.close()
                raise
        raise ModelError(NEVER_READY)


def _hold_back_interrupts() -> None:
    """Block Ctrl-C in this thread, so that only the parent process handles it.

    The processes that this thread starts inherit the mask. Make the executor first: it may start
    Python's resource tracker, which until Python 3.12 unblocks all signals again.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


# The worker of this process, if it is a worker process.
_loaded: "list[Worker]" = []


def _begin(worker: "Worker", folder: Path) -> int:
    """In the worker process: load the models and return the process id."""
    Thread(target=_end_with_parent, daemon=True).start()
    share_turns(folder)
    worker.load()
    _loaded[:] = [worker]
    return os.getpid()


def _analyse(item: Item) -> FileResult:
    return _loaded[0].analyse(item)


def _end_with_parent() -> None:
    """End with the parent: a worker waits at a pipe that it holds open itself, so it would stay."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

"""A process that analyses files, and the next one when it dies."""

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import TYPE_CHECKING, Final

from ferapp.batch.items import FileResult, Item
from ferapp.errors import ModelError

if TYPE_CHECKING:
    from ferapp.batch.run import Worker

KILLED: Final = (
    "The process that read the file ended, and so did another one: the file breaks it, or there is "
    "too little memory for so many workers."
)
"""Told of a file after which no more is tried."""

NEVER_READY: Final = (
    "The workers end before they have loaded the models. Is there too little memory for so many? "
    "Try fewer with --workers."
)
"""Told when no file can be tried."""

_TRIES: Final = 2
_STARTS: Final = 3


class WorkerProcess:
    """One process with a copy of a worker: started when it is needed, and anew when it has died.

    `analyse` is called from one thread at a time, `end` from any, `close` when nobody calls the
    others any more.

    Args:
        worker: Has not loaded anything.
    """

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self._pool: ProcessPoolExecutor | None = None
        self._pid: int | None = None
        self._is_over = False

    def analyse(self, item: Item) -> FileResult:
        """What comes of a file; one that two processes die of is an outcome as well.

        Raises:
            UserError: No file can be analysed.
        """
        for _ in range(_TRIES):
            pool = self._pool or self._started()
            try:
                return pool.submit(_analyse, item).result()
            except BrokenProcessPool:
                self.close()
        return FileResult(item.key, error=KILLED)

    def end(self) -> None:
        """Kill the process, whatever it does; there will be no other."""
        self._is_over = True
        for child in active_children():
            if child.pid == self._pid:
                child.kill()

    def close(self) -> None:
        """Wait until the process has ended; may be called twice."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool = self._pid = None

    def _started(self) -> ProcessPoolExecutor:
        for _ in range(_STARTS):
            if self._is_over:
                break
            # A fork would copy the locks of this process's threads as they are.
            pool = self._pool = ProcessPoolExecutor(1, get_context("spawn"))
            _hold_back_interrupts()
            try:
                self._pid = pool.submit(_begin, self._worker).result()
                return pool
            except BrokenProcessPool:
                self.close()
            except BaseException:
                self.close()
                raise
        raise ModelError(NEVER_READY)


def _hold_back_interrupts() -> None:
    """Of the thread that starts a process: let Ctrl-C go to the one process that handles it.

    What is started inherits this. The executor has to be there before: it may start Python's
    resource tracker, which until Python 3.12 lets all signals through again.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


# Of the worker process.
_here: "list[Worker]" = []


def _begin(worker: "Worker") -> int:
    """In the worker process: load the models; tells its id."""
    Thread(target=_end_with_parent, daemon=True).start()
    worker.load()
    _here[:] = [worker]
    return os.getpid()


def _analyse(item: Item) -> FileResult:
    return _here[0].analyse(item)


def _end_with_parent() -> None:
    """A worker waits at a pipe that it holds open itself, and would outlive a parent killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

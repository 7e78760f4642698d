"""What analyses the files of a batch: processes of this machine, or Ray on one or many machines."""

import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from itertools import chain
from queue import LifoQueue
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ferapp.batch.items import FileResult, Item
from ferapp.batch.process import KILLED, NEVER_READY, WorkerProcess
from ferapp.errors import MissingExtra, ModelError, UserError
from ferapp.system.scratch import scratch

if TYPE_CHECKING:
    from ferapp.batch.run import Worker

_PATIENCE_S: Final = 10.0


def on_processes(
    worker: "Worker", items: Iterable[Item], *, workers: int
) -> Generator[FileResult, None, None]:
    """Analyse files in processes of this machine, each with models of its own.

    Args:
        worker: Each process gets a copy.
        items: Files to analyse; twice as many as there are workers are taken ahead.
        workers: How many processes.

    Raises:
        UserError: No file can be analysed.
    """
    with scratch() as folder:
        yield from _process_results([WorkerProcess(worker, folder) for _ in range(workers)], items)


def _process_results(
    processes: list[WorkerProcess], items: Iterable[Item]
) -> Generator[FileResult, None, None]:
    # The process that was freed last comes first, so that no more start than are needed.
    workers = len(processes)
    free: LifoQueue[WorkerProcess] = LifoQueue()
    for process in processes:
        free.put(process)

    def analyse(item: Item) -> FileResult:
        process = free.get()
        try:
            return process.analyse(item)
        finally:
            free.put(process)

    running: set[Future[FileResult]] = set()
    threads = ThreadPoolExecutor(workers, "worker")
    try:
        for item in items:
            running.add(threads.submit(analyse, item))
            is_full = len(running) >= 2 * workers
            done, running = wait(running, None if is_full else 0, FIRST_COMPLETED)
            for future in done:
                yield future.result()
        while running:
            done, running = wait(running, None, FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        for process in processes:
            process.end()
        threads.shutdown(cancel_futures=True)
        for process in processes:
            process.close()


def on_ray(
    worker: "Worker", items: Iterable[Item], *, workers: int | None, threads: int
) -> Generator[FileResult, None, None]:
    """Analyse files in actors of a Ray cluster.

    ``RAY_ADDRESS`` names the cluster; without it, Ray is started on this machine for this batch.
    Ray restarts an actor that died and repeats its item.

    Args:
        worker: Each actor gets a copy.
        items: Files to analyse; taken as they are needed.
        workers: How many actors; None for as many as the cluster has processors for.
        threads: Processors per actor.

    Raises:
        MissingExtra: Ray is not installed.
        UserError: The cluster can't be reached, or no file can be analysed.
    """
    first = next(upcoming := iter(items), None)
    if first is None:
        return
    with ExitStack() as stack:
        ray = _connect_ray(stack, workers, threads)
        if workers is None:
            workers = max(int(ray.cluster_resources().get("CPU", 1)) // threads, 1)
        kind = ray.remote(num_cpus=threads, max_restarts=-1, max_task_retries=2)(_Actor)
        actors = [kind.remote(worker) for _ in range(workers)]
        for actor in actors:
            stack.callback(ray.kill, actor)
        yield from _ray_results(ray, actors, chain([first], upcoming))


class _Actor:
    """Ray makes one in each of its processes."""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker

    def load(self) -> None:
        self._worker.load()

    def analyse(self, item: Item) -> FileResult:
        return self._worker.analyse(item)


def _ray_results(ray: Any, actors: list[Any], items: Iterator[Item]) -> Iterator[FileResult]:
    """One item at a time for each actor that is ready; on a busy cluster some never are."""
    item: Item | None = next(items, None)
    # If a second item waited in an actor that dies of the first, both would lose a try.
    busy: dict[Any, tuple[Any, Item | None]] = {a.load.remote(): (a, None) for a in actors}
    while item is not None or any(has for _, has in busy.values()):
        [done], _ = ray.wait(list(busy))
        actor, had = busy.pop(done)
        if item is not None:
            busy[actor.analyse.remote(item)] = (actor, item)
            item = next(items, None)
        try:
            result = ray.get(done)
        except ray.exceptions.RayTaskError as exc:
            raise exc.cause from exc
        except ray.exceptions.RayError as exc:
            if had is None:
                raise ModelError(NEVER_READY) from exc
            result = FileResult(had.key, error=KILLED)
        if had is not None:
            yield result


def _connect_ray(stack: ExitStack, workers: int | None, threads: int) -> Any:
    """Import and connect Ray; what is started here ends with the stack."""
    # Ray reads these when it is imported. It must report nothing to its makers, and would write
    # about actors that died to standard output, where results are read.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    address = os.environ.get("RAY_ADDRESS") or "local"
    is_alone = address == "local"
    if is_alone:
        # No port that other machines can reach (the variable is read on every system, despite its
        # name), and a password that is not left in the user's home.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
    except ImportError as exc:
        raise MissingExtra("ray", "batch") from exc
    if ray.is_initialized():
        return ray
    known: dict[str, Any] = {}
    if is_alone:
        # It holds sockets, and temporary folders of macOS have names too long for those.
        place = "/tmp" if os.name == "posix" else None
        known["_temp_dir"] = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="ray-", dir=place, ignore_cleanup_errors=True)
        )
        known["num_cpus"] = (workers or max((os.cpu_count() or 1) // threads, 1)) * threads
    try:
        _check_reachable(address)
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, **known)
    # Ray has no error of its own for processes that do not start within its half minute, as on
    # a machine that is very busy.
    except Exception as exc:
        raise UserError(f"Ray can't be reached or started: {str(exc).splitlines()[0]}") from exc
    stack.callback(ray.shutdown)
    return ray


def _check_reachable(address: str) -> None:
    """Fail at once if nobody listens there; Ray itself keeps trying for a quarter of an hour."""
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    if parts.hostname and parts.port:
        socket.create_connection((parts.hostname, parts.port), _PATIENCE_S).close()

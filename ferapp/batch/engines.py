"""Who analyses the files of a batch: processes of this machine, or Ray on any number of them."""

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

if TYPE_CHECKING:
    from ferapp.batch.run import Worker

_PATIENCE_S: Final = 10.0


def on_processes(
    worker: "Worker", items: Iterable[Item], *, workers: int
) -> Generator[FileResult, None, None]:
    """The engine of one machine: so many processes, each with models of its own.

    Args:
        worker: A copy of it works in each process.
        items: Taken as far ahead as there are workers.
        workers: How many.

    Raises:
        UserError: No file can be analysed.
    """
    # What was free last comes first, so that no more processes start than are needed.
    free: LifoQueue[WorkerProcess] = LifoQueue()
    processes = [WorkerProcess(worker) for _ in range(workers)]
    for process in processes:
        free.put(process)

    def in_a_free_one(item: Item) -> FileResult:
        process = free.get()
        try:
            return process.analyse(item)
        finally:
            free.put(process)

    running: set[Future[FileResult]] = set()
    threads = ThreadPoolExecutor(workers, "worker")
    try:
        for item in items:
            running.add(threads.submit(in_a_free_one, item))
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
    """The engine of many machines: actors of a Ray cluster.

    ``RAY_ADDRESS`` names the cluster; without it Ray is started here, for this batch. Ray itself
    starts an actor that died again, and gives it its item again.

    Args:
        worker: A copy of it works in each actor.
        items: Taken as they are needed.
        workers: How many actors; None for as many as the cluster has processors for.
        threads: Processors that each one takes.

    Raises:
        MissingExtra: Ray is not installed.
        UserError: There is no such cluster, or no file can be analysed.
    """
    first = next(upcoming := iter(items), None)
    if first is None:
        return
    with ExitStack() as ended:
        ray = _ray(ended, workers, threads)
        if workers is None:
            workers = max(int(ray.cluster_resources().get("CPU", 1)) // threads, 1)
        kind = ray.remote(num_cpus=threads, max_restarts=-1, max_task_retries=2)(_Actor)
        actors = [kind.remote(worker) for _ in range(workers)]
        for actor in actors:
            ended.callback(ray.kill, actor)
        yield from _outcomes(ray, actors, chain([first], upcoming))


class _Actor:
    """What Ray makes one of in each of its processes."""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker

    def load(self) -> None:
        self._worker.load()

    def analyse(self, item: Item) -> FileResult:
        return self._worker.analyse(item)


def _outcomes(ray: Any, actors: list[Any], items: Iterator[Item]) -> Iterator[FileResult]:
    """One item at a time for each actor that is ready; some may never be on a busy cluster."""
    item: Item | None = next(items, None)
    # With a second item waiting in it, an actor that dies of the first would cost both a try.
    busy: dict[Any, tuple[Any, Item | None]] = {a.load.remote(): (a, None) for a in actors}
    while item is not None or any(has for _, has in busy.values()):
        [done], _ = ray.wait(list(busy))
        actor, had = busy.pop(done)
        if item is not None:
            busy[actor.analyse.remote(item)] = (actor, item)
            item = next(items, None)
        try:
            told = ray.get(done)
        except ray.exceptions.RayTaskError as exc:
            raise exc.cause from exc
        except ray.exceptions.RayError as exc:
            if had is None:
                raise ModelError(NEVER_READY) from exc
            told = FileResult(had.key, error=KILLED)
        if had is not None:
            yield told


def _ray(ended: ExitStack, workers: int | None, threads: int) -> Any:
    """Ray, connected; what is started here ends with the stack."""
    # Read when Ray is imported. Nothing is reported to its makers, and what it says of actors that
    # died goes to standard output otherwise, where results are read.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    address = os.environ.get("RAY_ADDRESS") or "local"
    is_alone = address == "local"
    if is_alone:
        # No port that other machines reach (the variable is read on every system, whatever it is
        # called), and a password that is not left in the user's home.
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
        # Sockets lie in it, whose names may not be as long as those of folders of macOS.
        place = "/tmp" if os.name == "posix" else None
        known["_temp_dir"] = ended.enter_context(
            tempfile.TemporaryDirectory(prefix="ray-", dir=place, ignore_cleanup_errors=True)
        )
        known["num_cpus"] = (workers or max((os.cpu_count() or 1) // threads, 1)) * threads
    try:
        _ask(address)
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, **known)
    except (ConnectionError, RuntimeError, ValueError, OSError) as exc:
        raise UserError(f"Ray can't be reached or started: {str(exc).splitlines()[0]}") from exc
    ended.callback(ray.shutdown)
    return ray


def _ask(address: str) -> None:
    """Whether anybody listens there, since Ray itself asks for a quarter of an hour."""
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    if parts.hostname and parts.port:
        socket.create_connection((parts.hostname, parts.port), _PATIENCE_S).close()

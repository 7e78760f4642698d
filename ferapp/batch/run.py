"""Many files: each analysed once, whatever happens meanwhile, and tables of them all."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ferapp.batch.folder import Found, found
from ferapp.batch.items import FileResult, Item, Request, sha256_of, stamp_of
from ferapp.batch.results import Results, damaged
from ferapp.batch.tables import Tables
from ferapp.errors import DataError
from ferapp.types import ProgressCallback, no_report


class Worker(Protocol):
    """Can be pickled until it has loaded; see `ferapp.batch.worker.FileWorker`."""

    def load(self) -> None:
        """Get ready.

        Raises:
            UserError: No file can be analysed at all.
        """
        ...

    def analyse(self, item: Item) -> FileResult:
        """What comes of one file; never an exception for what is wrong with the file."""
        ...


Engine = Callable[[Worker, Iterable[Item]], Generator[FileResult, None, None]]
"""Has copies of a worker analyse items and yields the outcomes as they come.

It takes items only a little ahead of the outcomes, does an item again whose worker has died, and
leaves no worker behind when it is closed.
"""


@dataclass(frozen=True)
class Tally:
    """A batch in numbers.

    Attributes:
        pictures: That were read.
        videos: That were read.
        faces: In all of them; a face of a video counts once.
        done_before: Files whose results were there already.
        failed: Files that could not be read.
    """

    pictures: int
    videos: int
    faces: int
    done_before: int
    failed: int


class Batch:
    """All files of a folder and their results.

    Args:
        folder: Where the files are.
        results: Where their results are.
        request: How they are analysed.

    Attributes:
        files: What was found, in the order of names.
        done_before: Files whose results were there already.
    """

    def __init__(self, folder: Path, results: Results, request: Request) -> None:
        self._folder = folder.absolute()
        self._results = results
        self._request = request
        self.files: list[Found] = found(folder, without=results.out)
        self._hashes: dict[str, str] = {}
        self._errors = {file.name: file.reason for file in self.files if file.reason}
        self._failed: dict[str, str] = {}
        self.done_before = 0

    def analyse(self, engine: Engine, worker: Worker, report: ProgressCallback = no_report) -> None:
        """Fill in the results that are missing.

        Raises:
            UserError: No file can be analysed, or a result can't be written. What is done is kept.
        """
        past = 0

        def passed(count: int = 1) -> None:
            nonlocal past
            past += count
            report(past, len(self.files))

        passed(len(self._errors))
        with closing(engine(worker, self._damage_text(passed))) as outcomes:
            for outcome in outcomes:
                if outcome.error:
                    self._failed[outcome.key] = outcome.error
                else:
                    self._results.keep(outcome)
                    passed()

    def write_tables(self, report: ProgressCallback = no_report) -> Tally:
        """Write the tables anew from the results.

        Raises:
            StoreError: They could not be written; those that were there are there still.
        """
        counts = {"picture": 0, "video": 0}
        faces = failed = 0
        with Tables(self._results.out, self._request) as tables:
            for past, file in enumerate(self.files, 1):
                try:
                    faces += self._add(file, tables)
                    counts[file.kind or ""] += 1
                except DataError as exc:
                    tables.add_error(file.name, str(exc))
                    failed += 1
                report(past, len(self.files))
        return Tally(counts["picture"], counts["video"], faces, self.done_before, failed)

    def _damage_text(self, passed: Callable[[], None]) -> Iterator[Item]:
        """What has no result yet; of files with the same bytes the first."""
        asked: set[str] = set()
        for file in self.files:
            if file.kind is None:
                continue
            path = self._folder / file.name
            try:
                stamp = stamp_of(path)
                sha256 = sha256_of(path)
            except OSError as exc:
                self._errors[file.name] = f"The file can't be read: {exc.strerror or exc}."
                passed()
                continue
            self._hashes[file.name] = sha256
            key = self._request.key(file.kind, sha256)
            if key in asked:
                passed()
            elif self._results.is_done(key):
                self.done_before += 1
                passed()
            else:
                asked.add(key)
                yield Item(path, file.kind, key, stamp)

    def _add(self, file: Found, tables: Tables) -> int:
        """A file to the tables; how many faces it has.

        Raises:
            DataError: It has no result, for this reason.
        """
        if file.kind is None or file.name in self._errors:
            raise DataError(self._errors[file.name])
        sha256 = self._hashes[file.name]
        key = self._request.key(file.kind, sha256)
        if key in self._failed:
            raise DataError(self._failed[key])
        record = self._results.record(key)
        try:
            if file.kind == "picture":
                return tables.add_picture(file.name, sha256, record)
            read = self._results.readings(key) if record["tracks"] else None
            return tables.add_video(file.name, sha256, record, read)
        except (KeyError, TypeError, ValueError) as exc:
            raise damaged(key) from exc

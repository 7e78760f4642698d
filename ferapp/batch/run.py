"""Analyses every file of a folder once, even across interruptions, and writes the tables."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from ferapp.batch.folder import MediaFile, list_files
from ferapp.batch.items import FileResult, Item, Request, stamp_of
from ferapp.batch.results import Results, damaged_error
from ferapp.batch.tables import Tables
from ferapp.errors import DataError
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.system.files import sha256_of
from ferapp.system.text import one_line
from ferapp.types import ProgressCallback, no_report


class Worker(Protocol):
    """Can be pickled until it has loaded; see `ferapp.batch.worker.FileWorker`."""

    def load(self) -> None:
        """Load the models.

        Raises:
            UserError: No file can be analysed at all.
        """
        ...

    def analyse(self, item: Item) -> FileResult:
        """Analyse one file; whatever is wrong with it is an error in the result."""
        ...


Engine = Callable[[Worker, Iterable[Item]], Generator[FileResult, None, None]]
"""Lets copies of a worker analyse items, and yields the results in the order of completion.

It takes items only a little ahead of the results, repeats an item whose worker has died, and
leaves no worker behind when it is closed.
"""


@dataclass(frozen=True)
class Tally:
    """A batch in numbers.

    Attributes:
        pictures: How many were read.
        videos: How many were read.
        faces: In all of them; a face of a video counts once.
        done_before: Files whose results existed already.
        failed: Files that could not be read.
        skipped: Files that were passed over: hidden ones, and neither pictures nor videos.
        set_aside: Results of other settings or of files that are gone, which are now in a folder
            of their own.
    """

    pictures: int
    videos: int
    faces: int
    done_before: int
    failed: int
    skipped: int = 0
    set_aside: int = 0


class Batch:
    """All files of a folder and their results.

    Args:
        folder: Where the files are.
        results: Where their results are stored.
        request: How they are analysed.
        follows_links: Whether links out of the folder are followed; see `list_files`.

    Attributes:
        files: The pictures and videos of the folder, sorted by name.
        skipped: What is passed over, sorted by name.
        done_before: How many files had a result already.
    """

    def __init__(
        self, folder: Path, results: Results, request: Request, *, follows_links: bool = False
    ) -> None:
        self._folder = folder.absolute()
        self._results = results
        self._request = request
        listed = list_files(folder, without=results.out, follows_links=follows_links)
        self.files: list[MediaFile] = [file for file in listed if not file.is_other]
        self.skipped: list[MediaFile] = [file for file in listed if file.is_other]
        self._hashes: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._errors = {file.name: file.reason for file in self.files if file.reason}
        self._failed: dict[str, str] = {}
        self._named: set[str] = set()
        self.done_before = 0

    def analyse(self, engine: Engine, worker: Worker, report: ProgressCallback = no_report) -> None:
        """Analyse the files that have no result yet.

        Raises:
            UserError: No file can be analysed, or a result can't be written; the others are kept.
        """
        done = 0

        def advance(count: int = 1) -> None:
            nonlocal done
            done += count
            report(done, len(self.files))

        advance(len(self._errors))
        with closing(engine(worker, self._missing_items(advance))) as results:
            for result in results:
                if result.error:
                    self._failed[result.key] = result.error
                else:
                    self._results.keep(result)
                    advance()

    def write_tables(self, report: ProgressCallback = no_report) -> Tally:
        """Write the tables from the results, and set other results aside.

        Raises:
            StoreError: They could not be written; the previous tables are unchanged.
        """
        counts = {"picture": 0, "video": 0}
        faces = failed = 0
        with Tables(self._results.out, self._request) as tables:
            for done, file in enumerate(self.files, 1):
                try:
                    faces += self._add(file, tables)
                    counts[file.kind or ""] += 1
                except DataError as exc:
                    tables.add_error(file.name, str(exc))
                    failed += 1
                report(done, len(self.files))
            for file in self.skipped:
                tables.add_skipped(file.name, file.reason)
        self._results.keep_only(self._keys.values())
        return Tally(
            counts["picture"],
            counts["video"],
            faces,
            self.done_before,
            failed,
            len(self.skipped),
            self._results.set_aside,
        )

    def _missing_items(self, advance: Callable[[], None]) -> Iterator[Item]:
        """The files without a result; of files with the same bytes only the first."""
        requested: set[str] = set()
        for file in self.files:
            if file.kind is None:
                continue
            path = self._folder / file.name
            try:
                stamp = stamp_of(path)
                sha256 = sha256_of(path)
            except OSError as exc:
                self._errors[file.name] = f"The file can't be read: {exc.strerror or exc}."
                advance()
                continue
            self._hashes[file.name] = sha256
            key = self._keys[file.name] = self._request.key(file.kind, sha256)
            if key in requested:
                advance()
            elif self._results.is_done(key):
                self.done_before += 1
                advance()
            else:
                requested.add(key)
                yield Item(path, file.kind, key, stamp, sha256, file.name)

    def _add(self, file: MediaFile, tables: Tables) -> int:
        """Add a file to the tables; return how many faces it has.

        Raises:
            DataError: Why it has no result.
        """
        if file.kind is None or file.name in self._errors:
            raise DataError(self._errors[file.name])
        sha256, key = self._hashes[file.name], self._keys[file.name]
        if key in self._failed:
            raise DataError(self._failed[key])
        try:
            if file.kind == "picture":
                return tables.add_picture(
                    file.name, sha256, key, self._results.picture(key, sha256)
                )
            video = self._results.video(key, sha256)
            readings = self._readings(file, key, sha256) if video.tracks else None
            return tables.add_video(file.name, sha256, key, video, readings)
        except (KeyError, TypeError, ValueError) as exc:
            raise damaged_error(key) from exc

    def _readings(self, file: MediaFile, key: str, sha256: str) -> tuple[SessionInfo, Readings]:
        """The readings of a video; the first file of a content gives its result the name.

        Raises:
            DataError: The result is damaged.
            StoreError: It could not be written under another name.
        """
        info, readings = self._results.readings(key, sha256)
        assert info.provenance is not None
        if info.labels != self._request.labels:
            raise damaged_error(key)
        if key not in self._named:
            self._named.add(key)
            name = one_line(file.name)
            if info.provenance.name != name:
                title = one_line(PurePosixPath(file.name).name)
                provenance = replace(info.provenance, name=name)
                info = replace(info, title=title, provenance=provenance)
                self._results.keep_readings(key, info, readings)
        return info, readings

"""The results of a batch on disk, each under its key."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ferapp.batch.items import FileResult
from ferapp.errors import DataError, StoreError
from ferapp.pipeline.record import VideoRecord
from ferapp.sessions.formats.exchange import read
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.system.files import lock_folder, sweep, write_whole
from ferapp.system.text import one_line
from ferapp.types import PictureRecord

_Record = TypeVar("_Record")


class Results:
    """One JSON file per key, and a Parquet file for each video with readings.

    Args:
        out: The folder for the tables; the results are in a folder inside it.

    Attributes:
        out: The same.

    Raises:
        StoreError: The folder can't be made or written to.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self._folder = out / "results"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreError(
                f"The folder {one_line(str(out))} can't be made: {exc.strerror or exc}."
            ) from exc
        if not os.access(self._folder, os.W_OK) or not os.access(out, os.W_OK):
            raise StoreError(f"The folder {one_line(str(out))} can't be written to.")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lock the folder against other batches, and remove what a killed one left behind.

        Raises:
            StoreError: Another one is at work.
        """
        # On Windows two batches at once do the work twice, but no harm.
        with ExitStack() as stack:
            try:
                is_locked = stack.enter_context(lock_folder(self._folder, waits=False))
            except BlockingIOError as exc:
                raise StoreError(
                    f"Another batch is writing to {one_line(str(self.out))}. "
                    "Wait for it or choose another folder."
                ) from exc
            if is_locked:
                sweep(self._folder)
                sweep(self.out)
            yield

    def claim(self, folder: Path, *, overwrites: bool = False) -> None:
        """Keep the tables for one folder: note which one they are about.

        The note is a hash, since names of folders tell who somebody is.

        Raises:
            StoreError: They are about another folder and may not be overwritten, or the note can't
                be written.
        """
        note = self._folder / "folder.sha256"
        mine = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest().encode()
        before = note.read_bytes() if note.is_file() else None
        if before == mine:
            return
        if before is not None and not overwrites:
            raise StoreError(
                f"The tables in {one_line(str(self.out))} are about another folder than "
                f"{one_line(str(folder))}. Choose another --out, or replace them with --overwrite."
            )
        write_whole(note, mine)

    def is_done(self, key: str) -> bool:
        """Whether there is a result."""
        try:
            return self._record(key).stat().st_size > 0
        except OSError:
            return False

    def keep(self, outcome: FileResult) -> None:
        """Write a result; the record comes last, so that a result with a record is complete.

        Raises:
            StoreError: It could not be written.
        """
        if outcome.readings:
            write_whole(self._readings(outcome.key), outcome.readings)
        write_whole(self._record(outcome.key), outcome.record)

    def picture(self, key: str) -> PictureRecord:
        """The record of a picture.

        Raises:
            DataError: The result is damaged.
        """
        return self._read_record(key, PictureRecord.from_json)

    def video(self, key: str) -> VideoRecord:
        """The record of a video.

        Raises:
            DataError: The result is damaged.
        """
        return self._read_record(key, VideoRecord.from_json)

    def readings(self, key: str) -> tuple[SessionInfo, Readings]:
        """The readings of a video that has some.

        Raises:
            DataError: The result is damaged.
        """
        try:
            return read("readings", self._readings(key).read_bytes())
        except (OSError, DataError) as exc:
            raise damaged_error(key) from exc

    def _read_record(self, key: str, from_json: Callable[[Any], _Record]) -> _Record:
        try:
            return from_json(json.loads(self._record(key).read_bytes()))
        except (OSError, KeyError, TypeError, ValueError) as exc:
            raise damaged_error(key) from exc

    def _record(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _readings(self, key: str) -> Path:
        return self._folder / f"{key}.parquet"


def damaged_error(key: str) -> DataError:
    """The error of a result that is not what was written."""
    return DataError(f"The result is damaged; delete results/{key}.json and run again.")

"""The results of a batch on disk, each under its key: those of the tables, and earlier ones."""

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ferapp.batch.items import FileResult
from ferapp.batch.old_results import OldResults
from ferapp.errors import DataError, StoreError
from ferapp.pipeline.record import VideoRecord
from ferapp.sessions.formats.exchange import read, to_parquet
from ferapp.sessions.formats.limits import OF_OURS
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.system.files import lock_folder, open_folder, sweep, write_whole
from ferapp.system.text import one_line
from ferapp.types import PictureRecord

_Record = TypeVar("_Record")


class Results:
    """One JSON file per key, and a Parquet file for each video with readings.

    The folder `results` holds those of the tables. Results of other settings and of files that are
    gone are set aside inside it; see `OldResults`.

    Args:
        out: The folder for the tables; the results are in a folder inside it. It may be a link, but
            no folder inside it.

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
            with open_folder(self._folder, inside=out):
                pass
        except OSError as exc:
            raise StoreError(
                f"The folder {one_line(str(out))} can't be made: {exc.strerror or exc}."
            ) from exc
        if not os.access(self._folder, os.W_OK) or not os.access(out, os.W_OK):
            raise StoreError(f"The folder {one_line(str(out))} can't be written to.")
        self._old = OldResults(self._folder)

    @property
    def set_aside(self) -> int:
        """How many results have been set aside and are not needed now."""
        return len(self._old.keys)

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

    def claim(self, folder: Path, fingerprint: str = "", *, overwrites: bool = False) -> None:
        """Keep the tables for one folder and some settings: note which ones they are about.

        Results of other settings are set aside, with the tables that name them, so that those of
        two never lie side by side, even if this batch is interrupted. The note has hashes, since
        names of folders tell who somebody is.

        Args:
            folder: The folder that is read.
            fingerprint: Of the settings; see `Request.fingerprint`.
            overwrites: Whether tables about another folder may be replaced.

        Raises:
            StoreError: They are about another folder and may not be overwritten, or the note can't
                be written.
        """
        mine = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()
        before, made_by = self._read_note()
        if before == mine and made_by == fingerprint:
            return
        if before not in ("", mine) and not overwrites:
            raise StoreError(
                f"The tables in {one_line(str(self.out))} are about another folder than "
                f"{one_line(str(folder))}. Choose another --out, or replace them with --overwrite."
            )
        self.keep_only(())
        self._old.put_tables_aside(made_by, self.out)
        write_whole(self._note, f"{mine}\n{fingerprint}\n".encode(), inside=self.out)

    def is_done(self, key: str) -> bool:
        """Whether there is a result; one that was set aside comes back.

        Raises:
            StoreError: It can't be moved.
        """
        if not _is_filled(self._record(key)):
            self._old.bring_back(key)
        return _is_filled(self._record(key))

    def keep_only(self, keys: Collection[str]) -> None:
        """Set the results aside that have another key than these.

        Raises:
            StoreError: They can't be moved.
        """
        self._old.put_aside(self._read_note()[1], without=keys)

    @property
    def _note(self) -> Path:
        return self._folder / "folder.sha256"

    def _read_note(self) -> tuple[str, str]:
        """Hash of the folder, and of the settings that made the results; empty if unknown."""
        try:
            lines = self._note.read_text("ascii").split()
        except (OSError, ValueError):
            return "", ""
        folder, made_by, *_ = [*lines, "", ""]
        # The second becomes the name of a folder.
        return folder, made_by if made_by.isalnum() else ""

    def keep(self, outcome: FileResult) -> None:
        """Write a result; the record comes last, so that a result with a record is complete.

        Raises:
            StoreError: It could not be written.
        """
        if outcome.readings:
            write_whole(self._readings(outcome.key), outcome.readings, inside=self.out)
        write_whole(self._record(outcome.key), outcome.record, inside=self.out)

    def picture(self, key: str, sha256: str) -> PictureRecord:
        """The record of a picture.

        Args:
            key: Its key.
            sha256: Of the file that it must be of.

        Raises:
            DataError: The result is damaged, or of another file.
        """
        return self._read_record(key, sha256, PictureRecord.from_json)

    def video(self, key: str, sha256: str) -> VideoRecord:
        """The record of a video; see `picture`."""
        return self._read_record(key, sha256, VideoRecord.from_json)

    def readings(self, key: str, sha256: str) -> tuple[SessionInfo, Readings]:
        """The readings of a video that has some; see `picture`."""
        try:
            info, readings = read("readings", self._readings(key).read_bytes(), limits=OF_OURS)
        except (OSError, DataError) as exc:
            raise damaged_error(key) from exc
        if info.provenance is None or info.provenance.sha256 != sha256:
            raise damaged_error(key)
        return info, readings

    def keep_readings(self, key: str, info: SessionInfo, readings: Readings) -> None:
        """Write the readings of a video again, with another description.

        Raises:
            StoreError: They could not be written; the previous ones are unchanged.
        """
        write_whole(self._readings(key), to_parquet(info, readings), inside=self.out)

    def _read_record(self, key: str, sha256: str, from_json: Callable[[Any], _Record]) -> _Record:
        try:
            value = json.loads(self._record(key).read_bytes())
            if value.pop("provenance", {}).get("sha256", sha256) != sha256:
                raise damaged_error(key)
            return from_json(value)
        except (OSError, AttributeError, KeyError, TypeError, ValueError) as exc:
            raise damaged_error(key) from exc

    def _record(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _readings(self, key: str) -> Path:
        return self._folder / f"{key}.parquet"


def _is_filled(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def damaged_error(key: str) -> DataError:
    """The error of a result that is not what was written."""
    return DataError(f"The result is damaged; delete results/{key}.json and run again.")

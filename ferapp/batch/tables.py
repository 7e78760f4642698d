"""The results of a batch as five tables, each with the file that a row is from."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from ferapp.batch.items import Request
from ferapp.labels import UNSURE
from ferapp.sessions.formats.columns import CODED, CORNERS, schema
from ferapp.sessions.formats.exchange import table
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.system.csv_tables import CsvFile, csv_file
from ferapp.system.text import one_line

_FILES: Final = (
    *("path", "kind", "sha256", "width", "height", "faces"),
    *("frames", "duration_s", "is_whole", "damage"),
)
_FACES: Final = (
    *("path", "face", *CORNERS),
    *("score", "expression", "probability", "is_unsure"),
)
_TRACKS: Final = ("path", "face", "first_s", "last_s", "readings")
_ROWS_AT_ONCE: Final = 20_000


class Tables:
    """The tables while they are written; a context manager that puts all in place at its end.

    They stand in the order in which files are added. Each row is written on, so that no table has
    to fit into memory.

    Args:
        out: The folder for them.
        request: How the files were analysed.

    Raises:
        StoreError: From each method: a table could not be written.
    """

    def __init__(self, out: Path, request: Request) -> None:
        self._out = out
        self._request = request
        self._open = ExitStack()

    def __enter__(self) -> Self:
        labels, how = self._request.labels, self._request.settings.stream.analysis
        more = ["share_kept"] * bool(how.classes) + ["is_smiling"] * how.with_smile
        with self._open:
            self._files = self._csv("files", _FILES)
            self._faces = self._csv("faces", (*_FACES, *labels, *more))
            self._tracks = self._csv(
                "tracks", (*_TRACKS, *(f"{label}_s" for label in labels), "unsure_s")
            )
            self._readings = self._csv("readings", ("path", *schema(labels, CODED).names))
            self._errors = self._csv("errors", ("path", "error"))
            self._open = self._open.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def add_picture(self, name: str, sha256: str, record: dict[str, Any]) -> int:
        """A picture and its faces.

        Returns:
            How many there are.
        """
        file = {"path": one_line(name)}
        faces = record["faces"]
        size = {"width": record["width"], "height": record["height"], "faces": len(faces)}
        rows = [
            face
            | file
            | {"face": number, "probability": max(face["probabilities"].values())}
            | dict(zip(CORNERS, face["box"], strict=True))
            | face["probabilities"]
            for number, face in enumerate(faces, 1)
        ]
        self._files.add(file | {"kind": "picture", "sha256": sha256} | size)
        for row in rows:
            self._faces.add(row)
        return len(rows)

    def add_video(
        self,
        name: str,
        sha256: str,
        record: dict[str, Any],
        read: tuple[SessionInfo, Readings] | None,
    ) -> int:
        """A video, its faces and, where there are any, their readings.

        Returns:
            How many faces there are.
        """
        file = {"path": one_line(name)}
        width, height = record["video"]["size_wh"]
        tracks = record["tracks"]
        size = {"width": width, "height": height, "faces": len(tracks)}
        told = {key: record[key] for key in ("frames", "duration_s", "is_whole", "damage")}
        rest = {f"{label}_s": 0.0 for label in (*self._request.labels, UNSURE)}
        rows = [
            track | file | rest | {f"{label}_s": s for label, s in track["seconds"].items()}
            for track in tracks
        ]
        self._files.add(file | {"kind": "video", "sha256": sha256} | size | told)
        for row in rows:
            self._tracks.add(row)
        if read is not None:
            recording, readings = read
            for first in range(0, len(readings), _ROWS_AT_ONCE):
                last = min(first + _ROWS_AT_ONCE, len(readings))
                part = table(recording, readings.at(np.arange(first, last)))
                part.insert(0, "path", file["path"])
                self._readings.add_table(part)
        return len(rows)

    def add_error(self, name: str, error: str) -> None:
        """A file that could not be read."""
        self._errors.add({"path": one_line(name), "error": error})

    def _csv(self, name: str, columns: tuple[str, ...]) -> CsvFile:
        return self._open.enter_context(csv_file(self._out / f"{name}.csv", columns))

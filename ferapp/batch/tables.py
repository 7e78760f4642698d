"""The results of a batch as seven tables; each row names its file."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ferapp.batch.items import Request
from ferapp.labels import UNSURE
from ferapp.pipeline.record import VideoRecord
from ferapp.sessions.formats.columns import CODED, schema
from ferapp.sessions.formats.exchange import table_parts
from ferapp.sessions.formats.headings import CORNERS
from ferapp.sessions.formats.spells import SPELL_COLUMNS, spells_table
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.system.csv_tables import CsvFile, csv_file
from ferapp.system.text import one_line
from ferapp.types import PictureRecord

_FILES: Final = (
    "path",
    "kind",
    "sha256",
    "width",
    "height",
    "faces",
    "frames",
    "duration_s",
    "is_whole",
    "damage",
    "notes",
    "result",
)
_FACES: Final = ("path", "face", *CORNERS, "score", "expression", "probability", "is_unsure")
_TRACKS: Final = ("path", "face", "first_s", "last_s", "readings")
# A batch knows no names.
_SPELLS: Final = SPELL_COLUMNS[:-1]


class Tables:
    """Writes the tables; a context manager that puts all of them in place at its end.

    Rows are in the order in which files are added. They are written as they come, so that no
    table has to fit into memory.

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
        labels, analysis = self._request.labels, self._request.settings.stream.analysis
        more = []
        if analysis.classes:
            more.append("share_kept")
        if analysis.with_smile:
            more.append("is_smiling")
        more.append("flaw")
        with self._open:
            self._files = self._csv("files", _FILES)
            self._faces = self._csv("faces", (*_FACES, *labels, *more))
            self._tracks = self._csv(
                "tracks",
                (*_TRACKS, *(f"{label}_s" for label in labels), "unsure_s", "unreadable_s"),
            )
            self._readings = self._csv("readings", ("path", *schema(labels, CODED).names))
            self._spells = self._csv("spells", ("path", *_SPELLS))
            self._skipped = self._csv("skipped", ("path", "reason"))
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

    def add_picture(self, name: str, sha256: str, key: str, record: PictureRecord) -> int:
        """Add a picture and its faces.

        Args:
            name: Its path.
            sha256: Of its file.
            key: Under which its result is stored.
            record: Its faces.

        Returns:
            How many faces there are.
        """
        file = {"path": one_line(name)}
        known = {"sha256": sha256, "result": key}
        size = {"width": record.width, "height": record.height, "faces": len(record.faces)}
        notes = {"notes": " ".join(record.notes)}
        rows = [
            face.to_json()
            | file
            | {"face": number, "probability": max(face.probabilities.values())}
            | dict(zip(CORNERS, face.box, strict=True))
            | face.probabilities
            for number, face in enumerate(record.faces, 1)
        ]
        self._files.add(file | {"kind": "picture"} | known | size | notes)
        for row in rows:
            self._faces.add(row)
        return len(rows)

    def add_video(
        self,
        name: str,
        sha256: str,
        key: str,
        record: VideoRecord,
        session: tuple[SessionInfo, Readings] | None,
    ) -> int:
        """Add a video, its faces and, where there are any, their readings.

        Args:
            name: Its path.
            sha256: Of its file.
            key: Under which its result is stored.
            record: Its faces.
            session: Its readings; None if it has no face.

        Returns:
            How many faces there are.
        """
        file = {"path": one_line(name)}
        known = {"sha256": sha256, "result": key}
        width, height = record.video.size_wh
        size = {"width": width, "height": height, "faces": len(record.tracks)}
        zeros = {f"{label}_s": 0.0 for label in (*self._request.labels, UNSURE)}
        rows = [
            track.to_json() | file | zeros | {f"{label}_s": s for label, s in track.seconds.items()}
            for track in record.tracks
        ]
        reading = {
            "frames": record.frames,
            "duration_s": record.duration_s,
            "is_whole": record.is_whole,
            "damage": record.damage,
            "notes": " ".join(record.notes),
        }
        self._files.add(file | {"kind": "video"} | known | size | reading)
        for row in rows:
            self._tracks.add(row)
        if session is not None:
            recording, readings = session
            for part in table_parts(recording, readings):
                part.insert(0, "path", file["path"])
                self._readings.add_table(part)
            spells = spells_table(recording, readings)
            spells.insert(0, "path", file["path"])
            self._spells.add_table(spells)
        return len(rows)

    def add_error(self, name: str, error: str) -> None:
        """Add a file that could not be read."""
        self._errors.add({"path": one_line(name), "error": error})

    def add_skipped(self, name: str, reason: str) -> None:
        """Add a file that was passed over."""
        self._skipped.add({"path": one_line(name), "reason": reason})

    def _csv(self, name: str, columns: tuple[str, ...]) -> CsvFile:
        return self._open.enter_context(csv_file(self._out / f"{name}.csv", columns))

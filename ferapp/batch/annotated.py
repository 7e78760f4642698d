"""A folder of annotated copies of pictures, and a table of their faces that grows with each run."""

import csv
import hashlib
import io
import itertools
import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Final

from ferapp.errors import StoreError
from ferapp.media.images import png_bytes
from ferapp.system.csv_tables import csv_bytes, remove_guard
from ferapp.system.files import lock_folder, write_whole
from ferapp.system.text import one_line
from ferapp.types import FrameAnalysis
from ferapp.vision.annotate import annotate, captions, colours, mark_landmarks
from ferapp.vision.crops import Image

TABLE: Final = "faces.csv"
"""Name of the table."""

# Leaves room for the suffix in file systems whose names are limited to 255 bytes.
_LONGEST_STEM: Final = 200
_NEEDED: Final = {"path", "annotated", "face"}

_Key = tuple[str, str]
_Row = dict[str, str]


class AnnotatedFolder:
    """Adds pictures to a folder in which earlier runs may have left some; nothing of them is lost.

    A picture is known by its path and content. One that is analysed again, or whose file has
    changed, replaces its own copy and rows; another one of the same file name gets a name with a
    number. Each row names the settings that made it. Several processes may add pictures at the same
    time.

    Args:
        folder: Made if it is missing.
        made_by: Settings, models and version of ferapp, as plain values.

    Attributes:
        other_rows: How many rows of other settings the table had at first.

    Raises:
        StoreError: The folder can't be made or written to, or its table is not one of these.
    """

    def __init__(self, folder: Path, made_by: Mapping[str, Any] | None = None) -> None:
        self._folder = folder
        self._settings = json.dumps(made_by, sort_keys=True) if made_by else ""
        self._columns: dict[str, None] = {}
        self._new: dict[_Key, list[_Row]] = {}
        self._former: set[_Key] = set()
        text = one_line(str(folder))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._taken = {name.casefold() for name in os.listdir(folder)}
        except OSError as exc:
            raise StoreError(f"The folder {text} can't be made: {exc.strerror or exc}.") from exc
        if not os.access(folder, os.W_OK):
            raise StoreError(f"The folder {text} can't be written to.")
        rows = self._read_table()[1]
        self._names = {_key(row): remove_guard(row["annotated"]) for row in rows}
        self._files = {_key(row): row["file_id"] for row in rows if row.get("file_id")}
        self.other_rows = sum(row.get("settings", "") != self._settings for row in rows)

    def add(
        self,
        path: str,
        sha256: str,
        image_rgb: Image,
        analysis: FrameAnalysis,
        *,
        file: Path | None = None,
    ) -> None:
        """Write the copy of a picture, and keep its rows for the table.

        Args:
            path: Path of the picture; text of others.
            sha256: Hash of its file, in hexadecimal.
            image_rgb: The picture, (h, w, 3) uint8.
            analysis: Its faces.
            file: The file that was read, if it was one: by this, its former content is known.

        Raises:
            StoreError: The copy could not be written.
        """
        if analysis.landmarks is not None:
            image_rgb = mark_landmarks(image_rgb, analysis.landmarks)
        copy = annotate(image_rgb, analysis.faces.xyxy, captions(analysis), colours(analysis))
        data = png_bytes(copy)
        key = (one_line(path), sha256)
        # A hash, since names of folders tell who somebody is.
        place = _short_hash(os.path.realpath(file)) if file else ""
        self._forget_former(key, place)
        with lock_folder(self._folder):
            name = self._name(key, data)
            write_whole(self._folder / name, data)
        self._names[key] = name
        self._taken.add(name.casefold())
        table = analysis.to_frame()
        table.insert(0, "path", key[0])
        table.insert(1, "annotated", name)
        table["sha256"] = sha256
        table["file_id"] = place
        table["settings"] = self._settings
        columns, self._new[key] = _parse(csv_bytes(table))
        self._columns |= dict.fromkeys(columns)

    def close(self) -> None:
        """Add the rows to the table, unless no picture was added.

        Raises:
            StoreError: The table could not be written; the previous one is unchanged.
        """
        if not self._new:
            return
        with lock_folder(self._folder):
            columns, earlier = self._read_table()
            gone = self._new.keys() | self._former
            rows = [row for row in earlier if _key(row) not in gone]
            rows += itertools.chain.from_iterable(self._new.values())
            out = io.StringIO(newline="")
            fields = list(dict.fromkeys(columns) | self._columns)
            table = csv.DictWriter(out, fields, restval="", lineterminator="\r\n")
            table.writeheader()
            table.writerows(rows)
            write_whole(self._folder / TABLE, out.getvalue().encode("utf-8-sig"))

    def _forget_former(self, key: _Key, place: str) -> None:
        """What the same file held before is replaced, its copy by that of what it holds now."""
        if not place:
            return
        former = [k for k, other in self._files.items() if other == place and k != key]
        for other in former:
            del self._files[other]
            self._former.add(other)
            self._new.pop(other, None)
            self._names.setdefault(key, self._names.pop(other))
        self._files[key] = place
        self._former.discard(key)

    def _name(self, key: _Key, data: bytes) -> str:
        """The name of a copy: the one that the picture has, or a free one."""
        if (known := self._names.get(key)) and PurePath(known).name == known:
            return known
        stem = os.fsencode(PurePath(key[0]).stem)[:_LONGEST_STEM].decode(errors="ignore")
        for number in itertools.count(1):
            name = f"{stem}.annotated{f'-{number}' if number > 1 else ''}.png"
            path = self._folder / name
            if name.casefold() not in self._taken and not os.path.lexists(path):
                break
            # A picture without faces has no rows that name its copy.
            if name not in self._names.values() and _holds(path, data):
                break
        return name

    def _read_table(self) -> tuple[list[str], list[_Row]]:
        """The columns and rows of the table as it is now; empty if there is none.

        Raises:
            StoreError: It is not one of these.
        """
        path = self._folder / TABLE
        try:
            columns, rows = _parse(path.read_bytes()) if path.exists() else ([], [])
        except (OSError, ValueError, csv.Error) as exc:
            raise StoreError(f"{TABLE} in that folder can't be read; choose another one.") from exc
        is_whole = all(None not in row and None not in row.values() for row in rows)
        if (columns and not set(columns) >= _NEEDED) or not is_whole:
            raise StoreError(
                f"{one_line(str(path))} is not a table that `analyze` has written, or another "
                "program has changed it. Choose another folder."
            )
        return columns, rows


def _parse(data: bytes) -> tuple[list[str], list[_Row]]:
    reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    rows = list(reader)
    return list(reader.fieldnames or ()), rows


def _key(row: _Row) -> _Key:
    """A picture: its path and the hash of its file, which tables of older versions lack."""
    return remove_guard(row["path"]), row.get("sha256", "")


def _short_hash(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:12]


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False

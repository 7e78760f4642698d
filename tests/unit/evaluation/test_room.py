"""Small data sets that claim much are refused before they fill the memory or the disk."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ferapp.errors import DataError
from ferapp.evaluation import room, sources, tar_files
from ferapp.evaluation.data_sets import load_split
from ferapp.evaluation.layouts import pixel_table as pixel_table_module
from ferapp.evaluation.sources import open_files
from tests.support.labelled import png


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def in_tar(path: Path, *entries: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as archive:
        for name, data in entries:
            entry = tarfile.TarInfo(name)
            entry.size, entry.type = len(data), kind
            archive.addfile(entry, io.BytesIO(data))
    return path


def read_test(path: Path) -> None:
    load_split(path, "Test", majority_only=True, may_lack_splits=True)


def test_pictures_of_one_colour_are_not_collected_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_FREE_BYTES", 1000)
    pictures = {f"{name}/{n}.png": png(n) for name in ("happy", "sad") for n in range(3)}
    read_test(zipped(tmp_path / "few.zip", **pictures))
    monkeypatch.setattr(room, "_TIMES", 1)
    with pytest.raises(DataError, match="unpack to more than"):
        read_test(zipped(tmp_path / "many.zip", **pictures))


def table(count: int, side: int = 2, end: bytes = b"\n") -> bytes:
    pixels = b" ".join([b"0"] * side**2)
    return b"emotion,pixels\n" + b"".join(b"%d,%s" % (n % 7, pixels) + end for n in range(count))


@pytest.mark.parametrize(
    ("name", "value", "data", "reason"),
    [
        ("_MOST_LINE", 100, table(9, end=b" " * 99), "more than 100 characters in a line"),
        ("MOST_ROWS", 5, table(9), "more than 5 rows"),
    ],
)
def test_lines_and_rows_of_a_table_are_limited(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: int,
    data: bytes,
    reason: str,
) -> None:
    path = zipped(tmp_path / "a.zip", **{"fer2013.csv": data})
    monkeypatch.setattr(pixel_table_module, name, value)
    with pytest.raises(DataError, match=reason):
        read_test(path)


def test_faces_of_a_table_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "a.zip", **{"fer2013.csv": table(50, side=100)})
    read_test(path)
    monkeypatch.setattr(room, "_FREE_BYTES", 1_000_000)
    with pytest.raises(DataError, match="unpack to more than"):
        read_test(path)


TARS: dict[str, Callable[[Path], Path]] = {
    "zeros": lambda path: in_tar(path, ("happy/1.png", bytes(3_000_000))),
    "many": lambda path: in_tar(path, *((f"happy/{n}.png", b"") for n in range(8))),
    "name": lambda path: in_tar(path, ("x", b"n" * 9000), kind=tarfile.GNUTYPE_LONGNAME),
}


@pytest.mark.parametrize("kind", TARS)
def test_a_tar_archive_unpacks_to_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = TARS[kind](tmp_path / "a.tar.gz")
    monkeypatch.setattr(room, "_FREE_BYTES", 1_000_000)
    monkeypatch.setattr(tar_files, "MOST_FILES", 5)
    reason = {"zeros": "unpack to more", "many": "more than 5 files", "name": None}[kind]
    if reason is None:
        monkeypatch.setattr(tar_files, "_MOST_AT_ONCE", 8000)
        # Its first header can't be read: it is no archive.
        with open_files(path) as files:
            assert files.names == ["a.tar.gz"]
        return
    with pytest.raises(DataError, match=reason), open_files(path):
        pass


def test_a_tar_archive_of_empty_files_does_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_FREE_BYTES", 100_000)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for number in range(300):
            archive.addfile(tarfile.TarInfo(f"test/happy/{number}.png"))
    with pytest.raises(DataError, match="unpack to more"), open_files(tmp_path / "a.tar.gz"):
        pass


def test_a_zip_of_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_FILES", 3)
    path = zipped(tmp_path / "a.zip", **{str(n): b"" for n in range(4)})
    with pytest.raises(DataError, match="more than 3 files"), open_files(path):
        pass


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_archives_are_read_however_they_are_packed(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    mode = ending.partition(".")[2]
    with tarfile.open(path, f"w:{mode}") as archive:
        for name in ("happy", "sad"):
            entry = tarfile.TarInfo(f"{name}/1.png")
            entry.size = len(png(5))
            archive.addfile(entry, io.BytesIO(png(5)))
    faces = load_split(path, "Test", majority_only=True, may_lack_splits=True)
    assert len(faces) == 2 and np.asarray(faces.images_rgb[0]).shape[2] == 3


def test_a_file_that_is_no_table_gives_a_message(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"a\rb,c" * 99)
    with pytest.raises(DataError, match="not a zip or tar archive"):
        read_test(path)

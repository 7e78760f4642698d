"""Archives of data sets: no name in one is ever a path, and a broken one is an error."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from ferapp.errors import DataError
from ferapp.evaluation.sources import open_files
from tests.support.class_folders import fer2013_folders, tarred, zipped


def test_a_tar_archive_writes_nothing_where_its_names_say(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("../victim", str(victim), "a/../../victim"):
            entry = tarfile.TarInfo(name)
            entry.size = 4
            archive.addfile(entry, io.BytesIO(b"evil"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(victim)
        archive.addfile(link)
    with open_files(path) as files:
        assert "link" not in files.names
        assert {files.read(name) for name in files.names} == {b"evil"}
    assert victim.read_text() == "mine" and sorted(os.listdir(tmp_path)) == ["evil.tar", "victim"]


def test_unpacked_files_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tarred(fer2013_folders(tmp_path / "data"))
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    with open_files(path) as files:
        assert files.names and list(place.iterdir())
    assert not list(place.iterdir())


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_that_is_cut_short_is_an_error(tmp_path: Path, pack) -> None:
    path = pack(fer2013_folders(tmp_path / "data"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"can't be read|Expected"), open_files(path) as files:
        from ferapp.evaluation.data_sets import _layout

        _layout(files)


def test_a_damaged_file_of_a_zip_is_an_error_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "x" * 100)
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)
    with open_files(path) as files, pytest.raises(DataError, match=r"a\.txt can't be read"):
        files.read("a.txt")


def test_names_of_zips_from_windows_have_folders(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("x")
        entry.filename = "happy\\1.png"
        archive.writestr(entry, "x")
    with open_files(path) as files:
        assert files.names == ["happy/1.png"] and files.below("") == ["happy"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_never_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with open_files(tmp_path) as files, pytest.raises(DataError, match="it is not a file"):
        files.read("pipe")

"""Temporary folders are private and always removed."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ferapp.system.scratch import clear, scratch

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and owners of POSIX")


@pytest.fixture
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def left_by(process: int | str, temp: Path, name: str = "abc") -> Path:
    folder = temp / f".ferapp-work-{process}-{name}"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "copy.mp4").write_bytes(b"x")
    return folder


def test_the_folder_is_private_and_removed_afterwards(temp: Path) -> None:
    with scratch() as folder, scratch() as other:
        assert folder.parent == temp and folder != other
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "deep").mkdir()
        (folder / "deep" / "copy.mp4").write_bytes(b"x")
    assert not list(temp.iterdir())


def test_the_folder_is_removed_after_an_exception(temp: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch() as folder:
        (folder / "copy.mp4").write_bytes(b"x")
        raise ZeroDivisionError
    assert not list(temp.iterdir())


def test_the_folder_may_be_removed_already(temp: Path) -> None:
    with scratch() as folder:
        folder.rmdir()


def test_folders_left_by_a_crash_are_removed(temp: Path, dead: int) -> None:
    left_by(dead, temp)
    left_by(dead, temp, "with-dashes")
    assert clear() == 2 and not list(temp.iterdir())
    assert clear() == 0


def test_clear_removes_the_folder_of_a_crashed_process(temp: Path) -> None:
    """The names that one function gives are those that the other one finds."""
    code = "import os\nfrom ferapp.system.scratch import scratch\nwith scratch():\n    os._exit(1)"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(temp)})
    assert len(list(temp.iterdir())) == 1
    assert clear() == 1 and not list(temp.iterdir())


def test_folders_in_use_are_kept(temp: Path) -> None:
    kept = [left_by(os.getppid(), temp, "parent"), left_by(1, temp, "first")]
    with scratch() as mine:
        assert clear() == 0
        assert mine.is_dir() and all((each / "deep" / "copy.mp4").exists() for each in kept)


def test_folders_of_others_are_kept(temp: Path, dead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = left_by(dead, temp)
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    assert clear() == 0 and (folder / "deep" / "copy.mp4").exists()


def test_a_link_is_not_followed(temp: Path, dead: int) -> None:
    """Otherwise anyone with write access to the folder could have anything removed."""
    precious = temp / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    link = temp / f".ferapp-work-{dead}-abc"
    link.symlink_to(precious)
    (temp / f".ferapp-work-{dead}-loop").symlink_to(temp / f".ferapp-work-{dead}-loop")
    assert clear() == 0
    assert (precious / "file").exists() and link.is_symlink()


@pytest.mark.parametrize(
    "name",
    [
        ".ferapp-work-abc-x",
        ".ferapp-work--5-x",
        ".ferapp-work-5",
        ".ferapp-work-",
        "other-{dead}-x",
        "ferapp-{dead}-x",
        ".ferapp-work-{huge}-x",
    ],
)
def test_names_that_are_not_ours_are_left_alone(temp: Path, dead: int, name: str) -> None:
    folder = temp / name.format(dead=dead, huge=10**30)
    folder.mkdir()
    ours = left_by(dead, temp, "zzz")
    assert clear() == 1 and folder.is_dir() and not ours.exists()

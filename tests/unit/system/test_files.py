"""Files are written completely or not at all."""

import errno
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ferapp.errors import StoreError
from ferapp.system.files import is_open_stream, lock_folder, open_folder, write_whole


def full(*_: Any, **__: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("data", [b"", b"new", bytes(3_000_000)], ids=["empty", "small", "large"])
def test_a_file_is_written(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "oturum 😀.csv"
    write_whole(path, data)
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002], ids=oct)
def test_the_umask_decides_who_may_read_the_file(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")
    path.chmod(0o600)
    before = os.umask(umask)
    try:
        write_whole(path, b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("step", ["builtins.open", "os.fsync", "os.replace"])
@pytest.mark.parametrize("old", [None, b"old"], ids=["no file", "old file"])
def test_a_failure_leaves_the_previous_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, old: bytes | None
) -> None:
    path = tmp_path / "a.csv"
    if old is not None:
        path.write_bytes(old)
    monkeypatch.setattr(step, full)
    with pytest.raises(StoreError, match=r"a\.csv could not be written: No space left") as caught:
        write_whole(path, b"new")
    monkeypatch.undo()
    assert str(tmp_path) not in str(caught.value), "folders tell who somebody is"
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if old is None else [old])


def test_a_partial_file_never_has_the_final_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "a.csv", []
    replace = os.replace

    def watched(source: Path, target: Path) -> None:
        seen.append((source.read_bytes(), source.parent, path.exists()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    write_whole(path, b"whole")
    assert seen == [(b"whole", tmp_path, False)]


def test_an_interruption_leaves_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.csv", b"new")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_synced_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def only_files(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            full()
        fsync(handle)

    monkeypatch.setattr(os, "fsync", only_files)
    write_whole(tmp_path / "a.csv", b"new")
    assert (tmp_path / "a.csv").read_bytes() == b"new"


@pytest.mark.parametrize("folder", ["missing", "a file"])
def test_a_missing_folder_gives_a_message(tmp_path: Path, folder: str) -> None:
    (tmp_path / "a file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"a\.csv could not be written"):
        write_whole(tmp_path / folder / "a.csv", b"new")


@pytest.mark.skipif(os.name != "posix", reason="pipes with names are POSIX")
def test_a_pipe_is_written_to_instead_of_being_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, b"new")
        assert os.read(reader, 10) == b"new" and os.listdir(tmp_path) == ["pipe"]
    finally:
        os.close(reader)


@pytest.mark.parametrize("kind", ["file", "folder", "device", "nothing"])
def test_a_link_is_replaced_and_not_written_through(tmp_path: Path, kind: str) -> None:
    others = tmp_path / "others"
    others.mkdir()
    (others / "file").write_bytes(b"theirs")
    target = {"file": others / "file", "folder": others, "device": Path("/dev/null")}
    path = tmp_path / "a.csv"
    path.symlink_to(target.get(kind, tmp_path / "nothing"))
    write_whole(path, b"new")
    assert path.read_bytes() == b"new" and not path.is_symlink()
    assert os.listdir(others) == ["file"] and (others / "file").read_bytes() == b"theirs"
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("depth", [1, 2])
def test_a_folder_that_became_a_link_is_refused(tmp_path: Path, depth: int) -> None:
    others, out = tmp_path / "others", tmp_path / "out"
    (others / "b").mkdir(parents=True)
    out.mkdir()
    (out / "a").symlink_to(others)
    folder = out / "a" if depth == 1 else out / "a" / "b"
    with pytest.raises(StoreError, match="a is a link"):
        write_whole(folder / "a.csv", b"new", inside=out)
    assert os.listdir(others) == ["b"] and os.listdir(others / "b") == []


def test_a_folder_that_becomes_a_link_meanwhile_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Race condition: between the look at the folder and the name that the file gets."""
    others, folder = tmp_path / "others", tmp_path / "out" / "a"
    others.mkdir()
    folder.mkdir(parents=True)
    fsync = os.fsync

    def swapped(handle: int) -> None:
        if not folder.is_symlink():
            folder.rename(tmp_path / "moved")
            folder.symlink_to(others)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", swapped)
    write_whole(folder / "a.csv", b"new", inside=tmp_path / "out")
    assert os.listdir(others) == [] and (tmp_path / "moved" / "a.csv").read_bytes() == b"new"


def test_the_folder_above_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real" / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link" / "a" / "b", b"new", inside=tmp_path / "link")
    assert (tmp_path / "real" / "a" / "b").read_bytes() == b"new"
    with open_folder(tmp_path / "link", inside=tmp_path / "link") as handle:
        assert handle is not None


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
def test_an_open_stream_is_not_a_file_with_a_name(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    zero = os.open("/dev/zero", os.O_RDONLY)
    try:
        assert is_open_stream(Path(f"/dev/fd/{reader}"))
        assert is_open_stream(Path(f"/proc/self/fd/{writer}"))
        assert not is_open_stream(Path(f"/dev/fd/{zero}")), "it never ends"
        write_whole(Path(f"/dev/fd/{writer}"), b"new")
        assert os.read(reader, 10) == b"new"
    finally:
        for handle in (reader, writer, zero):
            os.close(handle)
    os.mkfifo(tmp_path / "pipe")
    assert not any(map(is_open_stream, (tmp_path, tmp_path / "pipe", Path("/dev/fd/99999"))))


@pytest.mark.skipif(os.name != "posix", reason="locks of folders are POSIX")
def test_a_locked_folder_is_waited_for_or_refused(tmp_path: Path) -> None:
    with lock_folder(tmp_path) as is_locked:
        assert is_locked
        with pytest.raises(BlockingIOError), lock_folder(tmp_path, waits=False):
            pass
    with lock_folder(tmp_path, waits=False) as is_locked:
        assert is_locked and os.listdir(tmp_path) == []

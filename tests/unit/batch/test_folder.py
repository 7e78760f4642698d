"""Which files of a folder belong to a batch."""

import errno
import os
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from ferapp.batch.folder import MediaFile, describe_kinds, list_files
from tests.support.places import SAMPLES


def test_pictures_and_videos_are_listed_in_the_order_of_paths(folder: Path) -> None:
    names = ["B.JPG", "a.jpg/x.PnG", "a.mp4", "a/b.jpeg", "a/b/c.WebM", "a-b.png"]
    others = ["a/notes.txt", ".hidden.jpg", "a/.git/x.jpg", "out/x.jpg", "jpg"]
    for name in names + others:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    files = list_files(folder, without=folder / "out")
    media = [file for file in files if not file.is_other]
    assert [file.name for file in media] == sorted(names)
    assert [file.kind for file in media if file.name.startswith("a/")] == ["picture", "video"]
    skipped = [file.name for file in files if file.is_other]
    assert skipped == [".hidden.jpg", "a/.git", "a/notes.txt", "jpg"]
    assert all(file.kind is None for file in files if file.is_other)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        pytest.param("notes.txt", b"hello", "ending .txt is not one", id="text"),
        pytest.param("photo.xcf", b"gimp xcf", "ending .xcf is not one", id="unknown picture"),
        pytest.param("photo", b"nothing", "no ending", id="no ending"),
        pytest.param("photo.jpg.part", b"\xff\xd8\xff", "looks like a picture", id="download"),
        pytest.param("IMG_0001", b"\x89PNG\r\n\x1a\n", "looks like a picture", id="no ending, PNG"),
        pytest.param("clip.LRV", b"\0\0\0\x14ftypisom", "looks like a video", id="video"),
        pytest.param(".x.jpg", b"\xff\xd8\xff", "hidden", id="hidden"),
        pytest.param("a.\x1b[31m", b"", "ending .\ufffd[31m is", id="hostile name"),
    ],
)
def test_a_file_that_is_passed_over_has_a_reason(
    folder: Path, name: str, data: bytes, expected: str
) -> None:
    (folder / name).write_bytes(data)
    [file] = list_files(folder, without=folder / "out")
    assert file.is_other and file.name == name and expected in file.reason
    assert file.reason.endswith(".")


def test_an_unreadable_file_of_another_kind_is_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    (folder / "notes.txt").touch()
    monkeypatch.setattr("builtins.open", refuse)
    [file] = list_files(folder, without=folder / "out")
    assert file.is_other and "Permission denied" in file.reason


def test_kinds_are_described_with_the_most_frequent_first() -> None:
    names = ["a.HEIC", "b.heic", ".DS_Store", "c", *(f"d.{n}" for n in range(5))]
    text = describe_kinds([MediaFile(name, None, "", True) for name in names])
    assert text.startswith("2 .heic, 1 hidden, 1 without an ending, 1 .0")
    assert text.endswith(" and 3 others") and describe_kinds([]) == ""


def test_samples_that_ship_are_all_named(tmp_path: Path) -> None:
    listed = [file.name for file in list_files(SAMPLES, without=tmp_path)]
    assert sorted(listed) == sorted(os.listdir(SAMPLES))


def test_links_that_leave_the_folder_and_special_files_are_not_read(folder: Path) -> None:
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "sub" / "a.jpg").touch()
    (folder.parent / "outside").mkdir()
    (folder.parent / "outside" / "secret.jpg").touch()
    for name, target in {
        "file.jpg": "sub/a.jpg",
        "again": "sub",
        "once more": "sub",
        "sub/deep/up": "../..",
        "out.jpg": "../outside/secret.jpg",
        "out": "../outside",
        "gone.jpg": "nowhere.jpg",
        "gone": "nowhere",
        "loop.jpg": "loop.jpg",
        "null.jpg": "/dev/null",
        "notes.txt": "../outside/secret.jpg",
    }.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.mp4")
    os.mkfifo(folder / "other pipe")
    files = {file.name: file for file in list_files(folder, without=folder / "results")}
    good = {name for name, file in files.items() if file.kind}
    assert good == {"sub/a.jpg", "file.jpg", "again/a.jpg"}
    reasons = {name: file.reason for name, file in files.items() if not file.kind}
    for name, expected in {
        "once more": "another link",
        "sub/deep/up": "leads back",
        "again/deep/up": "leads back",
        "out.jpg": "out of the folder",
        "out": "out of the folder",
        "gone.jpg": "does not exist",
        "loop.jpg": "back to itself",
        "null.jpg": "out of the folder",
        "pipe.mp4": "pipe",
        "other pipe": "pipe",
        "gone": "does not exist",
        "notes.txt": "out of the folder",
    }.items():
        assert expected in reasons.pop(name)
    assert not reasons


def test_a_tree_deeper_than_the_recursion_limit_is_listed(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=handle)
        below = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(os.open("x.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    files = list_files(folder, without=folder / "results")
    subprocess.run(["rm", "-r", folder / "d"], check=True)  # pytest could not
    assert files[0].name.count("/") == 1500 and files[0].kind == "picture"

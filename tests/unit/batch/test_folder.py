"""Which files of a folder belong to a batch."""

import os
import subprocess
from pathlib import Path

from ferapp.batch.folder import list_media


def test_pictures_and_videos_are_listed_in_the_order_of_paths(folder: Path) -> None:
    names = ["B.JPG", "a.jpg/x.PnG", "a.mp4", "a/b.jpeg", "a/b/c.WebM", "a-b.png"]
    others = ["a/notes.txt", ".hidden.jpg", "a/.git/x.jpg", "out/x.jpg", "jpg"]
    for name in names + others:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    files = list_media(folder, without=folder / "out")
    assert [file.name for file in files] == sorted(names)
    assert [file.kind for file in files if file.name.startswith("a/")] == ["picture", "video"]


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
    files = {file.name: file for file in list_media(folder, without=folder / "results")}
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
    files = list_media(folder, without=folder / "results")
    subprocess.run(["rm", "-r", folder / "d"], check=True)  # pytest could not
    assert files[0].name.count("/") == 1500 and files[0].kind == "picture"

"""Data sets under git-annex (DataLad): every picture is a link into the repository."""

import os
import shutil
from pathlib import Path

import pytest

from ferapp.batch.annex import pointer_text
from ferapp.batch.folder import list_files
from tests.support.batch_runs import read_table, run_batch, write_grey_picture
from tests.support.cli import ferapp as run_ferapp
from tests.support.places import SAMPLES

KEY = "MD5E-s12--0123456789abcdef.jpg"


def annexed(link: Path, objects: Path, data: bytes | None = b"picture") -> Path:
    """A link as git-annex makes it; without its content if that was not fetched."""
    target = objects / "Xw" / "9q" / f"{link.name}-{KEY}" / f"{link.name}-{KEY}"
    if data is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(target, link.parent))
    return link


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    (tmp_path / "ds" / ".git").mkdir(parents=True)
    for subject in ("sub-01", "sub-02"):
        annexed(tmp_path / "ds" / subject / "face.jpg", tmp_path / "ds" / ".git/annex/objects")
    return tmp_path / "ds"


def reasons(folder: Path, **options: bool) -> dict[str, str]:
    return {
        file.name: file.reason for file in list_files(folder, without=folder / "out", **options)
    }


@pytest.mark.parametrize("below", ["", "sub-01"])
def test_a_part_of_a_data_set_is_read_like_all_of_it(data_set: Path, below: str) -> None:
    found = {name: reason for name, reason in reasons(data_set / below).items() if name != ".git"}
    assert found == dict.fromkeys(
        ["face.jpg"] if below else ["sub-01/face.jpg", "sub-02/face.jpg"], ""
    )


def test_a_folder_deep_in_a_data_set_and_a_link_to_one_are_read(
    data_set: Path, tmp_path: Path
) -> None:
    deep = data_set / "derivatives" / "faces" / "sub-03" / "ses-1"
    annexed(deep / "face.jpg", data_set / ".git" / "annex" / "objects")
    assert reasons(deep) == {"face.jpg": ""}
    (tmp_path / "link").symlink_to(deep)
    assert reasons(tmp_path / "link") == {"face.jpg": ""}


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_data_set_inside_another_keeps_its_content_there(data_set: Path, kind: str) -> None:
    """Git names its own folder in a file; git-annex makes that a link."""
    own = data_set / ".git" / "modules" / "inner"
    own.mkdir(parents=True)
    inner = data_set / "inner"
    annexed(inner / "sub-01" / "face.jpg", own / "annex" / "objects")
    if kind == "file":
        (inner / ".git").write_text("gitdir: ../.git/modules/inner\n")
    else:
        (inner / ".git").symlink_to("../.git/modules/inner")
    assert reasons(inner / "sub-01") == {"face.jpg": ""}
    assert reasons(inner)["sub-01/face.jpg"] == ""


def test_another_working_tree_shares_the_content(data_set: Path, tmp_path: Path) -> None:
    own = data_set / ".git" / "worktrees" / "other"
    own.mkdir(parents=True)
    (own / "commondir").write_text("../..\n")
    tree = tmp_path / "other"
    annexed(tree / "sub-09" / "face.jpg", data_set / ".git" / "annex" / "objects")
    (tree / ".git").write_text(f"gitdir: {own}\n")
    assert reasons(tree / "sub-09") == {"face.jpg": ""}


def test_links_to_anything_else_are_followed_only_on_request(
    data_set: Path, tmp_path: Path
) -> None:
    subject = data_set / "sub-01"
    write_grey_picture(tmp_path / "elsewhere" / "secret.jpg", 1)
    (tmp_path / "strange" / ".git").mkdir(parents=True)
    strange = tmp_path / "strange" / ".git" / "annex" / "objects"
    annexed(subject / "strange.jpg", strange)
    (subject / "secret.jpg").symlink_to(tmp_path / "elsewhere" / "secret.jpg")
    (subject / "config.jpg").symlink_to("../.git/config.jpg")
    (data_set / ".git" / "config.jpg").touch()
    (subject / "all").symlink_to(tmp_path / "elsewhere")
    found = reasons(subject)
    assert found.pop("face.jpg") == "" and len(found) == 4
    assert all("--follow-links" in reason for reason in found.values())
    followed = reasons(subject, follows_links=True)
    assert followed == dict.fromkeys(
        ["all/secret.jpg", "config.jpg", "face.jpg", "secret.jpg", "strange.jpg"], ""
    )


def test_links_that_are_followed_end(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.jpg").touch()
    (tmp_path / "a" / "to b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "to a").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    found = reasons(tmp_path / "a", follows_links=True)
    assert [name for name, reason in found.items() if not reason] == ["a.jpg", "to b/b.jpg"]
    assert "is read already" in found["to b/to a"] and "leads back" in found["up"]


def test_content_that_was_not_fetched_is_named(data_set: Path, tmp_path: Path) -> None:
    subject = data_set / "sub-01"
    annexed(subject / "later.jpg", data_set / ".git" / "annex" / "objects", None)
    (subject / "gone.jpg").symlink_to("nowhere.jpg")
    found = reasons(subject)
    assert "datalad get" in found["later.jpg"] and "does not exist" in found["gone.jpg"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"/annex/objects/MD5E-s12--0123.jpg\n", "datalad get", id="git-annex"),
        pytest.param(
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
            "git lfs pull",
            id="Git LFS",
        ),
        pytest.param(b"nothing", "not a supported picture", id="junk"),
    ],
)
def test_a_file_in_the_place_of_its_content_is_named(
    folder: Path, data: bytes, expected: str
) -> None:
    (folder / "a.jpg").write_bytes(data)
    (folder / "b.mp4").write_bytes(data)
    assert run_batch(folder).failed == 2
    errors = read_table(folder, "errors")["error"]
    assert expected in errors[0] and (expected in errors[1] or expected.startswith("not"))
    assert pointer_text(folder / "nowhere.jpg") == ""


def test_the_command_reads_a_subject_and_follows_links_on_request(data_set: Path) -> None:
    subject = data_set / "sub-01"
    (subject / "face.jpg").unlink()
    annexed(
        subject / "woman.jpg",
        data_set / ".git" / "annex" / "objects",
        (SAMPLES / "astronaut.jpg").read_bytes(),
    )
    shutil.copy(SAMPLES / "mona-lisa.jpg", data_set / "shared.jpg")
    (subject / "shared.jpg").symlink_to("../shared.jpg")
    out = data_set / "derivatives"
    run = run_ferapp("batch", subject, "--out", out, "--workers", 1)
    assert run.returncode == 1 and "1 picture " in run.stdout
    assert "--follow-links" in (out / "errors.csv").read_text("utf-8-sig")
    run = run_ferapp("batch", subject, "--out", out, "--workers", 1, "--follow-links")
    assert run.returncode == 0 and "2 pictures" in run.stdout and "1 were done before" in run.stdout

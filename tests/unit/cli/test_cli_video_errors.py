"""``ferapp video`` when something is wrong: usage, files, a full disk."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ferapp.cli import video as command
from ferapp.errors import UserError
from ferapp.pipeline import build
from ferapp.pipeline.annotated_copy import copy
from ferapp.ui.live.webcam import demo_frame
from ferapp.vision.crops import resize
from tests.support.cli import ferapp
from tests.support.video_command import HALF, run_video, video_result
from tests.support.videos import truncate, write_video

pytestmark = pytest.mark.usefixtures("wide_terminal")


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if any work begins."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("work has begun")

    monkeypatch.setattr(build, "load_analyzer", refuse)
    monkeypatch.setattr(command, "_analyse", refuse)


def test_the_readable_part_of_a_damaged_video_is_kept(pair: bytes, tmp_path: Path) -> None:
    frames = [resize(demo_frame(2 + n / 10), HALF) for n in range(30)]
    path = write_video(tmp_path / "a.mp4", frames, options={"movflags": "+faststart"})
    truncate(path, 0.6)
    summary = video_result(path)
    assert (
        summary["is_partial"] is True and 5 < summary["frames"] < 30 and len(summary["notes"]) == 1
    )
    assert summary["tracks"] and summary["duration_s"] < 3
    result = run_video(path)
    assert result.exit_code == 0 and summary["notes"][0] in result.stderr
    assert "Traceback" not in result.stderr and "happiness" in result.stdout


Wrong = Callable[[Path, Path], list[object]]


WRONG: dict[str, tuple[Wrong, str]] = {
    "the copy is the video": (lambda clip, out: ["--out", clip], "this is the video itself"),
    "the table is the video": (lambda clip, out: ["--csv", clip], "this is the video itself"),
    "by another name": (
        lambda clip, out: ["--out", link_to(out / "link.mp4", clip)],
        "this is the video itself",
    ),
    "by a path with dots": (
        lambda clip, out: ["--parquet", out / ".." / "in" / "clip.mp4"],
        "this is the video itself",
    ),
    "a folder that is missing": (
        lambda clip, out: ["--csv", out / "new" / "a.csv"],
        "can't be written",
    ),
    "a folder": (lambda clip, out: ["--out", out], "can't be written"),
    "a copy on standard output": (lambda clip, out: ["--out", "-"], "give a file name"),
    "parquet on standard output": (lambda clip, out: ["--parquet", "-"], "give a file name"),
    "two results on standard output": (
        lambda clip, out: ["--csv", "-", "--json"],
        "both would go to standard output",
    ),
    "by its device": (
        lambda clip, out: ["--csv", "/dev/stdout", "--json"],
        "both would go to standard output",
    ),
    "a name twice": (
        lambda clip, out: ["--csv", out / "a", "--parquet", out / "a"],
        "need different names",
    ),
    "a name twice in two ways": (
        lambda clip, out: ["--csv", out / "a", "--out", out / ".." / "out" / "a"],
        "need different names",
    ),
    "faces": (lambda clip, out: ["--faces", "the left one"], "numbers separated by commas"),
    "half a face": (lambda clip, out: ["--faces", "1.5"], "numbers separated by commas"),
    "no frames per second": (lambda clip, out: ["--per-second", 0], "--per-second"),
    "not a number": (lambda clip, out: ["--per-second", "nan"], "--per-second"),
    "one class": (lambda clip, out: ["--classes", "fear"], "at least two"),
    "threshold": (lambda clip, out: ["--unsure-below", 1.5], "--unsure-below"),
    "never": (lambda clip, out: ["--detect-every", 0], "--detect-every"),
}


def link_to(link: Path, target: Path) -> Path:
    link.symlink_to(target)
    return link


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_usage_is_refused_before_any_work(
    wrong: str, clip: Path, out: Path, pair: bytes
) -> None:
    make, message = WRONG[wrong]
    args = make(clip, out)
    before = sorted(out.iterdir())
    result = run_video(clip, *args)
    assert result.exit_code == 2, (result.exception, result.stdout)
    assert message in result.stderr and "Traceback" not in result.stderr and result.stdout == ""
    assert clip.read_bytes() == pair and sorted(out.iterdir()) == before


def test_an_unknown_class_is_wrong_usage(clip: Path) -> None:
    result = run_video(clip, "--classes", "joy,fear")
    assert result.exit_code == 2 and "unknown: joy; there are" in result.stderr


UNREADABLE = {
    "missing": (lambda path: None, "no file of that name"),
    "a folder": (lambda path: path.mkdir(), "a folder"),
    "a pipe": (lambda path: os.mkfifo(path), "Not a file"),
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "text": (lambda path: path.write_text("no video"), "not a video"),
    "cut": (
        lambda path: path.write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(99)),
        "damaged or cut short",
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_unreadable_file_is_one_message(kind: str, tmp_path: Path, out: Path) -> None:
    make, message = UNREADABLE[kind]
    path = tmp_path / "x.mp4"
    make(path)
    targets = ("--out", out / "a.mp4", "--csv", out / "a.csv", "--parquet", out / "a.parquet")
    result = run_video(path, *targets)
    assert result.exit_code == 1 and isinstance(result.exception, UserError)
    sentence = str(result.exception)
    assert sentence.startswith(f"{path}: ") and message in sentence and sentence.endswith(".")
    result = run_video(path, "--json", *targets)
    assert result.exit_code == 1 and result.stderr == ""
    assert json.loads(result.stdout) == {"path": str(path), "error": sentence[len(f"{path}: ") :]}
    assert not list(out.iterdir()), "no partial file"


def test_an_error_is_one_line_in_a_shell(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[31m[bold]x\n.mp4"
    path.write_text("no video")
    done = ferapp("video", path)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("ferapp: ") and done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr and "[bold]x" in done.stderr
    assert "Traceback" not in done.stderr and "not a video" in done.stderr


def test_a_failed_copy_leaves_the_old_file(
    clip: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "copy.mp4").write_bytes(b"the old one")
    real = copy.Child
    monkeypatch.setattr(
        copy, "Child", lambda _, *args, **options: real("nothing", *args, **options)
    )
    result = run_video(clip, "--out", out / "copy.mp4", "--json")
    summary = json.loads(result.stdout)
    assert result.exit_code == 1 and "error" in summary
    assert summary["tracks"], "what was found is printed all the same"
    assert [file.name for file in out.iterdir()] == ["copy.mp4"]
    assert (out / "copy.mp4").read_bytes() == b"the old one"


def test_a_failed_table_leaves_the_old_file(
    clip: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "a.csv").write_bytes(b"the old one")

    def full(*_: object) -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ferapp.sessions.formats.exchange.csv_parts", full)
    result = run_video(clip, "--csv", out / "a.csv", "--parquet", out / "a.parquet")
    assert result.exit_code == 1 and "No space left on device" in str(result.exception)
    assert isinstance(result.exception, UserError)
    assert "happiness" in result.stdout, "what was found is printed all the same"
    (out / "a.parquet").unlink()  # the other files are written, if there is room
    assert [file.name for file in out.iterdir()] == ["a.csv"]
    assert (out / "a.csv").read_bytes() == b"the old one"


def test_a_full_disk_leaves_no_part_and_the_result_is_printed(clip: Path, small_disk: Path) -> None:
    (small_disk / "fill").write_bytes(bytes(64_000))
    targets = ("--csv", small_disk / "a.csv", "--parquet", small_disk / "a.parquet")
    result = run_video(clip, "--json", *targets, "--out", small_disk / "a.mp4")
    summary = json.loads(result.stdout)
    assert result.exit_code == 1 and len(summary["tracks"]) == 2
    for name in ("a.csv", "a.parquet", "copy"):
        assert name in summary["error"]
    assert [path.name for path in small_disk.iterdir()] == ["fill"]


def test_faces_that_the_video_does_not_have_are_named(clip: Path, out: Path) -> None:
    summary = video_result(clip, "--faces", "2,9", "--out", out / "a.mp4")
    assert any("names 9" in note and "its faces are 1, 2." in note for note in summary["notes"])
    result = run_video(clip, "--faces", "2,9", "--out", out / "a.mp4")
    assert result.exit_code == 0 and "names 9" in " ".join(result.stderr.split())
    assert video_result(clip, "--faces", "1,2", "--out", out / "a.mp4")["notes"] == []

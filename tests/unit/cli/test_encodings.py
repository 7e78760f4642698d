"""Output that is not UTF-8, as on Windows, or that can't be written."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas
import pytest
from PIL import Image

from ferapp.media.images import read_image
from ferapp.system.text import replace_unprintable
from tests.support.places import ROOT, SAMPLES
from tests.support.videos import noisy_frames, write_video

NAME = "日本é😀я.jpg"
ENCODINGS = ["cp1251", "cp437", "cp1252", "ascii", "latin-1", "utf-8"]
every_encoding = pytest.mark.parametrize("encoding", ENCODINGS)


def run(encoding: str, *args: object, **env: str) -> tuple[int, str, str]:
    """Exit status and both outputs, which must be text in that encoding."""
    done = subprocess.run(
        [sys.executable, "-m", "ferapp", *map(str, args)],
        capture_output=True,
        cwd=ROOT,
        timeout=100,
        env={**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "250", **env},
    )
    out, err = done.stdout.decode(encoding), done.stderr.decode(encoding)
    assert "Traceback" not in err
    return done.returncode, out, err


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("фото") / NAME
    path.write_bytes((SAMPLES / "astronaut.jpg").read_bytes())
    return path


@every_encoding
def test_pictures_are_analysed(encoding: str, picture: Path, tmp_path: Path) -> None:
    status, out, err = run(encoding, "analyze", picture, f"{picture}.png", "--out", tmp_path)
    assert status == 1 and "happiness" in out and "no file of that name" in err
    assert NAME.encode(encoding, "replace").decode(encoding) in out
    table = pandas.read_csv(tmp_path / "faces.csv", encoding="utf-8-sig")
    assert table["path"].tolist() == [str(picture)], "files that we write stay UTF-8"


def test_a_long_path_is_printed_whole(tmp_path: Path) -> None:
    folder = tmp_path / "a long name of a folder" / "and of another one within it"
    folder.mkdir(parents=True)
    picture, blank, absent = folder / "picture.jpg", folder / "blank.png", folder / "absent.jpg"
    picture.write_bytes((SAMPLES / "astronaut.jpg").read_bytes())
    Image.new("RGB", (64, 64)).save(blank)
    _, out, err = run("utf-8", "analyze", picture, blank, absent, COLUMNS="40")
    assert str(picture) in out and f"{blank}: no face found." in out and str(absent) in err
    clip = write_video(folder / "clip.mp4", noisy_frames(4))
    assert str(clip) in run("utf-8", "video", clip, COLUMNS="40")[1]
    faces = write_video(folder / "faces.mp4", [read_image(picture.read_bytes())] * 4)
    assert str(faces) in run("utf-8", "video", faces, COLUMNS="40")[1]


@every_encoding
def test_json_is_exact_in_every_encoding(encoding: str, picture: Path) -> None:
    status, out, err = run(encoding, "analyze", picture, f"{picture}.png", "--json")
    read, missing = map(json.loads, out.splitlines())
    assert status == 1 and "could not be read" in err
    assert read["path"] == str(picture) and missing["path"] == f"{picture}.png"


@every_encoding
def test_a_video_is_analysed(encoding: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / "видео日.mp4", noisy_frames(4))
    status, out, _ = run(encoding, "video", path)
    assert status == 0 and "4 frames of" in out


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("--help",), id="help"),
        pytest.param(("video", "--help"), id="help of a command"),
        pytest.param(("analyze", "--日本"), id="usage"),
        pytest.param(("analyze", "x", "--detector", "日本"), id="error"),
        pytest.param(("models", "list"), id="models"),
        pytest.param(("sessions", "import", "日本.csv"), id="sessions"),
        pytest.param(("batch", "docs", "--out", "/dev/null/日本"), id="batch"),
        pytest.param(("doctor", "--json"), id="doctor"),
    ],
)
def test_no_command_ends_with_a_traceback(args: tuple[str, ...], tmp_path: Path) -> None:
    run("ascii", *args, FERAPP_DATA_DIR=str(tmp_path / "日本"))


def test_output_that_is_no_stream_of_text_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    monkeypatch.setattr(sys, "stderr", None)  # as under pythonw, and where it was closed
    replace_unprintable()
    narrow.write("日a")
    narrow.flush()
    assert narrow.buffer.getvalue() == b"?a"  # type: ignore[attr-defined]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
def test_output_that_cannot_be_written_gives_one_sentence(more: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ferapp", "analyze", SAMPLES / "astronaut.jpg", *more],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            timeout=100,
        )
    assert done.returncode == 1
    assert done.stderr == "ferapp: The output could not be written: No space left on device.\n"

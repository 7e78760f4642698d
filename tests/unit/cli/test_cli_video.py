"""``ferapp video`` as others script against it: its keys and its files."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas
import pytest

from ferapp.cli import video as command
from ferapp.inference.manifest import manifest
from ferapp.pipeline import build
from ferapp.pipeline.annotated_copy import copy, overlay
from ferapp.pipeline.clip import Clip, ClipAnalysis
from ferapp.sessions.formats.exchange import read
from tests.support.cli import ferapp
from tests.support.places import ROOT
from tests.support.sessions import assert_same_readings
from tests.support.video_command import FRAMES, run_video, video_result
from tests.support.videos import numbered_frames, times_of, write_video

pytestmark = pytest.mark.usefixtures("wide_terminal")

KEYS = [
    "path",
    "width",
    "height",
    "frames",
    "duration_s",
    "tracks",
    "readings",
    "from_s",
    "to_s",
    "region",
    "video_track",
    "codec",
    "frames_per_second",
    "has_sound",
    "is_partial",
    "scenes",
    "notes",
    "detector",
    "classifier",
    "took_s",
]


@pytest.fixture
def read_clips(monkeypatch: pytest.MonkeyPatch) -> list[Clip]:
    """The clips that the command has read."""
    clips: list[Clip] = []
    real = command._analyse

    def analyse(*args: Any) -> Clip:
        clips.append(real(*args))
        return clips[-1]

    monkeypatch.setattr(command, "_analyse", analyse)
    return clips


def test_json_has_every_key(clip: Path) -> None:
    done = ferapp("video", clip, "--json")
    assert done.returncode == 0 and done.stdout.count("\n") == 1
    assert done.stderr == "", "a progress bar is for terminals"
    result = json.loads(done.stdout)
    assert list(result) == KEYS
    assert result["path"] == str(clip) and (result["width"], result["height"]) == (640, 240)
    assert result["frames"] == FRAMES and result["duration_s"] == pytest.approx(FRAMES / 10)
    assert (result["codec"], result["frames_per_second"], result["has_sound"]) == ("h264", 10, True)
    assert result["is_partial"] is False and result["notes"] == [] and result["took_s"] > 0
    defaults = manifest().defaults
    assert (result["detector"], result["classifier"]) == (defaults.detector, defaults.classifier)
    first, second = result["tracks"]
    assert list(first) == ["face", "first_s", "last_s", "readings", "seconds", "unreadable_s"]
    assert (first["face"], second["face"]) == (1, 2) and first["readings"] < second["readings"]
    assert first["readings"] + second["readings"] == result["readings"]
    assert first["first_s"] < first["last_s"] < 1 and second["last_s"] == pytest.approx(2.3)
    assert list(first["seconds"]) == ["happiness"] and list(second["seconds"]) == ["neutral"]
    assert second["seconds"]["neutral"] == pytest.approx(second["readings"] / 10)


def test_the_table_lists_each_face(clip: Path) -> None:
    result = run_video(clip)
    assert result.exit_code == 0 and result.stderr == ""
    assert f"{FRAMES} frames of 640 × 240 in 2.4 s" in " ".join(result.stdout.split())
    lines = [line for line in result.stdout.splitlines() if "%" in line]
    assert len(lines) == 2 and "neutral 100%" in lines[0] and "happiness 100%" in lines[1]
    assert "2.3 s" in lines[0], "the longest comes first"


def test_a_video_without_faces_gives_empty_results(tmp_path: Path, out: Path) -> None:
    path = write_video(tmp_path / "nobody.mp4", numbered_frames(5))
    csv, parquet, mp4 = out / "a.csv", out / "a.parquet", out / "a.mp4"
    result = run_video(path, "--csv", csv, "--parquet", parquet, "--out", mp4)
    assert result.exit_code == 0 and result.stdout.endswith("no face found.\n")
    assert len(csv.read_bytes().splitlines()) == 1, "a header"
    for file in (csv, parquet):
        assert len(read(file.name, file.read_bytes())[1]) == 0
    assert len(times_of(mp4)) == 5
    whole = video_result(path)
    assert whole["tracks"] == [] and whole["readings"] == 0 and whole["frames"] == 5


def test_files_hold_every_reading_with_its_time(
    clip: Path, out: Path, read_clips: list[Clip]
) -> None:
    files = [out / "a.csv", out / "a.parquet"]
    spells = out / "spells.csv"
    summary = video_result(clip, "--csv", files[0], "--parquet", files[1], "--spells", spells)
    table = pandas.read_csv(spells, encoding="utf-8-sig")
    assert (table["end_s"] > table["begin_s"]).all() and set(table["face"]) == {1, 2}
    assert table["end_s"].max() <= summary["duration_s"]
    its = read_clips[0]
    assert summary["readings"] == len(its.readings) > 20
    for file in files:
        recording, readings = read(file.name, file.read_bytes())
        assert recording.labels == its.labels
        assert_same_readings(readings, its.readings)
    assert recording.source == "video" and recording.title == "clip"
    assert recording.settings["per_second"] is None and recording.models["detector"]["name"]
    assert (np.diff(readings.at_s) >= 0).all() and readings.at_s[-1] == pytest.approx(2.3)
    assert np.unique(readings.at_s * 10).round(3).tolist() == list(
        range(round(10 * readings.at_s[0]), FRAMES)
    )
    header = files[0].read_text("utf-8-sig").splitlines()[0]
    assert header.startswith("time_s,face,") and "p_happiness" in header


def test_the_copy_has_the_same_frames_and_sound(clip: Path, out: Path) -> None:
    summary = video_result(clip, "--out", out / "copy.mp4")
    assert summary["notes"] == []
    with av.open(str(out / "copy.mp4")) as copy:
        assert "mp4" in copy.format.name
        assert [s.codec_context.name for s in copy.streams] == ["h264", "aac"]
        size = copy.streams.video[0].codec_context
        assert (size.width, size.height) == (640, 240)
    assert times_of(out / "copy.mp4") == pytest.approx(times_of(clip), abs=1e-3)
    assert len(times_of(out / "copy.mp4", "audio")) == len(times_of(clip, "audio"))
    assert [file.name for file in out.iterdir()] == ["copy.mp4"], "and no other file"
    before = (out / "copy.mp4").read_bytes()
    run_video(clip, "--out", out / "copy.mp4", "--faces", "all")
    assert (out / "copy.mp4").read_bytes() != before, "the existing file is replaced"


@pytest.fixture(scope="module")
def whole(pair: bytes, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The clip of the video of two faces."""
    path = tmp_path_factory.mktemp("whole") / "pair.mp4"
    path.write_bytes(pair)
    with ClipAnalysis(path, build.load_analyzer(None, None, threads=2)) as analysis:
        for _ in analysis:
            pass
        return analysis.result()


class FakeCopy:
    """Copies nothing."""

    note = "Nothing was copied."

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> "FakeCopy":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[float]:
        return iter([0.0])


@pytest.mark.parametrize(
    ("args", "shown", "hides"),
    [
        pytest.param((), {2}, True, id="by default"),
        pytest.param(("--faces", "longest"), {2}, True, id="longest"),
        pytest.param(("--faces", "all"), None, True, id="all"),
        pytest.param(("--faces", ""), set(), True, id="empty"),
        pytest.param(("--faces", "none"), set(), True, id="none"),
        pytest.param(("--faces", "1"), {1}, True, id="one"),
        pytest.param(("--faces", "2, 1"), {1, 2}, True, id="two"),
        pytest.param(("--faces", "1", "--no-blur"), {1}, False, id="without blur"),
    ],
)
def test_the_faces_option_decides_who_is_visible_in_the_copy(
    args: tuple[str, ...],
    shown: set[int] | None,
    hides: bool,
    whole: Clip,
    clip: Path,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[Clip, frozenset[int] | None, bool]] = []

    def of_clip(clip: Clip, shown: frozenset[int] | None, *, hides_others: bool) -> None:
        asked.append((clip, shown, hides_others))

    monkeypatch.setattr(command, "_analyse", lambda *_: whole)
    monkeypatch.setattr(overlay.Overlay, "of_clip", of_clip)
    monkeypatch.setattr(copy, "AnnotatedCopy", FakeCopy)
    summary = video_result(clip, "--out", out / "a.mp4", *args)
    [(copied, *how)] = asked
    assert copied.readings is whole.readings and how == [shown, hides]
    assert whole.every_s == pytest.approx(0.1)
    assert summary["notes"] == ["Nothing was copied."] and summary["is_partial"] is False


def test_other_faces_are_blurred_in_the_copy(clip: Path, out: Path, read_clips: list[Clip]) -> None:
    run_video(clip, "--out", out / "copy.mp4")
    readings = read_clips[0].readings
    before, after = images_of(clip), images_of(out / "copy.mp4")
    for face, is_hidden in ((1, True), (2, False)):
        its = readings.of(face)
        place = len(its) // 2
        number, box = round(10 * its.at_s[place]), its.xyxy[place].round().astype(int)
        was, now = (detail(images[number], box) for images in (before, after))
        assert (now < 0.5 * was) == is_hidden


def images_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def detail(image: np.ndarray, xyxy: np.ndarray) -> float:
    """Mean difference of neighbouring pixels in the middle of a box."""
    (x, y, right, bottom) = xyxy
    dx, dy = (right - x) // 4, (bottom - y) // 4
    part = image[y + dy : bottom - dy, x + dx : right - dx].astype(float).mean(axis=2)
    return float(np.abs(np.diff(part, axis=1)).mean())


@pytest.mark.parametrize(("rate", "frames"), [(5, 12), (1, 3), (0.1, 1), (100, FRAMES)])
def test_per_second_limits_the_analysed_frames(clip: Path, rate: float, frames: int) -> None:
    assert video_result(clip, "--per-second", rate)["frames"] == frames


def test_options_reach_the_analysis(clip: Path, out: Path, read_clips: list[Clip]) -> None:
    settings = "--detect-every 4 --smoothing 0 --unsure-below 1 --confidence 0.4".split()
    result = video_result(
        clip, *settings, "--classes", "Neutral, fear", "--parquet", out / "a.parquet"
    )
    assert read_clips[0].labels == ("neutral", "fear")
    assert all(set(track["seconds"]) == {"unsure"} for track in result["tracks"]), "all are below 1"
    settings = read("a", (out / "a.parquet").read_bytes())[0].settings
    assert settings["stream"]["detect_every"] == 4 and settings["stream"]["time_constant_s"] == 0
    assert settings["stream"]["analysis"]["detection"]["confidence"] == 0.4
    np.testing.assert_array_equal(
        read_clips[0].readings.smoothed, read_clips[0].readings.probabilities
    )


@pytest.mark.parametrize("name", ["--json.mp4", "concat:x.mp4", "pipe:0", "a%03d.mp4"])
def test_a_file_name_is_never_an_option_or_a_protocol(
    name: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg takes some for protocols or patterns, and a command some for options."""
    monkeypatch.chdir(out)
    write_video(out / "x.mp4", numbered_frames(3)).rename(out / name)
    result = run_video(f"--out={name}.copy", f"--csv={name}.table", "--json", "--", name)
    assert result.exit_code == 0, (result.stderr, result.exception)
    assert json.loads(result.stdout)["path"] == name
    names = {file.name for file in out.iterdir()}
    assert names == {name, f"{name}.copy", f"{name}.table"}
    assert len(times_of(out / f"{name}.copy")) == 3


@pytest.mark.parametrize("name", ["concat:d", "-d"])
def test_a_folder_name_is_never_an_option_or_a_protocol(
    name: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(out)
    (out / name).mkdir()
    write_video(out / "x.mp4", numbered_frames(3))
    result = run_video(f"--out={name}/copy.mp4", f"--csv={name}/a.csv", "--", "x.mp4")
    assert result.exit_code == 0, (result.stderr, result.exception)
    assert sorted(file.name for file in (out / name).iterdir()) == ["a.csv", "copy.mp4"]
    assert len(times_of(out / name / "copy.mp4")) == 3


@pytest.mark.parametrize("date", ["2021-03-04T05:06:07Z", None])
def test_the_file_of_a_session_names_the_video_and_not_the_time_of_the_analysis(
    clip: Path, out: Path, date: str | None
) -> None:
    if date:
        with av.open(str(clip)) as source, av.open(str(out / "dated.mp4"), "w") as target:
            target.metadata["creation_time"] = date
            copy_of = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = copy_of
                    target.mux(packet)
        clip = out / "dated.mp4"
    video_result(clip, "--parquet", out / "a.parquet", "--per-second", 2)
    info, _ = read("a.parquet", (out / "a.parquet").read_bytes())
    data = clip.read_bytes()
    assert info.provenance.sha256 == hashlib.sha256(data).hexdigest()
    assert (info.provenance.size_bytes, info.provenance.name) == (len(data), clip.name)
    assert info.started == info.provenance.content_date
    assert info.started == (datetime.fromisoformat(date) if date else None)


def test_a_file_name_that_is_not_utf8_becomes_a_readable_title(
    pair: bytes, tmp_path: Path, out: Path
) -> None:
    """Bytes that are not UTF-8 must not break the file."""
    path = tmp_path / os.fsdecode(b"\xff=cmd.mp4")
    path.write_bytes(pair)
    summary = video_result(path, "--parquet", out / "a.parquet", "--per-second", 2)
    assert summary["path"].endswith("\ufffd=cmd.mp4")
    recording, _ = read("a.parquet", (out / "a.parquet").read_bytes())
    assert recording.title == "\ufffd=cmd"


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_a_table_on_standard_output_is_all_that_is_there(clip: Path, out: Path, name: str) -> None:
    result = ferapp("video", clip, "--csv", name, "--parquet", out / "a.parquet", COLUMNS="200")
    assert result.returncode == 0 and "happiness 100%" in result.stderr
    recording, readings = read("a.csv", result.stdout.encode())
    whole = read("a.parquet", (out / "a.parquet").read_bytes())[1]
    assert recording.labels and len(readings) == len(whole) > 20
    assert not Path("-").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_table_that_standard_output_cannot_take_gives_a_sentence(clip: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ferapp", "video", clip, "--csv", "-"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=100,
            cwd=ROOT,
        )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "standard output could not be written: No space left" in " ".join(done.stderr.split())


def test_files_that_are_named_are_replaced(clip: Path, out: Path) -> None:
    (out / "a.csv").write_bytes(b"the old one")
    assert run_video(clip, "--csv", out / "a.csv").exit_code == 0
    assert len(read("a.csv", (out / "a.csv").read_bytes())[1]) > 20


def test_a_part_is_read_and_copied(clip: Path, out: Path) -> None:
    csv, mp4 = out / "a.csv", out / "a.mp4"
    whole = video_result(clip)
    part = video_result(
        clip, "--from", "0:01", "--to", "1.5", "--csv", csv, "--out", mp4, "--smoothing", 0
    )
    assert (part["from_s"], part["to_s"], part["frames"]) == (1.0, 1.5, 5)
    assert part["duration_s"] == 0.5 and (part["width"], part["height"]) == (640, 240)
    assert whole["from_s"] == 0 and whole["to_s"] is None and whole["region"] is None
    [track] = part["tracks"]
    assert (track["first_s"], track["last_s"]) == pytest.approx((1.0, 1.4))
    assert len(times_of(mp4)) == 5


def test_faces_outside_the_region_are_not_read(clip: Path) -> None:
    whole = video_result(clip)
    half = video_result(clip, "--region", "320,0,320,240")
    assert half["region"] == [320, 0, 320, 240] and (half["width"], half["height"]) == (640, 240)
    assert len(half["tracks"]) < len(whole["tracks"])


def test_all_frames_have_a_row(clip: Path, out: Path) -> None:
    csv, parquet = out / "a.csv", out / "a.parquet"
    summary = video_result(clip, "--all-frames", "--csv", csv, "--parquet", parquet)
    rows = pandas.read_csv(csv, encoding="utf-8-sig")
    assert sorted(set(rows["frame"])) == list(range(FRAMES))
    assert rows["face"].notna().sum() == summary["readings"]
    for file in (csv, parquet):
        assert len(read(file.name, file.read_bytes())[1]) == summary["readings"]
    nobody = write_video(clip.parent / "nobody.mp4", numbered_frames(5))
    assert run_video(nobody, "--all-frames", "--csv", csv).exit_code == 0
    assert len(csv.read_bytes().splitlines()) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--from", "2", "--to", "1"), "has to be later than the start, 2 s"),
        (("--from", "1", "--to", "0:01"), "has to be later than the start, 1 s"),
        (("--from", "soon"), "expected seconds or h:mm:ss, such as 75 or 0:01:15, got soon"),
        (("--from", "-1"), "expected seconds or h:mm:ss"),
        (("--from", "60"), "The video ends at 2.40 s, so nothing of it can be read from 60 s on."),
        (("--region", "1,2,3"), "expected x,y,width,height in pixels"),
        (("--region", "0,0,0,9"), "width and height from 1"),
        (("--region", "640,0,9,9"), "outside the picture, which has 640 × 240 pixels"),
        (("--track", "2"), "There is no video track 2. The file has: 1 (h264, 640 × 240)."),
    ],
    ids=str,
)
def test_a_part_that_is_not_there_is_wrong_usage(
    clip: Path, options: tuple[str, ...], message: str
) -> None:
    result = run_video(clip, *options)
    assert result.exit_code == 2 and message in " ".join(result.stderr.replace("│", " ").split())

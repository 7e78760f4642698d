"""``ferapp video`` as others script against it: its keys, its files, its exit statuses, its end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from ferapp.cli import video as command
from ferapp.cli.app import app
from ferapp.errors import UserError
from ferapp.inference.manifest import manifest
from ferapp.pipeline import build
from ferapp.pipeline.annotated_copy import copy, overlay
from ferapp.pipeline.clip import Clip, ClipAnalysis
from ferapp.sessions.formats.exchange import read
from ferapp.ui.live.webcam import demo_frame
from ferapp.vision.crops import resize
from tests.support.places import ROOT
from tests.support.videos import cut, numbered, solid, times_of, written

HALF = (320, 240)
FRAMES = 24
KEYS = [
    *("path", "width", "height", "frames", "duration_s", "tracks", "readings", "codec"),
    *("frames_per_second", "has_sound", "is_partial", "notes", "detector", "classifier"),
    "took_s",
]


def run(*args: object) -> Result:
    """The command in this process, which takes a tenth of the time of a new one."""
    return CliRunner().invoke(app, ["video", *map(str, args)])


def found(*args: object) -> dict[str, Any]:
    result = run("--json", *args)
    assert result.exit_code == 0, (result.stderr, result.exception)
    return json.loads(result.stdout)


def shell(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ferapp", "video", *map(str, args)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, **env},
        timeout=120,
    )


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A face on the left for a second, and another on the right for two; with a tone."""
    nobody = solid(96, HALF)

    def portrait(start_s: float, n: int) -> np.ndarray:
        return resize(demo_frame(start_s + n / 10), HALF)

    frames = [
        np.hstack([portrait(2, n) if n < 10 else nobody, portrait(17.3, n) if n > 4 else nobody])
        for n in range(FRAMES)
    ]
    path = tmp_path_factory.mktemp("videos") / "pair.mp4"
    return written(path, frames, sound="aac").read_bytes()


@pytest.fixture
def clip(pair: bytes, tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "clip.mp4"
    path.write_bytes(pair)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def read_clips(monkeypatch: pytest.MonkeyPatch) -> list[Clip]:
    """What the command has read."""
    clips: list[Clip] = []
    real = command._analysed

    def analysed(*args: Any) -> Clip:
        clips.append(real(*args))
        return clips[-1]

    monkeypatch.setattr(command, "_analysed", analysed)
    return clips


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be worked on."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("work was begun")

    monkeypatch.setattr(build, "load_analyzer", refuse)
    monkeypatch.setattr(command, "_analysed", refuse)


def test_one_object_tells_everything(clip: Path) -> None:
    done = shell(clip, "--json")
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
    assert list(first) == ["face", "first_s", "last_s", "readings", "seconds"]
    assert (first["face"], second["face"]) == (1, 2) and first["readings"] < second["readings"]
    assert first["readings"] + second["readings"] == result["readings"]
    assert first["first_s"] < first["last_s"] < 1 and second["last_s"] == pytest.approx(2.3)
    assert list(first["seconds"]) == ["happiness"] and list(second["seconds"]) == ["neutral"]
    assert second["seconds"]["neutral"] == pytest.approx(second["readings"] / 10)


def test_a_table_sums_it_up(clip: Path) -> None:
    result = run(clip)
    assert result.exit_code == 0 and result.stderr == ""
    assert f"{FRAMES} frames of 640 × 240 in 2.4 s" in " ".join(result.stdout.split())
    lines = [line for line in result.stdout.splitlines() if "%" in line]
    assert len(lines) == 2 and "neutral 100%" in lines[0] and "happiness 100%" in lines[1]
    assert "2.3 s" in lines[0], "the longest comes first"


def test_nobody_is_told_calmly(tmp_path: Path, out: Path) -> None:
    path = written(tmp_path / "nobody.mp4", numbered(5))
    csv, parquet, mp4 = out / "a.csv", out / "a.parquet", out / "a.mp4"
    result = run(path, "--csv", csv, "--parquet", parquet, "--out", mp4)
    assert result.exit_code == 0 and result.stdout.endswith("no face found.\n")
    assert len(csv.read_bytes().splitlines()) == 1, "a header"
    for file in (csv, parquet):
        assert len(read(file.name, file.read_bytes())[1]) == 0
    assert len(times_of(mp4)) == 5
    whole = found(path)
    assert whole["tracks"] == [] and whole["readings"] == 0 and whole["frames"] == 5


def test_files_hold_every_reading_with_its_time(
    clip: Path, out: Path, read_clips: list[Clip]
) -> None:
    files = [out / "a.csv", out / "a.parquet"]
    told = found(clip, "--csv", files[0], "--parquet", files[1])
    its = read_clips[0]
    assert told["readings"] == len(its.readings) > 20
    for file in files:
        recording, readings = read(file.name, file.read_bytes())
        assert recording.labels == its.labels
        for name, values in vars(its.readings).items():
            np.testing.assert_array_equal(vars(readings)[name], values, err_msg=name)
    assert recording.source == "video" and recording.title == "clip"
    assert recording.settings["per_second"] is None and recording.models["detector"]["name"]
    assert (np.diff(readings.at_s) >= 0).all() and readings.at_s[-1] == pytest.approx(2.3)
    assert np.unique(readings.at_s * 10).round(3).tolist() == list(
        range(round(10 * readings.at_s[0]), FRAMES)
    )
    header = files[0].read_text("utf-8-sig").splitlines()[0]
    assert header.startswith("time_s,face,") and "p_happiness" in header


def test_the_copy_has_the_same_frames_and_sound(clip: Path, out: Path) -> None:
    told = found(clip, "--out", out / "copy.mp4")
    assert told["notes"] == []
    with av.open(str(out / "copy.mp4")) as copy:
        assert "mp4" in copy.format.name
        assert [s.codec_context.name for s in copy.streams] == ["h264", "aac"]
        size = copy.streams.video[0].codec_context
        assert (size.width, size.height) == (640, 240)
    assert times_of(out / "copy.mp4") == pytest.approx(times_of(clip), abs=1e-3)
    assert len(times_of(out / "copy.mp4", "audio")) == len(times_of(clip, "audio"))
    assert [file.name for file in out.iterdir()] == ["copy.mp4"], "and nothing beside it"
    before = (out / "copy.mp4").read_bytes()
    run(clip, "--out", out / "copy.mp4", "--faces", "all")
    assert (out / "copy.mp4").read_bytes() != before, "what was there is replaced"


@pytest.fixture(scope="module")
def whole(pair: bytes, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """What is read from the video of two faces."""
    path = tmp_path_factory.mktemp("whole") / "pair.mp4"
    path.write_bytes(pair)
    with ClipAnalysis(path, build.load_analyzer(None, None, threads=2)) as analysis:
        for _ in analysis:
            pass
        return analysis.result()


class FakeCopy:
    """Copies nothing."""

    note = "Nothing was copied."

    def __init__(self, *_: object) -> None:
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
def test_who_is_seen_is_who_was_asked_for(
    args: tuple[str, ...],
    shown: set[int] | None,
    hides: bool,
    whole: Clip,
    clip: Path,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(command, "_analysed", lambda *_: whole)
    monkeypatch.setattr(overlay, "Overlay", lambda *_, **options: asked.append(options))
    monkeypatch.setattr(copy, "AnnotatedCopy", FakeCopy)
    told = found(clip, "--out", out / "a.mp4", *args)
    assert asked == [{"every_s": pytest.approx(0.1), "shown": shown, "hides_others": hides}]
    assert told["notes"] == ["Nothing was copied."] and told["is_partial"] is False


def test_the_others_are_blurred_in_the_copy(clip: Path, out: Path, read_clips: list[Clip]) -> None:
    run(clip, "--out", out / "copy.mp4")
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
    """How much neighbouring pixels in the middle of a box differ."""
    (x, y, right, bottom) = xyxy
    dx, dy = (right - x) // 4, (bottom - y) // 4
    part = image[y + dy : bottom - dy, x + dx : right - dx].astype(float).mean(axis=2)
    return float(np.abs(np.diff(part, axis=1)).mean())


@pytest.mark.parametrize(("rate", "frames"), [(5, 12), (1, 3), (0.1, 1), (100, FRAMES)])
def test_so_many_frames_a_second(clip: Path, rate: float, frames: int) -> None:
    assert found(clip, "--per-second", rate)["frames"] == frames


def test_settings_reach_the_reading(clip: Path, out: Path, read_clips: list[Clip]) -> None:
    told = found(
        *(clip, "--detect-every", 4, "--smoothing", 0, "--classes", "Neutral, fear"),
        *("--unsure-below", 1, "--confidence", 0.4, "--parquet", out / "a.parquet"),
    )
    assert read_clips[0].labels == ("neutral", "fear")
    assert all(set(track["seconds"]) == {"unsure"} for track in told["tracks"]), "all below 1"
    settings = read("a", (out / "a.parquet").read_bytes())[0].settings
    assert settings["stream"]["detect_every"] == 4 and settings["stream"]["time_constant_s"] == 0
    assert settings["stream"]["analysis"]["detection"]["confidence"] == 0.4
    np.testing.assert_array_equal(
        read_clips[0].readings.smoothed, read_clips[0].readings.probabilities
    )


def test_of_a_damaged_video_what_can_be_read_is_kept(pair: bytes, tmp_path: Path) -> None:
    frames = [resize(demo_frame(2 + n / 10), HALF) for n in range(30)]
    path = written(tmp_path / "a.mp4", frames, options={"movflags": "+faststart"})
    cut(path, 0.6)
    told = found(path)
    assert told["is_partial"] is True and 5 < told["frames"] < 30 and len(told["notes"]) == 1
    assert told["tracks"] and told["duration_s"] < 3
    result = run(path)
    assert result.exit_code == 0 and told["notes"][0] in result.stderr
    assert "Traceback" not in result.stderr and "happiness" in result.stdout


Wrong = Callable[[Path, Path], list[object]]
WRONG: dict[str, tuple[Wrong, str]] = {
    "the copy is the video": (lambda clip, out: ["--out", clip], "that is the video itself"),
    "the table is the video": (lambda clip, out: ["--csv", clip], "that is the video itself"),
    "by another name": (
        lambda clip, out: ["--out", linked(out / "link.mp4", clip)],
        "that is the video itself",
    ),
    "by a way around": (
        lambda clip, out: ["--parquet", out / ".." / "in" / "clip.mp4"],
        "that is the video itself",
    ),
    "a folder that is missing": (
        lambda clip, out: ["--csv", out / "new" / "a.csv"],
        "can't be written there",
    ),
    "a folder": (lambda clip, out: ["--out", out], "can't be written there"),
    "a name twice": (
        lambda clip, out: ["--csv", out / "a", "--parquet", out / "a"],
        "need different names",
    ),
    "a name twice in two ways": (
        lambda clip, out: ["--csv", out / "a", "--out", out / ".." / "out" / "a"],
        "need different names",
    ),
    "faces": (lambda clip, out: ["--faces", "the left one"], "numbers with commas"),
    "half a face": (lambda clip, out: ["--faces", "1.5"], "numbers with commas"),
    "no frame a second": (lambda clip, out: ["--per-second", 0], "--per-second"),
    "no number": (lambda clip, out: ["--per-second", "nan"], "--per-second"),
    "one class": (lambda clip, out: ["--classes", "fear"], "at least two"),
    "threshold": (lambda clip, out: ["--unsure-below", 1.5], "--unsure-below"),
    "never": (lambda clip, out: ["--detect-every", 0], "--detect-every"),
}


def linked(link: Path, target: Path) -> Path:
    link.symlink_to(target)
    return link


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_usage_is_told_before_any_work(
    wrong: str, clip: Path, out: Path, pair: bytes
) -> None:
    make, told = WRONG[wrong]
    args = make(clip, out)
    before = sorted(out.iterdir())
    result = run(clip, *args)
    assert result.exit_code == 2, (result.exception, result.stdout)
    assert told in result.stderr and "Traceback" not in result.stderr and result.stdout == ""
    assert clip.read_bytes() == pair and sorted(out.iterdir()) == before


def test_a_class_that_no_model_knows_is_wrong_usage(clip: Path) -> None:
    result = run(clip, "--classes", "joy,fear")
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
def test_what_can_t_be_read_is_a_sentence(kind: str, tmp_path: Path, out: Path) -> None:
    make, told = UNREADABLE[kind]
    path = tmp_path / "x.mp4"
    make(path)
    targets = ("--out", out / "a.mp4", "--csv", out / "a.csv", "--parquet", out / "a.parquet")
    result = run(path, *targets)
    assert result.exit_code == 1 and isinstance(result.exception, UserError)
    sentence = str(result.exception)
    assert sentence.startswith(f"{path}: ") and told in sentence and sentence.endswith(".")
    result = run(path, "--json", *targets)
    assert result.exit_code == 1 and result.stderr == ""
    assert json.loads(result.stdout) == {"path": str(path), "error": sentence[len(f"{path}: ") :]}
    assert not list(out.iterdir()), "no half file"


def test_in_a_shell_it_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[31m[bold]x\n.mp4"
    path.write_text("no video")
    done = shell(path)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("ferapp: ") and done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr and "[bold]x" in done.stderr
    assert "Traceback" not in done.stderr and "not a video" in done.stderr


def test_a_copy_that_fails_leaves_what_was_there(
    clip: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "copy.mp4").write_bytes(b"the old one")
    real = copy.Child
    monkeypatch.setattr(
        copy, "Child", lambda _, *args, **options: real("nothing", *args, **options)
    )
    result = run(clip, "--out", out / "copy.mp4", "--json")
    assert result.exit_code == 1 and list(json.loads(result.stdout)) == ["path", "error"]
    assert [file.name for file in out.iterdir()] == ["copy.mp4"]
    assert (out / "copy.mp4").read_bytes() == b"the old one"


def test_a_table_that_fails_leaves_what_was_there(
    clip: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "a.csv").write_bytes(b"the old one")

    def full(*_: object) -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ferapp.sessions.formats.exchange.csv_parts", full)
    result = run(clip, "--csv", out / "a.csv")
    assert result.exit_code == 1 and "No space left on device" in str(result.exception)
    assert isinstance(result.exception, UserError)
    assert [file.name for file in out.iterdir()] == ["a.csv"]
    assert (out / "a.csv").read_bytes() == b"the old one"


@pytest.mark.parametrize("name", ["--json.mp4", "concat:x.mp4", "pipe:0", "a%03d.mp4"])
def test_a_name_is_only_a_name(name: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg takes some for protocols and patterns, and a shell's program some for options."""
    monkeypatch.chdir(out)
    written(out / "x.mp4", numbered(3)).rename(out / name)
    result = run(f"--out={name}.copy", f"--csv={name}.table", "--json", "--", name)
    assert result.exit_code == 0, (result.stderr, result.exception)
    assert json.loads(result.stdout)["path"] == name
    names = {file.name for file in out.iterdir()}
    assert names == {name, f"{name}.copy", f"{name}.table"}
    assert len(times_of(out / f"{name}.copy")) == 3


@pytest.mark.parametrize("name", ["concat:d", "-d"])
def test_a_folder_s_name_is_only_a_name(
    name: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(out)
    (out / name).mkdir()
    written(out / "x.mp4", numbered(3))
    result = run(f"--out={name}/copy.mp4", f"--csv={name}/a.csv", "--", "x.mp4")
    assert result.exit_code == 0, (result.stderr, result.exception)
    assert sorted(file.name for file in (out / name).iterdir()) == ["a.csv", "copy.mp4"]
    assert len(times_of(out / name / "copy.mp4")) == 3


def test_a_title_is_text(pair: bytes, tmp_path: Path, out: Path) -> None:
    """What was no text in a name must not break the file."""
    path = tmp_path / os.fsdecode(b"\xff=cmd.mp4")
    path.write_bytes(pair)
    told = found(path, "--parquet", out / "a.parquet", "--per-second", 2)
    assert told["path"].endswith("\ufffd=cmd.mp4")
    recording, _ = read("a.parquet", (out / "a.parquet").read_bytes())
    assert recording.title == "\ufffd=cmd"


# Ctrl-C.


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many frames that nothing is done with them soon."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return written(path, [*numbered(22, HALF)] * 80, rate=25)


def children_of(process: int) -> dict[int, str]:
    """The processes that another one has started, and their command lines."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == process:
                line = (stat.parent / "cmdline").read_bytes()
                found[int(stat.parent.name)] = line.decode("utf-8", "replace")
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("at_work", "to"),
    [
        ("ferapp.media.decoder", "it alone"),
        ("ferapp.media.decoder", "all, as a terminal does"),
        ("ferapp.pipeline.annotated_copy.copier", "it alone"),
    ],
)
def test_ctrl_c_ends_it_and_leaves_nothing(at_work: str, to: str, long: Path, out: Path) -> None:
    targets = (f"--out={out / 'a.mp4'}", "--json")
    rate = ("--per-second", "0.1") if "copier" in at_work else ()
    process = subprocess.Popen(
        [sys.executable, "-m", "ferapp", "video", long, *targets, *rate],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 30
        while not any(at_work in line for line in children_of(process.pid).values()):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.5)  # into the middle of the work
        started = set(children_of(process.pid))
        assert started and process.poll() is None, "or it was over before"
        begun = time.monotonic()
        if to == "it alone":
            process.send_signal(signal.SIGINT)
        else:
            os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=10)
        assert time.monotonic() - begun < 3
    finally:
        process.kill()
        process.wait()
    assert process.returncode != 0 and stdout == b"" and b"Traceback" not in stderr
    assert not list(out.iterdir())
    deadline = time.monotonic() + 3
    while any(is_there(child) for child in started):
        assert time.monotonic() < deadline, "a child was left behind"
        time.sleep(0.02)


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True

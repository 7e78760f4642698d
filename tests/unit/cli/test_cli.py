"""The command line as others script against it: keys, exit statuses, messages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest

from ferapp.inference.manifest import manifest
from ferapp.media.images import png_bytes, read_image
from tests.support.cli import ferapp
from tests.support.labelled import FEAR, HAPPY, png, write_split
from tests.support.places import ROOT, SAMPLES, shared_path

ASTRONAUT = SAMPLES / "astronaut.jpg"


@pytest.fixture
def ferplus(tmp_path: Path) -> Path:
    write_split(tmp_path / "ferplus", "Test", [HAPPY, FEAR])
    return tmp_path / "ferplus"


@pytest.fixture
def wider(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(png(90))
    row = {"image": "a.png", "boxes_xyxy": [[4, 4, 30, 30]], "easy": [0], "medium": [0], "hard": []}
    (tmp_path / "annotations.json").write_text(json.dumps([row]))
    return tmp_path


def test_no_command_shows_help() -> None:
    run = ferapp()
    assert "evaluate" in run.stdout + run.stderr and "models" in run.stdout + run.stderr


def test_evaluate_emotions(ferplus: Path) -> None:
    run = ferapp("evaluate", "emotions", "--data", ferplus, "--json")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["n"] == 2 and result["model"] == manifest().defaults.classifier
    assert {"accuracy", "macro_recall", "ece", "confusion", "labels", "recall"} <= set(result)
    assert np.sum(result["confusion"]) == 2
    assert result["recall"][0] is None, "a class without faces has no recall"


def test_evaluate_emotions_as_a_table(ferplus: Path) -> None:
    run = ferapp("evaluate", "emotions", "--data", ferplus, COLUMNS="200")
    assert "macro recall" in run.stdout and "happiness" in run.stdout


def test_evaluate_faces(wider: Path) -> None:
    run = ferapp("evaluate", "faces", "--data", wider, "--json")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["n_images"] == 1 and result["n_easy"] == 1
    assert 0 <= result["ap_easy"] <= 1
    assert result["ap_hard"] is None, "without faces that count there is no precision"


@pytest.mark.parametrize(
    ("args", "status", "expected"),
    [
        pytest.param(("evaluate", "emotions", "--data", "nowhere"), 1, "no such folder", id="data"),
        pytest.param(("evaluate", "faces", "--data", "docs"), 1, "annotations.json", id="faces"),
        pytest.param(
            ("evaluate", "emotions", "--data", "docs", "--model", "vgg99"),
            1,
            "no classifier called 'vgg99'",
            id="model",
        ),
        pytest.param(
            ("evaluate", "emotions", "--data", "x", "--split", "All"), 2, "Train", id="split"
        ),
        pytest.param(("evaluate", "emotions"), 2, "--data", id="usage"),
        pytest.param(("models", "fetch", "nothing"), 1, "no model called", id="fetch"),
    ],
)
def test_errors_are_one_message(args: tuple, status: int, expected: str) -> None:
    run = ferapp(*args, COLUMNS="200")
    assert run.returncode == status
    assert expected in run.stderr and "Traceback" not in run.stderr and not run.stdout


def records(run: subprocess.CompletedProcess[str]) -> list[dict]:
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_analyze_prints_one_object_per_line_and_continues_after_a_bad_file(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"GIF89a")
    run = ferapp("analyze", "--json", ASTRONAUT, tmp_path / "bad.jpg", tmp_path, "none.png")
    good, bad, folder, missing = records(run)
    assert run.returncode == 1 and "3 of 4 files could not be read" in run.stderr
    assert good["path"] == str(ASTRONAUT) and (good["width"], good["height"]) == (512, 512)
    face = good["faces"][0]
    assert face["expression"] == "happiness" and len(face["box"]) == 4 and 0 < face["score"] <= 1
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert bad == {"path": str(tmp_path / "bad.jpg"), "error": bad["error"]}
    assert "GIF" in bad["error"] and "folder" in folder["error"] and "no file" in missing["error"]


def test_analyze_exits_with_0_if_every_file_is_read() -> None:
    assert ferapp("analyze", ASTRONAUT, "--json").returncode == 0


def test_analyze_notes_that_faces_may_be_too_small(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png_bytes(np.zeros((960, 1280, 3), np.uint8)))
    run = ferapp("analyze", path, ASTRONAUT, COLUMNS="300")
    assert "no face found" in run.stdout and run.returncode == 0
    [note] = run.stderr.splitlines()
    assert note.startswith(f"{path}: Faces smaller than about 50 pixels may be missing")
    large, small = records(ferapp("analyze", path, ASTRONAUT, "--json"))
    assert len(large["notes"]) == 1 and small["notes"] == []


def test_analyze_as_a_table() -> None:
    run = ferapp("analyze", ASTRONAUT, "--smile", COLUMNS="120")
    assert "happiness" in run.stdout and "> 99 %" in run.stdout and "smile" in run.stdout


def test_analyze_finds_landmarks_on_request(tmp_path: Path) -> None:
    (plain,) = records(ferapp("analyze", ASTRONAUT, "--json"))
    assert "shape" not in plain["faces"][0]
    run = ferapp("analyze", ASTRONAUT, "--landmarks", "--json", "--out", tmp_path / "out")
    (found,) = records(run)
    shape = found["faces"][0]["shape"]
    left, top, right, bottom = found["faces"][0]["box"]
    points = np.array(shape["landmarks"])
    eyes, mouth = points[36:48].mean(axis=0), points[48:].mean(axis=0)
    assert left < eyes[0] < right and top < eyes[1] < mouth[1] < bottom
    assert shape["head"]["pose"] and shape["measures"]["mouth_opening"] > 0.02, "she laughs"
    table = pandas.read_csv(tmp_path / "out" / "faces.csv", encoding="utf-8-sig")
    assert table["landmark_8_y"][0] == pytest.approx(points[8, 1], abs=0.01)
    table_run = ferapp("analyze", ASTRONAUT, "--landmarks", COLUMNS="160")
    assert shape["head"]["pose"] in table_run.stdout


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_analyze_never_reads_a_device_or_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    run = ferapp("analyze", "--json", "/dev/zero", tmp_path / "pipe.jpg", tmp_path / "loop.jpg")
    assert run.returncode == 1 and ["error" in row for row in records(run)] == [True] * 3


def test_analyze_writes_copies_and_one_table(tmp_path: Path) -> None:
    twin = tmp_path / "b" / "astronaut.jpg"
    twin.parent.mkdir()
    twin.write_bytes(ASTRONAUT.read_bytes())
    out = tmp_path / "new" / "out"
    run = ferapp("analyze", ASTRONAUT, twin, "--json", "--out", out)
    assert run.returncode == 0, run.stderr
    assert sorted(p.name for p in out.iterdir()) == [
        "astronaut.annotated-2.png",
        "astronaut.annotated.png",
        "faces.csv",
    ]
    table = pandas.read_csv(out / "faces.csv")
    assert table["path"].tolist() == [str(ASTRONAUT), str(twin)]
    assert table["expression"].tolist() == ["happiness"] * 2
    assert read_image(out / "astronaut.annotated.png").shape == (512, 512, 3)


def test_a_second_analysis_into_a_folder_keeps_the_first(tmp_path: Path) -> None:
    for name, sample in (
        ("a/p1.jpg", "astronaut"),
        ("b/p2.jpg", "mona-lisa"),
        ("b/p1.jpg", "mona-lisa"),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((SAMPLES / f"{sample}.jpg").read_bytes())
        run = ferapp("analyze", path, "--out", tmp_path / "o")
        assert run.returncode == 0, run.stderr
    table = pandas.read_csv(tmp_path / "o" / "faces.csv")
    assert [Path(path).relative_to(tmp_path).as_posix() for path in table["path"]] == [
        "a/p1.jpg",
        "b/p2.jpg",
        "b/p1.jpg",
    ]
    assert table["annotated"].is_unique


def test_a_picture_without_a_face_has_a_copy_too(tmp_path: Path) -> None:
    (tmp_path / "grey.png").write_bytes(png(90))
    run = ferapp("analyze", tmp_path / "grey.png", "--out", tmp_path / "o", COLUMNS="300")
    assert run.returncode == 0 and "no face found" in run.stdout
    assert (tmp_path / "o" / "grey.annotated.png").exists()


def test_a_result_is_printed_where_its_copy_cannot_be_written(small_disk: Path) -> None:
    run = ferapp("analyze", ASTRONAUT, ASTRONAUT, "--json", "--out", small_disk, COLUMNS="200")
    assert run.returncode == 1 and "could not be written: No space left" in run.stderr
    assert [len(row["faces"]) for row in records(run)] == [1, 1]
    assert list(small_disk.iterdir()) == [], "no part is left"
    run = ferapp("analyze", ASTRONAUT, "--out", small_disk, COLUMNS="200")
    assert "happiness" in run.stdout and run.returncode == 1


@pytest.mark.parametrize("source", ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
@pytest.mark.parametrize("how", ["file", "pipe"])
def test_analyze_reads_a_picture_from_standard_input(source: str, how: str, tmp_path: Path) -> None:
    if source != "-" and not Path(source).exists():
        pytest.skip("needs names for what is open")
    data = ASTRONAUT.read_bytes()
    with ASTRONAUT.open("rb") as file:
        given = {"stdin": file} if how == "file" else {"input": data}
        run = subprocess.run(
            [sys.executable, "-m", "ferapp", "analyze", source, "--json", "--out", tmp_path],
            capture_output=True,
            cwd=ROOT,
            timeout=100,
            **given,
        )
    assert run.returncode == 0, run.stderr
    row = json.loads(run.stdout)
    assert row["path"] == source and row["faces"][0]["expression"] == "happiness"
    assert len(list(tmp_path.glob("*.annotated.png"))) == 1
    assert not list(tmp_path.glob("-*")), "a name that looks like an option"


def test_analyze_reads_a_picture_that_another_command_makes(tmp_path: Path) -> None:
    if shutil.which("bash") is None or not Path("/dev/fd").exists():
        pytest.skip("needs bash")
    command = f'"{sys.executable}" -m ferapp analyze --json <(cat "{ASTRONAUT}") /dev/null'
    run = subprocess.run(["bash", "-c", command], capture_output=True, cwd=ROOT, timeout=100)
    read, device = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(read["faces"]) == 1 and "Not a file" in device["error"] and run.returncode == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", "The file is empty.", id="nothing"),
        pytest.param(b"hello", "not a supported picture", id="text"),
        pytest.param(bytes(200_000_001), "larger than the limit of 200 MB", id="endless"),
    ],
)
def test_bad_standard_input_gives_a_sentence(data: bytes, expected: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "ferapp", "analyze", "-"],
        input=data,
        capture_output=True,
        cwd=ROOT,
        timeout=100,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert run.returncode == 1 and expected in run.stderr.decode() and not run.stdout


@pytest.mark.parametrize(
    "name",
    [
        "\x1b[31mred\x1b[0m.jpg",
        "[bold]x.jpg",
        "line1\nline2.jpg",
        "=cmd|' !A0.jpg",
        "photo\u202egpj.jpg",
    ],
)
def test_file_names_are_shown_as_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(ASTRONAUT.read_bytes())
    run = ferapp("analyze", path, "--out", tmp_path / "out", COLUMNS="300")
    assert run.returncode == 0, run.stderr
    assert "\x1b" not in run.stdout and "\u202e" not in run.stdout
    assert "[bold]" in run.stdout or "bold" not in name
    assert records(ferapp("analyze", path, "--json"))[0]["path"] == str(path)


def test_names_that_are_not_utf8_or_too_long(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff.jpg"
    long = tmp_path / ("x" * 245 + ".jpg")
    for path in (odd, long):
        Path(os.fsdecode(path)).write_bytes(ASTRONAUT.read_bytes())
    too_long = tmp_path / ("y" * 300 + ".jpg")
    args = (os.fsdecode(odd), long, too_long, ASTRONAUT)
    run = ferapp("analyze", "--json", "--out", tmp_path / "out", *args, PYTHONUTF8="1")
    printed = records(run)
    assert ["error" in row for row in printed] == [False, False, True, False]
    assert printed[0]["path"].endswith("/\ufffd.jpg")
    table = pandas.read_csv(tmp_path / "out" / "faces.csv")
    assert len(table) == 3 and all(
        (tmp_path / "out" / name).exists() for name in table["annotated"]
    )


def test_analyze_with_settings() -> None:
    args = ("--classes", "neutral, happiness", "--unsure-below", "1", "--detector", "haar")
    row = records(ferapp("analyze", "--json", ASTRONAUT, *args))[0]
    assert row["detector"] == "haar" and len(row["renormalised_without"]) == 6
    assert list(row["faces"][0]["probabilities"]) == ["neutral", "happiness"]
    assert row["faces"][0]["is_unsure"]
    none = records(ferapp("analyze", "--json", ASTRONAUT, "--confidence", "0.999"))[0]
    assert none["faces"] == []


@pytest.mark.parametrize(
    ("args", "status", "expected"),
    [
        pytest.param(("--classes", "joy,fear"), 2, "unknown: joy", id="class"),
        pytest.param(("--classes", "fear"), 2, "at least two", id="one class"),
        pytest.param(("--padding", "9"), 2, "padding lies in", id="padding"),
        pytest.param(("--detector", "vgg"), 1, "no detector called", id="detector"),
        pytest.param(("--out", "README.md"), 1, "can't be made", id="out"),
    ],
)
def test_analyze_errors_say_what_is_wrong(
    args: tuple[str, ...], status: int, expected: str
) -> None:
    run = ferapp("analyze", ASTRONAUT, *args, COLUMNS="200")
    assert run.returncode == status and expected in run.stderr and "Traceback" not in run.stderr


def test_benchmark_times_every_stage() -> None:
    run = ferapp("benchmark", "--json", "--repeats", "2")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["faces"] == 3 and result["frames_per_second"] > 0
    stages = result["median_ms"]
    assert set(stages) == {"decode", "detect", "crop", "classify", "analyze", "end_to_end"}
    assert all(ms > 0 for ms in stages.values())
    assert "classify" in ferapp("benchmark", "--repeats", "2", COLUMNS="120").stdout


def test_missing_weights_are_reported_with_the_command_to_fetch_them(tmp_path: Path) -> None:
    run = ferapp("analyze", ASTRONAUT, "--detector", "yunet", FERAPP_CACHE_DIR=str(tmp_path))
    assert run.returncode == 1 and "models fetch yunet" in run.stderr


def test_models_list_shows_which_weights_are_present(tmp_path: Path) -> None:
    run = ferapp("models", "list", "--json", FERAPP_CACHE_DIR=str(tmp_path))
    rows = {row["name"]: row for row in map(json.loads, run.stdout.splitlines())}
    assert set(rows) == {m.name for m in manifest().models}
    assert rows[manifest().defaults.detector]["is_here"]
    assert rows[manifest().defaults.detector]["is_default"]
    assert not rows["rfb-320"]["is_here"]
    assert "ferplus-vgg13" in ferapp("models", "list", COLUMNS="200").stdout


def test_models_verify_finds_a_changed_byte(tmp_path: Path) -> None:
    assert ferapp("models", "verify", FERAPP_CACHE_DIR=str(tmp_path)).returncode == 0
    model = manifest().find("yunet")
    (tmp_path / model.file).write_bytes(b"something else")
    run = ferapp("models", "verify", "--json", FERAPP_CACHE_DIR=str(tmp_path))
    assert run.returncode == 1
    states = {row["name"]: row for row in map(json.loads, run.stdout.splitlines())}
    assert states["yunet"]["state"] == "wrong" and model.sha256 in states["yunet"]["reason"]
    assert states["rfb-320"]["state"] == "not fetched"


def test_shipped_classifier_holds_its_floor() -> None:
    run = ferapp("evaluate", "emotions", "--data", shared_path("data/ferplus.zip"), "--json")
    result = json.loads(run.stdout)
    assert result["n"] == 3153
    assert result["accuracy"] >= 0.87
    assert result["macro_recall"] >= 0.66
    assert result["ece"] < 0.02


def test_shipped_detector_holds_its_floor() -> None:
    run = ferapp("evaluate", "faces", "--data", shared_path("data/wider-val-subset"), "--json")
    result = json.loads(run.stdout)
    assert result["n_images"] == 100
    assert result["ap_easy"] >= 0.55
    assert result["ap_medium"] >= 0.40
    assert result["ap_hard"] >= 0.20


def test_a_public_detector_reaches_its_published_precision() -> None:
    """Our average precision agrees with published figures of a public model."""
    folder = shared_path("models")
    run = ferapp(
        "evaluate",
        "faces",
        "--data",
        shared_path("data/wider-val-subset"),
        "--json",
        "--detector",
        "rfb-320",
        FERAPP_CACHE_DIR=str(folder),
    )
    result = json.loads(run.stdout)
    # 0.677, 0.567 and 0.375 with linear resizing, which is what that model was trained with.
    assert result["ap_easy"] == pytest.approx(0.677, abs=0.01)
    assert result["ap_medium"] == pytest.approx(0.567, abs=0.01)
    assert result["ap_hard"] == pytest.approx(0.375, abs=0.01)

"""``ferapp batch`` in a process of its own: killed, interrupted, repeated."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ferapp.cli.app import app
from ferapp.errors import UserError
from ferapp.media.images import jpeg_bytes, read_image
from ferapp.sessions.store import LOCAL_OWNER, Store
from tests.support.batches import contents
from tests.support.cli import ferapp as run_ferapp
from tests.support.places import ROOT, SAMPLES
from tests.support.videos import write_video
from tests.support.waiting import is_running, wait_until

ON_LINUX = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")


@pytest.fixture(scope="module")
def pictures_and_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About two seconds of work."""
    folder = tmp_path_factory.mktemp("many")
    photos = [read_image(path) for path in sorted(SAMPLES.glob("*.jpg"))]
    for n in range(16):
        crop = np.ascontiguousarray(photos[n % len(photos)][n:, n:])
        (folder / f"{n:02}.jpg").write_bytes(jpeg_bytes(crop))
    (folder / "bad.jpg").write_bytes(b"nothing")
    astronaut = read_image(SAMPLES / "astronaut.jpg")
    for name in ("10 clip.mp4", "a/clip.mkv"):
        (folder / name).parent.mkdir(exist_ok=True)
        views = [np.ascontiguousarray(astronaut[:480, x : x + 480]) for x in range(20)]
        write_video(folder / name, views, rate=15)
    return folder


@pytest.fixture(scope="module")
def undisturbed(
    pictures_and_clips: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed")
    run = run_ferapp("batch", pictures_and_clips, "--out", out, "--json", "--workers", 2)
    assert run.returncode == 1 and "1 of 19 files" in run.stderr
    summary = json.loads(run.stdout)
    assert summary.pop("faces") >= 18 and summary == {
        "pictures": 16,
        "videos": 2,
        "done_before": 0,
        "failed": 1,
        "skipped": 0,
        "set_aside": 0,
        "out": str(out),
    }
    return contents(out)


def start_batch(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ferapp", "batch", *map(str, args), "--workers", "2"],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def workers_of(pid: int) -> list[int]:
    """The worker processes that a process has started, from any of its threads."""
    pids = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            with contextlib.suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    pids.append(int(child))
    return pids


def results(out: Path) -> int:
    return len(list((out / "results").glob("*.json")))


@ON_LINUX
@pytest.mark.parametrize("whom", ["batch", "session"])
def test_a_killed_batch_resumes_where_it_was(
    pictures_and_clips: Path, undisturbed: dict[str, bytes], tmp_path: Path, whom: str
) -> None:
    process = start_batch(pictures_and_clips, "--out", tmp_path)
    wait_until(lambda: results(tmp_path) >= 4, timeout_s=20)
    workers = workers_of(process.pid)
    (os.kill if whom == "batch" else os.killpg)(process.pid, signal.SIGKILL)
    process.communicate()
    done = results(tmp_path)
    assert 4 <= done < 18 and len(workers) == 2
    wait_until(lambda: not any(map(is_running, workers)), timeout_s=20)
    assert not (tmp_path / "files.csv").exists()
    run = run_ferapp("batch", pictures_and_clips, "--out", tmp_path, "--json")
    assert json.loads(run.stdout)["done_before"] == done
    assert contents(tmp_path) == undisturbed


@ON_LINUX
def test_killing_a_worker_loses_no_result(
    pictures_and_clips: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    process = start_batch(pictures_and_clips, "--out", tmp_path, "--json")
    wait_until(lambda: results(tmp_path) >= 4, timeout_s=20)
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    assert json.loads(out)["failed"] == 1, "only the bad file"
    assert contents(tmp_path) == undisturbed


@ON_LINUX
def test_ctrl_c_ends_a_batch_quickly_and_keeps_finished_results(
    pictures_and_clips: Path, tmp_path: Path
) -> None:
    process = start_batch(pictures_and_clips, "--out", tmp_path)
    wait_until(lambda: results(tmp_path) >= 3, timeout_s=20)
    workers = workers_of(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    begin = time.monotonic()
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and time.monotonic() - begin < 5
    assert "Finished results are kept" in err and "Traceback" not in err and not out
    assert results(tmp_path) >= 3 and not any(map(is_running, workers))


def test_a_repeated_batch_has_nothing_to_do(
    pictures_and_clips: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    for name, data in undisturbed.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    result = CliRunner().invoke(app, ["batch", str(pictures_and_clips), "--out", str(tmp_path)])
    assert result.exit_code == 1 and "16 pictures and 2 videos" in result.stdout
    assert "18 were done before" in result.stdout
    assert contents(tmp_path) == undisturbed


def test_readings_of_videos_can_be_imported_as_sessions(
    undisturbed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{tmp_path}/sessions.db")
    for name, data in undisturbed.items():
        if name.endswith(".parquet"):
            (tmp_path / "a.parquet").write_bytes(data)
            result = CliRunner().invoke(app, ["sessions", "import", str(tmp_path / "a.parquet")])
            assert result.exit_code == 0, result.output
    with Store.open() as store:
        sessions = store.overviews(LOCAL_OWNER)
    assert {session.recording.title for session in sessions} == {"10 clip.mp4", "clip.mkv"}
    assert {session.recording.source for session in sessions} == {"video"}


def test_an_empty_folder_is_reported(folder: Path) -> None:
    run = run_ferapp("batch", folder, "--out", folder / "out")
    assert run.returncode == 0 and "no pictures or videos" in run.stderr and not run.stdout


def test_a_folder_without_pictures_and_videos_says_what_there_is(folder: Path) -> None:
    for name in ("a.txt", "b.TXT", "c.pdf"):
        (folder / name).write_text("nothing")
    run = run_ferapp("batch", folder, "--out", folder / "out", COLUMNS="300")
    assert run.returncode == 0 and not run.stdout
    assert "3 files of other kinds were passed over (2 .txt, 1 .pdf)" in run.stderr
    assert "b.TXT" in (folder / "out" / "skipped.csv").read_text("utf-8-sig")


def test_other_files_are_counted_and_change_no_status(folder: Path) -> None:
    (folder / "a.jpg").write_bytes((SAMPLES / "astronaut.jpg").read_bytes())
    (folder / "notes.txt").touch()
    args = ("batch", folder, "--out", folder / "out")
    run = run_ferapp(*args)
    assert run.returncode == 0 and "1 picture and 0 videos with 1 face;" in run.stdout
    assert "1 file of other kinds was passed over (1 .txt); skipped.csv says why." in run.stdout
    assert json.loads(run_ferapp(*args, "--json").stdout)["skipped"] == 1


def test_a_batch_of_another_folder_leaves_the_tables(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / f"{name}.jpg").write_bytes((SAMPLES / "astronaut.jpg").read_bytes())
    args = ("--out", folder / "out")
    run_ferapp("batch", folder / "a", *args)
    run = run_ferapp("batch", folder / "b", *args)
    assert run.returncode == 1 and "another folder" in run.stderr and not run.stdout
    assert "a.jpg" in (folder / "out" / "files.csv").read_text("utf-8-sig")
    assert run_ferapp("batch", folder / "b", *args, "--overwrite").returncode == 0
    assert "b.jpg" in (folder / "out" / "files.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        pytest.param(("nowhere", "--out", "{}/out"), 2, "does not exist", id="folder"),
        pytest.param(("README.md", "--out", "{}/out"), 2, "is a file", id="a file"),
        pytest.param(("docs",), 2, "--out", id="usage"),
        pytest.param(("docs", "--out", "docs"), 2, "a folder other than", id="the same"),
        pytest.param(("docs", "--out", "{}", "--engine", "gpu"), 2, "local or ray", id="engine"),
        pytest.param(("docs", "--out", "{}", "--padding", "9"), 2, "padding lies", id="padding"),
        pytest.param(("docs", "--out", "README.md"), 1, "can't be made", id="out is a file"),
        pytest.param(("docs", "--out", "/proc/x"), 1, "can't be made", id="out can't be written"),
        pytest.param(("docs", "--out", "{}", "--detector", "x"), 1, "no detector", id="detector"),
        pytest.param(("docs", "--out", "{}", "--detector", "yunet"), 1, "fetch yunet", id="here"),
    ],
)
def test_errors_are_one_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("FERAPP_CACHE_DIR", str(tmp_path / "cache"))
    given = [arg.format(tmp_path) for arg in args]
    run = CliRunner().invoke(app, ["batch", *given], env={"COLUMNS": "200"})
    assert run.exit_code == status and not run.stdout
    # The entry point prints user errors.
    assert message in run.stderr if status == 2 else isinstance(run.exception, UserError)
    assert status == 2 or message in str(run.exception)

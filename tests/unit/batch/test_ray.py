"""Batches with Ray on this machine; skipped if Ray is not installed."""

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from ferapp.batch.engines import on_ray
from ferapp.batch.items import FileResult
from ferapp.errors import ModelError, UserError
from tests.support.batches import ScriptedWorker, contents, items
from tests.support.cli import ferapp as run_ferapp
from tests.support.places import SAMPLES
from tests.support.videos import noisy_frames, write_video

# Ray is not imported here: the engine has to set its environment first.
pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra: batch")


@pytest.fixture(autouse=True, scope="module")
def _environment() -> Iterator[None]:
    """Restore the environment that the engine sets for Ray."""
    before = dict(os.environ)
    os.environ.pop("RAY_ADDRESS", None)
    yield
    os.environ.clear()
    os.environ.update(before)


def test_a_crashed_actor_is_replaced_and_no_other_machine_is_contacted(tmp_path: Path) -> None:
    names = [f"{n}.jpg" for n in range(6)] + ["dies-once.jpg", "bad.jpg", "dies.jpg", "9.jpg"]
    worker = ScriptedWorker(tmp_path)
    engine = on_ray(worker, items(tmp_path, *names), workers=2, threads=1)
    results: dict[str, FileResult] = {}
    for outcome in engine:
        results[outcome.key] = outcome
        [node] = sys.modules["ray"].nodes()
        assert node["NodeManagerAddress"] == "127.0.0.1"
    assert set(results) == set(names)
    assert {key for key, outcome in results.items() if outcome.error} == {"bad.jpg", "dies.jpg"}
    assert (
        worker.given_names.count("dies-once.jpg") == 2 and worker.given_names.count("dies.jpg") == 3
    )
    assert worker.given_names.count("0.jpg") == 1
    assert not sys.modules["ray"].is_initialized()


def test_workers_without_models_stop_the_batch(tmp_path: Path) -> None:
    worker = ScriptedWorker(tmp_path, is_loadable=False)
    with pytest.raises(ModelError, match="weights are missing"):
        list(on_ray(worker, items(tmp_path, "a.jpg"), workers=1, threads=1))
    assert not sys.modules["ray"].is_initialized()


def test_ray_gives_the_same_results_as_local_workers(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for path in SAMPLES.glob("*.jpg"):
        (folder / path.name).write_bytes(path.read_bytes())
    write_video(folder / "clip.mp4", noisy_frames(10))
    (folder / "bad.png").write_bytes(b"nothing")
    runs = [
        run_ferapp("batch", folder, "--out", tmp_path / engine, "--engine", engine, "--workers", 2)
        for engine in ("local", "ray")
    ]
    assert [run.returncode for run in runs] == [1, 1], runs[1].stderr
    assert [run.stdout.count("\n") for run in runs] == [1, 1], "Ray prints nothing there"
    assert runs[0].stderr == runs[1].stderr
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")


def test_a_machine_too_busy_to_start_ray_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def time_out(**_: object) -> None:
        raise Exception("The current node timed out during startup.")

    busy = SimpleNamespace(is_initialized=lambda: False, init=time_out)
    monkeypatch.setitem(sys.modules, "ray", busy)
    with pytest.raises(UserError, match="timed out during startup"):
        list(on_ray(ScriptedWorker(tmp_path), items(tmp_path, "a.jpg"), workers=1, threads=1))


def test_an_unreachable_cluster_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "nowhere")
    with pytest.raises(UserError, match="can't be reached"):
        list(on_ray(ScriptedWorker(tmp_path), items(tmp_path, "a.jpg"), workers=1, threads=1))

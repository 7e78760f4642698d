"""The engines that analyse the files of a batch."""

import os
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path

import pytest

from ferapp.batch.engines import on_processes, on_ray
from ferapp.batch.items import FileResult, Item
from ferapp.errors import MissingExtra, ModelError
from tests.support.batches import ScriptedWorker, items
from tests.support.places import ROOT


def outcomes(worker: ScriptedWorker, names: list[str], workers: int = 2) -> dict[str, FileResult]:
    engine = on_processes(worker, items(worker.notes, *names), workers=workers)
    return {outcome.key: outcome for outcome in engine}


def test_a_crashed_worker_is_replaced_and_its_file_repeated(tmp_path: Path) -> None:
    names = [f"{n}.jpg" for n in range(6)] + ["dies-once.jpg", "bad.jpg", "dies.jpg", "9.jpg"]
    worker = ScriptedWorker(tmp_path)
    results = outcomes(worker, names)
    assert set(results) == set(names)
    assert {key for key, outcome in results.items() if outcome.error} == {"bad.jpg", "dies.jpg"}
    assert "crashed" in results["dies.jpg"].error
    assert worker.given_names.count("dies-once.jpg") == worker.given_names.count("dies.jpg") == 2
    assert worker.given_names.count("0.jpg") == 1 and not active_children()


def test_workers_without_models_stop_the_batch(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="weights are missing"):
        outcomes(ScriptedWorker(tmp_path, is_loadable=False), ["a.jpg"], 1)
    assert not active_children()


def test_an_engine_reads_only_a_little_ahead_and_can_be_closed(tmp_path: Path) -> None:
    count = 0

    def count_items() -> Iterator[Item]:
        nonlocal count
        for item in items(tmp_path, *(f"{n}.jpg" for n in range(50))):
            count += 1
            yield item

    engine = on_processes(ScriptedWorker(tmp_path), count_items(), workers=1)
    assert next(engine).record and count <= 3
    engine.close()
    assert count <= 3 and not active_children()


def test_nothing_to_do_starts_nothing(tmp_path: Path) -> None:
    assert outcomes(ScriptedWorker(tmp_path), []) == {}
    assert list(on_ray(ScriptedWorker(tmp_path), [], workers=1, threads=1)) == []


def test_missing_ray_is_reported_with_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in list(os.environ):
        monkeypatch.setenv(name, os.environ[name])
    with pytest.raises(MissingExtra, match=r"\.\[batch\]"):
        list(on_ray(ScriptedWorker(tmp_path), items(tmp_path, "a.jpg"), workers=1, threads=1))


def test_importing_the_engines_loads_no_library() -> None:
    code = "import sys, ferapp.batch.engines; print({'ray', 'onnxruntime'} & {*sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.stdout.strip() == "set()"

"""The report about an installation, and the command that prints it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ferapp.doctor import machine, places
from ferapp.doctor.findings import Finding
from ferapp.doctor.report import report
from tests.support.places import ROOT
from tests.support.reports import finding, text_of

KEYS = {
    "ferapp",
    "python",
    "system",
    "processor",
    "processor_features",
    "cores",
    "memory",
    "confinement",
    "opencv",
    "onnxruntime",
    "ffmpeg",
    "extras",
    "library.numpy",
    "library.aiortc",
    "model.seresnet-48-int8",
    "model.yunet",
    "database",
    "cache",
    "temporary_files",
    "port",
    "cameras",
    "settings",
}


def doctor(*args: str, module: str = "ferapp", **env: str) -> subprocess.CompletedProcess[str]:
    command = ["doctor"] if module == "ferapp" else []
    return subprocess.run(
        [sys.executable, "-m", module, *command, *args],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **env},
        timeout=120,
    )


def test_json_is_one_object_with_stable_keys(tmp_path: Path) -> None:
    run = doctor("--json", FERAPP_CACHE_DIR=str(tmp_path))
    result = json.loads(run.stdout)
    assert set(result) == {"ferapp", "problems", "notes", "checks"}
    assert set(result["checks"]) >= KEYS
    for check in result["checks"].values():
        assert set(check) == {"state", "found", "advice"}
        assert bool(check["advice"]) == (check["state"] != "ok"), check
    states = [check["state"] for check in result["checks"].values()]
    assert (result["problems"], result["notes"]) == (states.count("problem"), states.count("note"))
    assert run.returncode == (1 if result["problems"] else 0)


def test_text_has_a_line_per_check_and_a_problem_sets_status_1(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text('print("Complaint"); raise ImportError("libGL.so.1: no")')
    run = doctor(PYTHONPATH=str(tmp_path))
    assert run.returncode == 1 and "Traceback" not in run.stderr
    assert (
        "problem OpenCV: OpenCV can't be loaded (libGL.so.1: no)\n        Repair it" in run.stdout
    )
    assert "ok      Models" not in run.stdout and "model" not in run.stderr
    assert "ok      seresnet-48-int8: right" in run.stdout, "the other checks still run"
    assert "Complaint" in run.stderr and "Complaint" not in run.stdout


def test_doctor_works_if_the_command_line_can_t_start(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('no', name='typer')")
    (tmp_path / "pydantic.py").write_text("raise RuntimeError")
    run = doctor(PYTHONPATH=str(tmp_path))
    assert run.returncode == 1 and "Traceback" not in run.stderr and "typer" in run.stderr
    assert "python -m ferapp.doctor" in run.stderr
    run = doctor(module="ferapp.doctor", PYTHONPATH=str(tmp_path))
    assert run.returncode == 1 and "Traceback" not in run.stderr
    assert "problem Models: the check failed (RuntimeError)" in run.stdout
    assert "ok      Python" in run.stdout


def test_a_failing_check_is_a_problem_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Iterator[tuple[str, Finding]]:
        yield "good", Finding("fine")
        raise ZeroDivisionError("/home/ann/secret")

    monkeypatch.setattr(places, "models", fail)
    monkeypatch.setattr(machine, "cores", lambda: 1 / 0)
    checked = report()
    assert finding(checked, "model.good").state == "ok"
    for key in ("model", "cores"):
        assert finding(checked, key).state == "problem"
        assert finding(checked, key).text == "the check failed (ZeroDivisionError)"
    assert "secret" not in text_of(checked) and finding(checked, "port").text

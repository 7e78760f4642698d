"""`make fresh`: nothing to try, failures, and the figures in the README."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import fresh
from tests.support.places import ROOT

RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*-fresh.json"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["fresh", *arguments])
    return fresh.main()


@pytest.mark.parametrize("lacks", ["root", "debootstrap"])
def test_without_systems_to_try_the_result_is_not_green(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lacks: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000 if lacks == "root" else 0, raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == lacks else name)
    assert call(monkeypatch) == 2
    assert f"nothing was tried: it needs {lacks}" in capsys.readouterr().err


def test_a_failure_is_in_the_table_and_the_next_system_is_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def build(self: fresh.System) -> None:
        if self.root.name == "trixie":
            raise fresh.Failed("debootstrap: no such release")

    monkeypatch.setattr(fresh, "why_not", lambda: "")
    monkeypatch.setattr(fresh.System, "build", build)
    monkeypatch.setattr(fresh.System, "answers_after", lambda _: 12.34)
    answers = {"python3": "Python 3.14.7", "du": "1001\t.venv", "make": "==== 9 passed ====\n"}
    monkeypatch.setattr(
        fresh.System,
        "call",
        lambda _, arguments, **__: answers.get(arguments[0], '"expression"'),
    )
    out = tmp_path / "out.json"
    assert call(monkeypatch, "--systems", "trixie,sid", "--out", str(out)) == 1
    text = capsys.readouterr().out
    assert "failed" in text and "Debian 13: debootstrap: no such release" in text
    rows = json.loads(out.read_text())["rows"]
    assert rows[1] | {"test_s": 0} == {
        "system": "Debian sid",
        "python": "3.14.7",
        "run_s": 12.3,
        "again_s": 12.3,
        "megabytes": 1001,
        "test_s": 0,
        "tests": "9 passed",
        "failure": "",
    }


def test_only_the_index_settings_of_pip_are_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = (
        "global.index-url='https://packages.example/simple'\n"
        "global.find-links='/opt/wheels'\n"
        "global.extra-index-url='file:///opt/packages'\n"
        ":env:.default-timeout='180'\n"
    )
    monkeypatch.setattr(
        subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, listed, "")
    )
    assert fresh.pip_settings() == {
        "PIP_INDEX_URL": "https://packages.example/simple",
        "PIP_DEFAULT_TIMEOUT": "180",
    }


@pytest.mark.skipif(not RESULTS, reason="nothing was measured")
def test_the_readme_has_the_measured_figures() -> None:
    rows = json.loads(RESULTS[-1].read_text(encoding="utf-8"))["rows"]
    assert [row["system"] for row in rows] == list(fresh.SYSTEMS.values())
    for row in rows:
        assert not row["failure"]
        line = (
            f"| {row['system']} | {row['python']} | {row['run_s']:.0f} s | {row['again_s']:.0f} s "
            f"| {row['megabytes'] / 1000:.1f} GB | {row['test_s'] / 60:.0f} min |"
        )
        assert line in README


@pytest.mark.parametrize("name", fresh.NAMED[:-1])
def test_the_systems_get_the_packages_that_the_readme_names(name: str) -> None:
    (command,) = [line for line in README.splitlines() if line.startswith("| Debian, Ubuntu |")]
    assert name in command.split("`")[1].split()

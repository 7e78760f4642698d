"""The environment of `make run`: created, repaired, or refused with what is missing."""

import builtins
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tests.support.places import ROOT

spec = importlib.util.spec_from_file_location("install", ROOT / "deploy" / "install.py")
assert spec and spec.loader
install: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(install)

HERE = list(sys.version_info[:2])


class Pip:
    """Records what it is asked to install, and fails on request."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails_at = ""

    def __call__(self, python: Path, *arguments: str) -> None:
        if self.fails_at and self.fails_at in arguments:
            raise install.Stop(install.FAILED)
        self.asked.append(" ".join(arguments))
        packages = next(python.parents[1].glob("[Ll]ib/**/site-packages"))
        (packages / "_editable_impl_ferapp.pth").write_text("/home/jürgen/ferapp", "utf-8")


make = install._make


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    venv: Path = tmp_path_factory.mktemp("made") / ".venv"
    make(venv)
    return venv


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch, made: Path) -> Pip:
    """Stands in for pip; environments are copies of one real environment."""
    pip = Pip()
    monkeypatch.setattr(install, "_pip", pip)
    monkeypatch.setattr(install, "_make", lambda venv: copytree(made, venv, symlinks=True))
    return pip


def run(venv: Path, *extras: str, is_this_python: bool = False) -> None:
    install.install(venv, list(extras), is_this_python, "test")


PINNED = ["-r requirements.txt", "--no-deps -e ."]


def test_a_first_install_and_a_second_one_with_nothing_to_do(tmp_path: Path, pip: Pip) -> None:
    venv = tmp_path / ".venv"
    run(venv, "test")
    assert pip.asked == [*PINNED, "-e .[test]"]
    run(venv)
    run(venv, "test")
    assert pip.asked == [*PINNED, "-e .[test]"]
    run(venv, "test", "dev")
    assert pip.asked[3:] == ["-e .[dev]"]


def half_made(venv: Path) -> None:
    """As on Debian without python3-venv."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)


def without_python(venv: Path) -> None:
    """As after an upgrade of the system's Python."""
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(venv / "gone")


def a_file(venv: Path) -> None:
    venv.mkdir()
    (venv / "pyvenv.cfg").touch()
    (venv / "bin").write_text("in the way")


@pytest.mark.skipif(os.name != "posix", reason="what is broken is made of links")
@pytest.mark.parametrize("broken", [half_made, without_python, a_file])
def test_a_broken_environment_is_recreated(
    tmp_path: Path,
    pip: Pip,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[Path], None],
) -> None:
    monkeypatch.setattr(install, "_make", make)
    venv = tmp_path / ".venv"
    broken(venv)
    run(venv)
    assert pip.asked == PINNED and install._version_of(venv / "bin" / "python") == HERE


@pytest.mark.parametrize("step", ["-r", "--no-deps"])
def test_an_interrupted_install_continues_the_next_time(
    tmp_path: Path, pip: Pip, step: str
) -> None:
    pip.fails_at = step
    with pytest.raises(install.Stop, match="Run the same command again"):
        run(tmp_path / ".venv")
    pip.fails_at, pip.asked = "", []
    run(tmp_path / ".venv")
    assert pip.asked == PINNED


def test_new_requirements_are_installed(
    tmp_path: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / ".venv", "test")
    monkeypatch.setattr(install, "_digest", lambda: "of tomorrow's")
    pip.asked = []
    run(tmp_path / ".venv", "test")
    assert pip.asked == [*PINNED, "-e .[test]"]


@pytest.mark.parametrize(
    ("version", "is_named", "is_made"),
    [
        pytest.param([3, 10], False, True, id="too old"),
        pytest.param([3, 99], False, False, id="another one, nothing named"),
        pytest.param([3, 99], True, True, id="another one, this one named"),
        pytest.param(HERE, True, False, id="this one named"),
    ],
)
def test_an_environment_of_another_python(
    tmp_path: Path,
    pip: Pip,
    monkeypatch: pytest.MonkeyPatch,
    version: list[int],
    is_named: bool,
    is_made: bool,
) -> None:
    venv, made = tmp_path / ".venv", []
    run(venv)
    versions = iter([version, HERE])
    monkeypatch.setattr(install, "_version_of", lambda _: next(versions))
    monkeypatch.setattr(install, "_make", made.append)
    run(venv, is_this_python=is_named)
    assert bool(made) == is_made


def test_the_path_in_the_environment_is_relative_and_ascii(tmp_path: Path, pip: Pip) -> None:
    """Python 3.11 under LC_ALL=C can't read other paths and would not start."""
    run(tmp_path / ".venv")
    (file,) = (tmp_path / ".venv").glob("[Ll]ib/**/_editable_impl_ferapp.pth")
    assert (file.parent / file.read_bytes().decode("ascii")).resolve() == ROOT


def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(install.shutil.disk_usage("."))
    monkeypatch.setattr(install.shutil, "disk_usage", lambda _: usage(10**10, 10**10, 10**8))


def too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install.sys, "version_info", (3, 10, 13))


def without(module: str) -> Callable[[pytest.MonkeyPatch], None]:
    real = builtins.__import__

    def load(name: str, *rest: Any) -> Any:
        if name == module:
            raise ImportError(name)
        return real(name, *rest)

    return lambda monkeypatch: monkeypatch.setattr(builtins, "__import__", load)


@pytest.mark.parametrize(
    ("lacks", "message"),
    [
        pytest.param(no_room, r"too little free disk space here: 0\.1 GB; ferapp needs", id="disk"),
        pytest.param(too_old, r"3\.11 or newer; this is Python 3\.10\.13", id="Python"),
        pytest.param(without("venv"), "apt install python3-venv", id="venv"),
        pytest.param(without("ensurepip"), "apt install python3-venv", id="pip"),
    ],
)
def test_missing_requirements_are_reported_before_anything_is_created(
    tmp_path: Path,
    pip: Pip,
    monkeypatch: pytest.MonkeyPatch,
    lacks: Callable[[pytest.MonkeyPatch], None],
    message: str,
) -> None:
    lacks(monkeypatch)
    with pytest.raises(install.Stop, match=message):
        run(tmp_path / ".venv")
    monkeypatch.undo()
    assert not (tmp_path / ".venv").exists() and not pip.asked


def mine(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").touch()


def linked(path: Path) -> None:
    mine(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("gone"))


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX")
@pytest.mark.parametrize("there", [mine, linked, dangling, Path.touch])
def test_a_folder_that_is_no_environment_is_never_emptied(
    tmp_path: Path,
    pip: Pip,
    monkeypatch: pytest.MonkeyPatch,
    there: Callable[[Path], None],
) -> None:
    monkeypatch.setattr(install, "_make", make)
    there(tmp_path / ".venv")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(install.Stop, match=r"is no environment of ferapp\. Move it away"):
        run(tmp_path / ".venv")
    assert sorted(tmp_path.rglob("*")) == before and not pip.asked


@pytest.mark.parametrize("place", ["", ".", "..", "/"])
def test_the_project_and_its_parents_are_never_emptied(
    pip: Pip, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(install, "_make", make)
    monkeypatch.setattr("venv.create", lambda *_, **__: pytest.fail("it would be emptied"))
    with pytest.raises(install.Stop, match="is no environment of ferapp"):
        run(ROOT / place)


@pytest.mark.parametrize("state", ["", "[]", "{}", '{"requirements": 1}', '{"extras": 3}'])
def test_a_damaged_state_is_recreated(tmp_path: Path, pip: Pip, state: str) -> None:
    run(tmp_path / ".venv", "test")
    (tmp_path / ".venv" / "ferapp.json").write_text(state)
    pip.asked = []
    run(tmp_path / ".venv", "test")
    assert pip.asked == [*PINNED, "-e .[test]"]


def test_an_unknown_extra_is_reported_with_the_known_ones(tmp_path: Path, pip: Pip) -> None:
    with pytest.raises(install.Stop, match=r"no extra called nosuch\. There are: train, .*test"):
        run(tmp_path / ".venv", "test", "nosuch")
    assert not pip.asked


def test_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(install.Stop, match="can't be written: Not a directory"):
        run(tmp_path / "file" / ".venv")


def test_a_failing_pip_is_distinguished_from_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = tmp_path / "fails"
    fails.write_text("#!/bin/sh\nexit 1\n")
    fails.chmod(0o755)
    with pytest.raises(install.Stop, match="pip's message is above"):
        install._pip(fails, "-e", ".")
    no_room(monkeypatch)
    monkeypatch.setattr(install, "FULL_BYTES", 10**9)
    with pytest.raises(install.Stop, match="too little free disk space"):
        install._pip(fails, "-e", ".")


def test_the_state_is_kept_only_in_the_environment(tmp_path: Path, pip: Pip) -> None:
    run(tmp_path / ".venv", "test")
    state = json.loads((tmp_path / ".venv" / "ferapp.json").read_text())
    assert state["extras"] == ["test"] and os.listdir(tmp_path) == [".venv"]

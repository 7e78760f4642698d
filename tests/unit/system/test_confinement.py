"""A decoder that was taken over reaches nothing: each way out is tried in a real child process."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ferapp.system import child
from ferapp.system.confinement import Layers, layers
from tests.support.places import ROOT
from tests.support.taken_over import HELD, as_plain_user, take_over, tries

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are those of Linux")
LAYERS = {"limits", "landlock", "seccomp"}


def layers_here() -> set[str]:
    here = layers()
    has = {"limits": here.has_limits, "landlock": here.landlock, "seccomp": here.has_seccomp}
    return {name for name, is_here in has.items() if is_here}


@cache
def answers(without: str = "", *, is_plain_user: bool = False) -> dict[str, str]:
    with TemporaryDirectory() as folder:
        if not is_plain_user:
            return take_over(Path(folder), without=without)
        answered = as_plain_user(Path(folder))
    if isinstance(answered, str):
        pytest.skip(answered)
    return answered


@pytest.mark.parametrize("is_plain_user", [False, True], ids=["this user", "a plain user"])
@pytest.mark.parametrize("way", tries())
def test_a_child_that_was_taken_over_cannot(way: str, is_plain_user: bool) -> None:
    needs = tries()[way][0].split()
    if needs and not set(needs) & layers_here():
        pytest.skip(f"this machine has no {' and no '.join(needs)}")
    assert answers(is_plain_user=is_plain_user)[way] == HELD


@pytest.mark.parametrize("layer", ["landlock", "seccomp"])
def test_what_two_layers_stop_one_of_them_stops(layer: str) -> None:
    """As on a machine that has only the other one."""
    if layers_here() != LAYERS:
        pytest.skip("this machine has not all layers")
    others = LAYERS - {layer}
    found = answers(without=layer)
    open_ways = {way for way, answer in found.items() if answer not in (HELD, "runs")}
    assert not {way for way in open_ways if set(tries()[way][0].split()) & others}


def test_without_the_layers_the_ways_are_open() -> None:
    """Otherwise the other tests would pass though the layers did nothing."""
    found = answers("landlock seccomp limits")
    held = {way for way, answer in found.items() if answer == HELD}
    elsewhere = {way for way, (needs, _) in tries().items() if not needs}
    # Some need rights that a plain user doesn't have, or parts that this kernel lacks.
    rare = {"use io_uring", "get a namespace", "trace the parent", "read the parent's memory"}
    rare |= {"read another process", "read the parent's environment"}
    rare |= {way for way in tries() if way.startswith("raise the limit")}
    # It is open for reading only, before any layer.
    assert held <= elsewhere | rare | {"change what it reads"}


def test_a_copier_writes_to_its_own_folder_alone(tmp_path: Path) -> None:
    if layers_here() != LAYERS:
        pytest.skip("this machine has not all layers")
    found = take_over(tmp_path, writes=True)
    assert found.pop("write to its own folder") == "written"
    # No limit is set that could be raised.
    del found["raise the limit of the size of files"]
    assert set(found.values()) == {HELD, "runs"}


def test_threads_start_in_a_confined_child() -> None:
    assert [answers()[f"thread {n}"] for n in "12"] == ["runs", "runs"]


def test_a_child_that_takes_too_much_processor_time_is_ended(tmp_path: Path) -> None:
    assert take_over(tmp_path, is_busy=True) == {"ended": "crash"}


def test_libraries_start_no_thread_before_a_child_is_confined() -> None:
    """Landlock would not hold for it."""
    modules = ("media.decoder", "media.pictures.decoder", "inference.examiner")
    names = ", ".join(
        f"ferapp.{name}" for name in (*modules, "pipeline.annotated_copy.copier", "system.child")
    )
    code = f"import os, {names}; print(len(os.listdir('/proc/self/task')))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=child._environment(),
    )
    assert ran.stdout.strip() == "1", ran.stderr


@pytest.mark.parametrize(
    ("name", "is_passed_on"),
    [
        ("LC_ALL", True),
        ("TMPDIR", True),
        ("OMP_NUM_THREADS", True),
        ("FERAPP_DATABASE_URL", False),
        ("STREAMLIT_AUTH_COOKIE_SECRET", False),
        ("AWS_SECRET_ACCESS_KEY", False),
        ("PYTHONANYWHERE_API_TOKEN", False),
        ("HOME", False),
    ],
)
def test_children_get_only_what_they_need_of_the_environment(
    name: str, is_passed_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    assert (name in child._environment()) == is_passed_on


def test_the_path_of_packages_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere/else")
    assert child._environment()["PYTHONPATH"].split(os.pathsep) == [str(ROOT), "/somewhere/else"]


@pytest.mark.parametrize(
    ("found", "text", "gap"),
    [
        (Layers(True, 7, True), "limits, Landlock 7, seccomp", ""),
        (Layers(True, 0, True), "limits, seccomp", "read this account's files"),
        (
            Layers(True, 0, False),
            "limits",
            "read this account's files and connect to others and start programs",
        ),
    ],
)
def test_the_layers_and_what_is_missing_are_named(found: Layers, text: str, gap: str) -> None:
    assert (found.text, found.gap) == (text, gap)


def test_the_service_may_confine_its_decoders() -> None:
    """Not among the calls that systemd allows a service, these would be refused in silence."""
    unit = (ROOT / "deploy" / "ferapp.service").read_text(encoding="utf-8")
    lines = [line for line in unit.splitlines() if line.startswith("SystemCallFilter=")]
    allowed = {name for line in lines if "~" not in line for name in line.split("=")[1].split()}
    calls = {"seccomp"} | {f"landlock_{n}" for n in ("create_ruleset", "add_rule", "restrict_self")}
    assert allowed >= calls | {"setrlimit", "prlimit64"}

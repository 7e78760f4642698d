"""Packages that overwrite ours are detected, named, and repaired by the suggested commands."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.requests import Request

from ferapp.errors import LibraryError
from ferapp.inference import onnx_model as session
from ferapp.inference.manifest import manifest
from ferapp.inference.opencv_detectors import CaffeUltraLight, Haar
from ferapp.inference.weights import read
from ferapp.libraries import Library, Loaded, Trouble, load, repair
from ferapp.ui.server import health
from ferapp.vision import opencv
from ferapp.vision.preprocess import InputSpec
from tests.support.packages import install_package
from tests.support.places import ROOT, SAMPLES

FAKE = Library("Fake", "fakelib", "fake-headless")
OURS = {"fakelib/__init__.py": "", "fakelib/core.py": "ours"}
THEIRS = {"fakelib/__init__.py": "", "fakelib/core.py": "theirs, from the same folder"}

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install packages into a folder on the path, as pip does: the last one wins."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "fakelib", raising=False)

    def add(name: str, version: str, files: dict[str, str]) -> None:
        install_package(tmp_path, name, version, files)
        sys.path_importer_cache.clear()

    yield add
    sys.modules.pop("fakelib", None)


def remove(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    for file in files:
        (folder / file).unlink(missing_ok=True)
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    for file in about.iterdir():
        file.unlink()
    about.rmdir()


BACK = "`python -m pip install --force-reinstall --no-deps fake-headless==4.1`."


def test_the_required_library_is_no_trouble(install: Install) -> None:
    install("fake-headless", "4.1", OURS)
    loaded = load(FAKE)
    assert loaded.trouble is None and loaded.module.__name__ == "fakelib"
    loaded.require()


def test_a_working_variant_is_a_warning_with_the_commands(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("fake-headless", "4.1", OURS)
    install("fake-python", "5.0", THEIRS)
    with caplog.at_level(logging.WARNING):
        loaded = load(FAKE)
    assert loaded.trouble == Trouble(
        "fake-python 5.0 replaced fake-headless 4.1",
        f"repair it with `python -m pip uninstall fake-python`, then {BACK}",
        is_usable=True,
    )
    assert [record.getMessage() for record in caplog.records] == [loaded.trouble.sentence]
    loaded.require()


def test_two_variants_of_one_version_are_distinguished(install: Install) -> None:
    install("fake-python", "4.1", THEIRS)
    install("fake-headless", "4.1", OURS)
    assert load(FAKE).trouble is None, "the required one was installed last"


def test_removing_a_variant_leaves_an_empty_folder(install: Install, tmp_path: Path) -> None:
    install("fake-headless", "4.1", {**OURS, "fakelib/data.txt": "stays"})
    install("fake-python", "5.0", THEIRS)
    remove(tmp_path, "fake-python", "5.0", THEIRS)
    loaded = load(FAKE)
    assert loaded.trouble is not None and not loaded.trouble.is_usable
    assert loaded.trouble.sentence == (
        f"Fake can't be loaded (its folder is empty); repair it with {BACK}"
    )


def test_the_required_variant_was_removed_and_the_other_is_still_listed(
    install: Install, tmp_path: Path
) -> None:
    install("fake-headless", "4.1", OURS)
    install("fake-python", "5.0", {**THEIRS, "fakelib/data.txt": "stays"})
    remove(tmp_path, "fake-headless", "4.1", OURS)
    trouble = load(FAKE).trouble
    assert trouble is not None and not trouble.is_usable
    assert "uninstall fake-python`, then" in trouble.repair
    assert '--no-deps "fake-headless"`' in trouble.repair


def test_messages_of_the_linker_are_given_without_folders(install: Install) -> None:
    text = 'raise ImportError("/home/ann smith/lib/libGL.so.1: cannot open shared object file")'
    install("fake-headless", "4.1", {"fakelib/__init__.py": text})
    trouble = load(FAKE).trouble
    assert trouble is not None
    assert trouble.what == "Fake can't be loaded (libGL.so.1: cannot open shared object file)"


def test_only_another_variant_is_installed_and_works(install: Install) -> None:
    install("fake-python", "5.0", THEIRS)
    assert load(FAKE).trouble is None, "no other package claims the file"


def test_changed_files_that_no_other_package_claims_are_accepted(
    install: Install, tmp_path: Path
) -> None:
    install("fake-headless", "4.1", OURS)
    (tmp_path / "fakelib" / "core.py").write_text("stripped")
    assert load(FAKE).trouble is None


def test_packages_without_a_record_are_accepted(install: Install, tmp_path: Path) -> None:
    install("fake-headless", "4.1", OURS)
    install("fake-python", "5.0", THEIRS)
    for record in tmp_path.glob("*/RECORD"):
        record.unlink()  # as conda does
    assert load(FAKE).trouble is None


def test_a_stand_in_raises_only_when_it_is_used(install: Install) -> None:
    stand_in = load(FAKE).module
    assert repr(stand_in) and not hasattr(stand_in, "__wrapped__")
    with pytest.raises(LibraryError, match=r"Fake can't be loaded .* repair it with"):
        stand_in.resize(1)


def test_an_unsupported_release_is_not_the_one_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ferapp.libraries.version", lambda _: "5.0.0.93")
    assert '"opencv-python-headless<5,>=4.14"`' in repair("opencv-python-headless")


@pytest.mark.parametrize(
    ("use", "part"),
    [
        pytest.param(
            lambda: Haar(read(manifest().find("haar"))[0]), "CascadeClassifier", id="cascade"
        ),
        pytest.param(
            lambda: CaffeUltraLight(b"1", b"1", InputSpec((8, 8), "rgb", 0, 1)),
            "dnn.readNetFromCaffe",
            id="caffe",
        ),
    ],
)
def test_parts_missing_from_opencv_5_are_named_with_the_repair(
    use: Callable[[], object], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opencv, "cv2", SimpleNamespace(__version__="5.0.0", dnn=SimpleNamespace()))
    with pytest.raises(LibraryError, match=rf"OpenCV 5.0.0 has no {part}, .* --force-reinstall"):
        use()


@pytest.mark.parametrize("home", [opencv, session], ids=["OpenCV", "ONNX Runtime"])
def test_an_app_that_can_t_analyse_is_not_ready(
    home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble = Trouble("It can't be loaded", "repair it.", is_usable=False)
    monkeypatch.setattr(home, "loaded", Loaded(None, trouble))
    answer = asyncio.run(health.ready(Request({"type": "http"})))
    assert (answer.status_code, answer.body) == (503, b"not ready: LibraryError")


def ferapp(*args: object, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ferapp", *map(str, args)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(path)},
        timeout=120,
    )


@pytest.mark.parametrize("module", ["cv2", "onnxruntime"])
def test_a_command_that_needs_a_broken_library_prints_one_message(
    module: str, tmp_path: Path
) -> None:
    (tmp_path / module).mkdir()
    (tmp_path / module / "__init__.py").write_text('raise ImportError("libGL.so.1: not there")')
    run = ferapp("analyze", SAMPLES / "astronaut.jpg", path=tmp_path)
    assert run.returncode == 1 and not run.stdout
    assert run.stderr.count("\n") == 1 and "can't be loaded (libGL.so.1: not there)" in run.stderr
    assert "python -m pip install --force-reinstall --no-deps" in run.stderr
    listed = ferapp("models", "list", path=tmp_path)
    assert listed.returncode == 0 and "seresnet" in listed.stdout, "this command needs neither"


def test_a_command_on_another_variant_works_and_warns_once(tmp_path: Path) -> None:
    install_package(tmp_path, "opencv-python-headless", "4.14.0.94", {"cv2/__init__.py": "ours"})
    install_package(tmp_path, "opencv-python", "4.14.0.94", {"cv2/__init__.py": "theirs"})
    (tmp_path / "cv2" / "__init__.py").unlink()  # the real one is imported
    run = ferapp("analyze", SAMPLES / "astronaut.jpg", "--json", path=tmp_path)
    assert run.returncode == 0 and "happiness" in run.stdout
    assert run.stderr.count("\n") == 1
    assert run.stderr.startswith("WARNING opencv-python 4.14.0.94 replaced opencv-python-headless")

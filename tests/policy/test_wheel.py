"""The app from a wheel: in an empty folder, with no checkout."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT
from tests.support.served import fetch_text


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel alone; its libraries are those of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    built = subprocess.run(
        [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT],
        capture_output=True,
        text=True,
    )
    if built.returncode and "No matching distribution found for hatchling" in built.stderr:
        pytest.skip("needs hatchling, which pip can't reach from here")
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--target", folder / "site", wheel])
    return folder / "site"


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "ferapp", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(installed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_wheel_holds_types_and_only_the_package(installed: Path) -> None:
    assert (installed / "ferapp" / "py.typed").exists()
    assert {p.name for p in installed.iterdir() if not p.name.endswith(".dist-info")} == {
        "ferapp",
        "bin",
    }


def test_the_wheel_analyses_with_its_own_models(installed: Path, tmp_path: Path) -> None:
    sample = installed / "ferapp" / "samples" / "astronaut.jpg"
    output, _ = run(installed, tmp_path, "analyze", str(sample), "--json").communicate(timeout=120)
    assert '"expression": "happiness"' in output


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_the_wheel_serves_its_pages(installed: Path, tmp_path: Path, port: int) -> None:
    process = run(installed, tmp_path, "serve", "--port", str(port))
    try:
        assert fetch_text(port, "/readyz", 60) == "ready"
        assert "<title>" in fetch_text(port, "/live", 10)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0 and "127.0.0.1" in output, output
    assert not list(tmp_path.iterdir()), "it leaves nothing behind"

"""Fixtures of the tests of the command line."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ferapp.ui.live.webcam import demo_frame
from ferapp.vision.crops import resize
from tests.support.video_command import FRAMES, HALF
from tests.support.videos import solid_image, write_video


@pytest.fixture
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A face on the left for a second, and another on the right for two; with a tone."""
    nobody = solid_image(96, HALF)

    def portrait(start_s: float, n: int) -> np.ndarray:
        return resize(demo_frame(start_s + n / 10), HALF)

    frames = [
        np.hstack([portrait(2, n) if n < 10 else nobody, portrait(17.3, n) if n > 4 else nobody])
        for n in range(FRAMES)
    ]
    path = tmp_path_factory.mktemp("videos") / "pair.mp4"
    return write_video(path, frames, sound="aac").read_bytes()


@pytest.fixture
def clip(pair: bytes, tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "clip.mp4"
    path.write_bytes(pair)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 64 kB, which only root can make."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        is_made = subprocess.run(mount, capture_output=True, timeout=20).returncode == 0
    except OSError:
        is_made = False
    if not is_made:
        pytest.skip("a small file system can't be made here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=20)

"""Fixtures of the tests of ``ferapp video``."""

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

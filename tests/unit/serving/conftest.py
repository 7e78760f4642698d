"""Videos as bytes, and a check that jobs leave nothing behind."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.video_jobs import FRAMES, WH, child_pids
from tests.support.videos import noisy_frames, write_video


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of noise with a tone."""
    path = tmp_path_factory.mktemp("videos") / "noise.mp4"
    return write_video(path, noisy_frames(FRAMES, WH), sound="aac").read_bytes()


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """More frames than the pipe between two processes can hold."""
    path = tmp_path_factory.mktemp("videos") / "long.mp4"
    return write_video(path, noisy_frames(10, (640, 480)) * 12).read_bytes()


@pytest.fixture
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The temporary folder; at the end of the test it is empty and no process is left."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = child_pids()
    yield folder
    assert not list(folder.iterdir())
    assert child_pids() <= before

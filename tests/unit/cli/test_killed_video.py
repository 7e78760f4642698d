"""A command that is killed while it reads or copies a video; `make hold` kills the app as well."""

from pathlib import Path

import pytest

from stress.killed_videos import Step, Who, kill_command, write_clip
from tests.support.video_jobs import needs_proc


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 6)


@needs_proc
@pytest.mark.parametrize(
    ("step", "who"),
    [("reading", "the child"), ("copying", "all of it")],
    ids=["the decoder is killed", "the command is killed while it copies"],
)
def test_nothing_is_left_and_the_next_run_works(
    step: Step, who: Who, clip: Path, tmp_path: Path
) -> None:
    assert kill_command(clip, tmp_path, step, who) == []

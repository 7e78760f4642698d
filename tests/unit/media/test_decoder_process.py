"""The decoder as a child process: closed, killed, hanging or crashing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from ferapp.errors import VideoError
from ferapp.media.video import Video
from ferapp.system.child import Child, ChildError
from tests.support.places import ROOT
from tests.support.videos import (
    decode_video,
    frame_number,
    numbered_frames,
    write_video,
)
from tests.support.waiting import is_running, wait_until


def test_an_open_file_is_read_from_its_start_and_stays_open(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(3))
    with path.open("rb") as file:
        assert decode_video(file).numbers == [0, 1, 2]
        assert not file.closed and decode_video(file).numbers == [0, 1, 2]


def test_an_open_file_with_another_position_is_read_from_its_start(tmp_path: Path) -> None:
    """Python's read-ahead has moved the descriptor that the decoder shares."""
    path = write_video(tmp_path / "a.mp4", numbered_frames(3))
    with path.open("rb") as file:
        file.read(16)
        assert decode_video(file).numbers == [0, 1, 2]


def test_closing_leaves_no_process_and_no_thread_behind(tmp_path: Path) -> None:
    video = Video(write_video(tmp_path / "a.mp4", numbered_frames(20, (640, 480))))
    frames = video.frames()
    next(frames)
    pid = video._child.pid
    assert is_running(pid)
    before_s = time.monotonic()
    video.close()
    assert not is_running(pid) and time.monotonic() - before_s < 2
    video.close()


def test_a_decoder_ends_when_its_output_is_no_longer_read(tmp_path: Path) -> None:
    """As when the app is killed: the reader is gone, and nothing is closed."""
    video = Video(write_video(tmp_path / "a.mp4", numbered_frames(20, (640, 480))))
    os.close(video._child._out.fileno())
    try:
        assert video._child._process.wait(5) is not None
    finally:
        # Its number is not ours any more: give the object one that it may close.
        os.dup2(os.open(os.devnull, os.O_RDONLY), video._child._out.fileno())
        video.close()


def test_a_hanging_decoder_does_not_outlive_its_parent(tmp_path: Path) -> None:
    """A pipe without a reader ends only a process that writes to it."""
    (tmp_path / "nothing").touch()
    code = (
        "import os, signal\n"
        "from ferapp.system.child import Child\n"
        f"with open({str(tmp_path / 'nothing')!r}, 'rb') as file:\n"
        "    child = Child('tests.support.sleeper', file, ['{}\\n', 60],\n"
        "                  work='decoder', subject='video')\n"
        "child._out.readline()\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    pid = int(ran.stdout)
    try:
        wait_until(lambda: not is_running(pid), timeout_s=10)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_frames_before_a_crash_are_kept_and_the_crash_is_reported(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(20, (640, 480)))
    with Video(path) as video:
        frames = video.frames()
        first = [next(frames) for _ in range(3)]
        os.kill(video._child.pid, signal.SIGKILL)
        kept = [*first, *frames]
        assert 3 <= len(kept) < 20, "those that were under way may still arrive"
        assert [frame_number(frame.image) for frame in kept] == list(range(len(kept)))
        assert "crashed" in video.damage and video.damage.endswith("What was read before is kept.")


def test_a_crash_before_the_first_frame_is_an_error(tmp_path: Path) -> None:
    # One such frame is more than a pipe holds.
    with Video(write_video(tmp_path / "a.mp4", numbered_frames(2, (1280, 720)))) as video:
        os.kill(video._child.pid, signal.SIGKILL)
        with pytest.raises(VideoError, match="has crashed"):
            next(video.frames())


def test_closing_a_decoder_is_not_reported_as_a_crash(tmp_path: Path) -> None:
    with Video(write_video(tmp_path / "a.mp4", numbered_frames(20, (640, 480)))) as video:
        frames = video.frames()
        next(frames)
        video.close()
        list(frames)
        assert video.damage == ""


@pytest.fixture
def nothing(tmp_path: Path) -> Iterator[object]:
    (tmp_path / "nothing").touch()
    with (tmp_path / "nothing").open("rb") as file:
        yield file


decoder = partial(Child, "tests.support.sleeper", work="decoder of the video", subject="video")


def test_a_silent_child_is_killed_and_reported(nothing: object) -> None:
    with decoder(nothing, ['{"here": 1}\n', 60], silence_s=0.6) as child:
        assert child.message()[0] == {"here": 1}
        before_s = time.monotonic()
        with pytest.raises(ChildError, match=r"did nothing for 0\.6 s"):
            child.message()
        assert time.monotonic() - before_s < 5
    assert not is_running(child.pid)


def test_a_child_may_be_silent_while_no_message_is_awaited(nothing: object) -> None:
    with decoder(nothing, ['{"n": 1}\n', '{"n": 2}\n'], silence_s=0.3) as child:
        assert child.message()[0] == {"n": 1}
        looks: list[float | None] = []
        wait = child._ended.wait

        def counted_wait(timeout_s: float | None = None) -> bool:
            looks.append(timeout_s)
            return wait(timeout_s)

        child._ended.wait = counted_wait
        # Between two looks of the watch more time has passed than the child may be silent.
        wait_until(lambda: len(looks) == 2)
        assert child.message()[0] == {"n": 2}


@pytest.mark.parametrize(
    "says",
    [
        pytest.param([], id="nothing"),
        pytest.param(["hello\n"], id="no JSON"),
        pytest.param(['{"at_s": 1'], id="half a line"),
        pytest.param(['{"bytes": 9}\n12345'], id="half of the bytes"),
    ],
)
def test_a_child_that_ends_in_the_middle_of_a_message_has_crashed(
    nothing: object, says: list[str]
) -> None:
    with (
        decoder(nothing, says) as child,
        pytest.raises(ChildError, match="has crashed"),
    ):
        child.message()


def test_an_error_in_ferapp_is_not_reported_as_a_damaged_file(
    nothing: object, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        decoder(nothing, ["ours"]) as child,
        pytest.raises(ChildError, match=r"in ferapp, not in the file \(AttributeError in sleeper"),
    ):
        child.message()
    assert "AttributeError in sleeper.py" in caplog.text
    assert "the name of a file" not in caplog.text


def test_a_child_that_cannot_start_is_not_reported_as_a_damaged_file(nothing: object) -> None:
    with (
        decoder(nothing, ["status"]) as child,
        pytest.raises(ChildError, match="exit status 7"),
    ):
        child.message()


def test_a_message_of_the_child_becomes_the_error(nothing: object) -> None:
    with (
        decoder(nothing, ['{"error": "Too large."}\n']) as child,
        pytest.raises(ChildError, match=r"^Too large\.$"),
    ):
        child.message()

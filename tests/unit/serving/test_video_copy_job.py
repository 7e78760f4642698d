"""Copying a video as a job: real files, models without weights."""

import errno
import io
import os
import tempfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from ferapp.errors import VideoError
from ferapp.serving import video_jobs
from ferapp.serving.job import Job
from ferapp.serving.seats import Seats
from ferapp.serving.video_jobs import (
    VideoCopyJob,
    open_unnamed_file,
)
from tests.support.fakes import Clock
from tests.support.video_jobs import (
    BOX,
    FRAMES,
    OTHER_BOX,
    WH,
    analyse_video,
    analysis_job,
    child_pids,
    needs_proc,
    overlay,
)
from tests.support.waiting import wait_until


@needs_proc
@pytest.mark.parametrize("kind", ["reading", "copying"])
def test_a_cancelled_job_leaves_nothing(long: bytes, nothing_left: Path, kind: str) -> None:
    clip = analyse_video(long) if kind == "copying" else None
    job: Job[Any] = Job(
        lambda: (
            analysis_job(long)
            if clip is None
            else VideoCopyJob(long, overlay(clip, 1), clip.duration_s)
        ),
        Seats(1, Clock()),
    )
    wait_until(lambda: job.done > 0, timeout_s=20)
    job.cancel()
    assert job.wait(3) and job.state == "cancelled"


BROKEN = {
    "empty": (b"", "empty"),
    "text": (b"no video at all", "not a video"),
    "picture": (b"\xff\xd8\xff" + bytes(2000), "a picture"),
    "only a header": (b"\0\0\0\x18ftypisom" + bytes(500), "can't be opened"),
}


@needs_proc
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_video_is_a_video_error(broken: str, data: bytes, nothing_left: Path) -> None:
    content, message = BROKEN[broken]
    with pytest.raises(VideoError, match=message) as caught:
        analysis_job(content)
    assert str(nothing_left) not in str(caught.value)
    copying = VideoCopyJob(content, overlay(analyse_video(data)), 1.0)
    with pytest.raises(VideoError, match=message) as caught:
        list(copying)
    copying.close()
    assert str(nothing_left) not in str(caught.value) and copying.mp4 == b""


class Full(io.BytesIO):
    """A file on a full disk."""

    def write(self, data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@needs_proc
def test_a_full_disk_is_a_video_error(
    data: bytes, nothing_left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = analyse_video(data)
    file = Full()
    monkeypatch.setattr(video_jobs.tempfile, "TemporaryFile", lambda: file)
    with pytest.raises(VideoError, match="no room for a video of 1 MB"):
        analysis_job(data)
    assert file.closed
    with pytest.raises(VideoError, match="no room"):
        VideoCopyJob(data, overlay(clip), 1.0)
    with pytest.raises(VideoError, match="no room for a video of 3 MB"):
        open_unnamed_file(bytes(2_600_000))


@pytest.mark.parametrize("name", ["TemporaryFile", "mkdtemp"])
def test_a_disk_too_full_for_any_file_is_a_video_error(
    data: bytes, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    clip = analyse_video(data)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, name, refuse)
    with pytest.raises(VideoError):
        VideoCopyJob(data, overlay(clip), 1.0)


def test_an_unnamed_file_holds_the_data(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open_unnamed_file(b"abc") as file:
        assert not list(tmp_path.iterdir())
        file.seek(0)
        assert file.read() == b"abc" and file.fileno() >= 0


@needs_proc
def test_a_copy_has_the_same_frames_and_the_sound(data: bytes, nothing_left: Path) -> None:
    clip = analyse_video(data)
    work = VideoCopyJob(data, overlay(clip, 1), clip.duration_s)
    assert work.total == pytest.approx(FRAMES / 10) and work.mp4 == b""
    times = list(work)
    assert times == sorted(times) and times[-1] == pytest.approx((FRAMES - 1) / 10)
    work.close()
    work.close()
    assert work.note == ""
    with av.open(io.BytesIO(work.mp4)) as copy:
        assert (len(copy.streams.video), len(copy.streams.audio)) == (1, 1)
        assert copy.streams.video[0].codec_context.name == "h264"
        frames = list(copy.decode(video=0))
    assert len(frames) == FRAMES and (frames[0].width, frames[0].height) == WH
    assert [frame.time for frame in frames] == pytest.approx([n / 10 for n in range(FRAMES)])


def test_only_chosen_faces_are_visible(data: bytes) -> None:
    clip = analyse_video(data, BOX, OTHER_BOX)
    sharp = []
    for shown in (clip.readings.faces, [1], []):
        work = VideoCopyJob(data, overlay(clip, *shown), clip.duration_s)
        list(work)
        work.close()
        with av.open(io.BytesIO(work.mp4)) as copy:
            image = next(copy.decode(video=0)).to_ndarray(format="rgb24").astype(int)
        sharp.append([detail(image, box) > 3 for box in (BOX, OTHER_BOX)])
    assert sharp == [[True, True], [True, False], [False, False]]


def detail(image: np.ndarray, xyxy: tuple[int, int, int, int]) -> float:
    """Mean difference of neighbouring pixels inside a box, away from its border."""
    x, y, right, bottom = xyxy
    part = image[y + 20 : bottom - 20, x + 20 : right - 20].mean(axis=2)
    return float(np.abs(np.diff(part, axis=1)).mean())


@needs_proc
def test_closing_a_copy_midway_leaves_nothing(long: bytes, nothing_left: Path) -> None:
    clip = analyse_video(long)
    work = VideoCopyJob(long, overlay(clip, 1), clip.duration_s)
    steps = iter(work)
    next(steps)
    assert list(nothing_left.iterdir()) and child_pids()
    work.close()
    with pytest.raises(VideoError):
        list(steps)
    work.close()
    assert work.mp4 == b""


@needs_proc
def test_errors_do_not_name_folders_of_the_server(
    long: bytes, tmp_path: Path, monkeypatch: Any
) -> None:
    """The visitor sees the error of a killed decoder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    clip = analyse_video(long)
    work = VideoCopyJob(long, overlay(clip, 1), clip.duration_s)
    steps = iter(work)
    next(steps)
    for pid in child_pids():
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"ferapp.pipeline.annotated_copy.copier" in command:
            os.kill(pid, 9)
    with pytest.raises(VideoError) as caught:
        list(steps)
    work.close()
    assert str(tmp_path) not in str(caught.value)

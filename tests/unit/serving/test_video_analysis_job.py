"""Reading a video as a job: real files, models without weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.media.images import read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.stream import StreamFrame
from ferapp.serving import video_jobs
from ferapp.serving.video_jobs import (
    PORTRAIT_PX,
    PREVIEW_PX,
    VideoAnalysisJob,
)
from ferapp.settings import ClipSettings
from ferapp.types import Faces
from ferapp.vision.crops import resize
from tests.support.fakes import Clock, FakeClassifier, FakeDetector
from tests.support.video_jobs import (
    BOX,
    FRAMES,
    OTHER_BOX,
    WH,
    analysis_job,
    analyzer,
    child_pids,
    keep_image,
    needs_proc,
)
from tests.support.videos import noisy_frames, solid_image, truncate, write_video


def size_of(jpeg: bytes) -> tuple[int, int]:
    assert jpeg.startswith(b"\xff\xd8\xff")
    return read_image(jpeg).shape[1::-1]


@needs_proc
def test_reading_reports_progress_and_gives_the_clip(data: bytes, nothing_left: Path) -> None:
    work = analysis_job(data)
    assert work.total == FRAMES and (work.info.size_wh, work.info.codec) == (WH, "h264")
    assert work.info.has_sound and work.clip is None and work.preview == b"" and not work.portraits
    assert child_pids(), "or the check for leftovers proves nothing"
    assert list(work) == list(range(1, FRAMES + 1))
    assert size_of(work.preview) == WH
    assert work.clip is not None and work.clip.frames == FRAMES and work.clip.is_whole
    assert work.clip.damage == "" and work.clip.readings.faces == [1]
    assert set(work.portraits) == {1}
    assert size_of(work.portraits[1].jpeg) == (PORTRAIT_PX, PORTRAIT_PX)
    work.close()
    work.close()


@pytest.mark.parametrize(
    ("per_second", "frames"),
    [(None, FRAMES), (5.0, FRAMES // 2), (1000.0, FRAMES), (2.0, 3), (0.2, 1)],
)
def test_per_second_limits_the_frames_that_are_read(
    data: bytes, per_second: float | None, frames: int
) -> None:
    work = analysis_job(data, per_second=per_second)
    assert 0 < work.total == pytest.approx(frames, abs=1)
    assert list(work)[-1] == frames
    assert work.clip is not None and work.clip.frames == frames
    work.close()


def test_the_preview_is_the_drawn_frame_scaled_down(tmp_path: Path) -> None:
    wide = write_video(tmp_path / "wide.mp4", noisy_frames(2, (1280, 320))).read_bytes()
    drawn: list[StreamFrame] = []

    def draw(image: np.ndarray, frame: StreamFrame) -> np.ndarray:
        drawn.append(frame)
        return np.full_like(image, (255, 0, 0))

    work = VideoAnalysisJob(wide, analyzer(BOX), ClipSettings(), draw)
    next(iter(work))
    work.close()
    assert len(drawn) == 1 and drawn[0].at_s == 0
    assert size_of(work.preview) == (PREVIEW_PX, PREVIEW_PX // 4)
    assert read_image(work.preview).reshape(-1, 3).mean(axis=0) == pytest.approx((254, 0, 0), abs=3)


def test_previews_are_made_at_intervals(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, drawn = Clock(), []
    clock.now_s = 1000.0
    monkeypatch.setattr(video_jobs.time, "monotonic", clock)
    work = VideoAnalysisJob(
        data, analyzer(BOX), ClipSettings(), lambda image, frame: drawn.append(frame) or image
    )
    for _ in work:
        clock.now_s += 0.1
    work.close()
    assert [round(10 * frame.at_s) for frame in drawn] in (
        [0, 5, 10],
        [0, 4, 8],
    )


def test_a_portrait_shows_the_box_and_grows_with_it(tmp_path: Path) -> None:
    frames = [solid_image(90, WH) for _ in range(9)]
    face = noisy_frames(1, (12, 12))[0] // 4
    face[..., 1] += 150  # green, and still sharp
    boxes = [(100, 60, 160, 120)] * 5 + [(90, 50, 170, 130)] * 4
    for frame, (x1, y1, x2, y2) in zip(frames, boxes, strict=True):
        frame[y1:y2, x1:x2] = resize(face, (x2 - x1, y2 - y1))
    path = write_video(tmp_path / "green.mp4", frames)
    detector = Follows(boxes)
    work = VideoAnalysisJob(
        path.read_bytes(),
        Analyzer(detector, FakeClassifier(EXPRESSIONS)),
        ClipSettings(),
        keep_image,
    )
    sides = []
    for _ in work:
        sides.append(round(work.portraits[1].side_px) if work.portraits else None)
    work.close()
    assert [s for s in dict.fromkeys(sides) if s] == [60, 80], sides
    portrait = read_image(work.portraits[1].jpeg).astype(int)
    middle, corner = portrait[60:100, 60:100].mean(axis=(0, 1)), portrait[:8, :8].mean(axis=(0, 1))
    assert middle[1] > middle[0] + 60 and corner[1] < corner[0] + 40


class Follows(FakeDetector):
    """Finds one face, at another position in each frame."""

    def __init__(self, boxes: list[tuple[int, int, int, int]]) -> None:
        super().__init__(Faces(np.empty((0, 4), np.float32), np.empty(0, np.float32)))
        self._boxes = iter(boxes)

    def detect(self, image_rgb: np.ndarray, settings: Any) -> Faces:
        box = next(self._boxes)
        return Faces(np.array([box], np.float32), np.ones(1, np.float32))


def test_the_number_of_portraits_is_limited(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_jobs, "MOST_PORTRAITS", 1)
    work = analysis_job(data, BOX, OTHER_BOX)
    list(work)
    work.close()
    assert work.clip is not None and work.clip.readings.faces == [1, 2]
    assert len(work.portraits) == 1


def test_a_face_that_can_t_be_read_has_no_portrait(tmp_path: Path) -> None:
    path = write_video(tmp_path / "flat.mp4", [np.full((240, 320, 3), 120, np.uint8)] * 6)
    work = analysis_job(path.read_bytes())
    list(work)
    work.close()
    assert work.clip is not None and work.clip.readings.faces == [1]
    assert set(work.clip.readings.flaw) == {"blurred"} and not work.portraits


def test_no_face_is_a_clip_too(data: bytes) -> None:
    work = VideoAnalysisJob(data, analyzer(), ClipSettings(), keep_image)
    list(work)
    work.close()
    assert work.clip is not None and work.clip.frames == FRAMES
    assert not work.portraits and len(work.clip.readings) == 0 and work.preview


@needs_proc
def test_closing_a_reading_midway_leaves_nothing(long: bytes, nothing_left: Path) -> None:
    work = analysis_job(long)
    steps = iter(work)
    next(steps)
    next(steps)
    assert child_pids()
    work.close()
    # Frames decoded before may still come.
    assert len(list(steps)) < 60


@needs_proc
def test_a_reading_can_be_closed_before_it_begins(long: bytes, nothing_left: Path) -> None:
    work = analysis_job(long)
    work.close()
    assert work.clip is None


@needs_proc
def test_half_a_video_is_half_a_clip(tmp_path: Path, nothing_left: Path) -> None:
    front = {"movflags": "+faststart"}
    path = truncate(write_video(tmp_path / "half.mp4", noisy_frames(40, WH), options=front), 0.5)
    work = analysis_job(path.read_bytes())
    count = len(list(work))
    work.close()
    assert 5 < count < 40 and work.clip is not None
    assert work.clip.frames == count and work.clip.damage and work.clip.readings.faces == [1]

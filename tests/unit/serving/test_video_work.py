"""Reading a video and copying it, as a page has it done: real files, models without weights."""

import errno
import io
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import VideoError
from ferapp.media.images import read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.clip import Clip
from ferapp.pipeline.stream import StreamFrame
from ferapp.serving import video_jobs as video_work
from ferapp.serving.job import Job
from ferapp.serving.seats import Seats
from ferapp.serving.video_jobs import (
    PORTRAIT_PX,
    PREVIEW_PX,
    VideoAnalysisJob,
    VideoCopyJob,
    open_unnamed_file,
)
from ferapp.settings import ClipSettings
from ferapp.types import Faces
from tests.support.fakes import Clock, FakeClassifier, FakeDetector
from tests.support.videos import cut, noisy, written

WH = (320, 240)
FRAMES = 12
BOX = (80, 40, 220, 200)
OTHER_BOX = (230, 60, 310, 150)

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def analyzer(*boxes: tuple[int, int, int, int]) -> Analyzer:
    """Finds faces there in every frame."""
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    faces = Faces(xyxy, np.ones(len(boxes), np.float32))
    return Analyzer(FakeDetector(faces), FakeClassifier(EXPRESSIONS))


def as_it_is(image: np.ndarray, frame: StreamFrame) -> np.ndarray:
    return image


def reading(data: bytes, *boxes: tuple[int, int, int, int], **settings: Any) -> VideoAnalysisJob:
    return VideoAnalysisJob(data, analyzer(*(boxes or [BOX])), ClipSettings(**settings), as_it_is)


def read_whole(data: bytes, *boxes: tuple[int, int, int, int]) -> Clip:
    work = reading(data, *boxes)
    list(work)
    work.close()
    assert work.clip is not None
    return work.clip


def overlay(clip: Clip, *shown: int) -> Overlay:
    return Overlay.of_clip(clip, frozenset(shown), hides_others=True)


def children() -> set[int]:
    """The processes that this one has started and that are still there, dead or alive."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == os.getpid():
            found.add(int(stat.parent.name))
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of noise with a tone."""
    path = tmp_path_factory.mktemp("videos") / "noise.mp4"
    return written(path, noisy(FRAMES, WH), sound="aac").read_bytes()


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """More frames than fit between two processes, so that the end has to be an end."""
    path = tmp_path_factory.mktemp("videos") / "long.mp4"
    return written(path, noisy(10, (640, 480)) * 12).read_bytes()


@pytest.fixture
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files; there is none and no process more at the end of the test."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = children()
    yield folder
    assert not list(folder.iterdir())
    assert children() <= before


def size_of(jpeg: bytes) -> tuple[int, int]:
    assert jpeg.startswith(b"\xff\xd8\xff")
    return read_image(jpeg).shape[1::-1]


@needs_proc
def test_reading_tells_its_progress_and_gives_the_clip(data: bytes, nothing_left: Path) -> None:
    work = reading(data)
    assert work.total == FRAMES and (work.info.size_wh, work.info.codec) == (WH, "h264")
    assert work.info.has_sound and work.clip is None and work.preview == b"" and not work.portraits
    assert children(), "or the search for what is left proves nothing"
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
def test_as_many_frames_as_were_asked_for(
    data: bytes, per_second: float | None, frames: int
) -> None:
    work = reading(data, per_second=per_second)
    assert 0 < work.total == pytest.approx(frames, abs=1)
    assert list(work)[-1] == frames
    assert work.clip is not None and work.clip.frames == frames
    work.close()


def test_the_preview_is_what_was_drawn_and_small(tmp_path: Path) -> None:
    wide = written(tmp_path / "wide.mp4", noisy(2, (1280, 320))).read_bytes()
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


def test_not_every_frame_is_made_into_a_picture(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, drawn = Clock(), []
    clock.now_s = 1000.0
    monkeypatch.setattr(video_work.time, "monotonic", clock)
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


def test_a_portrait_is_what_is_in_the_box_and_grows_with_it(tmp_path: Path) -> None:
    frames = noisy(9, WH)
    for frame in frames:
        frame[60:120, 100:160] //= 4
        frame[60:120, 100:160, 1] += 150  # green, and still sharp
    path = written(tmp_path / "green.mp4", frames)
    boxes = [(100, 60, 160, 120)] * 5 + [(90, 50, 170, 130)] * 4
    detector = Follows(boxes)
    work = VideoAnalysisJob(
        path.read_bytes(),
        Analyzer(detector, FakeClassifier(EXPRESSIONS)),
        ClipSettings(),
        as_it_is,
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
    """Finds one face, in each frame at another place."""

    def __init__(self, boxes: list[tuple[int, int, int, int]]) -> None:
        super().__init__(Faces(np.empty((0, 4), np.float32), np.empty(0, np.float32)))
        self._boxes = iter(boxes)

    def detect(self, image_rgb: np.ndarray, settings: Any) -> Faces:
        box = next(self._boxes)
        return Faces(np.array([box], np.float32), np.ones(1, np.float32))


def test_a_crowd_has_only_so_many_portraits(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_work, "MOST_PORTRAITS", 1)
    work = reading(data, BOX, OTHER_BOX)
    list(work)
    work.close()
    assert work.clip is not None and work.clip.readings.faces == [1, 2]
    assert len(work.portraits) == 1


def test_a_face_that_can_t_be_read_has_no_portrait(tmp_path: Path) -> None:
    path = written(tmp_path / "flat.mp4", [np.full((240, 320, 3), 120, np.uint8)] * 6)
    work = reading(path.read_bytes())
    list(work)
    work.close()
    assert work.clip is not None and work.clip.readings.faces == [1]
    assert set(work.clip.readings.flaw) == {"blurred"} and not work.portraits


def test_no_face_is_a_clip_too(data: bytes) -> None:
    work = VideoAnalysisJob(data, analyzer(), ClipSettings(), as_it_is)
    list(work)
    work.close()
    assert work.clip is not None and work.clip.frames == FRAMES
    assert not work.portraits and len(work.clip.readings) == 0 and work.preview


@needs_proc
def test_closed_in_the_middle_nothing_of_reading_is_left(long: bytes, nothing_left: Path) -> None:
    work = reading(long)
    steps = iter(work)
    next(steps)
    next(steps)
    assert children()
    work.close()
    # What was decoded already may still come.
    assert len(list(steps)) < 60


@needs_proc
def test_a_reading_that_is_not_begun_can_be_closed(long: bytes, nothing_left: Path) -> None:
    work = reading(long)
    work.close()
    assert work.clip is None


@needs_proc
@pytest.mark.parametrize("kind", ["reading", "copying"])
def test_a_job_that_is_cancelled_leaves_nothing(long: bytes, nothing_left: Path, kind: str) -> None:
    clip = read_whole(long) if kind == "copying" else None
    job: Job[Any] = Job(
        lambda: (
            reading(long) if clip is None else VideoCopyJob(long, overlay(clip, 1), clip.duration_s)
        ),
        Seats(1, Clock()),
    )
    wait_for(lambda: job.done > 0)
    job.cancel()
    assert job.wait(3) and job.state == "cancelled"


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


BROKEN = {
    "empty": (b"", "empty"),
    "text": (b"no video at all", "not a video"),
    "picture": (b"\xff\xd8\xff" + bytes(2000), "a picture"),
    "nothing behind the name": (b"\0\0\0\x18ftypisom" + bytes(500), "can't be opened"),
}


@needs_proc
@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_broken_is_a_sentence(broken: str, data: bytes, nothing_left: Path) -> None:
    content, told = BROKEN[broken]
    with pytest.raises(VideoError, match=told) as caught:
        reading(content)
    assert str(nothing_left) not in str(caught.value)
    copying = VideoCopyJob(content, overlay(read_whole(data)), 1.0)
    with pytest.raises(VideoError, match=told) as caught:
        list(copying)
    copying.close()
    assert str(nothing_left) not in str(caught.value) and copying.mp4 == b""


@needs_proc
def test_half_a_video_is_half_a_clip(tmp_path: Path, nothing_left: Path) -> None:
    front = {"movflags": "+faststart"}
    path = cut(written(tmp_path / "half.mp4", noisy(40, WH), options=front), 0.5)
    work = reading(path.read_bytes())
    count = len(list(work))
    work.close()
    assert 5 < count < 40 and work.clip is not None
    assert work.clip.frames == count and work.clip.damage and work.clip.readings.faces == [1]


class Full(io.BytesIO):
    """A file on a full disk."""

    def write(self, data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@needs_proc
def test_a_full_disk_is_a_sentence(
    data: bytes, nothing_left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = read_whole(data)
    file = Full()
    monkeypatch.setattr(video_work.tempfile, "TemporaryFile", lambda: file)
    with pytest.raises(VideoError, match="no room for a video of 0 MB"):
        reading(data)
    assert file.closed
    with pytest.raises(VideoError, match="no room"):
        VideoCopyJob(data, overlay(clip), 1.0)
    with pytest.raises(VideoError, match="no room for a video of 3 MB"):
        open_unnamed_file(bytes(2_600_000))


@pytest.mark.parametrize("name", ["TemporaryFile", "mkdtemp"])
def test_a_disk_so_full_that_no_file_can_be_made_is_a_sentence(
    data: bytes, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    clip = read_whole(data)

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
    clip = read_whole(data)
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


def test_only_who_is_chosen_can_be_seen(data: bytes) -> None:
    clip = read_whole(data, BOX, OTHER_BOX)
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
    """How much neighbouring pixels inside a box differ, away from its border."""
    x, y, right, bottom = xyxy
    part = image[y + 20 : bottom - 20, x + 20 : right - 20].mean(axis=2)
    return float(np.abs(np.diff(part, axis=1)).mean())


@needs_proc
def test_closed_in_the_middle_nothing_of_a_copy_is_left(long: bytes, nothing_left: Path) -> None:
    clip = read_whole(long)
    work = VideoCopyJob(long, overlay(clip, 1), clip.duration_s)
    steps = iter(work)
    next(steps)
    assert list(nothing_left.iterdir()) and children()
    work.close()
    with pytest.raises(VideoError):
        list(steps)
    work.close()
    assert work.mp4 == b""


@needs_proc
def test_nothing_names_the_server_s_folders(long: bytes, tmp_path: Path, monkeypatch: Any) -> None:
    """What a killed decoder leaves is told to the visitor."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    clip = read_whole(long)
    work = VideoCopyJob(long, overlay(clip, 1), clip.duration_s)
    steps = iter(work)
    next(steps)
    for pid in children():
        if re.search(
            b"ferapp.pipeline.annotated_copy.copier", Path(f"/proc/{pid}/cmdline").read_bytes()
        ):
            os.kill(pid, 9)
    with pytest.raises(VideoError) as caught:
        list(steps)
    work.close()
    assert str(tmp_path) not in str(caught.value)

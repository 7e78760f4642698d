"""A clip of live video: its length, its formats, and what bounds it."""

import io
import threading
from typing import Any

import av
import numpy as np
import pytest

from ferapp.errors import VideoError
from ferapp.serving import live_clip
from ferapp.serving.live_clip import ClipFormat, LiveClip
from ferapp.serving.live_pictures import LivePictures
from ferapp.vision.opencv import cv2
from tests.support.waiting import wait_until


def picture(level: int = 90, *, width: int = 64) -> np.ndarray:
    return np.full((48, width, 3), level, np.uint8)


def record(clip: LiveClip, times: list[float], **look: int) -> bytes:
    for at_s in times:
        wait_until(lambda: not clip._frames.full())
        clip.add(picture(**look), at_s)
    clip.stop()
    assert clip.data is not None and clip.failure is None
    return clip.data


@pytest.mark.parametrize("format", ["mp4", "avi"])
@pytest.mark.parametrize(
    ("times", "length_s"),
    [
        pytest.param([7 + i / 15 for i in range(30)], 2.0, id="15 a second"),
        pytest.param([7 + i / 4 for i in range(9)], 2.25, id="a busy machine"),
        pytest.param([7.0, 7.1, 7.2, 9.0, 9.1], 2.2, id="a gap"),
    ],
)
def test_a_clip_is_as_long_as_what_it_shows(
    format: ClipFormat, times: list[float], length_s: float
) -> None:
    data = record(LiveClip(format), times)
    with av.open(io.BytesIO(data)) as container:
        [stream] = container.streams
        assert stream.codec_context.name == {"mp4": "h264", "avi": "mjpeg"}[format]
        assert stream.pix_fmt == {"mp4": "yuv420p", "avi": "yuvj420p"}[format]
        shown = list(container.decode(stream))
        assert float(stream.duration * stream.time_base) == pytest.approx(length_s, abs=0.07)
    if format == "mp4":
        assert [f.time for f in shown] == pytest.approx([t - times[0] for t in times], abs=0.001)
    else:
        assert len(shown) == pytest.approx(length_s * 15, abs=1)


def test_opencv_opens_the_avi_with_its_colours(tmp_path: Any) -> None:
    path = tmp_path / "clip.avi"
    path.write_bytes(record(LiveClip("avi"), [0.0, 0.1, 0.2], level=250))
    ok, frame = cv2.VideoCapture(str(path)).read()
    assert ok and frame.shape == (48, 64, 3) and abs(float(frame.mean()) - 250) < 3


def test_a_clip_ends_after_a_minute_and_says_so() -> None:
    clip = LiveClip("mp4")
    record(clip, [0.0, 30.0, 59.9, 60.0, 60.1])
    assert not clip.is_running and "60 seconds" in str(clip.ended_early)
    assert clip.length_s < 61


@pytest.mark.parametrize("format", ["mp4", "avi"])
def test_a_clip_ends_at_its_size(format: ClipFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_clip, "_MOST_BYTES", 20_000)
    clip = LiveClip(format)
    noise = np.random.default_rng(0)
    for i in range(200):
        clip.add(noise.integers(0, 255, (240, 320, 3)).astype(np.uint8), i / 15)
        if not clip.is_running:
            break
        wait_until(lambda: not (clip.is_running and clip._frames.full()))
    clip.stop()
    assert not clip._frames.qsize(), "nor are the frames that waited kept"
    assert "64 MB" in str(clip.ended_early) and clip.data


def test_frames_do_not_pile_up_behind_a_slow_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    real = live_clip.MotionJpeg.add

    def slow(self: Any, image: Any, at_s: float) -> None:
        go_on.wait(10)
        real(self, image, at_s)

    monkeypatch.setattr(live_clip.MotionJpeg, "add", slow)
    clip = LiveClip("avi")
    for i in range(100):
        clip.add(picture(), i / 15)
    assert clip._frames.qsize() <= 12
    go_on.set()
    clip.stop()
    assert clip.data


def test_a_clip_without_an_end_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the visitor closes the page."""
    monkeypatch.setattr(live_clip, "_IDLE_S", 0.2)
    clip = LiveClip("mp4")
    clip.add(picture(), 0.0)
    wait_until(lambda: clip.data is not None)
    assert "No picture came" in str(clip.ended_early)


def test_a_camera_that_turns_does_not_end_the_clip() -> None:
    clip = LiveClip("avi")
    clip.add(picture(), 0.0)
    clip.add(picture(width=36), 0.1)
    clip.stop()
    assert clip.data and clip.failure is None


def test_nothing_came_and_nothing_is_kept() -> None:
    clip = LiveClip("mp4")
    clip.stop()
    assert clip.data is None and clip.failure is None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(VideoError("x264 is missing"), "x264 is missing", id="a sentence"),
        pytest.param(ZeroDivisionError("secret"), "an error in the app", id="anything else"),
    ],
)
def test_a_clip_that_failed_says_why(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(live_clip, "Encoder", fail)
    clip = LiveClip("mp4")
    clip.add(picture(), 0.0)
    clip.stop()
    assert told in str(clip.failure) and "secret" not in str(clip.failure) and clip.data is None


def test_frames_are_kept_only_while_a_clip_is_recorded() -> None:
    pictures = LivePictures()
    pictures.add(picture(1), 0.0)
    pictures.add(picture(2), 0.1)
    assert pictures.clip is None and pictures.last is not None and pictures.last.at_s == 0.1
    pictures.begin_clip("mp4")
    pictures.add(picture(3), 0.2)
    pictures.forget_clip()
    pictures.forget_last()
    assert pictures.clip is None and pictures.last is None

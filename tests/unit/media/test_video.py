"""Videos of every format give upright frames at their own times."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from ferapp.media.video import ENDINGS
from tests.support.videos import (
    EIGHT,
    LEVELS,
    WH,
    as_shown,
    number,
    numbered,
    off_by,
    quadrants,
    remuxed,
    seen,
    solid,
    turned,
    written,
)


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [
        ("a.mp4", "mov", "h264"),
        ("a.mov", "mov", "h264"),
        ("a.mkv", "matroska", "h264"),
        ("a.webm", "matroska", "vp8"),
        ("a.avi", "avi", "mpeg4"),
        ("a.ts", "mpegts", "h264"),
    ],
)
def test_every_container_is_read_frame_by_frame(
    tmp_path: Path, name: str, container: str, codec: str
) -> None:
    sound = {"a.webm": "libopus", "a.avi": "pcm_s16le"}.get(name, "aac")
    path = written(tmp_path / name, numbered(8), sound=sound)
    # What a file is tells its content alone.
    found = seen(path.rename(tmp_path / "other.bin"))
    assert (found.info.container, found.info.codec) == (container, codec)
    assert found.info.size_wh == WH and found.info.has_sound
    assert found.info.frames_per_second == 10
    assert found.numbers == list(range(8)) and found.damage == ""
    assert np.diff(found.at_s) == pytest.approx(0.1, abs=0.002)
    assert found.at_s[0] == pytest.approx(0, abs=0.05)
    assert path.suffix in ENDINGS


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.mp4", "libsvtav1", "yuv420p10le"),
        ("a.mp4", "libx265", "yuv420p10le"),
        ("a.mov", "prores_ks", "yuv422p10le"),
    ],
    ids=["VP9", "AV1 of ten bits", "HEVC of ten bits", "ProRes"],
)
def test_videos_of_phones_and_cameras_are_read(
    tmp_path: Path, name: str, codec: str, pix_fmt: str
) -> None:
    found = seen(written(tmp_path / name, numbered(4), codec=codec, pix_fmt=pix_fmt))
    assert found.numbers == [0, 1, 2, 3] and found.images[0].dtype == np.uint8


def test_info_contains_what_a_container_claims(tmp_path: Path) -> None:
    info = seen(written(tmp_path / "a.mp4", numbered(15), rate=5)).info
    assert (info.duration_s, info.frames_per_second, info.frames) == (3.0, 5.0, 15)
    assert not info.has_sound


BY_HAND = {
    "a quarter to the right": lambda image: np.rot90(image, -1),
    "upside down": lambda image: image[::-1, ::-1],
    "a quarter to the left": np.rot90,
    "mirrored left to right": lambda image: image[:, ::-1],
    "mirrored top to bottom": lambda image: image[::-1],
}


@pytest.mark.parametrize("name", EIGHT)
def test_turned_and_mirrored_videos_come_upright(tmp_path: Path, name: str) -> None:
    expected = as_shown(quadrants(), EIGHT[name])
    if name in BY_HAND:
        np.testing.assert_array_equal(expected, BY_HAND[name](quadrants()))
    path = turned(written(tmp_path / "a.mp4", [quadrants()] * 2), EIGHT[name])
    found = seen(path)
    assert found.info.size_wh == (expected.shape[1], expected.shape[0])
    assert off_by(found.images[0], expected) < LEVELS
    if not name.startswith("mirrored"):  # OpenCV turns, but does not mirror
        capture = cv2.VideoCapture(str(path))
        is_read, bgr = capture.read()
        capture.release()
        assert is_read and off_by(found.images[0], bgr[:, :, ::-1]) < LEVELS


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mov", "mjpeg"), ("a.avi", "mpeg4")], ids=str
)
def test_non_square_pixels_become_square(tmp_path: Path, name: str, codec: str) -> None:
    path = written(tmp_path / name, [quadrants()] * 2, codec=codec, aspect=Fraction(4, 3))
    found = seen(path)
    assert found.info.size_wh == (128, 64)
    assert off_by(found.images[0], quadrants((128, 64))) < LEVELS


@pytest.mark.parametrize(("codec", "bframes"), [("libx264", 2), ("mpeg4", 2), ("mpeg4", 0)])
def test_avi_with_b_frames_keeps_even_times(tmp_path: Path, codec: str, bframes: int) -> None:
    """AVI stores no presentation times; FFmpeg guesses, and is wrong."""
    found = seen(written(tmp_path / "a.avi", numbered(20), codec=codec, bframes=bframes))
    assert [number(image) for image in found.images] == list(range(20))
    np.testing.assert_allclose(found.at_s, np.arange(20) / 10, atol=1e-6)


def test_an_absurd_pixel_aspect_is_ignored(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp4", numbered(2), aspect=Fraction(10, 1))
    assert seen(path).info.size_wh == WH


def test_a_turned_video_with_oblong_pixels(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp4", [quadrants()] * 2, aspect=Fraction(2, 1))
    found = seen(turned(path, EIGHT["a quarter to the right"]))
    assert found.info.size_wh == (64, 192)
    assert off_by(found.images[0], np.rot90(quadrants((192, 64)), -1)) < LEVELS


@pytest.mark.parametrize(
    ("matrix", "shape"), [("upright", (32, 48, 3)), ("a quarter to the left", (48, 32, 3))], ids=str
)
def test_frames_are_scaled_down_while_they_are_decoded(
    tmp_path: Path, matrix: str, shape: tuple[int, ...]
) -> None:
    path = turned(written(tmp_path / "a.mp4", [quadrants()] * 2), EIGHT[matrix])
    found = seen(path, max_side_px=48)
    assert found.images[0].shape == shape and max(found.info.size_wh) == 96
    assert off_by(found.images[0], as_shown(quadrants((48, 32)), EIGHT[matrix])) < LEVELS


def test_small_frames_are_not_enlarged(tmp_path: Path) -> None:
    assert seen(written(tmp_path / "a.mp4", numbered(2))).images[0].shape == (64, 96, 3)


def test_odd_sides_are_kept(tmp_path: Path) -> None:
    wh = (97, 63)
    path = written(tmp_path / "a.mp4", [quadrants(wh)] * 2, pix_fmt="yuv444p")
    assert off_by(seen(path).images[0], quadrants(wh)) < LEVELS


@pytest.mark.parametrize(
    "colours", [(5, 1), (1, 1), (1, 2)], ids=["television", "high definition", "full range"]
)
def test_colours_are_preserved(tmp_path: Path, colours: tuple[int, int]) -> None:
    rgb = (200, 60, 30)
    path = written(tmp_path / "a.mp4", [solid(rgb)] * 2, colours=colours)
    assert off_by(seen(path).images[0], solid(rgb)) < LEVELS


GRIDS = {
    "all": (25, None, 2.0, None, [n / 25 for n in range(50)]),
    "a fifth": (25, None, 2.0, 5.0, [n / 5 for n in range(10)]),
    "more than there are": (5, None, 2.0, 30.0, [n / 5 for n in range(10)]),
    "one in five seconds": (1, None, 12.0, 0.2, [0.0, 5.0, 10.0]),
    "an uneven clock": (10, [0, 0.01, 0.4, 0.41, 3, 3.001], 0, 2.0, [0.0, 3.0]),
}


@pytest.mark.parametrize(
    ("rate", "at_s", "length_s", "per_second", "expected"), GRIDS.values(), ids=GRIDS
)
def test_frames_are_sampled_evenly_by_their_times(
    tmp_path: Path,
    rate: int,
    at_s: list[float] | None,
    length_s: float,
    per_second: float | None,
    expected: list[float],
) -> None:
    images = numbered(len(at_s) if at_s else round(length_s * rate))
    path = written(tmp_path / "a.mp4", images, rate=rate, at_s=at_s)
    found = seen(path, per_second=per_second)
    assert found.at_s == pytest.approx(expected, abs=0.001)


def test_a_rate_that_does_not_divide_takes_one_frame_per_interval(tmp_path: Path) -> None:
    found = seen(written(tmp_path / "a.mp4", numbered(50), rate=25), per_second=10)
    assert [int(at_s * 10 + 1e-6) for at_s in found.at_s] == list(range(20))


@pytest.mark.parametrize("sound", ["", "aac"], ids=["silent", "with sound"])
def test_a_clock_that_starts_late_starts_at_zero(tmp_path: Path, sound: str) -> None:
    found = seen(written(tmp_path / "a.ts", numbered(8), start_s=10, sound=sound))
    assert found.at_s == pytest.approx(np.arange(8) / 10, abs=0.03), "a frame of sound is first"


def test_a_video_track_that_starts_after_the_sound_keeps_its_offset(tmp_path: Path) -> None:
    at_s = [1.0, 1.1, 1.2]
    path = written(tmp_path / "a.mkv", numbered(3), at_s=at_s, sound="aac", sound_s=2)
    assert seen(path).at_s == pytest.approx(at_s, abs=0.03)


def test_times_ascend_after_a_clock_reset(tmp_path: Path) -> None:
    once = written(tmp_path / "a.ts", numbered(10)).read_bytes()
    (tmp_path / "b.ts").write_bytes(once * 2)
    found = seen(tmp_path / "b.ts")
    assert found.numbers == [*range(10), *range(10)]
    assert found.at_s == pytest.approx(np.arange(20) / 10, abs=0.01)


def test_two_frames_of_one_time_leave_the_others_where_they_are(tmp_path: Path) -> None:
    """Otherwise frames would lag more and more behind the sound."""
    pts_ms = [0, 100, 100, 200, 200, 300, 400, 500]
    found = seen(remuxed(tmp_path / "a.mkv", pts_ms))
    assert found.numbers == list(range(8))
    assert all(before < after for before, after in pairwise(found.at_s))
    assert found.at_s == pytest.approx(np.array(pts_ms) / 1000, abs=0.05)


def test_a_first_frame_without_a_time_does_not_stop_the_clock(tmp_path: Path) -> None:
    at_s = [0.0, 0.1, 0.2, 1.2, 1.3]
    path = written(tmp_path / "a.ts", numbered(5), at_s=at_s)
    data = bytearray(path.read_bytes())
    # ISO 13818-1, 2.4.3.6: these flags say that a packet of pictures tells its times.
    data[data.index(b"\0\0\1\xe0") + 7] = 0
    path.write_bytes(data)
    found = seen(path)
    assert found.numbers == list(range(5)) and found.at_s[0] == pytest.approx(0, abs=0.11)
    assert np.diff(found.at_s[1:]) == pytest.approx(np.diff(at_s[1:]), abs=0.01)


def test_the_frame_size_may_change(tmp_path: Path) -> None:
    first = written(tmp_path / "a.ts", numbered(5))
    second = written(tmp_path / "b.ts", numbered(5, (128, 96)), start_s=0.5)
    (tmp_path / "c.ts").write_bytes(first.read_bytes() + second.read_bytes())
    found = seen(tmp_path / "c.ts")
    assert [i.shape for i in found.images] == [(64, 96, 3)] * 5 + [(96, 128, 3)] * 5
    assert found.at_s == pytest.approx(np.arange(10) / 10, abs=0.01)

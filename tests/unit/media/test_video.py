"""Videos of every format give upright frames at their own times."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from ferapp.media.video import ENDINGS
from tests.support.videos import (
    COLOUR_TOLERANCE,
    ORIENTATIONS,
    WH,
    apply_matrix,
    decode_video,
    frame_number,
    mean_difference,
    numbered_frames,
    quadrant_image,
    set_track_matrix,
    solid_image,
    write_matroska,
    write_video,
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
        ("a.m2ts", "mpegts", "h264"),
        ("a.3gp", "mov", "h264"),
        ("a.wmv", "asf", "wmv2"),
        ("a.flv", "flv", "h264"),
        ("a.ogv", "ogg", "vp8"),
    ],
)
def test_every_container_is_read_frame_by_frame(
    tmp_path: Path, name: str, container: str, codec: str
) -> None:
    sound = {"a.webm": "libopus", "a.ogv": "libopus", "a.avi": "pcm_s16le", "a.wmv": "wmav2"}.get(
        name, "aac"
    )
    path = write_video(tmp_path / name, numbered_frames(8), sound=sound)
    # What a file is tells its content alone.
    found = decode_video(path.rename(tmp_path / "other.bin"))
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
    found = decode_video(
        write_video(tmp_path / name, numbered_frames(4), codec=codec, pix_fmt=pix_fmt)
    )
    assert found.numbers == [0, 1, 2, 3] and found.images[0].dtype == np.uint8


@pytest.mark.parametrize(("codec", "sound"), [("mpeg1video", ""), ("mpeg2video", "mp2")])
def test_mpeg_is_read(tmp_path: Path, codec: str, sound: str) -> None:
    path = write_video(tmp_path / "a.mpg", numbered_frames(20), rate=25, codec=codec, sound=sound)
    found = decode_video(path)
    assert (found.info.container, found.info.codec) == ("mpeg", codec)
    assert found.info.has_sound == bool(sound)
    assert found.numbers == list(range(20)) and path.suffix in ENDINGS
    assert np.diff(found.at_s) == pytest.approx(0.04, abs=0.001)


def test_info_contains_what_a_container_claims(tmp_path: Path) -> None:
    info = decode_video(write_video(tmp_path / "a.mp4", numbered_frames(15), rate=5)).info
    assert (info.duration_s, info.frames_per_second, info.frames) == (3.0, 5.0, 15)
    assert not info.has_sound


BY_HAND = {
    "a quarter to the right": lambda image: np.rot90(image, -1),
    "upside down": lambda image: image[::-1, ::-1],
    "a quarter to the left": np.rot90,
    "mirrored left to right": lambda image: image[:, ::-1],
    "mirrored top to bottom": lambda image: image[::-1],
}


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_turned_and_mirrored_videos_come_upright(tmp_path: Path, name: str) -> None:
    expected = apply_matrix(quadrant_image(), ORIENTATIONS[name])
    if name in BY_HAND:
        np.testing.assert_array_equal(expected, BY_HAND[name](quadrant_image()))
    path = set_track_matrix(
        write_video(tmp_path / "a.mp4", [quadrant_image()] * 2), ORIENTATIONS[name]
    )
    found = decode_video(path)
    assert found.info.size_wh == (expected.shape[1], expected.shape[0])
    assert mean_difference(found.images[0], expected) < COLOUR_TOLERANCE
    if not name.startswith("mirrored"):  # OpenCV turns, but does not mirror
        capture = cv2.VideoCapture(str(path))
        is_read, bgr = capture.read()
        capture.release()
        assert is_read and mean_difference(found.images[0], bgr[:, :, ::-1]) < COLOUR_TOLERANCE


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mov", "mjpeg"), ("a.avi", "mpeg4")], ids=str
)
def test_non_square_pixels_become_square(tmp_path: Path, name: str, codec: str) -> None:
    path = write_video(tmp_path / name, [quadrant_image()] * 2, codec=codec, aspect=Fraction(4, 3))
    found = decode_video(path)
    assert found.info.size_wh == (128, 64)
    assert mean_difference(found.images[0], quadrant_image((128, 64))) < COLOUR_TOLERANCE


@pytest.mark.parametrize(("codec", "bframes"), [("libx264", 2), ("mpeg4", 2), ("mpeg4", 0)])
def test_avi_with_b_frames_keeps_even_times(tmp_path: Path, codec: str, bframes: int) -> None:
    """AVI stores no presentation times; FFmpeg guesses, and is wrong."""
    found = decode_video(
        write_video(tmp_path / "a.avi", numbered_frames(20), codec=codec, bframes=bframes)
    )
    assert [frame_number(image) for image in found.images] == list(range(20))
    np.testing.assert_allclose(found.at_s, np.arange(20) / 10, atol=1e-6)


def test_an_absurd_pixel_aspect_is_ignored(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(2), aspect=Fraction(10, 1))
    assert decode_video(path).info.size_wh == WH


def test_a_turned_video_with_oblong_pixels(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [quadrant_image()] * 2, aspect=Fraction(2, 1))
    found = decode_video(set_track_matrix(path, ORIENTATIONS["a quarter to the right"]))
    assert found.info.size_wh == (64, 192)
    assert (
        mean_difference(found.images[0], np.rot90(quadrant_image((192, 64)), -1)) < COLOUR_TOLERANCE
    )


@pytest.mark.parametrize(
    ("matrix", "shape"), [("upright", (32, 48, 3)), ("a quarter to the left", (48, 32, 3))], ids=str
)
def test_frames_are_scaled_down_while_they_are_decoded(
    tmp_path: Path, matrix: str, shape: tuple[int, ...]
) -> None:
    path = set_track_matrix(
        write_video(tmp_path / "a.mp4", [quadrant_image()] * 2), ORIENTATIONS[matrix]
    )
    found = decode_video(path, max_side_px=48)
    assert found.images[0].shape == shape and max(found.info.size_wh) == 96
    assert (
        mean_difference(
            found.images[0], apply_matrix(quadrant_image((48, 32)), ORIENTATIONS[matrix])
        )
        < COLOUR_TOLERANCE
    )


def test_small_frames_are_not_enlarged(tmp_path: Path) -> None:
    assert decode_video(write_video(tmp_path / "a.mp4", numbered_frames(2))).images[0].shape == (
        64,
        96,
        3,
    )


def test_odd_sides_are_kept(tmp_path: Path) -> None:
    wh = (97, 63)
    path = write_video(tmp_path / "a.mp4", [quadrant_image(wh)] * 2, pix_fmt="yuv444p")
    assert mean_difference(decode_video(path).images[0], quadrant_image(wh)) < COLOUR_TOLERANCE


@pytest.mark.parametrize(
    "colours", [(5, 1), (1, 1), (1, 2)], ids=["television", "high definition", "full range"]
)
def test_colours_are_preserved(tmp_path: Path, colours: tuple[int, int]) -> None:
    rgb = (200, 60, 30)
    path = write_video(tmp_path / "a.mp4", [solid_image(rgb)] * 2, colours=colours)
    assert mean_difference(decode_video(path).images[0], solid_image(rgb)) < COLOUR_TOLERANCE


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
    images = numbered_frames(len(at_s) if at_s else round(length_s * rate))
    path = write_video(tmp_path / "a.mp4", images, rate=rate, at_s=at_s)
    found = decode_video(path, per_second=per_second)
    assert found.at_s == pytest.approx(expected, abs=0.001)


def test_a_rate_that_does_not_divide_takes_one_frame_per_interval(tmp_path: Path) -> None:
    found = decode_video(
        write_video(tmp_path / "a.mp4", numbered_frames(50), rate=25), per_second=10
    )
    assert [int(at_s * 10 + 1e-6) for at_s in found.at_s] == list(range(20))


@pytest.mark.parametrize("sound", ["", "aac"], ids=["silent", "with sound"])
def test_a_clock_that_starts_late_starts_at_zero(tmp_path: Path, sound: str) -> None:
    found = decode_video(
        write_video(tmp_path / "a.ts", numbered_frames(8), start_s=10, sound=sound)
    )
    assert found.at_s == pytest.approx(np.arange(8) / 10, abs=0.03), "a frame of sound is first"


def test_a_video_track_that_starts_after_the_sound_keeps_its_offset(tmp_path: Path) -> None:
    at_s = [1.0, 1.1, 1.2]
    path = write_video(tmp_path / "a.mkv", numbered_frames(3), at_s=at_s, sound="aac", sound_s=2)
    assert decode_video(path).at_s == pytest.approx(at_s, abs=0.03)


def test_times_ascend_after_a_clock_reset(tmp_path: Path) -> None:
    once = write_video(tmp_path / "a.ts", numbered_frames(10)).read_bytes()
    (tmp_path / "b.ts").write_bytes(once * 2)
    found = decode_video(tmp_path / "b.ts")
    assert found.numbers == [*range(10), *range(10)]
    assert found.at_s == pytest.approx(np.arange(20) / 10, abs=0.01)


def test_two_frames_of_one_time_leave_the_others_where_they_are(tmp_path: Path) -> None:
    """Otherwise frames would lag more and more behind the sound."""
    pts_ms = [0, 100, 100, 200, 200, 300, 400, 500]
    found = decode_video(write_matroska(tmp_path / "a.mkv", pts_ms))
    assert found.numbers == list(range(8))
    assert all(before < after for before, after in pairwise(found.at_s))
    assert found.at_s == pytest.approx(np.array(pts_ms) / 1000, abs=0.05)


def test_a_first_frame_without_a_time_does_not_stop_the_clock(tmp_path: Path) -> None:
    at_s = [0.0, 0.1, 0.2, 1.2, 1.3]
    path = write_video(tmp_path / "a.ts", numbered_frames(5), at_s=at_s)
    data = bytearray(path.read_bytes())
    # ISO 13818-1, 2.4.3.6: these flags say that a packet of pictures tells its times.
    data[data.index(b"\0\0\1\xe0") + 7] = 0
    path.write_bytes(data)
    found = decode_video(path)
    assert found.numbers == list(range(5)) and found.at_s[0] == pytest.approx(0, abs=0.11)
    assert np.diff(found.at_s[1:]) == pytest.approx(np.diff(at_s[1:]), abs=0.01)


def test_the_frame_size_may_change(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.ts", numbered_frames(5))
    second = write_video(tmp_path / "b.ts", numbered_frames(5, (128, 96)), start_s=0.5)
    (tmp_path / "c.ts").write_bytes(first.read_bytes() + second.read_bytes())
    found = decode_video(tmp_path / "c.ts")
    assert [i.shape for i in found.images] == [(64, 96, 3)] * 5 + [(96, 128, 3)] * 5
    assert found.at_s == pytest.approx(np.arange(10) / 10, abs=0.01)

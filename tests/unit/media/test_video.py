"""Videos of every kind in, upright frames at their own times out, or a sentence that says why."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ferapp.errors import VideoError
from ferapp.media.containers import HEAD_BYTES, container_of
from ferapp.media.video import ENDINGS, Video
from ferapp.system.child import Child, ChildError
from tests.support.pictures import png
from tests.support.places import ROOT
from tests.support.videos import (
    EIGHT,
    FRONT,
    LEVELS,
    WH,
    as_shown,
    cut,
    noisy,
    number,
    numbered,
    off_by,
    quadrants,
    remuxed,
    replaced,
    seen,
    solid,
    turned,
    written,
)
from tests.support.waiting import is_running

TS = (b"G" + bytes(187)) * 5
M2TS = (bytes(4) + b"G" + bytes(187)) * 5
CONTAINERS = {
    "MP4": (b"\0\0\0\x18ftypisom", "mov"),
    "MOV without brand": (b"\0\0\x10\0moov\0\0\0", "mov"),
    "MOV that begins with its frames": (b"\0\0\0\1mdat", "mov"),
    "MOV that begins with nothing": (b"\0\0\0\x08wide", "mov"),
    "a fragment of MP4": (b"\0\0\0\x18stypmsdh", "mov"),
    "Matroska and WebM": (b"\x1a\x45\xdf\xa3\x01", "matroska"),
    "AVI": (b"RIFF\0\0\0\0AVI LIST", "avi"),
    "MPEG-TS": (TS[:HEAD_BYTES], "mpegts"),
    "MPEG-TS of a Blu-ray": (M2TS[:HEAD_BYTES], "mpegts"),
}
REFUSED = {
    "empty": (b"", "The file is empty."),
    "HEIC": (b"\0\0\0\x18ftypheic", "HEIC or AVIF picture"),
    "AVIF": (b"\0\0\0\x18ftypavif", "HEIC or AVIF picture"),
    "JPEG": (b"\xff\xd8\xff\xe0", "a picture; pictures have a page of their own"),
    "PNG": (b"\x89PNG\r\n\x1a\n", "a picture; pictures have a page of their own"),
    "GIF": (b"GIF89a", "a GIF; save it as MP4"),
    "HLS": (b"#EXTM3U\n", "a playlist; choose the video itself"),
    "ffconcat": (b"ffconcat version 1.0\n", "a playlist; choose the video itself"),
    "PDF": (b"%PDF-1.7", "a PDF document"),
    "ZIP": (b"PK\3\4", "a ZIP archive"),
    "Ogg": (b"OggS", "an Ogg file; save it as MP4 or WebM"),
    "Flash": (b"FLV\1", "a Flash video; save it as MP4"),
    "WMV": (b"\x30\x26\xb2\x75\x8e\x66", "a Windows Media file; save it as MP4"),
    "sound in RIFF": (b"RIFF\0\0\0\0WAVEfmt ", "not a supported video"),
    "session description": (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1", "not a supported video"),
    "text": (b"hello", "not a supported video"),
    "one letter": (b"G", "not a supported video"),
    "a sync byte by chance": (TS[:188] + bytes(500), "not a supported video"),
}


@pytest.mark.parametrize(("head", "name"), CONTAINERS.values(), ids=CONTAINERS)
def test_the_kind_of_a_container_is_told_from_its_content(head: bytes, name: str) -> None:
    assert container_of(head) == name


@pytest.mark.parametrize(("head", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_video_is_refused_in_a_sentence(head: bytes, told: str) -> None:
    with pytest.raises(VideoError) as refusal:
        container_of(head)
    assert told in str(refusal.value) and str(refusal.value).endswith(".")


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
def test_every_kind_is_read_frame_by_frame(
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
def test_what_phones_and_cameras_write_is_read(
    tmp_path: Path, name: str, codec: str, pix_fmt: str
) -> None:
    found = seen(written(tmp_path / name, numbered(4), codec=codec, pix_fmt=pix_fmt))
    assert found.numbers == [0, 1, 2, 3] and found.images[0].dtype == np.uint8


def test_what_a_container_claims(tmp_path: Path) -> None:
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
def test_pixels_that_are_not_square_become_so(tmp_path: Path, name: str, codec: str) -> None:
    path = written(tmp_path / name, [quadrants()] * 2, codec=codec, aspect=Fraction(4, 3))
    found = seen(path)
    assert found.info.size_wh == (128, 64)
    assert off_by(found.images[0], quadrants((128, 64))) < LEVELS


@pytest.mark.parametrize(("codec", "bframes"), [("libx264", 2), ("mpeg4", 2), ("mpeg4", 0)])
def test_avi_of_frames_that_refer_to_later_ones_is_as_even_as_it_was(
    tmp_path: Path, codec: str, bframes: int
) -> None:
    """AVI holds no times of showing: FFmpeg guesses, and is wrong."""
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
def test_frames_are_made_smaller_while_they_are_decoded(
    tmp_path: Path, matrix: str, shape: tuple[int, ...]
) -> None:
    path = turned(written(tmp_path / "a.mp4", [quadrants()] * 2), EIGHT[matrix])
    found = seen(path, max_side_px=48)
    assert found.images[0].shape == shape and max(found.info.size_wh) == 96
    assert off_by(found.images[0], as_shown(quadrants((48, 32)), EIGHT[matrix])) < LEVELS


def test_small_frames_are_not_made_larger(tmp_path: Path) -> None:
    assert seen(written(tmp_path / "a.mp4", numbered(2))).images[0].shape == (64, 96, 3)


def test_odd_sides_come_whole(tmp_path: Path) -> None:
    wh = (97, 63)
    path = written(tmp_path / "a.mp4", [quadrants(wh)] * 2, pix_fmt="yuv444p")
    assert off_by(seen(path).images[0], quadrants(wh)) < LEVELS


@pytest.mark.parametrize(
    "colours", [(5, 1), (1, 1), (1, 2)], ids=["television", "high definition", "full range"]
)
def test_colours_come_through(tmp_path: Path, colours: tuple[int, int]) -> None:
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
def test_frames_are_taken_evenly_by_their_times(
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


def test_a_rate_that_does_not_divide_takes_one_frame_of_each_span(tmp_path: Path) -> None:
    found = seen(written(tmp_path / "a.mp4", numbered(50), rate=25), per_second=10)
    assert [int(at_s * 10 + 1e-6) for at_s in found.at_s] == list(range(20))


@pytest.mark.parametrize("sound", ["", "aac"], ids=["silent", "with sound"])
def test_a_clock_that_starts_late_starts_at_nothing(tmp_path: Path, sound: str) -> None:
    found = seen(written(tmp_path / "a.ts", numbered(8), start_s=10, sound=sound))
    assert found.at_s == pytest.approx(np.arange(8) / 10, abs=0.03), "a frame of sound is first"


def test_pictures_that_begin_after_the_sound_keep_their_distance(tmp_path: Path) -> None:
    at_s = [1.0, 1.1, 1.2]
    path = written(tmp_path / "a.mkv", numbered(3), at_s=at_s, sound="aac", sound_s=2)
    assert seen(path).at_s == pytest.approx(at_s, abs=0.03)


def test_a_clock_that_is_set_back_goes_on(tmp_path: Path) -> None:
    once = written(tmp_path / "a.ts", numbered(10)).read_bytes()
    (tmp_path / "b.ts").write_bytes(once * 2)
    found = seen(tmp_path / "b.ts")
    assert found.numbers == [*range(10), *range(10)]
    assert found.at_s == pytest.approx(np.arange(20) / 10, abs=0.01)


def test_two_frames_of_one_time_leave_the_others_where_they_are(tmp_path: Path) -> None:
    """Or pictures would come later and later than their sound."""
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


def test_the_size_may_change_on_the_way(tmp_path: Path) -> None:
    first = written(tmp_path / "a.ts", numbered(5))
    second = written(tmp_path / "b.ts", numbered(5, (128, 96)), start_s=0.5)
    (tmp_path / "c.ts").write_bytes(first.read_bytes() + second.read_bytes())
    found = seen(tmp_path / "c.ts")
    assert [i.shape for i in found.images] == [(64, 96, 3)] * 5 + [(96, 128, 3)] * 5
    assert found.at_s == pytest.approx(np.arange(10) / 10, abs=0.01)


@pytest.mark.parametrize(
    ("name", "options"), [("a.mp4", FRONT), ("a.mkv", {}), ("a.avi", {})], ids=str
)
def test_of_a_file_that_is_cut_the_frames_before_are_kept_and_it_is_told(
    tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    path = written(tmp_path / name, noisy(30), rate=5, options=options)
    whole = seen(path)
    found = seen(cut(path, 0.5))
    assert whole.damage == "" and len(whole.images) == 30
    assert 8 <= len(found.images) <= 20
    sound = [off_by(a, b) for a, b in zip(found.images, whole.images, strict=False)]
    assert max(sound[:-1]) == 0, "only the last one may be half of a picture"
    assert found.damage.endswith(".") and found.damage.count(" s") >= 1


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_video_whose_sound_lasts_longer_is_not_cut(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, numbered(10), rate=5, sound="aac", sound_s=6)
    assert seen(path).damage == ""


LOCKED = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "1" * 32,
    "encryption_kid": "2" * 32,
}
UNREADABLE = {
    "moov is missing": (
        lambda path: cut(written(path, noisy(10)), 0.6),
        "damaged or cut short",
    ),
    "sound alone": (
        lambda path: written(path, [], sound="aac", sound_s=0.5),
        "no video track",
    ),
    "a header alone": (
        lambda path: (
            path.write_bytes(written(path, noisy(10), options=FRONT).read_bytes().split(b"mdat")[0])
            and path
        ),
        "has no frames",
    ),
    "a codec that nobody knows": (
        lambda path: replaced(written(path, numbered(2)), b"avc1\0\0", b"zzzz\0\0"),
        "can't be decoded here",
    ),
    "encrypted": (
        lambda path: written(path, numbered(5), options=LOCKED),
        "is encrypted; save a copy without protection",
    ),
    "a playlist that poses as MP4": (
        lambda path: path.write_bytes(b"\0\0\0\x18ftypisom\nfile '/etc/passwd'\n") and path,
        "can't be opened",
    ),
}


def test_a_bomb_is_refused_from_its_size(tmp_path: Path) -> None:
    """144 megapixels in 140 kB; no encoder would be asked to make them."""
    path, side = tmp_path / "bomb.mov", 12_000
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=10)
        stream.width, stream.height, stream.pix_fmt = side, side, "gray"
        packet = av.Packet(png((side, side), bytes((side + 1) * side)))
        packet.stream, packet.time_base = stream, Fraction(1, 10)
        packet.pts = packet.dts = 0
        packet.is_keyframe = True
        container.mux(packet)
    assert path.stat().st_size < 200_000
    with pytest.raises(VideoError, match="12000 × 12000 pixels, more than the limit"):
        Video(path)


@pytest.mark.parametrize(("made", "told"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_can_not_be_read_is_one_sentence(tmp_path: Path, made: object, told: str) -> None:
    path = made(tmp_path / "a.mp4")
    with pytest.raises(VideoError) as refusal:
        seen(path)
    assert told in str(refusal.value) and str(tmp_path) not in str(refusal.value)


def test_places_that_hold_no_file(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"^There is no file of that name\.$"):
        Video(tmp_path / "none.mp4")
    with pytest.raises(VideoError, match=r"^This is a folder, not a video\.$"):
        Video(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(VideoError, match=r"^Not a file\.$"):
        Video(tmp_path / "pipe.mp4")


@pytest.mark.parametrize("seed", range(4))
def test_bytes_that_flipped_cost_frames_and_no_more(tmp_path: Path, seed: int) -> None:
    path = written(tmp_path / "a.mp4", noisy(10), options=FRONT, sound="aac")
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, 3000 if seed % 2 else len(data), 40):
        data[place] = rng.integers(256)
    path.write_bytes(data)
    try:
        found = seen(path)
    except VideoError as exc:
        assert str(exc).endswith(".")
    else:
        assert found.images and all(a < b for a, b in pairwise(found.at_s))


def test_an_open_file_is_read_from_its_start_and_stays_open(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp4", numbered(3))
    with path.open("rb") as file:
        assert seen(file).numbers == [0, 1, 2]
        assert not file.closed and seen(file).numbers == [0, 1, 2]


def test_an_open_file_that_somebody_looked_into_is_read_from_its_start(tmp_path: Path) -> None:
    """What was read ahead into its buffer has moved the descriptor that the decoder shares."""
    path = written(tmp_path / "a.mp4", numbered(3))
    with path.open("rb") as file:
        file.read(16)
        assert seen(file).numbers == [0, 1, 2]


def test_closing_leaves_no_process_and_no_thread_behind(tmp_path: Path) -> None:
    video = Video(written(tmp_path / "a.mp4", numbered(20, (640, 480))))
    frames = video.frames()
    next(frames)
    pid = video._child.pid
    assert is_running(pid)
    before_s = time.monotonic()
    video.close()
    assert not is_running(pid) and time.monotonic() - before_s < 2
    video.close()


def test_a_decoder_that_nobody_reads_any_more_ends_by_itself(tmp_path: Path) -> None:
    """As when the app was killed: who reads is gone, and nobody closes anything."""
    video = Video(written(tmp_path / "a.mp4", numbered(20, (640, 480))))
    os.close(video._child._out.fileno())
    try:
        assert video._child._process.wait(5) is not None
    finally:
        # Its number is not ours any more: give the object one that it may close.
        os.dup2(os.open(os.devnull, os.O_RDONLY), video._child._out.fileno())
        video.close()


def test_a_decoder_that_hangs_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    """A pipe that nobody reads ends only who writes to it."""
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
    for _ in range(100):
        if not is_running(pid):
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("it is still there after ten seconds")


def test_frames_before_a_crash_are_kept_and_it_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp4", numbered(20, (640, 480)))
    with Video(path) as video:
        frames = video.frames()
        first = [next(frames) for _ in range(3)]
        os.kill(video._child.pid, signal.SIGKILL)
        kept = [*first, *frames]
        assert 3 <= len(kept) < 20, "those that were under way may still arrive"
        assert [number(image) for _, image in kept] == list(range(len(kept)))
        assert "crashed" in video.damage and video.damage.endswith("What was read before is kept.")


def test_a_crash_before_the_first_frame_is_an_error(tmp_path: Path) -> None:
    # One such frame is more than a pipe holds.
    with Video(written(tmp_path / "a.mp4", numbered(2, (1280, 720)))) as video:
        os.kill(video._child.pid, signal.SIGKILL)
        with pytest.raises(VideoError, match="has crashed"):
            next(video.frames())


def test_a_decoder_that_was_closed_has_not_crashed(tmp_path: Path) -> None:
    with Video(written(tmp_path / "a.mp4", numbered(20, (640, 480)))) as video:
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


def test_a_child_that_falls_silent_is_killed_and_it_is_told(nothing: object) -> None:
    with decoder(nothing, ['{"here": 1}\n', 60], silence_s=0.6) as child:
        assert child.message()[0] == {"here": 1}
        before_s = time.monotonic()
        with pytest.raises(ChildError, match=r"did nothing for 0\.6 s"):
            child.message()
        assert time.monotonic() - before_s < 5
    assert not is_running(child.pid)


def test_a_child_that_nobody_asks_may_be_silent(nothing: object) -> None:
    with decoder(nothing, ['{"n": 1}\n', '{"n": 2}\n'], silence_s=0.3) as child:
        assert child.message()[0] == {"n": 1}
        time.sleep(0.9)  # longer than the watch takes to see it
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
def test_a_child_that_ends_in_the_middle_of_a_word_has_crashed(
    nothing: object, says: list[str]
) -> None:
    with (
        decoder(nothing, says) as child,
        pytest.raises(ChildError, match="has crashed"),
    ):
        child.message()


def test_an_error_of_ours_is_not_told_as_a_damaged_file(
    nothing: object, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        decoder(nothing, ["ours"]) as child,
        pytest.raises(ChildError, match=r"in ferapp, not in the file \(AttributeError in sleeper"),
    ):
        child.message()
    assert "AttributeError in sleeper.py" in caplog.text
    assert "the name of a file" not in caplog.text


def test_a_child_that_can_not_begin_is_not_told_as_a_damaged_file(nothing: object) -> None:
    with (
        decoder(nothing, ["status"]) as child,
        pytest.raises(ChildError, match="exit status 7"),
    ):
        child.message()


def test_what_a_child_tells_of_itself_is_the_error(nothing: object) -> None:
    with (
        decoder(nothing, ['{"error": "Too large."}\n']) as child,
        pytest.raises(ChildError, match=r"^Too large\.$"),
    ):
        child.message()


@pytest.mark.parametrize("name", ["concat:a|b.mp4", "-i.mp4", "http:x.mp4", "%d.mp4", "a\n.mp4"])
def test_no_name_of_a_file_means_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "plain.mp4", numbered(3)).rename(tmp_path / name)
    assert seen(Path(name)).numbers == [0, 1, 2]


def test_files_of_the_working_folder_are_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever starts ferapp in a folder of downloads has not chosen to run what lies there."""
    for name in ("json.py", "av.py", "numpy.py", "ferapp.py"):
        (tmp_path / name).write_text("open('run', 'w').close()")
    path = written(tmp_path / "a.mp4", numbered(3))
    monkeypatch.chdir(tmp_path)
    try:
        assert seen(path).numbers == [0, 1, 2]
    finally:
        assert not (tmp_path / "run").exists()


CONCAT = "ffconcat version 1.0\nfile canary.mp4\n"
HLS_FILE = "#EXTM3U\n#EXTINF:1,\ncanary.mp4\n#EXT-X-ENDLIST\n"
HLS_ADDRESS = "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:PORT/a.ts\n#EXT-X-ENDLIST\n"
SDP = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video PORT RTP/AVP 96\na=rtpmap:96 H264/90000\n"
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.mp4", CONCAT),
        ("a.ffconcat", CONCAT),
        ("a.m3u8", HLS_FILE),
        ("a.m3u8", HLS_ADDRESS),
        ("a.sdp", SDP),
    ],
    ids=["concat", "concat by name", "HLS", "HLS far away", "SDP"],
)
def test_files_that_name_others_lead_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    canary, control = (written(tmp_path / n, numbered(2)) for n in ("canary.mp4", "control.mp4"))
    for path in (canary, control):
        os.utime(path, (0, path.stat().st_mtime))
    control.read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        (tmp_path / name).write_text(text.replace("PORT", str(server.getsockname()[1])))
        before_s = time.monotonic()
        with pytest.raises(VideoError, match=r"playlist|not a supported video"):
            seen(tmp_path / name)
        assert time.monotonic() - before_s < 3, "nobody waited for an answer"
        with pytest.raises(BlockingIOError):
            server.accept()
    if control.stat().st_atime:  # where the file system keeps the times of reading
        assert canary.stat().st_atime == 0

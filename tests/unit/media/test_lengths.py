"""How long pictures last: each frame for as long as the file says, whatever the sound does."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from ferapp.settings import VideoPart
from tests.support.videos import decode_video, noisy_frames, write_video

WH = (96, 64)
CONTAINERS = ["mp4", "mov", "mkv", "webm", "ts", "avi"]
CODECS = {"webm": "libvpx", "avi": "mpeg4"}
FAST_START = {"movflags": "faststart"}


def write_rarely(
    path: Path, every_s: float, count: int, *, last_s: float = 0.0, options: Any = None
) -> Path:
    """A video of one frame in so many seconds, of which the last may last for another time."""
    step = Fraction(every_s).limit_denominator(1000)
    codec = CODECS.get(path.suffix[1:], "libx264")
    with av.open(str(path), "w", options=options or {}) as container:
        stream: Any = container.add_stream(codec, rate=1 / step)
        (stream.width, stream.height), stream.pix_fmt = WH, "yuv420p"
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "tune": "zerolatency"}
        packets = []
        for number, image in enumerate(noisy_frames(count, WH)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, step
            packets += stream.encode(frame)
        packets += stream.encode()
        if last_s:
            packets[-1].duration = round(last_s / packets[-1].time_base)
        for packet in packets:
            container.mux(packet)
    return path


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    short = path.with_name(f"cut{path.suffix}")
    short.write_bytes(data[: int(len(data) * share)])
    return short


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("every_s", [2, 5, 10])
def test_a_video_of_rare_frames_is_whole(tmp_path: Path, every_s: int, container: str) -> None:
    video = decode_video(write_rarely(tmp_path / f"a.{container}", every_s, 4))
    assert video.at_s == pytest.approx([0, every_s, 2 * every_s, 3 * every_s])
    assert video.damage == "" and video.end_s == pytest.approx(4 * every_s, abs=0.01)


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "webm", "avi"])
def test_a_long_last_frame_belongs_to_the_video(tmp_path: Path, container: str) -> None:
    """As in a recorded talk that ends with a slide."""
    path = write_rarely(tmp_path / f"a.{container}", 0.04, 26, last_s=7)
    video = decode_video(path)
    assert video.damage == "" and video.end_s == pytest.approx(8, abs=0.02)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_single_frame_is_whole(tmp_path: Path, container: str) -> None:
    video = decode_video(write_rarely(tmp_path / f"a.{container}", 0.04, 1))
    assert len(video.at_s) == 1 and video.damage == "" and 0 < (video.end_s or 0) <= 0.05


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "webm", "ts"])
def test_a_time_lapse_is_whole_though_its_header_claims_another_rate(
    tmp_path: Path, container: str
) -> None:
    at_s = [2.0 * number for number in range(8)]
    video = decode_video(write_video(tmp_path / f"a.{container}", noisy_frames(8, WH), at_s=at_s))
    assert video.at_s == pytest.approx(at_s, abs=0.01) and video.damage == ""
    assert 14 < (video.end_s or 0) <= 16.01


@pytest.mark.parametrize(
    ("name", "every_s", "share", "says"),
    [
        pytest.param("a.mp4", 0.04, 0.6, "damaged", id="MP4"),
        pytest.param("a.mkv", 0.04, 0.6, "cut short", id="MKV"),
        pytest.param("a.webm", 0.04, 0.6, "cut short", id="WebM"),
        pytest.param("a.mkv", 0.04, 0.97, "cut short", id="MKV, the last frames"),
        pytest.param("a.mp4", 10, 0.6, "damaged", id="MP4, rare"),
        pytest.param("a.mp4", 10, 0.95, "damaged", id="MP4, rare, the last frame"),
        pytest.param("a.mkv", 10, 0.6, "cut short", id="MKV, rare"),
        pytest.param("a.webm", 10, 0.6, "cut short", id="WebM, rare"),
        pytest.param("a.mkv", 10, 0.96, "cut short", id="MKV, rare, the last frame"),
    ],
)
def test_a_file_that_was_cut_short_is_said_to_be(
    tmp_path: Path, name: str, every_s: float, share: float, says: str
) -> None:
    count = 100 if every_s < 1 else 30
    options = FAST_START if name == "a.mp4" else {}
    path = write_rarely(tmp_path / name, every_s, count, options=options)
    whole, short = decode_video(path), decode_video(cut(path, share))
    assert whole.damage == "" and len(whole.at_s) == count
    assert says in short.damage and len(short.at_s) < count
    last_s = short.at_s[-1]
    assert last_s < (short.end_s or 0) <= last_s + every_s + 0.01


@pytest.mark.parametrize("container", ["mkv", "webm"])
def test_a_live_recording_that_states_nothing_is_no_damaged_file(
    tmp_path: Path, container: str
) -> None:
    path = write_rarely(tmp_path / f"a.{container}", 10, 4, options={"live": "1"})
    video = decode_video(path)
    assert video.damage == "" and video.end_s == pytest.approx(40)


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("a.mp4", "aac"),
        ("a.mov", "aac"),
        ("a.mkv", "aac"),
        ("a.webm", "libopus"),
        ("a.ts", "aac"),
        ("a.avi", "mp3"),
    ],
)
@pytest.mark.parametrize("sound_s", [1.0, 10.0], ids=["shorter", "longer"])
def test_sound_does_not_lengthen_pictures(
    tmp_path: Path, name: str, sound: str, sound_s: float
) -> None:
    path = write_video(tmp_path / name, noisy_frames(75, WH), rate=25, sound=sound, sound_s=sound_s)
    video = decode_video(path)
    assert video.end_s == pytest.approx(3, abs=0.05) and video.damage == ""


def test_longer_sound_in_a_live_webm_does_not_lengthen_pictures(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "a.webm",
        noisy_frames(75, WH),
        rate=25,
        sound="libopus",
        sound_s=10,
        options={"live": "1"},
    )
    assert decode_video(path).end_s == pytest.approx(3, abs=0.05)


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "ts"])
def test_pictures_that_begin_after_the_sound_end_when_they_end(
    tmp_path: Path, container: str
) -> None:
    """Times are those of the file: pictures from 2 s to 5 s, sound from 0 s to 10 s."""
    at_s = [2 + number / 25 for number in range(75)]
    path = write_video(
        tmp_path / f"a.{container}",
        noisy_frames(75, WH),
        at_s=at_s,
        rate=25,
        sound="aac",
        sound_s=10,
    )
    video = decode_video(path)
    assert video.at_s[0] == pytest.approx(2, abs=0.05) and video.damage == ""
    assert video.end_s == pytest.approx(5, abs=0.06)


def test_a_part_ends_where_it_was_to_end(tmp_path: Path) -> None:
    path = write_rarely(tmp_path / "a.mp4", 10, 4)
    assert decode_video(path, part=VideoPart(to_s=35)).end_s == 35
    assert decode_video(path, part=VideoPart(to_s=15)).end_s == 15

"""A part of a video: its time, its region and its track."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from ferapp.errors import InvalidValue, SettingError
from ferapp.media.video import Video
from ferapp.settings import VideoPart
from tests.support.videos import (
    ORIENTATIONS,
    decode_video,
    numbered_frames,
    quadrant_image,
    set_track_matrix,
    solid_image,
    tone,
    write_video,
)

RATE = 10
LONG = 240

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "MP4": ("a.mp4", {}),
    "MP4 with B-frames": ("a.mp4", {"bframes": 3}),
    "MOV of single frames": ("a.mov", {"codec": "mjpeg"}),
    "MKV": ("a.mkv", {"bframes": 2}),
    "MKV that starts late": ("a.mkv", {"start_s": 100}),
    "WebM": ("a.webm", {}),
    "MPEG-TS": ("a.ts", {"start_s": 3600}),
    "AVI with B-frames": ("a.avi", {"codec": "mpeg4", "bframes": 2}),
    "MPEG": ("a.mpg", {"codec": "mpeg2video", "rate": 25, "bframes": 2}),
    "Windows Media": ("a.wmv", {"codec": "wmv2"}),
    "Flash": ("a.flv", {"codec": "flv"}),
    "HEVC": ("a.mp4", {"codec": "libx265"}),
    "with sound": ("a.mkv", {"sound": "aac"}),
}


@pytest.mark.parametrize(("name", "traits"), FORMATS.values(), ids=FORMATS)
def test_a_part_has_the_same_frames_at_the_same_times_as_the_whole(
    tmp_path: Path, name: str, traits: dict[str, Any]
) -> None:
    path = write_video(tmp_path / name, numbered_frames(LONG), **traits)
    whole = decode_video(path)
    for from_s, to_s in ((0.0, 1.0), (4.05, 4.6), (8.0, None)):
        part = decode_video(path, part=VideoPart(from_s=from_s, to_s=to_s))
        wanted = [n for n, at_s in enumerate(whole.at_s) if from_s <= at_s + 1e-4 < (to_s or 1e9)]
        assert part.at_s == pytest.approx([whole.at_s[n] for n in wanted], abs=1e-6)
        assert part.damage == whole.damage == ""
        for image, n in zip(part.images, wanted, strict=True):
            np.testing.assert_array_equal(image, whole.images[n])


def test_two_parts_that_meet_share_no_frame(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(20))
    first = decode_video(path, part=VideoPart(to_s=0.7)).numbers
    second = decode_video(path, part=VideoPart(from_s=0.7)).numbers
    assert first + second == list(range(20))


def test_sampling_begins_with_the_part(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(30))
    found = decode_video(path, per_second=0.2, part=VideoPart(from_s=1.2, to_s=2))
    assert found.at_s == pytest.approx([1.2])


def test_a_part_tells_when_it_ends(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(20))
    assert decode_video(path, part=VideoPart(from_s=0.5, to_s=1.0)).end_s == 1.0
    assert decode_video(path, part=VideoPart(from_s=0.5, to_s=9.0)).end_s == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (VideoPart(from_s=7), "ends at 2.00 s, so nothing of it can be read from 7 s on"),
        (VideoPart(from_s=0.51, to_s=0.55), "between 0.51 s and 0.55 s"),
        (VideoPart(track=3), r"no video track 3. The file has: 1 \(h264, 96 × 64\)"),
        (VideoPart(region=(96, 0, 10, 10)), "outside the picture, which has 96 × 64 pixels"),
    ],
    ids=["beyond the end", "between two frames", "track", "region"],
)
def test_a_part_that_is_not_there_is_refused(tmp_path: Path, part: VideoPart, message: str) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(20))
    with pytest.raises(SettingError, match=message), Video(path, part=part) as video:
        list(video.frames())


@pytest.mark.parametrize(
    "values",
    [
        {"from_s": -1},
        {"from_s": float("nan")},
        {"from_s": 2, "to_s": 2},
        {"from_s": 3, "to_s": 2},
        {"track": 0},
        {"region": (0, 0, 0, 5)},
        {"region": (-1, 0, 5, 5)},
    ],
    ids=str,
)
def test_impossible_parts_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        VideoPart(**values)


@pytest.mark.parametrize("matrix", ["upright", "a quarter to the left"])
def test_a_region_is_cut_from_the_upright_picture(tmp_path: Path, matrix: str) -> None:
    wh = (192, 128)
    path = write_video(tmp_path / "a.mp4", [quadrant_image(wh)] * 2)
    whole = decode_video(set_track_matrix(path, ORIENTATIONS[matrix])).images[0]
    with Video(path, part=VideoPart(region=(10, 20, 60, 40))) as video:
        frame = next(video.frames())
    np.testing.assert_array_equal(frame.image, whole[20:60, 10:70])
    box = np.array([[0, 0, 60, 40]], np.float32)
    np.testing.assert_allclose(frame.view.to_frame(box), [[10, 20, 70, 60]])


def test_a_region_of_a_large_video_is_not_scaled_down(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [quadrant_image((640, 480))] * 2)
    with Video(path, max_side_px=160, part=VideoPart(region=(500, 400, 999, 60))) as video:
        frame = next(video.frames())
    assert frame.image.shape == (60, 140, 3), "it ends with the picture"
    assert frame.view.frame_wh == (640, 480) and frame.view.corner_xy == (500, 400)


def write_tracks(path: Path, *tracks: tuple[int, int, bool]) -> Path:
    """A file with several video tracks: frames, grey level, and whether it is the default."""
    with av.open(str(path), "w") as container:
        streams: list[Any] = []
        for _, _, is_default in tracks:
            stream: Any = container.add_stream("libx264", rate=RATE)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            stream.disposition = av.stream.Disposition.default if is_default else 0
            streams.append(stream)
        sound: Any = container.add_stream("aac", rate=48_000)
        sound.layout = "mono"
        for (count, grey, _), stream in zip(tracks, streams, strict=True):
            for n in range(count):
                frame = av.VideoFrame.from_ndarray(solid_image(grey), format="rgb24")
                frame.pts, frame.time_base = n, Fraction(1, RATE)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        for each in tone(2, 0, sound):
            container.mux(sound.encode(each))
        container.mux(sound.encode())
    return path


@pytest.mark.parametrize(
    ("tracks", "expected"),
    [
        (((20, 60, False), (20, 180, True)), 2),
        (((20, 60, True), (20, 180, False)), 1),
        (((1, 60, False), (20, 180, False)), 2),
    ],
    ids=["the second is the default", "the first is the default", "a still comes first"],
)
def test_the_track_that_players_show_is_read_and_the_others_are_named(
    tmp_path: Path, tracks: tuple[tuple[int, int, bool], ...], expected: int
) -> None:
    path = write_tracks(tmp_path / "a.mp4", *tracks)
    found = decode_video(path)
    assert found.info.track == expected and len(found.images) == 20
    assert found.images[0].mean() == pytest.approx(tracks[expected - 1][1], abs=4)
    [note] = found.notes
    assert f"2 video tracks; track {expected} was read" in note and "h264, 96 × 64" in note
    other = 3 - expected
    chosen = decode_video(path, part=VideoPart(track=other))
    assert chosen.images[0].mean() == pytest.approx(tracks[other - 1][1], abs=4)


@pytest.mark.parametrize("lasts_s", [0.1, 2.0])
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize(
    ("ending", "still", "film"),
    [
        ("mp4", "mjpeg", "libx264"),
        ("mov", "png", "libx264"),
        ("mkv", "mjpeg", "libx264"),
        ("mkv", "libx264", "libx264"),
        ("webm", "libvpx", "libvpx"),
        ("avi", "mjpeg", "mpeg4"),
        ("mpg", "mpeg2video", "mpeg2video"),
        ("ts", "libx264", "libx264"),
    ],
)
def test_a_still_beside_a_film_is_not_taken_for_it(
    tmp_path: Path, ending: str, still: str, film: str, is_first: bool, lasts_s: float
) -> None:
    """A poster that is no cover for FFmpeg: larger than the film, the default track, or as long."""
    path = tmp_path / f"a.{ending}"
    with av.open(str(path), "w") as container:
        codecs = (still, film) if is_first else (film, still)
        streams: dict[str, Any] = {}
        for codec, role in zip(
            codecs, ("still", "film") if is_first else ("film", "still"), strict=True
        ):
            stream: Any = container.add_stream(codec, rate=RATE)
            stream.width, stream.height = (320, 240) if role == "still" else (96, 64)
            stream.pix_fmt = {"mjpeg": "yuvj420p", "png": "rgb24"}.get(codec, "yuv420p")
            stream.disposition = av.stream.Disposition.default if role == "still" else 0
            streams[role] = stream
        for role, grey, count in (("still", 60, 1), ("film", 180, 20)):
            packets = []
            for n in range(count):
                image = solid_image(grey, (streams[role].width, streams[role].height))
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = n, Fraction(1, RATE)
                packets += streams[role].encode(frame)
            for packet in packets + streams[role].encode():
                if role == "still":
                    packet.duration = round(lasts_s / packet.time_base)
                container.mux(packet)
    found = decode_video(path)
    assert len(found.images) == 20 and found.images[0].mean() == pytest.approx(180, abs=4)
    assert found.info.track == 1 + is_first and "2 video tracks" in found.notes[0]


LATE: dict[str, tuple[str, dict[str, Any]]] = {
    "MP4": ("a.mp4", {}),
    "MP4 that starts late": ("a.mp4", {"start_s": 20}),
    "MKV": ("a.mkv", {}),
    "MKV that starts late": ("a.mkv", {"start_s": 100}),
    "WebM that starts late": ("a.webm", {"start_s": 20, "sound": "libopus"}),
    "MPEG-TS that starts late": ("a.ts", {"start_s": 3600}),
    "MPEG that starts late": ("a.mpg", {"start_s": 20, "codec": "mpeg2video", "rate": 25}),
    "FLV that starts late": ("a.flv", {"start_s": 20, "codec": "flv"}),
    "AVI": ("a.avi", {}),
    "sound lasts longer": ("a.mkv", {"sound": "aac", "sound_s": 9}),
}


@pytest.mark.parametrize(("name", "traits"), LATE.values(), ids=LATE)
def test_the_duration_is_a_length_and_not_an_end(
    tmp_path: Path, name: str, traits: dict[str, Any]
) -> None:
    count = 50
    length_s = count / traits.get("rate", RATE)
    found = decode_video(write_video(tmp_path / name, numbered_frames(count), **traits))
    assert found.end_s == pytest.approx(length_s, abs=0.05)
    # In MPEG few frames have time stamps: what comes after the last one is not claimed.
    assert found.info.duration_s == pytest.approx(length_s, abs=0.5 if name == "a.mpg" else 0.05)


def test_a_length_that_was_not_written_by_ffmpeg_stays(tmp_path: Path) -> None:
    """Other programs write lengths into Matroska, also where the first frame comes late."""
    path = write_video(tmp_path / "a.mkv", numbered_frames(50), start_s=3)
    data = path.read_bytes()
    # The tag and the muxer of FFmpeg, which decide, become those of another program.
    path.write_bytes(data.replace(b"Lavf", b"Othr").replace(b"DURATION", b"NO_TIMES"))
    found = decode_video(path)
    assert found.info.duration_s == pytest.approx(8), "a claim that nothing contradicts"
    assert found.end_s == pytest.approx(5), "but the frames know better"

"""Videos that can be read only in part or not at all: frames that are kept, and messages."""

import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from ferapp.errors import VideoError
from ferapp.media.video import Video
from tests.support.pictures import png
from tests.support.videos import (
    FAST_START,
    decode_video,
    mean_difference,
    noisy_frames,
    numbered_frames,
    replace_bytes,
    truncate,
    write_video,
)


@pytest.mark.parametrize(
    ("name", "options"), [("a.mp4", FAST_START), ("a.mkv", {}), ("a.avi", {})], ids=str
)
def test_frames_of_a_truncated_file_are_kept_and_the_damage_is_reported(
    tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    path = write_video(tmp_path / name, noisy_frames(30), rate=5, options=options)
    whole = decode_video(path)
    found = decode_video(truncate(path, 0.5))
    assert whole.damage == "" and len(whole.images) == 30
    assert 8 <= len(found.images) <= 20
    sound = [mean_difference(a, b) for a, b in zip(found.images, whole.images, strict=False)]
    assert max(sound[:-1]) == 0, "only the last one may be half of a picture"
    assert found.damage.endswith(".") and found.damage.count(" s") >= 1


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_video_whose_sound_lasts_longer_is_not_cut(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name, numbered_frames(10), rate=5, sound="aac", sound_s=6)
    assert decode_video(path).damage == ""


LOCKED = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "1" * 32,
    "encryption_kid": "2" * 32,
}
UNREADABLE = {
    "moov is missing": (
        lambda path: truncate(write_video(path, noisy_frames(10)), 0.6),
        "damaged or cut short",
    ),
    "sound alone": (
        lambda path: write_video(path, [], sound="aac", sound_s=0.5),
        "no video track",
    ),
    "a header alone": (
        lambda path: (
            path.write_bytes(
                write_video(path, noisy_frames(10), options=FAST_START)
                .read_bytes()
                .split(b"mdat")[0]
            )
            and path
        ),
        "has no frames",
    ),
    "a codec that nobody knows": (
        lambda path: replace_bytes(write_video(path, numbered_frames(2)), b"avc1\0\0", b"zzzz\0\0"),
        "can't be decoded here",
    ),
    "encrypted": (
        lambda path: write_video(path, numbered_frames(5), options=LOCKED),
        "is encrypted; save a copy without protection",
    ),
    "a playlist that poses as MP4": (
        lambda path: path.write_bytes(b"\0\0\0\x18ftypisom\nfile '/etc/passwd'\n") and path,
        "can't be opened",
    ),
}


def test_a_decompression_bomb_is_refused_by_its_size(tmp_path: Path) -> None:
    """144 megapixels in 140 kB, written by hand instead of with an encoder."""
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


@pytest.mark.parametrize(("made", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_files_give_a_message(tmp_path: Path, made: object, message: str) -> None:
    path = made(tmp_path / "a.mp4")
    with pytest.raises(VideoError) as refusal:
        decode_video(path)
    assert message in str(refusal.value) and str(tmp_path) not in str(refusal.value)


def test_missing_files_and_folders_give_a_message(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"^There is no file of that name\.$"):
        Video(tmp_path / "none.mp4")
    with pytest.raises(VideoError, match=r"^This is a folder, not a video\.$"):
        Video(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(VideoError, match=r"^Not a file\.$"):
        Video(tmp_path / "pipe.mp4")


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bytes_cost_only_frames(tmp_path: Path, seed: int) -> None:
    path = write_video(tmp_path / "a.mp4", noisy_frames(10), options=FAST_START, sound="aac")
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, 3000 if seed % 2 else len(data), 40):
        data[place] = rng.integers(256)
    path.write_bytes(data)
    try:
        found = decode_video(path)
    except VideoError as exc:
        assert str(exc).endswith(".")
    else:
        assert found.images and all(a < b for a, b in pairwise(found.at_s))

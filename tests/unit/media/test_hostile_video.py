"""Videos that break decoders, as a visitor may upload them."""

import csv
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import av
import pytest

from ferapp.errors import VideoError
from ferapp.media import tracks
from ferapp.media.video import MAX_SIDE_PX, Video
from tests.support.places import ROOT, SHARED, shared_path
from tests.support.videos import WH, noisy_frames, write_video

LONGEST_S = 10.0
"""The slowest video takes a quarter of it on two cores; a hang takes far more."""
MOST_MEMORY_MB = 1000
# Of those whose note says how many frames there are.
FRAMES = {
    "syn_vid/8k_solid.mp4": 2,
    "syn_vid/long_1h_1fps.mp4": 3600,
    "syn_vid/pts_gap_1_hour.mp4": 3,
    "syn_vid/resolution_change.ts": 10,
    "syn_vid/truncated_partial.mp4": 8,
    "syn_vid/vfr_irregular.mp4": 6,
    "vid/m3_missing_stsd.mp4": 30,
}
DAMAGED = {"syn_vid/truncated_partial.mp4", "vid/m3_invalid_nalu.mp4"}


def rows() -> list[dict[str, str]]:
    """Every video of the manifest; without it one row, whose test skips."""
    manifest = SHARED / "data" / "hostile" / "MANIFEST.tsv"
    if not manifest.exists():
        return [{"file": "none"}]
    with manifest.open(encoding="utf-8") as file:
        found = list(csv.DictReader(file, delimiter="\t"))
    return [row for row in found if row["file"].startswith(("vid/", "syn_vid/"))]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_every_hostile_video_gives_the_expected_outcome(row: dict[str, str]) -> None:
    name = row["file"]
    path = shared_path("data/hostile") / name
    before_s = time.monotonic()
    if row["expected"] == "clear-error":
        with pytest.raises(VideoError) as refusal, Video(path) as video:
            list(video.frames())
        message = str(refusal.value)
        assert message.endswith(".") and "\n" not in message and len(message) < 200
        assert path.name not in message and "/" not in message
    else:
        width, height = map(int, row["expected_wxh"].split("x"))
        scale = min(MAX_SIDE_PX / max(width, height), 1)
        with Video(path) as video:
            shapes, times = [], []
            for frame in video.frames():
                shapes.append(frame.image.shape)
                times.append(frame.at_s)
            assert video.info.size_wh == (width, height)
            assert bool(video.damage) == (name in DAMAGED)
        assert shapes[0] == (round(height * scale), round(width * scale), 3)
        assert len(times) == FRAMES.get(name, len(times))
        if name == "syn_vid/vfr_irregular.mp4":
            assert times == pytest.approx([0, 0.01, 0.4, 0.41, 3, 3.001], abs=0.001)
        if name == "syn_vid/resolution_change.ts":
            assert shapes == [(120, 160, 3)] * 5 + [(240, 320, 3)] * 5
        assert times[0] >= 0 and all(a < b for a, b in pairwise(times))
    assert time.monotonic() - before_s < LONGEST_S


@pytest.mark.parametrize("name", ["bomb_12000x12000_frame.mov", "8k_solid.mp4"])
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is told in other units")
def test_large_frames_stay_within_the_memory_limit(name: str) -> None:
    code = """if True:
        import resource, sys
        from pathlib import Path
        from ferapp.errors import VideoError
        from ferapp.media.video import Video
        try:
            with Video(Path(sys.argv[1])) as video:
                list(video.frames())
        except VideoError:
            pass
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000)
    """
    path = shared_path("data/hostile") / "syn_vid" / name
    command = [sys.executable, "-c", code, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert 20 < int(run.stdout) < MOST_MEMORY_MB


@pytest.mark.parametrize(("bits", "is_read"), [("yuv420p", True), ("yuv444p16le", False)])
def test_frames_that_take_too_much_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bits: str, is_read: bool
) -> None:
    monkeypatch.setattr(tracks, "MAX_FRAME_BYTES", 2 * WH[0] * WH[1])
    path = write_video(tmp_path / "a.mkv", noisy_frames(2, WH), codec="ffv1", pix_fmt=bits)
    with av.open(str(path)) as container:
        if is_read:
            assert tracks.choose_track(container).type == "video"
        else:
            with pytest.raises(VideoError, match=r"more than the limit of \S+ MB"):
                tracks.choose_track(container)

"""File names are never interpreted, and references to other files are not followed."""

import os
import socket
import time
from pathlib import Path

import pytest

from ferapp.errors import VideoError
from tests.support.videos import (
    decode_video,
    numbered_frames,
    write_video,
)


@pytest.mark.parametrize("name", ["concat:a|b.mp4", "-i.mp4", "http:x.mp4", "%d.mp4", "a\n.mp4"])
def test_file_names_are_never_interpreted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "plain.mp4", numbered_frames(3)).rename(tmp_path / name)
    assert decode_video(Path(name)).numbers == [0, 1, 2]


def test_files_of_the_working_folder_are_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starting ferapp in a folder of downloads must not run the files in it."""
    for name in ("json.py", "av.py", "numpy.py", "ferapp.py"):
        (tmp_path / name).write_text("open('run', 'w').close()")
    path = write_video(tmp_path / "a.mp4", numbered_frames(3))
    monkeypatch.chdir(tmp_path)
    try:
        assert decode_video(path).numbers == [0, 1, 2]
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
def test_playlists_and_references_are_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    canary, control = (
        write_video(tmp_path / n, numbered_frames(2)) for n in ("canary.mp4", "control.mp4")
    )
    for path in (canary, control):
        os.utime(path, (0, path.stat().st_mtime))
    control.read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        (tmp_path / name).write_text(text.replace("PORT", str(server.getsockname()[1])))
        before_s = time.monotonic()
        with pytest.raises(VideoError, match=r"playlist|not a video that ferapp can read"):
            decode_video(tmp_path / name)
        assert time.monotonic() - before_s < 3, "nobody waited for an answer"
        with pytest.raises(BlockingIOError):
            server.accept()
    if control.stat().st_atime:  # where the file system keeps the times of reading
        assert canary.stat().st_atime == 0

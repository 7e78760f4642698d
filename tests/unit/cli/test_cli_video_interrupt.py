"""``ferapp video`` ends with Ctrl-C and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.places import ROOT
from tests.support.video_command import HALF
from tests.support.videos import numbered_frames, write_video
from tests.support.waiting import is_running, wait_until

FRAME_BYTES = 3 * HALF[0] * HALF[1]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that takes seconds to read or copy."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return write_video(path, [*numbered_frames(22, HALF)] * 80, rate=25)


def children_of(process: int) -> dict[int, str]:
    """The child processes of a process with their command lines."""
    children = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == process:
                line = (stat.parent / "cmdline").read_bytes()
                children[int(stat.parent.name)] = line.decode("utf-8", "replace")
        except OSError:
            continue
    return children


def has_written(process: subprocess.Popen[bytes], module: str, count: int) -> bool:
    """Whether the child that runs a module has written this many bytes."""
    assert process.poll() is None
    for child, command in children_of(process.pid).items():
        if module in command:
            io = dict(
                line.split(": ") for line in Path(f"/proc/{child}/io").read_text().splitlines()
            )
            return int(io["wchar"]) > count
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("module", "count", "to"),
    [
        ("ferapp.media.decoder", 5 * FRAME_BYTES, "it alone"),
        ("ferapp.media.decoder", 5 * FRAME_BYTES, "all, as a terminal does"),
        # The messages of the copier are short: these are about a hundred frames.
        ("ferapp.pipeline.annotated_copy.copier", 400, "it alone"),
    ],
)
def test_ctrl_c_ends_the_command_and_leaves_nothing(
    module: str, count: int, to: str, long: Path, out: Path
) -> None:
    targets = (f"--out={out / 'a.mp4'}", "--json")
    rate = ("--per-second", "0.1") if "copier" in module else ()
    process = subprocess.Popen(
        [sys.executable, "-m", "ferapp", "video", long, *targets, *rate],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        wait_until(lambda: has_written(process, module, count), timeout_s=30)
        started = set(children_of(process.pid))
        assert started and process.poll() is None, "the work must not be over yet"
        begun = time.monotonic()
        if to == "it alone":
            process.send_signal(signal.SIGINT)
        else:
            os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=10)
        assert time.monotonic() - begun < 3
    finally:
        process.kill()
        process.wait()
    assert process.returncode != 0 and stdout == b"" and b"Traceback" not in stderr
    assert not list(out.iterdir())
    wait_until(lambda: not any(map(is_running, started)), timeout_s=3)

"""Kills what reads or copies a video, and checks what is left and whether the next run works.

    python -m stress.killed_videos [--kills N] [--seed N]

The command and the app are killed as by a power failure, and so is the decoder or the copier alone.
Afterwards no process may be left; files that were there before are unchanged; the next run gives
its results and clears what the killed one left. The exit status is 1 if a rule was broken.
"""

import argparse
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from benchmarks.machine import ROOT
from ferapp.media.encoder import Encoder
from ferapp.pipeline.annotated_copy.overlay import HIDDEN_MARGIN_S
from ferapp.ui.shared.demo_clip import demo_frame
from stress.findings import Result, report
from stress.visitor import Visitor
from tests.e2e.processes import App
from tests.support.videos import times_of
from tests.support.waiting import is_running

Step = Literal["reading", "copying"]
Who = Literal["all of it", "the child"]

_PATIENCE_S: Final = 120.0
_GONE_S: Final = 10.0
_RATE: Final = 15
_OLD: Final = b"from an earlier run"
_LEFT: Final = ".ferapp-work-*"


def write_clip(path: Path, seconds: float) -> Path:
    """Write a video of faces."""
    with Encoder(path, (640, 480)) as encoder:
        for number in range(round(seconds * _RATE)):
            # Past the pause in which there is no face.
            encoder.add(demo_frame(2 + number / _RATE), number / _RATE)
    return path


def kill_command(clip: Path, folder: Path, step: Step, who: Who, after_s: float = 0.0) -> list[str]:
    """Kill ``ferapp video``, and run it again; return broken rules, in words.

    Args:
        clip: The video.
        folder: An empty folder for what it writes.
        step: At which step it is killed.
        who: Whether the command or its child is killed.
        after_s: How long after the beginning of the step.
    """
    copy, table = folder / "copy.mp4", folder / "readings.csv"
    for target in (copy, table):
        target.write_bytes(_OLD)
    arguments = [sys.executable, "-m", "ferapp", "video", str(clip), "--out", str(copy)]
    arguments += ["--csv", str(table), "--faces", "all"]
    settings = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        arguments, cwd=ROOT, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as command:
        _wait(lambda: bool(_children(command.pid)) or command.poll() is not None)
        if step == "copying":
            _wait(lambda: bool(list(folder.glob(f"{_LEFT}/*.picture"))))
        time.sleep(after_s)
        children = _children(command.pid)
        was_running = command.poll() is None
        with suppress(ProcessLookupError):
            os.kill(command.pid if who == "all of it" else children[0], signal.SIGKILL)
        said = command.communicate(timeout=_PATIENCE_S)[0].decode(errors="replace")
    rules = {
        "it had ended before": was_running and bool(children),
        "a process is left": _wait(lambda: not any(map(is_running, children)), _GONE_S),
        f"a traceback was shown: {said[-300:]}": "Traceback" not in said,
    }
    is_kept = copy.read_bytes() == _OLD
    if who == "the child" and step == "reading":
        # What was read before is kept, and copied.
        rules["the copy shows what was not read"] = is_kept or _ends_with(copy, table)
    else:
        rules["the earlier copy was lost"] = is_kept
    if who == "the child":
        rules[f"the crash was not told: {said[-300:]}"] = "crashed" in said
    if who == "all of it" and step == "reading":
        rules["the earlier table was lost"] = table.read_bytes() == _OLD
    again = subprocess.run(
        arguments, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=_PATIENCE_S
    )
    rules[f"the next run fails: {again.stderr[-300:]}"] = not again.returncode
    rules["the next run writes no copy"] = copy.read_bytes() != _OLD
    left = sorted(path.name for path in folder.iterdir() if path not in (copy, table))
    rules[f"left in the folder: {left}"] = not left
    return [f"{who}, {step}: {fault}" for fault, holds in rules.items() if not holds]


def _ends_with(copy: Path, table: Path) -> bool:
    """Whether a copy ends at the last reading of a table, as some face is in all of the clip."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        last_s = max((float(row["time_s"]) for row in csv.DictReader(file)), default=0.0)
    return bool(times_of(copy)[-1] < last_s + HIDDEN_MARGIN_S)


def kill_app(clip: Path, folder: Path, who: Who, after_s: float = 0.0) -> list[str]:
    """Kill the app or its decoder while it reads a video, and read it again.

    Args:
        clip: The video.
        folder: An empty folder for its data, temporary files and log.
        who: Whether the app or its child is killed.
        after_s: How long after the beginning.
    """
    temporary = folder / "tmp"
    temporary.mkdir()
    # What a process that was killed earlier has left of its copy.
    (temporary / ".ferapp-work-999999999-a").mkdir()
    settings = {"FERAPP_DATA_DIR": str(folder / "data"), "TMPDIR": str(temporary)}
    app = App(folder / "log", **settings)
    try:
        app.wait_until_ready()
        with Visitor(app.url) as visitor:
            _begin(visitor, clip)
            _wait(lambda: bool(_children(app.pid)))
            time.sleep(after_s)
            children = _children(app.pid)
            was_running = bool(children)
            if who == "all of it":
                app.kill()
            else:
                os.kill(children[0], signal.SIGKILL)
                words = _watch(visitor)
        rules = {
            "it had ended before": was_running,
            "a process is left": _wait(lambda: not any(map(is_running, children)), _GONE_S),
        }
        if who == "all of it":
            app = App(folder / "log", **settings)
            app.wait_until_ready()
        else:
            rules[f"the crash was not told: {words[-400:]}"] = "crashed" in words
        with Visitor(app.url) as visitor:
            visitor.open("dashboard")
            rules["a session is there that nobody kept"] = "· 0 readings" not in visitor.words
            _begin(visitor, clip)
            words = _watch(visitor)
        rules[f"the next video is not read: {words[-400:]}"] = "read over" in words
        rules["temporary files are left"] = not list(temporary.glob(_LEFT))
    finally:
        app.kill()
    return [f"app, {who}: {fault}" for fault, holds in rules.items() if not holds]


def _begin(visitor: Visitor, clip: Path) -> None:
    _wait(
        lambda: visitor.open("video") and any(e.HasField("file_uploader") for e in visitor.elements)
    )
    visitor.upload({"a.mp4": clip.read_bytes()})
    visitor.press("Analyse")


def _watch(visitor: Visitor) -> str:
    """What the page says when the video has been read."""

    def is_over() -> bool:
        visitor.look()
        return not any(
            e.HasField("button") and e.button.label == "Cancel" for e in visitor.elements
        )

    _wait(is_over)
    return " ".join(visitor.words.split())


def _wait(is_so: Callable[[], bool], most_s: float = _PATIENCE_S) -> bool:
    until_s = time.monotonic() + most_s
    while not is_so():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.02)
    return True


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def run(kills: int, seed: int) -> Result:
    """Kill each way at random times, in turn."""
    rng = random.Random(seed)
    faults: list[str] = []
    ways: list[Callable[[Path, Path, float], list[str]]] = [
        lambda clip, folder, s: kill_command(clip, folder, "reading", "all of it", s),
        lambda clip, folder, s: kill_command(clip, folder, "reading", "the child", s),
        lambda clip, folder, s: kill_command(clip, folder, "copying", "all of it", s),
        lambda clip, folder, s: kill_command(clip, folder, "copying", "the child", s),
        lambda clip, folder, s: kill_app(clip, folder, "all of it", s),
        lambda clip, folder, s: kill_app(clip, folder, "the child", s),
    ]
    with tempfile.TemporaryDirectory() as place:
        clip = write_clip(Path(place, "clip.mp4"), 40)
        for number in range(kills):
            folder = Path(place, str(number))
            folder.mkdir()
            faults += ways[number % len(ways)](clip, folder, rng.uniform(0, 1))
    return Result(f"{kills} kills while videos were read or copied", tuple(faults))


def main() -> None:
    """Kill and print the result and the faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    report(run(options.kills, options.seed))


if __name__ == "__main__":
    main()

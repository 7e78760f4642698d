"""Videos: speed of reading and copying compared with the baseline, and memory.

    python -m benchmarks.video [--minutes 1 60] [--skip-speed]

The clip is a portrait that moves in front of a plain wall, 1280 x 720 at 30 frames per second, with
a tone. The hour is the minute repeated sixty times. Memory is the sum of the proportional set sizes
(PSS) of the command and its processes, sampled ten times a second.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import ROOT, about, write_result
from ferapp.media.images import read_image
from ferapp.vision.crops import region, resize

SIZE_WH = (1280, 720)
RATE = 30
CLIP_S = 60
COMPARED_S = 20
RUNS = 3


def write_clip(path: Path, seconds: int) -> None:
    """A portrait that sways, with a tone."""
    portrait = resize(
        region(
            read_image(ROOT / "ferapp" / "samples" / "astronaut.jpg"),
            np.array([60, 0, 400, 340], np.float32),
            (512, 512),
        ),
        (420, 420),
    )
    rng = np.random.default_rng(0)
    wall = cv2.resize(rng.integers(110, 150, (9, 16, 3), np.uint8), SIZE_WH)
    with av.open(str(path), "w") as out:
        picture = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        picture.width, picture.height, picture.pix_fmt = *SIZE_WH, "yuv420p"
        sound = out.add_stream("aac", rate=44_100)
        for number in range(seconds * RATE):
            frame = wall.copy()
            x = round(430 + 250 * np.sin(number / 40))
            y = round(150 + 60 * np.sin(number / 25))
            frame[y : y + 420, x : x + 420] = portrait
            frame = av.VideoFrame.from_ndarray(frame, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(picture.encode(frame))
        for first in range(0, seconds * 44_100, 1024):
            wave = np.sin(2 * np.pi * 440 * np.arange(first, first + 1024) / 44_100) * 0.2
            tone = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], "fltp", "mono")
            tone.sample_rate, tone.pts = 44_100, first
            out.mux(sound.encode(tone))
        out.mux(sound.encode())
        out.mux(picture.encode())


def repeat(minute: Path, path: Path, times: int) -> None:
    """The same clip over and over in one file, without encoding it again."""
    with av.open(str(path), "w") as out:
        with av.open(str(minute)) as first:
            target = out.add_stream_from_template(first.streams.video[0])
        for turn in range(times):
            with av.open(str(minute)) as clip:
                for packet in clip.demux(video=0):
                    if packet.dts is None:
                        continue
                    shift = round(turn * CLIP_S / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = target
                    out.mux(packet)


def command(
    clip: Path, *options: str, is_watched: bool = False
) -> tuple[float, dict[str, Any], float]:
    """Run ``ferapp video``: seconds, its JSON, and its peak memory in MB if it is watched.

    Watching takes processor time.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "ferapp", "video", str(clip), "--json", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    peak = 0.0
    while is_watched and process.poll() is None:
        peak = max(peak, memory_mb(process.pid))
        time.sleep(0.1)
    assert process.stdout is not None
    summary = json.loads(process.stdout.read())
    return time.perf_counter() - start, summary, peak


def memory_mb(pid: int) -> float:
    """Memory of a process and all its children."""
    total = 0.0
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total = int(line.split()[1]) / 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                total += memory_mb(int(child))
    except OSError:
        pass
    return total


def tutorial_s(clip: Path, out: Path, frames: int) -> float:
    """The baseline on the same frames: capture, Caffe, VGG13, MJPG."""
    from benchmarks.tutorial import Tutorial

    way = Tutorial()
    start = time.perf_counter()
    capture = cv2.VideoCapture(str(clip))
    writer = None
    for _ in range(frames):
        is_there, frame = capture.read()
        if not is_there:
            break
        image = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        boxes = way.detect(image).clip(0)
        for (x1, y1, x2, y2), shares in zip(
            boxes.astype(int), way.classify(image, boxes), strict=True
        ):
            cv2.rectangle(frame, (x1, y1), (x2, y2), (0, 255, 0), 2)
            cv2.putText(frame, str(shares.argmax()), (x1, y1), 0, 1.0, (0, 255, 0), 2)
        if writer is None:
            size = frame.shape[1::-1]
            writer = cv2.VideoWriter(str(out), cv2.VideoWriter_fourcc(*"MJPG"), 10, size)
        writer.write(frame)
    if writer is not None:
        writer.release()
    return time.perf_counter() - start


def speed(folder: Path) -> list[dict[str, Any]]:
    """Ours with several settings and the baseline, alternating."""
    clip, short = folder / "minute.mp4", folder / "short.mp4"
    write_clip(short, COMPARED_S)
    ways: dict[str, tuple[Path, tuple[str, ...]]] = {
        "read, default": (clip, ()),
        "read, faces looked for in each": (clip, ("--detect-every", "1")),
        "read, faces looked for in every 3rd": (clip, ("--detect-every", "3")),
        "read, 10 frames a second": (clip, ("--per-second", "10")),
        "read and copied": (clip, ("--out", str(folder / "copy.mp4"))),
        "read (short)": (short, ()),
        "read and copied (short)": (short, ("--out", str(folder / "copy.mp4"))),
        "read and copied, every 3rd (short)": (
            short,
            ("--detect-every", "3", "--out", str(folder / "copy.mp4")),
        ),
    }
    took: dict[str, list[float]] = {name: [] for name in (*ways, "tutorials (short)")}
    for _ in range(RUNS):
        for name, (path, options) in ways.items():
            took[name].append(command(path, *options)[1]["took_s"])
        took["tutorials (short)"].append(
            tutorial_s(short, folder / "tutorial.avi", COMPARED_S * RATE)
        )
    theirs = float(np.median(took["tutorials (short)"]))
    rows = []
    for name, times in took.items():
        seconds = COMPARED_S if "short" in name else CLIP_S
        median = float(np.median(times))
        rows.append(
            {
                "way": name,
                "took_s": round(median, 2),
                "times_real_time": round(seconds / median, 2),
                "frames_a_second": round(seconds * RATE / median, 1),
                "times_the_tutorials": round(theirs / median, 2) if "short" in name else None,
            }
        )
    return rows


def memory(folder: Path, minutes: list[int]) -> list[dict[str, Any]]:
    """Peak memory of reading, with tables and a copy, for clips of several lengths."""
    rows = []
    for length in minutes:
        clip = folder / "minute.mp4"
        if length > 1:
            clip = folder / f"{length}.mp4"
            repeat(folder / "minute.mp4", clip, length)
        tables = ("--csv", str(folder / "t.csv"), "--parquet", str(folder / "t.parquet"))
        took_s, summary, peak = command(clip, *tables, is_watched=True)
        rows.append(
            {
                "minutes": length,
                "frames": summary["frames"],
                "readings": summary["readings"],
                "took_s": round(took_s, 1),
                "peak_mb": round(peak),
            }
        )
    return rows


def main() -> None:
    """Measure, print tables and write a dated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, nargs="*", default=[1, 60])
    parser.add_argument("--skip-speed", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    result: dict[str, Any] = about()
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clip(folder / "minute.mp4", CLIP_S)
        if not options.skip_speed:
            result["speed"] = speed(folder)
        if options.minutes:
            result["memory"] = memory(folder, options.minutes)
    for part in ("speed", "memory"):
        if rows := result.get(part):
            table = Table(*(key.replace("_", " ") for key in rows[0]), title=part)
            for row in rows:
                table.add_row(*map(str, row.values()))
            console.print(table)
    name = "video-memory" if options.skip_speed else "video"
    path = write_result(result, name, options.out)
    console.print(f"written to {path.name}")


if __name__ == "__main__":
    main()

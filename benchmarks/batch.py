"""Batches: two workers compared with one, and Ray with the local engine, on the same files.

    python -m benchmarks.batch [--files N] [--clips N] [--repeats N] [--out DIR]

Each run is the command as a user runs it, into a new folder: its time includes starting Python,
loading the models and writing the tables. Runs of the variants alternate.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import ROOT, about, write_result
from ferapp.media.encoder import Encoder
from ferapp.media.images import jpeg_bytes, read_image

SAMPLES = sorted((ROOT / "ferapp" / "samples").glob("*.jpg"))
CLIP_FRAMES = 90
FRAMES_PER_SECOND = 15


def pictures(folder: Path, count: int) -> None:
    """The samples in turn, each cropped differently, so that no two have the same bytes."""
    folder.mkdir()
    images = [read_image(path) for path in SAMPLES]
    for number in range(count):
        cut = number // len(images)
        image = images[number % len(images)][cut // 16 :, cut % 16 :]
        (folder / f"{number:04}.jpg").write_bytes(jpeg_bytes(np.ascontiguousarray(image)))


def clips(folder: Path, count: int) -> None:
    """Short videos of a portrait that drifts by."""
    folder.mkdir()
    portrait = read_image(ROOT / "ferapp" / "samples" / "astronaut.jpg")
    for number in range(count):
        with Encoder(folder / f"{number:02}.mp4", (400, 400)) as encoder:
            for frame in range(CLIP_FRAMES):
                view = np.roll(portrait, (-number, -frame), (0, 1))[:400, :400]
                encoder.add(np.ascontiguousarray(view), frame / FRAMES_PER_SECOND)


def seconds(folder: Path, *options: str) -> float:
    """The time of one batch."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "ferapp", "batch", str(folder), "--out", out, "--json"]
        environment = {name: v for name, v in os.environ.items() if name != "RAY_ADDRESS"}
        start = time.perf_counter()
        run = subprocess.run(
            [*command, *options], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        took_s = time.perf_counter() - start
    if run.returncode:
        sys.exit(f"benchmarks: {run.stderr}")
    tally = json.loads(run.stdout)
    assert tally["failed"] == tally["done_before"] == 0
    return took_s


def compare(folder: Path, files: int, repeats: int) -> list[dict[str, object]]:
    """One row per engine and number of workers."""
    ways = [("local", 1), ("local", 2)]
    if find_spec("ray"):
        ways += [("ray", 1), ("ray", 2)]
    took: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
    for _ in range(repeats):
        for engine, workers in ways:
            took[engine, workers].append(
                seconds(folder, "--engine", engine, "--workers", str(workers))
            )
    alone_s = float(np.median(took["local", 1]))
    rows = []
    for (engine, workers), times in took.items():
        median_s, local_s = float(np.median(times)), float(np.median(took["local", workers]))
        rows.append(
            {
                "what": folder.name,
                "files": files,
                "engine": engine,
                "workers": workers,
                "median_s": round(median_s, 2),
                "least_s": round(min(times), 2),
                "most_s": round(max(times), 2),
                "files_per_second": round(files / median_s, 1),
                "times_local_with_1": round(alone_s / median_s, 2),
                "more_than_local_s": round(median_s - local_s, 2),
            }
        )
    return rows


def main() -> None:
    """Measure, print a table and write a dated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as place:
        for name, make, count in (
            ("pictures", pictures, options.files),
            ("clips", clips, options.clips),
        ):
            make(Path(place) / name, count)
            rows += compare(Path(place) / name, count, options.repeats)
    result = {**about(), "clip_frames": CLIP_FRAMES, "repeats": options.repeats, "batches": rows}
    console = Console()
    table = Table(*(name.replace("_", " ") for name in rows[0]))
    for row in rows:
        table.add_row(*map(str, row.values()))
    console.print(table)
    if not find_spec("ray"):
        console.print("Ray is not installed (the extra: batch), so it was not measured.")
    path = write_result(result, f"batch-{options.files}", options.out)
    console.print(f"written to {path.name}")


if __name__ == "__main__":
    main()

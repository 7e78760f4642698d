"""What detecting faces only in every Nth frame costs in accuracy, on clips with known labels.

    python -m benchmarks.followed --ferplus FERPLUS.ZIP --scenes FOLDER [--faces N]

FER+ test faces are pasted into a photo without faces and move as heads do, each for two seconds at
30 frames per second. Readings are compared with the label of the face, and followed boxes with
those that the detector finds.
"""

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import ROOT, about, write_result
from ferapp.evaluation.data_sets import load_split
from ferapp.evaluation.pasted import faceless_photos
from ferapp.inference.registry import load_detector
from ferapp.pipeline.build import load_analyzer
from ferapp.pipeline.clip import tracker_for
from ferapp.pipeline.file_stream import FileStream
from ferapp.pipeline.people import FaceReading
from ferapp.settings import AnalysisSettings, StreamSettings
from ferapp.vision.boxes import iou
from ferapp.vision.crops import resize

EVERY = (1, 2, 3, 5, 10)
SPEEDS = {"calm": 0.3, "lively": 1.0}
"""Top speeds of a head, in widths of its face per second."""
RATE = 30
FACE_S = 2.0
SIDE_PX = 150
SIZE_WH = (640, 480)


def path_of(speed: float, at_s: float) -> tuple[int, int]:
    """The upper left corner of a face."""
    width = speed * SIDE_PX  # px per second
    x = SIZE_WH[0] / 2 - SIDE_PX / 2 + width / 3.0 * np.sin(3.0 * at_s)
    y = SIZE_WH[1] / 2 - SIDE_PX / 2 + width / 4.0 * 0.5 * np.sin(4.0 * at_s + 1)
    return round(x), round(y)


def frames_of(face: np.ndarray, scene: np.ndarray, speed: float) -> list[np.ndarray]:
    """Two seconds of one face."""
    big = resize(face, (SIDE_PX, SIDE_PX))
    frames = []
    for number in range(int(FACE_S * RATE)):
        x, y = path_of(speed, number / RATE)
        frame = scene.copy()
        frame[y : y + SIDE_PX, x : x + SIDE_PX] = big
        frames.append(frame)
    return frames


def readings_of(frames, detections, analyzer, every: int) -> Iterator[tuple[float, FaceReading]]:
    """What is read of the first face of each frame, with detection in every Nth."""
    settings = StreamSettings(reads_followed=True)
    stream = FileStream(analyzer, tracker_for(every / RATE), settings)
    rest, count = iter(frames), 1
    parts = []
    while part := list(islice(rest, count)):
        parts.append(stream.read(part, detections[part[-1][0]]))
        count = every
    for part in (*parts, stream.finish()):
        for frame in (*part.frames, *part.late):
            for one in frame.faces[:1]:
                yield frame.at_s, one


def measure(faces, scenes, analyzer, speed: float) -> list[dict[str, object]]:
    """One row per N."""
    seen = {n: {"right": 0, "read": 0, "held_right": 0, "held": 0, "iou": []} for n in EVERY}
    total = 0
    for face, label in faces:
        scene = resize(next(scenes), SIZE_WH)
        frames = [(n / RATE, frame) for n, frame in enumerate(frames_of(face, scene, speed))]
        detections = {at_s: analyzer.detect(frame, AnalysisSettings()) for at_s, frame in frames}
        total += len(frames)
        for n in EVERY:
            kept = seen[n]
            for at_s, one in readings_of(frames, detections, analyzer, n):
                if one.probabilities is not None:
                    kept["read"] += 1
                    kept["right"] += int(one.probabilities.argmax() == label)
                if one.expression is not None:
                    kept["held"] += 1
                    kept["held_right"] += one.expression == analyzer.labels[label]
                if len(detections[at_s]):
                    kept["iou"].append(float(iou(one.xyxy[None], detections[at_s].xyxy).max()))
    return [
        {
            "detect_every": n,
            "frames": total,
            "frames_read": round(kept["read"] / total, 4),
            "accuracy_of_readings": round(kept["right"] / max(kept["read"], 1), 4),
            "frames_with_label": round(kept["held"] / total, 4),
            "accuracy_of_labels": round(kept["held_right"] / max(kept["held"], 1), 4),
            "mean_iou_with_detector": round(float(np.mean(kept["iou"] or [0])), 4),
        }
        for n, kept in seen.items()
    ]


def main() -> None:
    """Measure, print a table and write a dated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ferplus", type=Path, required=True)
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=200)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    every = load_split(options.ferplus, "Test", majority_only=True)
    chosen = np.random.default_rng(0).permutation(len(every))[: options.faces]
    faces = [(every.images_rgb[place], int(every.classes[place])) for place in chosen]
    analyzer = load_analyzer()
    result = {**about(), "faces": len(faces), "rate": RATE, "speeds": SPEEDS}
    console = Console()
    for name, speed in SPEEDS.items():
        rows = measure(faces, faceless_photos(options.scenes, load_detector()), analyzer, speed)
        result[name] = rows
        table = Table(*(key.replace("_", " ") for key in rows[0]), title=f"{name} heads")
        for row in rows:
            table.add_row(*map(str, row.values()))
        console.print(table)
    path = write_result(result, "followed", options.out)
    console.print(f"written to {path.name}")


if __name__ == "__main__":
    main()

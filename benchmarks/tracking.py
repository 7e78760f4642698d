"""How well faces keep their numbers, on clips of known people, beside another tracker.

    python -m benchmarks.tracking [--people DIR] [--clips N] [--norfair PYTHON]

Each clip is made anew from a seed. Both trackers get the same detections. The other one, norfair,
brings another OpenCV and needs an environment of its own: PYTHON is the interpreter of that.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import motmetrics
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import ROOT, about, write_result
from benchmarks.made_clips import (
    KINDS,
    MOST_HIDDEN,
    PEOPLE_IN_A_CLIP,
    Frame,
    Person,
    people_in,
    sample_people,
)
from ferapp.emotions import EXPRESSIONS
from ferapp.inference.registry import load_detector
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.clip import tracker_for
from ferapp.pipeline.file_stream import FileStream
from ferapp.settings import AnalysisSettings, StreamSettings
from ferapp.temporal.appearance import appearances
from ferapp.temporal.tracking import Tracker
from ferapp.vision.boxes import iou
from ferapp.vision.threads import cap_threads

RATES = (5, 15, 30)
LOOKS_A_SECOND = 15
SAME_IOU = 0.4

# Number of a face, its box, by frame.
Tracks = list[list[tuple[int, np.ndarray]]]


class NoClassifier:
    """Reads nothing: only who is where is measured."""

    labels = EXPRESSIONS
    size_wh = (48, 48)
    unsure_below = 0.5
    neutral_reference = None

    def classify(self, crops_rgb, *, look="both"):
        return np.full((len(crops_rgb), len(self.labels)), 1 / len(self.labels), np.float32)


@dataclass
class Score:
    """Sums over clips."""

    accumulators: list = field(default_factory=list)
    ghosts: int = 0
    lost: int = 0
    of_others: int = 0
    readings: int = 0
    seconds: float = 0.0

    def add(self, frames: list[Frame], tracks: Tracks, fps: int) -> None:
        """Compare the readings of a clip with what it shows."""
        accumulator = motmetrics.MOTAccumulator(auto_id=True)
        pairs: list[tuple[int, int]] = []
        for (_, truths), read in zip(frames, tracks, strict=True):
            boxes = np.array([xyxy for _, xyxy in read], np.float32).reshape(-1, 4)
            known = np.array([t.xyxy for t in truths], np.float32).reshape(-1, 4)
            overlap = iou(boxes, known)
            best = overlap.max(axis=1, initial=0) >= SAME_IOU
            visible = [n for n, t in enumerate(truths) if t.hidden <= MOST_HIDDEN]
            # A reading of a face that is mostly hidden is neither right nor wrong.
            counted = [
                row
                for row in range(len(boxes))
                if not best[row] or int(overlap[row].argmax()) in visible
            ]
            distance = 1 - overlap[np.ix_(counted, visible)].T
            distance[distance > 1 - SAME_IOU] = np.nan
            accumulator.update(
                [truths[n].person for n in visible], [read[row][0] for row in counted], distance
            )
            self.ghosts += int((~best).sum())
            self.lost += sum(overlap[:, n].max(initial=0) < SAME_IOU for n in visible)
            pairs += [
                (read[row][0], truths[int(overlap[row].argmax())].person)
                for row in counted
                if best[row]
            ]
        owners: dict[int, int] = {
            number: Counter(p for n, p in pairs if n == number).most_common(1)[0][0]
            for number in {n for n, _ in pairs}
        }
        self.of_others += sum(owners[number] != person for number, person in pairs)
        self.readings += sum(map(len, tracks))
        self.seconds += len(frames) / fps
        self.accumulators.append(accumulator)

    def row(self, fps: int) -> dict[str, float]:
        """The measures of all clips together."""
        measures = motmetrics.metrics.create()
        summary = measures.compute_many(
            self.accumulators,
            metrics=["idf1", "mota", "num_switches"],
            generate_overall=True,
        ).loc["OVERALL"]
        return {
            "idf1": round(float(summary["idf1"]), 4),
            "mota": round(float(summary["mota"]), 4),
            "switches": int(summary["num_switches"]),
            "of_others": self.of_others,
            "ghost_s": round(self.ghosts / fps, 2),
            "lost_s": round(self.lost / fps, 2),
            "readings": self.readings,
            "clip_s": round(self.seconds, 1),
        }


def ours(frames: list[Frame], analyzer: Analyzer, fps: int) -> Tracks:
    """As `ferapp video` follows them."""
    every = max(round(fps / LOOKS_A_SECOND), 1)
    settings = StreamSettings(reads_followed=True)
    stream = FileStream(analyzer, tracker_for(every / fps), settings)
    tracks: dict[int, list[tuple[int, np.ndarray]]] = {n: [] for n in range(len(frames))}
    images = iter([(n / fps, image) for n, (image, _) in enumerate(frames)])
    count, parts = 1, []
    while part := list(islice(images, count)):
        found = analyzer.detect(part[-1][1], settings.analysis)
        parts.append(stream.read(part, found))
        count = every
    parts.append(stream.finish())
    for part in parts:
        for frame in (*part.frames, *part.late):
            tracks[round(frame.at_s * fps)] += [(face.id, face.xyxy) for face in frame.faces]
    return list(tracks.values())


def theirs(python: Path, clips: list[list[np.ndarray]]) -> list[Tracks]:
    """As norfair follows boxes, (n, 4) by frame and clip, each found in every frame."""
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder, "boxes.json"), Path(folder, "tracks.json")
        given.write_text(json.dumps([[boxes.tolist() for boxes in clip] for clip in clips]))
        script = ROOT / "benchmarks" / "norfair_tracks.py"
        subprocess.run([python, script, given, answer], check=True)
        return [
            [[(number, np.array(xyxy)) for number, xyxy in frame] for frame in clip]
            for clip in json.loads(answer.read_text())
        ]


def milliseconds_a_frame(people: list[Person]) -> float:
    """Of appearances and tracker, with four faces."""
    cap_threads(1)
    frames = list(KINDS["swapping"](people, 15, np.random.default_rng(0)))
    tracker, times = Tracker(), []
    for n, (image, truths) in enumerate(frames):
        boxes = np.array([t.xyxy for t in truths], np.float32)
        start = time.perf_counter()
        tracker.update(boxes, n / 15, appearances(image, boxes))
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def main() -> None:
    """Measure, print a table and write a dated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=Path, help="a folder of photos, one person a file")
    parser.add_argument("--clips", type=int, default=10, help="of each kind at each rate")
    parser.add_argument("--norfair", type=Path, help="the Python of an environment with norfair")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    files = sorted(options.people.glob("*.jpg")) if options.people else []
    people = people_in(files, 120) if files else list(sample_people())
    analyzer = Analyzer(load_detector(threads=1), NoClassifier())
    rows = []
    for kind in options.kinds.split(","):
        for fps in RATES:
            scores = {"ferapp": Score()} | ({"norfair": Score()} if options.norfair else {})
            clips = []
            for seed in range(options.clips):
                rng = np.random.default_rng(seed)
                chosen = [people[n] for n in rng.permutation(len(people))[:PEOPLE_IN_A_CLIP]]
                clips.append(list(KINDS[kind](chosen, fps, rng)))
                scores["ferapp"].add(clips[-1], ours(clips[-1], analyzer, fps), fps)
            if options.norfair:
                how = AnalysisSettings()
                boxes = [[analyzer.detect(i, how).xyxy for i, _ in clip] for clip in clips]
                for clip, tracks in zip(clips, theirs(options.norfair, boxes), strict=True):
                    scores["norfair"].add(clip, tracks, fps)
            for name, score in scores.items():
                rows.append({"tracker": name, "kind": kind, "fps": fps, **score.row(fps)})
    result = {**about(), "people": len(people), "clips": options.clips, "rows": rows}
    result["ms_a_frame_of_four_faces"] = round(milliseconds_a_frame(people), 3)
    table = Table(*(key.replace("_", " ") for key in rows[0]))
    for row in rows:
        table.add_row(*map(str, row.values()))
    console = Console(width=140)
    console.print(table)
    console.print(f"{result['ms_a_frame_of_four_faces']} ms a frame with four faces")
    path = write_result(result, "tracking", options.out)
    console.print(f"written to {path.name}")


if __name__ == "__main__":
    main()

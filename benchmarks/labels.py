"""How late labels come, and how often they change without reason, in files: before and after.

    python -m benchmarks.labels [--seconds S]

One person of the samples smiles and stops at known times, in video files at several frame rates; in
another clip the smile comes and goes for a moment, where the classifier wavers between the two. The
same readings are labelled by the live rule, which looks back and was that of files before, and by
that of files, which looks ahead as well.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import ROOT, about, write_result
from ferapp.media.images import read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.build import load_analyzer
from ferapp.pipeline.clip import Clip, ClipAnalysis
from ferapp.settings import ClipSettings, StreamSettings
from ferapp.temporal.smoothing import LabelHold, Smoother

RATES = (1.0, 5.0, 15.0, 30.0, 60.0)
SIZE = 256
SMILE = np.s_[129:168, 193:258]
"""Of the astronaut, 512 × 512: painted over, she reads as neutral."""
WAVERS = (0.26, 0.15, 0.5)
"""Share of the smile at which readings waver, by how much it varies, and for how long, s."""


@dataclass(frozen=True)
class Labelled:
    """Labels of one clip.

    Attributes:
        changes: How often they changed.
        late_s: From each change of the face to the nearest change to its label, s.
    """

    changes: int
    late_s: list[float]


class EarlierHold(LabelHold):
    """As it was: a label is also held over long pauses."""

    def update(self, label: str | None, at_s: float) -> str | None:
        self._last_s = at_s
        return super().update(label, at_s)


def faces() -> tuple[np.ndarray, np.ndarray]:
    """At rest and smiling, (256, 256, 3) RGB."""
    smiling = cv2.resize(read_image(ROOT / "ferapp/samples/astronaut.jpg"), (512, 512))
    mask = np.zeros((512, 512), np.uint8)
    mask[SMILE] = 255
    at_rest = cv2.inpaint(smiling, mask, 5, cv2.INPAINT_TELEA)
    return cv2.resize(at_rest, (SIZE, SIZE)), cv2.resize(smiling, (SIZE, SIZE))


def frames(rate: float, seconds: float, every_s: float | None) -> Iterator[np.ndarray]:
    """A face that moves a little under a camera's noise; it wavers if it never changes."""
    rng = np.random.default_rng(0)
    both = faces()
    share, spread, lasts_s = WAVERS
    kept, drift = float(np.exp(-1 / rate / lasts_s)), 0.0
    for number in range(round(seconds * rate)):
        at_s = number / rate
        drift = kept * drift + rng.normal(0, spread) * float(np.sqrt(1 - kept**2))
        smile = int((at_s + 1e-9) // every_s) % 2 if every_s else share + drift
        image = cv2.addWeighted(both[0], 1 - smile, both[1], smile, 0)
        x, y = 6 * np.sin(1.7 * at_s), 4 * np.sin(2.3 * at_s)
        light = 1 + 0.15 * np.sin(4.1 * at_s)
        moved = cv2.warpAffine(image, np.float32([[1, 0, x], [0, 1, y]]), (SIZE, SIZE))
        yield np.clip(moved * light + rng.normal(0, 12, moved.shape), 0, 255).astype(np.uint8)


def write(path: Path, rate: float, images: Iterator[np.ndarray]) -> Path:
    """A video file."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000))
        stream.width = stream.height = SIZE
        stream.pix_fmt, stream.options = "yuv420p", {"preset": "ultrafast", "crf": "12"}
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def read(path: Path, analyzer: Analyzer) -> Clip:
    """Analyse it with the default settings."""
    with ClipAnalysis(path, analyzer, ClipSettings()) as analysis:
        for _ in analysis:
            pass
    return analysis.result()


def earlier_labels(clip: Clip, unsure_below: float) -> list[str | None]:
    """What the earlier rule makes of the same readings."""
    settings = StreamSettings()
    smoother, hold = Smoother(settings.time_constant_s), EarlierHold(settings.hold_s)
    labels = []
    readings = clip.readings.of(1)
    for at_s, shares in zip(readings.at_s, readings.probabilities, strict=True):
        value = smoother.update(shares, float(at_s))
        top = int(value.argmax())
        name = clip.labels[top] if value[top] >= unsure_below else None
        labels.append(hold.update(name, float(at_s)))
    return labels


def judge(clip: Clip, labels: list[str | None], every_s: float | None) -> Labelled:
    """How late and how often they change."""
    at_s = clip.readings.of(1).at_s
    begins = [n for n in range(1, len(labels)) if labels[n] != labels[n - 1]]
    late_s = []
    times = np.arange(every_s, at_s[-1], every_s) if every_s else []
    for number, change_s in enumerate(times):
        wanted = ("happiness", "neutral")[number % 2]
        to_it = [float(at_s[n]) - change_s for n in begins if labels[n] == wanted]
        late_s.append(min(to_it, key=abs, default=every_s or 0.0))
    return Labelled(len(begins), late_s)


def measure(rate: float, seconds: float, analyzer: Analyzer, folder: Path) -> dict[str, object]:
    """One row of the table."""
    row: dict[str, object] = {"rate": rate}
    for kind, every_s in (("changing", 3.0), ("wavering", None)):
        clip = read(write(folder / f"{kind}.mp4", rate, frames(rate, seconds, every_s)), analyzer)
        rules = {
            "before": earlier_labels(clip, analyzer.unsure_below),
            "after": clip.readings.of(1).expression.tolist(),
        }
        for rule, labels in rules.items():
            labelled = judge(clip, labels, every_s)
            row[f"{kind} {rule}: label changes"] = labelled.changes
            if every_s:
                late_s = np.array(labelled.late_s)
                row[f"delay {rule}: median, s"] = round(float(np.median(late_s)), 3)
                worst = late_s[np.abs(late_s).argmax()]
                row[f"delay {rule}: worst, s"] = round(float(worst), 3)
    return row


def main() -> None:
    """Measure, print a table and write a dated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=18.0)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    analyzer = load_analyzer()
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(rate, options.seconds, analyzer, Path(folder)) for rate in RATES]
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*map(str, row.values()))
    console = Console()
    console.print(table)
    path = write_result(
        {**about(), "seconds": options.seconds, "rows": rows}, "labels", options.out
    )
    console.print(f"written to {path.name}")


if __name__ == "__main__":
    main()

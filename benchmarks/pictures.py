"""Pictures: each stage, the whole, and the whole compared with the baseline, in one run.

    python -m benchmarks.pictures [--threads N] [--out DIR]

Only figures of the same run can be compared, not those of two machines or of two hours on one.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import ROOT, about, write_result
from benchmarks.served import App
from ferapp.errors import UserError
from ferapp.evaluation.timing import median_ms, time_stages
from ferapp.inference.registry import load_classifier, load_detector
from ferapp.media.images import jpeg_bytes, read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.vision.crops import region
from ferapp.vision.threads import cap_threads

FACES = (1, 4, 16)
SIZE_WH = (1280, 800)
REPEATS = 40


def crowd(count: int) -> np.ndarray:
    """A picture of about one megapixel with a number of copies of a portrait side by side."""
    portrait = read_image(ROOT / "ferapp" / "samples" / "astronaut.jpg")
    columns = round(count**0.5)
    width, height = SIZE_WH[0] // columns, SIZE_WH[1] // columns
    # The upper part of the portrait, in the shape of a cell.
    box = np.array([20, 0, 430, 410 * height / width], np.float32)
    return np.tile(region(portrait, box, (width, height)), (columns, columns, 1))


def compare(threads: int) -> list[dict[str, object]]:
    """One row per number of faces; ours and the baseline alternate."""
    from benchmarks.tutorial import Tutorial

    detector, classifier = load_detector(threads=threads), load_classifier(threads=threads)
    analyzer, tutorial = Analyzer(detector, classifier), Tutorial()
    rows = []
    for count in FACES:
        image = crowd(count)
        times = time_stages(jpeg_bytes(image), detector, classifier, repeats=REPEATS)
        ours, theirs = [], []
        for _ in range(4):
            ours.append(median_ms(lambda i=image: analyzer.analyze(i), REPEATS // 4))
            theirs.append(median_ms(lambda i=image: tutorial.analyze(i), REPEATS // 4))
        rows.append(
            {
                "faces": count,
                "faces_found": times.faces,
                "faces_found_tutorial": len(tutorial.detect(image)),
                "decode_ms": round(times.decode_ms, 2),
                "detect_ms": round(times.detect_ms, 2),
                "crop_ms": round(times.crop_ms, 2),
                "classify_ms": round(times.classify_ms, 2),
                "file_to_expressions_ms": round(times.end_to_end_ms, 2),
                "pixels_to_expressions_ms": round(float(np.median(ours)), 2),
                "tutorial_ms": round(float(np.median(theirs)), 2),
                "ratio": round(float(np.median(theirs) / np.median(ours)), 2),
            }
        )
    return rows


def import_s() -> float:
    """Median of five new processes that import ferapp, minus one that imports nothing."""

    def run(code: str) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
            times.append(time.perf_counter() - start)
        return float(np.median(times))

    return run("import ferapp") - run("pass")


def page_served_s() -> float:
    """From starting the app until it serves its page; the models load while a browser draws it."""
    app = App(ROOT / "app.py")
    app.stop()
    return app.served_after_s


def main() -> None:
    """Measure, print a table and write a dated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    cap_threads(options.threads)
    try:
        rows = compare(options.threads)
    except UserError as exc:
        sys.exit(f"benchmarks: {exc}")
    result = {
        **about(),
        "threads": options.threads,
        "pictures": rows,
        "import_s": round(import_s(), 3),
        "page_served_s": round(page_served_s(), 2),
    }
    console = Console()
    table = Table(*(name.replace("_", " ") for name in rows[0]), title=f"{options.threads} threads")
    for row in rows:
        table.add_row(*map(str, row.values()))
    console.print(table)
    starts = f"import ferapp {result['import_s']} s, the app serves its page after "
    console.print(f"{starts}{result['page_served_s']} s")
    path = write_result(result, f"pictures-{options.threads}-threads", options.out)
    console.print(f"written to {path.name}")


if __name__ == "__main__":
    main()

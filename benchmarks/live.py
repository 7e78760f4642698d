"""Live video: our callback compared with the baseline loop, and the page with an empty callback.

    python -m benchmarks.live [--minutes M] [--threads N] [--out DIR]
    python -m benchmarks.live --compare COMMIT [--only WORD] [--again] [--out DIR]

The second line measures another version in the same run, see ``benchmarks/live_compare.py``.

The second part of the first line drives a real browser (Debian's chromium, or CHROMIUM=path) whose
camera is a canvas with a portrait and, in its lowest rows, the time of each frame in black and
white, from which the round trip of the returned video is measured.
"""

import argparse
import base64
import re
import statistics
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from playwright.sync_api import Locator, Page, sync_playwright
from rich.console import Console

from benchmarks.live_common import find_camera, launch, press_start
from benchmarks.machine import ROOT, about, write_result
from benchmarks.pictures import crowd
from benchmarks.served import App
from benchmarks.tutorial import Tutorial
from ferapp.errors import UserError
from ferapp.evaluation.timing import median_ms
from ferapp.pipeline.build import load_analyzer
from ferapp.ui.live.webcam import FRAMES_PER_SECOND, Viewer
from ferapp.vision.annotate import annotate
from ferapp.vision.crops import resize
from ferapp.vision.threads import cap_threads

CAMERA = """
const WIDTH = 640, HEIGHT = 480, BITS = 20, CELL = 32, STRIP = 32;
const portrait = new Image();
portrait.src = 'data:image/jpeg;base64,PORTRAIT';
navigator.mediaDevices.getUserMedia = async () => {
  while (!portrait.complete) await new Promise((wait) => setTimeout(wait, 20));
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH; canvas.height = HEIGHT;
  const g = canvas.getContext('2d');
  const draw = () => {
    const now = Math.round(performance.timeOrigin + performance.now()) % 2 ** BITS;
    const sway = 60 * Math.sin(now / 700);
    g.fillStyle = '#777'; g.fillRect(0, 0, WIDTH, HEIGHT);
    g.drawImage(portrait, 80 + sway, -60, 512, 512);
    for (let bit = 0; bit < BITS; bit++) {
      g.fillStyle = (now >> bit) & 1 ? '#fff' : '#000';
      g.fillRect(bit * CELL, HEIGHT - STRIP, CELL, STRIP);
    }
  };
  draw();
  setInterval(draw, 1000 / RATE);
  return canvas.captureStream(RATE);
};
"""

READ = """
(video, isMirrored) => new Promise((resolve) => {
  const BITS = 20, frame_result = [];
  const canvas = document.createElement('canvas');
  const g = canvas.getContext('2d', { willReadFrequently: true });
  const end = performance.now() + 5000;
  let shown = 0;
  const read = () => {
    shown++;
    canvas.width = video.videoWidth; canvas.height = video.videoHeight;
    g.drawImage(video, 0, 0);
    const cell = canvas.width / BITS, y = canvas.height * (1 - 16 / 480);
    let sent = 0;
    for (let bit = 0; bit < BITS; bit++) {
      const place = isMirrored ? BITS - 1 - bit : bit;
      if (g.getImageData((place + 0.5) * cell, y, 1, 1).data[1] > 127) sent += 2 ** bit;
    }
    const now = Math.round(performance.timeOrigin + performance.now()) % 2 ** BITS;
    const late = (now - sent + 2 ** BITS) % 2 ** BITS;
    if (late < 5000) frame_result.push(late);
    if (performance.now() < end) video.requestVideoFrameCallback(read);
    else resolve({ shown: shown / 5, late: frame_result });
  };
  video.requestVideoFrameCallback(read);
})
"""


def callback_against_tutorial(threads: int) -> list[dict[str, object]]:
    """The whole callback without video decoding, compared with detect, classify and draw."""
    viewer, tutorial = Viewer(load_analyzer(threads=threads)), Tutorial()
    rows = []
    for faces in (1, 4):
        image = resize(crowd(faces), (640, 480))
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        count = 0

        def ours(frame: av.VideoFrame = frame) -> None:
            nonlocal count
            count += 1
            frame.pts, frame.time_base = count * 6000, Fraction(1, 90_000)
            viewer.on_frame(frame)

        def theirs(frame: av.VideoFrame = frame) -> None:
            pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            boxes = tutorial.detect(pixels)
            shares = tutorial.classify(pixels, boxes)
            words = [f"{p.argmax()} {p.max():.2f}" for p in shares]
            drawn = annotate(pixels, boxes, words, ["#3f6fd1"] * len(words))
            av.VideoFrame.from_ndarray(drawn, format="rgb24")

        ours_ms, theirs_ms = [], []
        for _ in range(4):
            ours_ms.append(median_ms(ours, 15))
            theirs_ms.append(median_ms(theirs, 15))
        frame_result = viewer.latest.snapshot().frame
        a, b = statistics.median(ours_ms), statistics.median(theirs_ms)
        rows.append(
            {
                "faces": faces,
                "faces_found": len(frame_result.faces) if frame_result else 0,
                "callback_ms": round(a, 2),
                "tutorial_ms": round(b, 2),
                "ratio": round(b / a, 2),
            }
        )
    return rows


def start_stream(page: Page, url: str, *, frames_per_second: int = FRAMES_PER_SECOND) -> Locator:
    """Open a live page with a portrait as its camera and start; return the video element."""
    portrait = (ROOT / "ferapp" / "samples" / "astronaut.jpg").read_bytes()
    camera = CAMERA.replace("RATE", str(frames_per_second))
    page.add_init_script(camera.replace("PORTRAIT", base64.b64encode(portrait).decode()))
    page.goto(url, wait_until="domcontentloaded", timeout=60_000)
    return press_start(page)


def measure_stream(page: Page, *, is_mirrored: bool) -> dict[str, float]:
    """Measure the returned video for five seconds."""
    _, video = find_camera(page)
    result = video.evaluate(READ, is_mirrored)
    late = result["late"] or [float("nan")]
    return {
        "shown_fps": round(result["shown"], 1),
        "median_ms": round(float(np.median(late)), 0),
        "p95_ms": round(float(np.percentile(late, 95)), 0),
    }


def watch(script: Path, path: str, *, minutes: float, is_mirrored: bool) -> dict[str, object]:
    """Stream for a while and measure once a minute, after a warm-up of twenty seconds."""
    app = App(script)
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            page = browser.new_page()
            start_stream(page, f"{app.url}{path}")
            page.wait_for_timeout(20_000)
            points, start = [], time.monotonic()
            while True:
                point = measure_stream(page, is_mirrored=is_mirrored)
                match = re.search(r"([\d.]+) analysed", page.text_content("body") or "")
                point["analysed_fps"] = float(match[1]) if match else float("nan")
                point["rss_mb"] = round(app.rss_mb(), 1)
                point["threads"] = app.threads()
                points.append({"minute": round((time.monotonic() - start) / 60, 1), **point})
                if time.monotonic() - start >= minutes * 60:
                    break
                page.wait_for_timeout(25_000)
            browser.close()
    finally:
        app.stop()
    return {"points": points, **summary(points)}


def summary(points: list[dict[str, float]]) -> dict[str, float]:
    """Medians, and the slope of the memory in MB per minute."""
    out = {
        name: round(float(np.median([p[name] for p in points])), 1)
        for name in ("shown_fps", "analysed_fps", "median_ms", "p95_ms")
    }
    if len(points) > 2:
        minutes = [p["minute"] for p in points]
        slope = np.polyfit(minutes, [p["rss_mb"] for p in points], 1)[0]
        out["rss_mb_a_minute"] = round(float(slope), 2)
    return out


def compare(commit: str, only: str, *, is_again: bool, out: Path) -> None:
    """Measure two versions, print both and write a dated file."""
    from benchmarks import live_compare

    cases = live_compare.run(commit, only=only, is_again=is_again)
    result = {**about(), "compared_with": commit, "cases": cases}
    write_result(result, f"live-{commit[:7]}", out)
    Console().print_json(data={name: live_compare.summary(c) for name, c in cases.items()})


def main() -> None:
    """Measure, print and write a dated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--compare", metavar="COMMIT", help="measure this version as well")
    parser.add_argument("--only", default="", help="of the comparison: cases with this in the name")
    parser.add_argument("--again", action="store_true", help="of the comparison: begin anew")
    options = parser.parse_args()
    cap_threads(options.threads)
    if options.compare:
        compare(options.compare, options.only, is_again=options.again, out=options.out)
        return
    try:
        callback = callback_against_tutorial(options.threads)
    except UserError as exc:
        sys.exit(f"benchmarks: {exc}")
    empty = watch(ROOT / "benchmarks" / "empty_live.py", "/", minutes=0.5, is_mirrored=False)
    live = watch(ROOT / "app.py", "/live", minutes=options.minutes, is_mirrored=True)
    result = {
        **about(),
        "threads": options.threads,
        "callback": callback,
        "empty": empty,
        "live": live,
        "ratios": {
            "shown_fps": round(live["shown_fps"] / empty["shown_fps"], 2),
            "median_ms": round(live["median_ms"] / empty["median_ms"], 2),
            "p95_ms": round(live["p95_ms"] / empty["p95_ms"], 2),
        },
    }
    write_result(result, f"live-{options.minutes:g}-minutes", options.out)
    Console().print_json(data=result)


if __name__ == "__main__":
    main()

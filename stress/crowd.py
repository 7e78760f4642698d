"""Many visitors at once: is any result lost or mixed up, and how long does each visitor wait?

    python -m stress.crowd [--visitors 50] [--viewers 4] [--seconds 60]

Visitors connect over real WebSockets, upload their own pictures repeatedly, check the results and
visit other pages. Every picture has a unique size, so that a result of another visitor is detected.
At the same time, browsers watch live video over WebRTC. Afterwards one visitor uploads bombs while
another continues with a portrait.
"""

import argparse
import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.machine import ROOT, about, write_result
from benchmarks.served import App
from ferapp.media.images import jpeg_bytes, read_image
from ferapp.vision.crops import resize
from stress.visitor import Visitor

SAMPLE = ROOT / "ferapp" / "samples" / "astronaut.jpg"
PAGES = ("about", "dashboard", "live", "video")
THINKS_S = (1.0, 4.0)
BOMB_SIDE_PX = 7000
ALONE = 20
# The browsers, which encode and decode, run on the same machine as the app.
LIVE_FRAMES_A_SECOND = 5


@dataclass
class Outcome:
    """The result.

    Attributes:
        uploads: How many pictures got a result.
        wrong: Results that belong to another picture or are not as expected.
        errors: Failures, in words.
        upload_s: Seconds from an upload to its result.
        page_s: Seconds from a click on another page until it is complete.
        frames: Frames that each live viewer saw.
        alone_s: As `upload_s`, for one visitor alone.
        beside_bombs_s: As `alone_s`, while another visitor uploads bombs.
        peak_mb: Peak memory of the app with the crowd.
        after_mb: Memory after all have left.
        bombs_mb: Peak memory with the bombs.
    """

    uploads: int = 0
    wrong: int = 0
    errors: list[str] = field(default_factory=list)
    upload_s: list[float] = field(default_factory=list)
    page_s: list[float] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    alone_s: list[float] = field(default_factory=list)
    beside_bombs_s: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    after_mb: float = 0.0
    bombs_mb: float = 0.0

    def figures(self) -> dict[str, Any]:
        """The result as numbers."""
        values: dict[str, Any] = {"uploads": self.uploads, "wrong": self.wrong}
        values |= {"errors": len(self.errors), "first_errors": self.errors[:3]}
        for name in ("upload_s", "page_s", "alone_s", "beside_bombs_s"):
            times = getattr(self, name)
            if times:
                values[f"{name}_median"] = round(float(np.median(times)), 3)
                values[f"{name}_p95"] = round(float(np.quantile(times, 0.95)), 3)
        if self.alone_s and self.beside_bombs_s:
            ratio = np.median(self.beside_bombs_s) / np.median(self.alone_s)
            values["times_slower_beside_bombs"] = round(float(ratio), 2)
        values |= {"frames": self.frames}
        return values | {n: round(getattr(self, n)) for n in ("peak_mb", "after_mb", "bombs_mb")}


def picture(number: int) -> tuple[bytes, tuple[int, int]]:
    """A portrait of a unique size."""
    size = (360 + number % 240, 420 + number // 240)
    return jpeg_bytes(resize(read_image(SAMPLE), size)), size


class _Crowd:
    """Visitors who share a counter of pictures."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.outcome = Outcome()
        self._lock = threading.Lock()
        self._number = 0

    def visit(self, seed: int, until_s: float) -> None:
        """One visitor, from arriving to leaving."""
        rng = np.random.default_rng(seed)
        try:
            with Visitor(self._url) as visitor:
                while True:
                    self._page(visitor, "")
                    self.look(visitor, self.outcome.upload_s)
                    if time.monotonic() > until_s:
                        return
                    time.sleep(rng.uniform(*THINKS_S))
                    self._page(visitor, str(rng.choice(PAGES)))
        except Exception as exc:
            with self._lock:
                self.outcome.errors.append(f"{type(exc).__name__}: {exc}"[:200])

    def look(self, visitor: Visitor, times: list[float]) -> None:
        """Upload a picture and check that the result is its own."""
        with self._lock:
            self._number += 1
            number = self._number
        data, size = picture(number)
        took_s = visitor.upload({f"{number}.jpg": data})
        shown = [Image.open(io.BytesIO(part)).size for part in visitor.pictures()]
        is_right = size in shown and "happiness" in visitor.words and "1 face" in visitor.words
        with self._lock:
            times.append(took_s)
            self.outcome.uploads += 1
            self.outcome.wrong += not is_right

    def _page(self, visitor: Visitor, page: str) -> None:
        took_s = visitor.open(page)
        with self._lock:
            self.outcome.page_s.append(took_s)


@contextmanager
def viewers(url: str, count: int, frames: list[int]) -> Iterator[None]:
    """Browsers that watch live video; yields how many frames each has shown."""
    if not count:
        yield
        return
    from playwright.sync_api import Error, sync_playwright

    from benchmarks.live import launch, start_stream

    with sync_playwright() as playwright:
        browser = launch(playwright)
        videos = []
        for _ in range(count):
            page = browser.new_context().new_page()
            try:
                video = start_stream(page, f"{url}/live", frames_per_second=LIVE_FRAMES_A_SECOND)
            except Error:
                frames.append(0)  # a viewer who saw nothing
            else:
                videos.append(video)
        try:
            yield
        finally:
            count_frames = "v => v.getVideoPlaybackQuality().totalVideoFrames"
            patience_ms = 120_000
            for video in videos:
                try:
                    frames.append(int(video.evaluate(count_frames, timeout=patience_ms)))
                except Error:
                    frames.append(0)  # the video has ended
            browser.close()


@contextmanager
def watch_memory(app: App) -> Iterator[list[float]]:
    """Sample the memory of the app twice a second, MB."""
    over = threading.Event()
    seen = [0.0]

    def look() -> None:
        while not over.wait(0.5):
            with suppress(OSError):
                seen.append(app.rss_mb())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def bombs(url: str, over: threading.Event) -> None:
    """One visitor who uploads the largest pictures that are allowed."""
    out = io.BytesIO()
    Image.new("RGB", (BOMB_SIDE_PX, BOMB_SIDE_PX)).save(out, "PNG")
    count = 0
    while not over.is_set():
        with Visitor(url) as visitor:
            visitor.open()
            for _ in range(10):
                if over.is_set():
                    return
                count += 1
                # Different bytes each time, so that no cache helps.
                visitor.upload({f"{count}.png": out.getvalue() + count.to_bytes(4, "big")})


def run(*, visitors: int, live: int, seconds: float, with_bombs: bool = True) -> Outcome:
    """A crowd, followed by bombs."""
    app = App(ROOT / "app.py")
    crowd = _Crowd(app.url)
    outcome = crowd.outcome
    try:
        with Visitor(app.url) as first:
            first.open()
            first.upload({"warm.jpg": SAMPLE.read_bytes()})  # loads the models
        with watch_memory(app) as seen, viewers(app.url, live, outcome.frames):
            until_s = time.monotonic() + seconds
            with ThreadPoolExecutor(visitors) as pool:
                for seed in range(visitors):
                    pool.submit(crowd.visit, seed, until_s)
                    time.sleep(0.1)
        outcome.peak_mb = max(seen)
        if not with_bombs:
            return outcome
        time.sleep(20)  # Streamlit keeps sessions for a moment after they close
        outcome.after_mb = app.rss_mb()
        with watch_memory(app) as seen, Visitor(app.url) as visitor:
            visitor.open()
            for _ in range(ALONE):
                crowd.look(visitor, outcome.alone_s)
            over = threading.Event()
            bomber = threading.Thread(target=bombs, args=(app.url, over))
            bomber.start()
            time.sleep(3)
            for _ in range(ALONE):
                crowd.look(visitor, outcome.beside_bombs_s)
            over.set()
            bomber.join()
        outcome.bombs_mb = max(seen)
    finally:
        app.stop()
    return outcome


def main() -> None:
    """Measure, print a table and write a dated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--viewers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    outcome = run(visitors=options.visitors, live=options.viewers, seconds=options.seconds)
    table = Table("figure", "value", title=f"{options.visitors} visitors, {options.viewers} live")
    for name, value in outcome.figures().items():
        table.add_row(name.replace("_", " "), str(value))
    Console().print(table)
    result = about() | {"visitors": options.visitors, "seconds": options.seconds}
    result |= {"figures": outcome.figures(), "times": asdict(outcome)}
    write_result(result, "crowd", options.out)


if __name__ == "__main__":
    main()

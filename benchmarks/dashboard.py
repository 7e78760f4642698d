"""The dashboard with an hour of readings: time to the chart, and frame times while it moves.

    python -m benchmarks.dashboard [--repeats N] [--out DIR]

Drives a real browser (Debian's chromium, or CHROMIUM=path). The hour is one face with 15
readings per second, a random walk of probabilities, in SQLite.
"""

import argparse
import os
import shutil
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from sqlalchemy import make_url

from benchmarks.machine import ROOT, about, write_result
from benchmarks.served import App
from ferapp.sessions.database import open_database
from ferapp.sessions.store import LOCAL_OWNER, Store
from tests.support.sessions import some_readings, some_recording

READINGS = {"minute": 900, "hour": 54_000}

# Whether the first chart of the page has been drawn up to a number of seconds.
DRAWN = """
(seconds) => {
  const chart = document.querySelector('.js-plotly-plot');
  const x = chart?.data?.[0]?.x;
  if (!x || !chart.querySelector('.scatterlayer path.js-line')) return false;
  const last = Date.parse(x[x.length - 1] + 'Z') / 1000;
  return Math.abs(last - seconds) < 1;
}
"""

# Times between the frames that the browser draws, ms.
FRAMES = """
() => new Promise((resolve) => {
  const gaps = []; let before = performance.now(); const end = before + 3000;
  const tick = (now) => {
    gaps.push(now - before); before = now;
    if (now < end) requestAnimationFrame(tick); else resolve(gaps);
  };
  requestAnimationFrame(tick);
})
"""


def time_choice(page: Page, title: str, seconds: float) -> float:
    """Seconds from the choice of a session to its chart."""
    page.get_by_role("combobox", name="Session").click()
    option = page.get_by_role("option", name=title).first
    option.wait_for()
    start = time.perf_counter()
    option.click()
    page.wait_for_function(DRAWN, arg=seconds, polling=20, timeout=60_000)
    return time.perf_counter() - start


def hover_frame_times(page: Page) -> dict[str, float]:
    """Frame times while the pointer moves over the chart."""
    box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    page.evaluate(f"window.frame_times = ({FRAMES})()")
    end = time.monotonic() + 3
    step = 0
    while time.monotonic() < end:
        share = (step % 50) / 50
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
        step += 1
    gaps = page.evaluate("window.frame_times")
    return {
        "median_ms": round(float(np.median(gaps)), 1),
        "p95_ms": round(float(np.percentile(gaps, 95)), 1),
    }


def main() -> None:
    """Measure, print and write a dated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FERAPP_DATABASE_URL"] = f"sqlite:///{folder}/sessions.db"
        store = Store(open_database(make_url(os.environ["FERAPP_DATABASE_URL"])))
        ends = {}
        for title, count in READINGS.items():
            readings = some_readings(count)
            ends[title] = float(readings.at_s[-1])
            recording = some_recording(id=uuid.uuid4().hex, title=f"One {title}")
            store.enter(recording, readings, LOCAL_OWNER)
        store.close()
        app = App(ROOT / "app.py")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
                    headless=True,
                    args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
                )
                # A new visitor each time, so that nothing is cached.
                times: dict[str, list[float]] = {title: [] for title in READINGS}
                frames = []
                for _ in range(options.repeats):
                    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
                    page.goto(f"{app.url}/dashboard")
                    page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=60_000)
                    page.get_by_role("radio", name="Over time", exact=True).click()
                    for title in ("minute", "hour", "minute", "hour"):
                        times[title].append(time_choice(page, f"One {title}", ends[title]))
                    frames.append(hover_frame_times(page))
                    page.context.close()
                browser.close()
        finally:
            app.stop()
    result = {
        **about(),
        "opened_s": {
            title: {
                "first": round(float(np.median(spent[0::2])), 2),
                "again": round(float(np.median(spent[1::2])), 2),
                "worst": round(max(spent), 2),
            }
            for title, spent in times.items()
        },
        "hover_over_the_hour": {
            name: round(float(np.median([f[name] for f in frames])), 1) for name in frames[0]
        },
    }
    write_result(result, "dashboard", options.out)
    Console().print_json(data=result)


if __name__ == "__main__":
    main()

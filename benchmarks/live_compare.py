"""Two versions of the live page in one run: how late and how sharp the video is.

    python -m benchmarks.live --compare a6e5412 [--only WORD] [--again]

A case is one version in one situation; the versions alternate, so that a busy machine is as busy
for both. Each finished case is kept in ``build/live-compare``: a run that was interrupted goes on
where it stopped, and ``--again`` begins anew.
"""

import json
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Error, Page, sync_playwright

from benchmarks.live_camera import STRIP, camera_frame, number_of, script, write_camera
from benchmarks.live_common import launch, press_start
from benchmarks.machine import ROOT
from benchmarks.served import App
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.build import load_analyzer
from ferapp.system.files import write_whole
from ferapp.vision.crops import resize

KEPT: Final = ROOT / "build" / "live-compare"
TAP: Final = ROOT / "benchmarks" / "live_tap"
WARM_UP_S: Final = 6.0
MEASURED_S: Final = 10.0
PATIENCE_S: Final = 45.0
"""How long it may take until a picture has its full size."""
EXTRA_S: Final = 3.0
TRIES: Final = 3
FACE_TIMES_S: Final = (0.5, 1.0, 3.0, 10.0)
THIN_LINK: Final = "500,0.02,0.05"
"""500 kbit/s, two packets in a hundred lost, 50 ms in each direction."""


@dataclass(frozen=True)
class Case:
    """One situation.

    Attributes:
        kind: ``delay``, ``empty``, ``start`` or ``thin``.
        size_wh: Of the camera, px.
        fps: Frames per second of the camera.
        faces: How many are in the picture.
        viewers: How many watch at once.
    """

    kind: str
    size_wh: tuple[int, int] = (640, 480)
    fps: int = 15
    faces: int = 1
    viewers: int = 1

    @property
    def name(self) -> str:
        width, height = self.size_wh
        parts = f"{self.kind} {width}x{height} {self.fps} fps"
        return f"{parts}, faces {self.faces}, viewers {self.viewers}"

    @property
    def frames(self) -> int:
        """How many different frames the camera has."""
        return 120 if self.size_wh == (640, 480) else 60


CASES: Final = (
    *(Case("start", wh) for wh in ((640, 480), (1280, 720), (1920, 1080))),
    *(Case("empty", fps=fps) for fps in (15, 30)),
    *(
        Case("delay", fps=fps, faces=faces, viewers=viewers)
        for viewers in (1, 4)
        for fps in (15, 30)
        for faces in (1, 4)
    ),
    Case("thin"),
)


def run(commit: str, *, only: str = "", is_again: bool = False) -> dict[str, Any]:
    """Measure each case in both versions; cases that were measured before are taken from there."""
    folder = KEPT / commit
    if is_again:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    # Ended by a time limit, too, it stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as scratch, worktree(commit, Path(scratch)) as before:
        for case in CASES:
            if only not in case.name:
                continue
            for version, root in (("before", before), ("now", ROOT)):
                path = folder / f"{case.name}, {version}.json"
                if not is_measured(path):
                    print(f"{case.name}, {version}", flush=True)
                    result = measure(case, root, Path(scratch))
                    write_whole(path, json.dumps(result, indent=2).encode())
                    print("   ", summary(result), flush=True)
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def is_measured(path: Path) -> bool:
    """Whether a case was measured before; one that failed is tried again."""
    return path.exists() and "errors" not in json.loads(path.read_text())


@contextmanager
def worktree(commit: str, scratch: Path) -> Iterator[Path]:
    """The files of a commit in a temporary folder."""
    path = scratch / "before"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--detach", str(path), commit], check=True, capture_output=True)
    try:
        yield path
    finally:
        subprocess.run([*git, "remove", "--force", str(path)], check=False, capture_output=True)


def measure(case: Case, root: Path, scratch: Path) -> dict[str, Any]:
    """One case; a browser or a page that fails is tried again."""
    errors = []
    for _ in range(TRIES):
        try:
            return measure_once(case, root, scratch)
        except (Error, OSError, LookupError, StopIteration, subprocess.SubprocessError) as exc:
            errors.append(f"{type(exc).__name__}: {str(exc)[:200]}")
            print("    again:", errors[-1], flush=True)
    return {"errors": errors}


def measure_once(case: Case, root: Path, scratch: Path) -> dict[str, Any]:
    camera = scratch / f"{case.size_wh[0]}-{case.fps}-{case.faces}.y4m"
    if not camera.exists():
        write_camera(camera, case.size_wh, fps=case.fps, faces=case.faces, frames=case.frames)
    tapped = scratch / "tapped"
    shutil.rmtree(tapped, ignore_errors=True)
    tapped.mkdir()
    environment = {"FERAPP_DATABASE_URL": f"sqlite:///{scratch}/sessions.db"}
    if case.kind in ("start", "thin"):
        environment["LIVE_TAP"] = str(tapped)
    if case.kind == "thin":
        environment["LIVE_LINK"] = THIN_LINK
    page_script, path = root / "app.py", "/live"
    if case.kind == "empty":
        own = root / "benchmarks" / "empty_own_track.py"
        page_script = own if own.exists() else root / "benchmarks" / "empty_live.py"
        path = "/"
    app = App(page_script, root=root, first=TAP, environment=environment)
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright, camera)
            try:
                pages = [browser.new_page() for _ in range(case.viewers)]
                for page in pages:
                    open_page(page, f"{app.url}{path}", case)
                if case.kind in ("start", "thin"):
                    return measure_start(pages[0], case, tapped)
                return measure_delay(pages, app)
            finally:
                with suppress(Error):
                    browser.close()
    finally:
        app.stop()


def open_page(page: Page, url: str, case: Case) -> None:
    """Open the page and start its stream."""
    width, height = case.size_wh
    asked = {"video": {"width": width, "height": height, "frameRate": case.fps}}
    page.add_init_script(script(json.dumps(asked)))
    page.goto(url, wait_until="domcontentloaded", timeout=90_000)
    if width > 640:
        choose_largest(page)
    press_start(page)


def choose_largest(page: Page) -> None:
    """Choose the largest picture size."""
    box = page.get_by_test_id("stSelectbox").filter(has_text="Picture size")
    box.locator("input").click(timeout=60_000)
    page.get_by_role("option", name=re.compile("1280")).click()
    page.wait_for_timeout(1500)  # the page shows the video anew


def inside(page: Page) -> Any:
    """The frame that has the video."""
    return next((f for f in page.frames if "streamlit_webrtc" in f.url), page.main_frame)


def analysed(page: Page) -> tuple[int, int] | None:
    """How many frames the page has analysed and dropped, as it says."""
    match = re.search(r"(\d+) of (\d+) frames dropped", page.locator("body").text_content() or "")
    return (int(match[2]) - int(match[1]), int(match[1])) if match else None


def measure_delay(pages: list[Page], app: App) -> dict[str, Any]:
    """From when a browser takes a frame of its camera to when it shows the analysed one."""
    pages[0].wait_for_timeout(WARM_UP_S * 1000)
    for page in pages:
        inside(page).evaluate("() => { measured.late = []; measured.shown = 0; }")
    before, start, cpu_s = [analysed(page) for page in pages], time.monotonic(), app.cpu_s()
    pages[0].wait_for_timeout(MEASURED_S * 1000)
    span_s, cpu_s = time.monotonic() - start, app.cpu_s() - cpu_s
    found = [inside(page).evaluate("() => [measured.late, measured.shown]") for page in pages]
    after = [analysed(page) for page in pages]
    late = [ms for values, _ in found for ms in values]
    if not late:
        raise TimeoutError("no frame came back")
    pairs = [(b, a) for b, a in zip(before, after, strict=True) if b and a]
    return {
        "median_ms": round(float(np.median(late))),
        "p95_ms": round(float(np.percentile(late, 95))),
        "shown_fps": round(statistics.mean(shown for _, shown in found) / span_s, 1),
        "analysed_fps": round(statistics.mean(a[0] - b[0] for b, a in pairs) / span_s, 1)
        if pairs
        else None,
        "dropped_fps": round(statistics.mean(a[1] - b[1] for b, a in pairs) / span_s, 1)
        if pairs
        else None,
        "cores": round(cpu_s / span_s, 2),
        "load": round(float(Path("/proc/loadavg").read_text().split()[0]), 1),
    }


def measure_start(page: Page, case: Case, tapped: Path) -> dict[str, Any]:
    """From the first frame on: size, quantiser, and what the frames that arrive are read as."""
    deadline = time.monotonic() + PATIENCE_S
    until_s = 20.0 if case.kind == "thin" else FACE_TIMES_S[-1] + EXTRA_S
    points: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        page.wait_for_timeout(1000)
        points = start_points(inside(page).evaluate("() => measured.stats"))
        is_full = any(p["width"] >= case.size_wh[0] for p in points)
        if points and points[-1]["s"] >= until_s and (is_full or case.kind == "thin"):
            break
    if not points:
        raise TimeoutError("no frame was sent")
    full = [p["s"] for p in points if p["width"] >= case.size_wh[0]]
    return {
        "full_size_after_s": full[0] if full else None,
        "quantiser": {f"{t:g} s": at(points, t, "quantiser") for t in (0.5, 1, 2, 3, 10)},
        "kbit": {f"{t:g} s": at(points, t, "kbit") for t in (0.5, 1, 2, 3, 10)},
        "shown_quantiser": {f"{t:g} s": at(points, t, "back") for t in (1, 3, 10)},
        "sent_fps": round(points[-1]["frames"] / points[-1]["s"], 1),
        **read_frames(case, tapped),
        "points": points,
        "load": round(float(Path("/proc/loadavg").read_text().split()[0]), 1),
    }


def start_points(stats: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The statistics by seconds since the first frame was sent; rates since the point before."""
    out: list[dict[str, Any]] = []
    first = next((i for i, p in enumerate(stats) if p.get("sent", {}).get("frames")), None)
    if first is None:
        return out
    # The last point without a frame is at most a quarter of a second before the first one.
    empty = {"frames": 0, "quantisers": 0, "bytes": 0}
    before = {"at": stats[first]["at"] - 250, "sent": empty, "back": empty}
    for point in stats[first:]:
        if "sent" not in point:
            continue
        sent, last = point["sent"], before["sent"]
        back, last_back = point.get("back", empty), before.get("back", empty)
        frames = sent["frames"] - last["frames"]
        shown = back["frames"] - last_back["frames"]
        span_ms = point["at"] - before["at"]
        if frames > 0:
            out.append(
                {
                    "s": round((point["at"] - stats[first]["at"] + 250) / 1000, 2),
                    "width": sent["width"],
                    "height": sent["height"],
                    "frames": sent["frames"],
                    "quantiser": round((sent["quantisers"] - last["quantisers"]) / frames),
                    "kbit": round((sent["bytes"] - last["bytes"]) * 8 / max(span_ms, 1)),
                    "back": round((back["quantisers"] - last_back["quantisers"]) / shown)
                    if shown > 0
                    else None,
                }
            )
            before = point
    return out


def at(points: list[dict[str, Any]], s: float, name: str) -> Any:
    """The value at a time: of the first point from then on."""
    return next((p[name] for p in points if p["s"] >= s), None)


def read_frames(case: Case, tapped: Path) -> dict[str, Any]:
    """Compare the frames that arrived with those of the camera: sharpness and readings."""
    analyzer = load_analyzer()
    rows = []
    for path in sorted(tapped.glob("*.npy")):
        planes = np.load(path)
        rgb = av.VideoFrame.from_ndarray(planes, format="yuv420p").to_ndarray(format="rgb24")
        number = number_of(rgb)
        if number is None or number >= case.frames:
            rows.append({"s": int(path.stem) / 1000, "is_readable": False})
            continue
        own = camera_frame(number, case.size_wh, case.faces, case.frames)
        rows.append({"s": int(path.stem) / 1000, **compare(analyzer, own, rgb)})
    early = [row for row in rows if row["s"] <= 3.25 and "labels" in row]
    return {
        "sharpness": {
            f"{t:g} s": next((r["sharpness"] for r in rows if r["s"] >= t and "labels" in r), None)
            for t in FACE_TIMES_S
        },
        "other_labels_in_3_s": sum(row["labels"] != row["own_labels"] for row in early),
        "false_faces_in_3_s": sum(max(len(r["labels"]) - len(r["own_labels"]), 0) for r in early),
        "frames_in_3_s": len(early),
        "readings": rows,
    }


def compare(analyzer: Analyzer, own: NDArray, arrived: NDArray) -> dict[str, Any]:
    """One frame of the camera and the same one as it arrived."""
    height, width = own.shape[:2]
    bottom = round(height * (1 - STRIP))
    there, here = analyzer.analyze(own), analyzer.analyze(arrived)
    same_size = resize(arrived, (width, height))
    boxes = [box.astype(int).clip(0) for box in there.faces.xyxy]
    ratios = [
        contrast(same_size[y0:y1, x0:x1]) / contrast(own[y0:y1, x0:x1])
        for x0, y0, x1, y1 in boxes
        if min(y1, bottom) > y0
    ]
    return {
        "width": arrived.shape[1],
        "labels": [str(label) for label in here.face_labels],
        "own_labels": [str(label) for label in there.face_labels],
        "sharpness": round(statistics.mean(ratios), 2) if ratios else None,
    }


def contrast(picture: NDArray) -> float:
    """How much fine detail a picture has: the variance of its Laplacian (Pech-Pacheco, 2000)."""
    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """What is printed of a case."""
    return {k: v for k, v in result.items() if k not in ("points", "readings")}

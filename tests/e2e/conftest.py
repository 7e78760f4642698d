"""A running app and a real browser."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ferapp.media.images import jpeg_bytes, read_image
from ferapp.vision.crops import region
from tests.support.places import ROOT, SAMPLES

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra e2e")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
SCREENSHOTS = Path(os.environ.get("SCREENSHOTS", ROOT / "build" / "screenshots"))

# The first ones keep Debian's browser from contacting its maker.
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


THIS_MACHINE = ("http://127.0.0.1:", "http://localhost:", "data:", "blob:")

# Centre and height of the head that the camera shows, px. Only the head, because the rocket behind
# the astronaut is detected as a face when a busy machine sends it blurred.
HEADS = {"astronaut.jpg": (224, 112, 210), "grace-hopper.jpg": (256, 230, 400)}


class Server:
    """The app in a process of its own, as `make run` starts it."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        # A database of its own, never that of the person who runs the tests.
        self._folder = tempfile.TemporaryDirectory()
        self.database = f"sqlite:///{self._folder.name}/sessions.db"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
            cwd=ROOT,
            env={**os.environ, "FERAPP_DATABASE_URL": self.database},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                    return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.1)

    @property
    def pid(self) -> int:
        """Id of the app's process."""
        return self._process.pid

    def stop(self) -> None:
        """Stop the app as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._folder.cleanup()


@pytest.fixture
def fresh_server() -> Iterator[Server]:
    """A server that has had no request yet."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


CROWD, CAMERAS = "four faces", "three cameras"


def write_clip(path: Path, sample: str, *, is_still: bool = False) -> None:
    """Write two seconds of a portrait for Chromium's fake camera; it sways unless it is still.

    A sequence of JPEG pictures, which the browser repeats.
    """
    portrait = read_image(SAMPLES / sample)
    centre_x, centre_y, height = HEADS[sample]
    frames = []
    for i in range(60):
        x = centre_x + (0 if is_still else 0.1 * height * np.sin(2 * np.pi * i / 60))
        # Four to three around the head; what lies outside repeats the border.
        centre, half = np.array([x, centre_y]), height * np.array([2 / 3, 1 / 2])
        box = np.concatenate([centre - half, centre + half]).astype(np.float32)
        frames.append(jpeg_bytes(region(portrait, box, (640, 480))))
    path.write_bytes(b"".join(frames))


def write_crowd(path: Path) -> None:
    """The same with four faces, two of each sample."""
    portraits = {sample: read_image(SAMPLES / sample) for sample in HEADS}
    frames = []
    for i in range(30):
        tiles = []
        for number, (sample, (centre_x, centre_y, height)) in enumerate([*HEADS.items()] * 2):
            x = centre_x + 0.06 * height * np.sin(2 * np.pi * i / 30 + number)
            centre, half = np.array([x, centre_y]), 1.2 * height * np.array([2 / 3, 1 / 2])
            box = np.concatenate([centre - half, centre + half]).astype(np.float32)
            tiles.append(region(portraits[sample], box, (320, 240)))
        rows = [np.hstack(tiles[:2]), np.hstack([tile[:, ::-1] for tile in tiles[2:]])]
        frames.append(jpeg_bytes(np.vstack(rows)))
    path.write_bytes(b"".join(frames))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    if not Path(CHROMIUM).exists():
        pytest.fail(f"no browser at {CHROMIUM}; install chromium or set CHROMIUM")
    with sync_api.sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def launch(
    playwright: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Any]]:
    """Start a browser whose camera shows a sample, `CROWD`, or patterns of `CAMERAS`."""
    folder = tmp_path_factory.mktemp("clips")
    running: dict[tuple[str, bool], Any] = {}

    def start(sample: str, *, is_still: bool = False) -> Any:
        if (sample, is_still) not in running:
            clip = folder / f"{sample}{'-still' if is_still else ''}.mjpeg"
            camera = f"--use-file-for-fake-video-capture={clip}"
            if sample == CAMERAS:
                camera = "--use-fake-device-for-media-stream=device-count=3"
            elif sample == CROWD:
                write_crowd(clip)
            else:
                write_clip(clip, sample, is_still=is_still)
            running[sample, is_still] = playwright.chromium.launch(
                executable_path=CHROMIUM, headless=True, args=[*FLAGS, camera]
            )
        return running[sample, is_still]

    yield start
    for browser in running.values():
        browser.close()


@pytest.fixture(scope="session")
def browser(launch: Callable[[str], Any]) -> Any:
    return launch("astronaut.jpg")


Visit = Callable[..., "sync_api.Page"]


@pytest.fixture
def visit(browser: "sync_api.Browser") -> Iterator[Visit]:
    """Open an address as a new visitor; at the end, no request may have left the machine."""
    contexts, foreign = [], []

    def open_page(url: str, *, scheme: str = "light", width: int = 1280) -> "sync_api.Page":
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(THIS_MACHINE) else foreign.append(request.url)
            ),
        )
        page.on("dialog", lambda dialog: foreign.append(f"dialog: {dialog.message}"))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not foreign

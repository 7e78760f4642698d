"""No name of a file or person is in any log: of the app, its child processes, the commands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Visit, sync_api
from tests.e2e.processes import App
from tests.support.places import SAMPLES
from tests.support.videos import numbered_frames, truncate, write_video

pytestmark = pytest.mark.e2e

CANARY = "Canary-Miller"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.,]\d{3} (INFO   |WARNING|ERROR  ) [\w.]+: .")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A good and a broken picture and video, named after a person."""
    folder = tmp_path / CANARY
    folder.mkdir()
    photo, broken = folder / f"{CANARY}.jpg", folder / f"{CANARY} broken.jpg"
    photo.write_bytes((SAMPLES / "astronaut.jpg").read_bytes())
    broken.write_bytes(photo.read_bytes()[:5000])
    video, damaged = folder / f"{CANARY}.mp4", folder / f"{CANARY} damaged.mp4"
    write_video(video, numbered_frames(12))
    write_video(damaged, numbered_frames(12))
    return {"photo": photo, "broken": broken, "clip": video, "damaged": truncate(damaged, 0.5)}


def use(page: "sync_api.Page", url: str, files: dict[str, Path]) -> None:
    """Use the pages with good and broken files, and finally open a page that fails."""
    page.locator("input[type=file]").set_input_files([files["photo"], files["broken"]])
    page.get_by_text("2 pictures, 1 face").wait_for()
    page.goto(f"{url}/video")
    page.locator("input[type=file]").set_input_files(files["clip"])
    page.get_by_role("button", name="Analyse").click()
    page.get_by_text("No face was found in").wait_for()
    page.goto(f"{url}/video")
    page.locator("input[type=file]").set_input_files(files["damaged"])
    page.get_by_text("This did not work").wait_for()
    fail(page, url)


def fail(page: "sync_api.Page", url: str) -> None:
    page.goto(f"{url}/about")
    page.get_by_test_id("stException").wait_for()


def log_of(app: App, *, error: str) -> str:
    """Stop the app and give its whole log, in which the last error has to be."""
    app.stop()
    text = app.log.read_text()
    assert error in text
    return text


@pytest.mark.parametrize("is_careless", [False, True], ids=["as shipped", "with a name on purpose"])
def test_no_name_is_in_the_log_of_the_app(
    is_careless: bool, files: dict[str, Path], visit: Visit, tmp_path: Path
) -> None:
    launcher = Path(__file__).parent / "careless.py"
    app = App(
        tmp_path / "log", launcher=launcher, CANARY=CANARY, CARELESS="1" if is_careless else ""
    )
    app.wait_until_ready()
    page = visit(app.url)
    if is_careless:
        fail(page, app.url)
        assert CANARY in log_of(app, error="LookupError")
        return
    use(page, app.url, files)
    log = log_of(app, error="LookupError")
    assert CANARY not in log
    assert "shown to the visitor: VideoError" in log
    _, _, lines = log.partition(app.url)
    heads = [line for line in lines.splitlines() if re.match(r"\d{4}-", line)]
    assert heads and all(LINE.match(line) for line in heads)


@pytest.mark.parametrize(
    ("command", "messages"),
    [
        pytest.param(["analyze", "photo", "broken"], 1, id="analyze"),
        pytest.param(["video", "damaged"], 1, id="video"),
        pytest.param(["batch", "folder", "--out", "out"], 0, id="batch"),
    ],
)
def test_commands_name_a_file_only_in_their_message(
    command: list[str], messages: int, files: dict[str, Path], tmp_path: Path
) -> None:
    """One line for each broken file says what is wrong; no name is in the log."""
    places = files | {"folder": files["photo"].parent, "out": tmp_path / "out"}
    run = subprocess.run(
        [sys.executable, "-m", "ferapp", "--verbose"]
        + [str(places.get(word, word)) for word in command],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "1000"},
    )
    lines = [line for line in run.stderr.splitlines() if CANARY in line]
    assert len(lines) == messages
    shape = rf"(ferapp: )?{re.escape(str(tmp_path))}.*\.(jpg|mp4): "
    assert [line for line in lines if re.match(shape, line)] == lines

"""Names of files and people are in no log: of the app, its pages, its children, the commands."""

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
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.,]\d{3} (WARNING|ERROR  ) [\w.]+: .")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A good and a broken picture and video, each with the name of a person."""
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
    """Pictures and videos of all kinds, and at the end a page that fails."""
    page.locator("input[type=file]").set_input_files([files["photo"], files["broken"]])
    page.get_by_text("2 pictures, 1 face").wait_for()
    page.goto(f"{url}/video")
    page.locator("input[type=file]").set_input_files(files["clip"])
    page.get_by_role("button", name="Analyse").click()
    page.get_by_text("frames read").first.wait_for()
    page.goto(f"{url}/video")
    page.locator("input[type=file]").set_input_files(files["damaged"])
    page.get_by_text("This did not work").wait_for()
    fail(page, url)


def fail(page: "sync_api.Page", url: str) -> None:
    page.goto(f"{url}/about")
    page.get_by_test_id("stException").wait_for()


def log_of(app: App, *, tells: str) -> str:
    """All that the app said until it was stopped; that it told of an error shows that it is all."""
    app.stop()
    told = app.log.read_text()
    assert tells in told
    return told


@pytest.mark.parametrize("is_careless", [False, True], ids=["as it is", "with a name on purpose"])
def test_no_name_is_in_the_log_of_the_app(
    is_careless: bool, files: dict[str, Path], visit: Visit, tmp_path: Path
) -> None:
    launcher = Path(__file__).parent / "careless.py"
    app = App(tmp_path / "log", launcher=launcher, CANARY=CANARY, CARELESS="1" * is_careless)
    app.wait_until_ready()
    page = visit(app.url)
    if is_careless:
        fail(page, app.url)
        assert CANARY in log_of(app, tells="LookupError")
        return
    use(page, app.url, files)
    told = log_of(app, tells="LookupError")
    assert CANARY not in told
    assert "shown to the visitor: VideoError" in told
    _, _, lines = told.partition(app.url)
    heads = [line for line in lines.splitlines() if re.match(r"\d{4}-", line)]
    assert heads and all(LINE.match(line) for line in heads)


@pytest.mark.parametrize(
    ("command", "answers"),
    [
        pytest.param(["analyze", "photo", "broken"], 1, id="analyze"),
        pytest.param(["video", "damaged"], 1, id="video"),
        pytest.param(["batch", "folder", "--out", "out"], 0, id="batch"),
    ],
)
def test_commands_name_a_file_in_their_answer_alone(
    command: list[str], answers: int, files: dict[str, Path], tmp_path: Path
) -> None:
    """One line each that says what is wrong with which file, and none in the log."""
    places = files | {"folder": files["photo"].parent, "out": tmp_path / "out"}
    run = subprocess.run(
        [sys.executable, "-m", "ferapp", "--verbose"]
        + [str(places.get(word, word)) for word in command],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "1000"},
    )
    named = [line for line in run.stderr.splitlines() if CANARY in line]
    assert len(named) == answers
    shape = rf"(ferapp: )?{re.escape(str(tmp_path))}.*\.(jpg|mp4): "
    assert [line for line in named if re.match(shape, line)] == named

"""The list of threats names existing tests; and tests of threats without another home."""

import ast
import io
import os
import re
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from ferapp.pipeline.build import load_analyzer
from ferapp.ui.live.camera import CONNECTION_FAILED, ERRORS
from ferapp.ui.pictures.files import json_bytes, png_of, zip_of
from ferapp.ui.pictures.picture_results import PictureResult
from tests.support.apps import open_app, upload
from tests.support.places import ROOT, SAMPLES

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "threats.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|") and not re.match(r"\|(---| Threat )", line)
]


@cache
def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_every_threat_has_an_existing_test_or_a_reason(row: list[str]) -> None:
    assert len(row) == 3 and all(row)
    references = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row[2])
    assert row[2].count("`tests/") == len(references), "written as `tests/file.py::test_name`"
    assert not [f"{file}::{name}" for file, name in references if name not in functions_of(file)]
    if not references:
        assert re.match(r"(open|cannot happen): ", row[2]), row[2]


def test_the_list_of_threats_is_complete() -> None:
    """Otherwise the format of its rows may have changed."""
    assert len(ROWS) > 100


SECRET = "Canary Street 5"


def photo_that_tells() -> bytes:
    """A portrait with GPS data, a comment and an appended page."""
    exif = Image.Exif()
    exif[0x010E] = f"<img src=x onerror=alert('{SECRET}')>"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 29: SECRET})
    out = io.BytesIO()
    with Image.open(SAMPLES / "astronaut.jpg") as picture:
        picture.save(out, "JPEG", exif=exif, comment=SECRET, quality=90)
    return out.getvalue() + f"<html><script>{SECRET}</script>PK\3\4".encode()


def test_pictures_are_passed_on_without_metadata() -> None:
    data = photo_that_tells()
    assert data.count(SECRET.encode()) == 4, "or the search proves nothing"
    at = upload(open_app(), **{SECRET: data})
    outcome: PictureResult = next(iter(at.session_state["outcomes"].values()))
    assert outcome.analysis is not None and outcome.analysis.expressions == ["happiness"]
    nowhere = np.empty((0, 4), np.float32)
    archive = zip_of([(outcome, nowhere)])()
    with zipfile.ZipFile(io.BytesIO(archive)) as container:
        assert container.namelist() == ["ferapp-001.jpg"], "never the name of an upload"
        packed = container.read("ferapp-001.jpg")
    pictures = [at.session_state["picture"][1], png_of(outcome, nowhere)(), archive, packed]
    for made in pictures:
        assert SECRET.encode() not in made and b"Exif" not in made
    # Only its file name is in the table.
    assert json_bytes([outcome]).count(SECRET.encode()) == 1


STRIPS = [(1, 1), (2, 1), (1, 10_000), (10_000, 1), (3, 30_000)]


@pytest.mark.parametrize("shape", STRIPS, ids=str)
def test_an_extreme_aspect_ratio_without_faces_is_read(shape: tuple[int, int]) -> None:
    analysis = load_analyzer().analyze(np.full((*shape, 3), 127, np.uint8))
    assert len(analysis) == 0 and analysis.size_wh == shape[::-1]


FRAMES = """if True:
    import os, sys
    from pathlib import Path

    written = []
    is_watching = False

    def watch(event, args):
        # O_WRONLY, O_RDWR and O_CREAT; a number is a pipe to a process
        if is_watching and event == "open" and args[2] & 0o103:
            if args[0] != os.devnull and not isinstance(args[0], int):
                written.append(args[0])

    sys.addaudithook(watch)
    from ferapp.media.images import read_image
    from ferapp.pipeline.build import load_analyzer
    from ferapp.ui.live.webcam import Viewer
    from tests.support.frames import frame

    viewer = Viewer(load_analyzer())
    photo, webp = (Path(path).read_bytes() for path in sys.argv[1:])
    is_watching = True
    for index in range(20):
        viewer.on_frame(frame(index))
    assert len(load_analyzer().analyze(read_image(photo))) == 1
    assert len(load_analyzer().analyze(read_image(webp))) == 1
    assert viewer.latest.snapshot().analysed == 20
    is_watching = False
    print(written)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs the folders of POSIX")
def test_frames_and_pictures_are_never_written_to_disk(tmp_path: Path) -> None:
    """Neither by Python, nor by a library, nor on the way to the process that decodes a WebP."""
    webp = tmp_path.parent / f"{tmp_path.name}.webp"
    with Image.open(SAMPLES / "astronaut.jpg") as picture:
        picture.save(webp)
    run = subprocess.run(
        [sys.executable, "-c", FRAMES, SAMPLES / "astronaut.jpg", webp],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        | dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(tmp_path)),
    )
    assert run.stdout.strip() == "[]", run.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_every_camera_error_says_what_to_do() -> None:
    known = {"NotAllowedError", "NotFoundError", "NotReadableError", "InsecureContext"}
    assert known <= set(ERRORS) and len(set(ERRORS.values())) == len(ERRORS)
    for words in ERRORS.values():
        assert re.search(r"Open|allow|Plug|plug|Close|Choose|Connect|Check", words)
        assert words.endswith(".")


def connecting() -> None:
    """The live page while the browser and the app establish a connection."""
    import time

    import streamlit as st

    from ferapp.ui.live import page as live

    live._connecting(time.monotonic() - st.session_state["for_s"])


@pytest.mark.parametrize("for_s", [1, 16])
def test_a_failed_connection_is_explained(for_s: int) -> None:
    at = AppTest.from_function(connecting, default_timeout=30)
    at.session_state["for_s"] = for_s
    warnings = [warning.value for warning in at.run().warning]
    assert not at.exception and warnings == ([CONNECTION_FAILED] if for_s > 15 else [])


def test_pictures_are_decoded_in_one_module() -> None:
    """OpenCV reads other formats than Pillow, decodes some differently, and has no limit.

    The exception reads TIFF that Pillow can't, of a size that was checked, in the child process.
    """
    decoding = re.compile(r"cv2\.(imdecode|imread|VideoCapture)")
    files = [*(ROOT / "ferapp").rglob("*.py"), ROOT / "app.py", *(ROOT / "pages").glob("*.py")]
    found = [path for path in files if decoding.search(path.read_text(encoding="utf-8"))]
    assert found == [ROOT / "ferapp/media/pictures/tiff.py"]

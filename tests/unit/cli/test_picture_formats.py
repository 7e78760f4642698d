"""Pictures as phones, scanners and labs write them, through every door, with the real models."""

import json
from pathlib import Path

import pandas
import pytest

import ferapp as library
from ferapp.media.images import read_image
from ferapp.media.pictures.formats import ENDINGS, FORMATS
from tests.support.cli import ferapp
from tests.support.made_pictures import made
from tests.support.places import SAMPLES, shared_path

PHOTO = read_image(SAMPLES / "astronaut.jpg")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One portrait with every ending, and one whose ending is in capitals."""
    folder = tmp_path_factory.mktemp("pictures")
    for kind in FORMATS:
        data = made(kind.name, PHOTO)
        for ending in kind.endings:
            (folder / f"a{ending}").write_bytes(data)
    (folder / "webp that is called.JPG").write_bytes(made("WebP", PHOTO))
    return folder


def test_analyze_reads_every_format(folder: Path) -> None:
    run = ferapp("analyze", "--json", *sorted(folder.iterdir()))
    assert run.returncode == 0, run.stderr
    results = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(results) == len(ENDINGS) + 1
    assert {(r["width"], r["height"]) for r in results} == {(512, 512)}
    assert [[face["expression"] for face in r["faces"]] for r in results] == [
        ["happiness"] for _ in results
    ]


def test_batch_leaves_out_no_format(folder: Path, tmp_path: Path) -> None:
    run = ferapp("batch", folder, "--out", tmp_path / "out", "--json", "--workers", "2")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert (result["pictures"], result["failed"]) == (len(ENDINGS) + 1, 0)
    faces = pandas.read_csv(tmp_path / "out" / "faces.csv")
    assert sorted(faces["path"]) == sorted(path.name for path in folder.iterdir())
    assert set(faces["expression"]) == {"happiness"}


@pytest.mark.parametrize("name", ["IMG_0001.HEIC", "photo.webp", "KA.AN1.39.tiff"])
def test_pictures_that_users_sent_have_a_face(name: str) -> None:
    data = shared_path(f"data/bugs/{name}").read_bytes()
    assert library.load_analyzer().analyze(library.read_image(data)).expressions == ["happiness"]

"""The folder of annotated copies: no run takes away what another has left."""

import errno
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas
import pytest

from ferapp.batch.annotated import AnnotatedFolder
from ferapp.emotions import EXPRESSIONS
from ferapp.errors import StoreError
from ferapp.media.images import png_bytes, read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.settings import AnalysisSettings
from ferapp.types import Faces, FrameAnalysis
from tests.support.fakes import FakeClassifier, FakeDetector
from tests.support.videos import solid_image


def analysis_of(value: int, classes: Sequence[str] = (), faces: int = 1) -> FrameAnalysis:
    boxes = np.array([[20, 10, 60, 50]] * faces, np.float32).reshape(-1, 4)
    detector = FakeDetector(Faces(boxes, np.full(faces, 0.9, np.float32)))
    analyzer = Analyzer(detector, FakeClassifier(EXPRESSIONS))
    return analyzer.analyze(solid_image(value), AnalysisSettings(classes=tuple(classes)))


def run(out: Path, *pictures: tuple[str, int], **changes: object) -> None:
    """One run over grey pictures, each a path and a brightness, which is also its hash."""
    folder = AnnotatedFolder(out)
    for path, value in pictures:
        folder.add(path, str(value), solid_image(value), analysis_of(value, **changes))
    folder.close()


def rows(out: Path) -> pandas.DataFrame:
    assert (out / "faces.csv").read_bytes().count(b"\xef\xbb\xbf") == 1
    return pandas.read_csv(out / "faces.csv", dtype={"sha256": str}, encoding="utf-8-sig")


def assert_copies(out: Path, *expected: tuple[str, str, int]) -> None:
    """The table names these paths and copies, and the copies show those pictures."""
    table = rows(out)
    found = list(zip(table["path"], table["annotated"], strict=True))
    assert sorted(found) == sorted((path, name) for path, name, _ in expected)
    for _, name, value in expected:
        assert read_image(out / name)[0, 0].tolist() == [value] * 3
    assert len(list(out.glob("*.png"))) == len(expected)


def test_a_second_run_adds_to_the_first(tmp_path: Path) -> None:
    run(tmp_path, ("a/p1.jpg", 10))
    run(tmp_path, ("b/p2.jpg", 20))
    run(tmp_path, ("b/p1.jpg", 30))
    assert_copies(
        tmp_path,
        ("a/p1.jpg", "p1.annotated.png", 10),
        ("b/p2.jpg", "p2.annotated.png", 20),
        ("b/p1.jpg", "p1.annotated-2.png", 30),
    )


def test_one_path_with_another_content_is_another_picture(tmp_path: Path) -> None:
    """A relative path names another file in another folder."""
    run(tmp_path, ("p.jpg", 10))
    run(tmp_path, ("p.jpg", 20))
    assert_copies(tmp_path, ("p.jpg", "p.annotated.png", 10), ("p.jpg", "p.annotated-2.png", 20))


def test_what_a_file_held_before_is_replaced(tmp_path: Path) -> None:
    """Unlike another file at the same relative path."""
    out, file = tmp_path / "out", tmp_path / "p.jpg"
    for value in (10, 20, 20, 30, 10):
        folder = AnnotatedFolder(out)
        folder.add("p.jpg", str(value), solid_image(value), analysis_of(value), file=file)
        folder.close()
        assert_copies(out, ("p.jpg", "p.annotated.png", value))
    folder = AnnotatedFolder(out)
    for value in (40, 50):
        folder.add("p.jpg", str(value), solid_image(value), analysis_of(value), file=file)
    folder.add("p.jpg", "60", solid_image(60), analysis_of(60), file=tmp_path / "b" / "p.jpg")
    folder.close()
    assert_copies(out, ("p.jpg", "p.annotated.png", 50), ("p.jpg", "p.annotated-2.png", 60))


def test_rows_name_the_settings_that_made_them(tmp_path: Path) -> None:
    for number, confidence in enumerate((0.5, 0.5, 0.7)):
        folder = AnnotatedFolder(tmp_path, {"settings": {"confidence": confidence}})
        assert folder.other_rows == (2 if number == 2 else 0)
        folder.add(f"{number}.jpg", str(number), solid_image(number), analysis_of(number))
        folder.close()
    made_by = [json.loads(text)["settings"]["confidence"] for text in rows(tmp_path)["settings"]]
    assert made_by == [0.5, 0.5, 0.7]


def test_a_picture_that_is_analysed_again_replaces_its_own_rows(tmp_path: Path) -> None:
    run(tmp_path, ("a/p.jpg", 10), ("b/p.jpg", 20))
    before = rows(tmp_path)
    run(tmp_path, ("a/p.jpg", 10), ("b/p.jpg", 20))
    pandas.testing.assert_frame_equal(rows(tmp_path), before)
    run(tmp_path, ("a/p.jpg", 10), classes=["fear", "anger"])
    table = rows(tmp_path).set_index("path")
    assert table["annotated"].to_dict() == {
        "a/p.jpg": "p.annotated.png",
        "b/p.jpg": "p.annotated-2.png",
    }
    assert np.isnan(table.loc["a/p.jpg", "neutral"]) and table.loc["b/p.jpg", "neutral"] >= 0
    assert np.isnan(table.loc["b/p.jpg", "share_kept"])


def test_a_picture_without_faces_has_one_copy_however_often_it_is_read(tmp_path: Path) -> None:
    for _ in range(3):
        run(tmp_path, ("a/p.jpg", 10), faces=0)
    run(tmp_path, ("b/p.jpg", 20), faces=0)
    assert len(list(tmp_path.glob("*.png"))) == 2 and rows(tmp_path).empty
    run(tmp_path, ("a/p.jpg", 10))
    run(tmp_path, ("a/p.jpg", 10), faces=0)
    assert rows(tmp_path).empty, "the faces of the last run count"


def test_a_file_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "P.annotated.png").write_bytes(b"mine")
    run(tmp_path, ("p.jpg", 10))
    assert (tmp_path / "P.annotated.png").read_bytes() == b"mine"
    assert rows(tmp_path)["annotated"].tolist() == ["p.annotated-2.png"]


@pytest.mark.parametrize("path", ["=cmd|' !A0.jpg", "line1\nline2.jpg", "x\u202egpj.jpg", "-1.jpg"])
def test_hostile_names_find_their_copy_again(tmp_path: Path, path: str) -> None:
    for _ in range(2):
        run(tmp_path, (path, 10))
    [name] = rows(tmp_path)["annotated"]
    assert not name.startswith(("=", "-")) and len(list(tmp_path.glob("*.png"))) == 1
    assert (tmp_path / name.removeprefix("'")).exists()


def test_a_table_that_names_files_elsewhere_is_not_obeyed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(out, ("p.jpg", 10))
    (tmp_path / "mine.png").write_bytes(b"mine")
    text = (out / "faces.csv").read_text("utf-8-sig")
    (out / "faces.csv").write_text(text.replace("p.annotated.png", "../mine.png"), "utf-8-sig")
    run(out, ("p.jpg", 10))
    assert (tmp_path / "mine.png").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"path,face\r\na.jpg,1\r\n", id="batch"),
        pytest.param(b"path;annotated;face\r\na.jpg;a.png;1\r\n", id="spreadsheet"),
        pytest.param(b"path,annotated,face\r\na.jpg\r\n", id="short row"),
        pytest.param(b"path,annotated,face\r\na.jpg,a.png,1,2\r\n", id="long row"),
        pytest.param(b'path,annotated,face\r\n"a', id="cut"),
        pytest.param(b"\xff\xfe", id="no text"),
    ],
)
def test_another_table_of_that_name_is_refused_before_the_work(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "faces.csv").write_bytes(data)
    with pytest.raises(StoreError, match=r"faces\.csv"):
        AnnotatedFolder(tmp_path)
    assert (tmp_path / "faces.csv").read_bytes() == data


def test_a_table_of_an_older_version_is_kept(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_bytes(b"path,annotated,face\r\na.jpg,a.annotated.png,1\r\n")
    run(tmp_path, ("a.jpg", 10))
    assert rows(tmp_path)["path"].tolist() == ["a.jpg", "a.jpg"]


def test_parallel_runs_lose_nothing(tmp_path: Path) -> None:
    paths = [f"{n}/p.jpg" for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda path: run(tmp_path, (path, int(path.split("/")[0]))), paths))
    table = rows(tmp_path)
    assert sorted(table["path"]) == sorted(paths) and table["annotated"].is_unique


def test_a_full_disk_leaves_no_part_of_a_copy_and_the_old_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    run(tmp_path, ("a.jpg", 10))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    folder = AnnotatedFolder(tmp_path)
    monkeypatch.setattr("ferapp.system.files.os.fsync", full)
    with pytest.raises(StoreError, match=r"b\.annotated\.png could not be written: No space left"):
        folder.add("b.jpg", "20", solid_image(20), analysis_of(20))
    monkeypatch.undo()
    folder.add("c.jpg", "30", solid_image(30), analysis_of(30))
    monkeypatch.setattr("ferapp.system.files.os.fsync", full)
    with pytest.raises(StoreError, match=r"faces\.csv could not be written"):
        folder.close()
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert after.pop("c.annotated.png") != png_bytes(solid_image(30)) and after == before

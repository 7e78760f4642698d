"""The results and tables of a batch."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pandas
import pytest

import ferapp.system.files
from ferapp.batch.items import FileResult, Item, Request
from ferapp.batch.results import Results
from ferapp.batch.run import Batch, Tally
from ferapp.emotions import EXPRESSIONS
from ferapp.errors import StoreError
from ferapp.media.images import png_bytes, read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.small_faces import Sight
from ferapp.sessions.formats.exchange import read
from ferapp.settings import AnalysisSettings, ClipSettings, DetectionSettings, StreamSettings
from ferapp.types import Faces
from tests.support.batch_runs import (
    DEFAULTS,
    REQUEST,
    FakeModels,
    read_table,
    run_batch,
    write_grey_picture,
)
from tests.support.batches import contents, inline_engine
from tests.support.fakes import FakeClassifier, FakeDetector
from tests.support.videos import noisy_frames, solid_image, truncate, write_video

TABLES = {
    f"{name}.csv"
    for name in ("errors", "faces", "files", "readings", "skipped", "spells", "tracks")
}


def request_with(request: Request = REQUEST, **changes: object) -> Request:
    return dataclasses.replace(request, **changes)


FRAMES = AnalysisSettings(DetectionSettings(0.6))


@pytest.mark.parametrize(
    ("other", "pictures_differ", "videos_differ"),
    [
        pytest.param(request_with(threads=4), False, False, id="threads"),
        pytest.param(
            request_with(settings=ClipSettings(per_second=2)), False, True, id="per second"
        ),
        pytest.param(
            request_with(settings=ClipSettings(StreamSettings(FRAMES))), True, True, id="confidence"
        ),
        pytest.param(request_with(classifier="seresnet-48"), True, True, id="classifier"),
        pytest.param(request_with(detector="haar"), True, True, id="detector"),
    ],
)
def test_a_key_depends_on_everything_that_changes_a_result(
    other: Request, pictures_differ: bool, videos_differ: bool
) -> None:
    assert (other.key("picture", "a") != REQUEST.key("picture", "a")) == pictures_differ
    assert (other.key("video", "a") != REQUEST.key("video", "a")) == videos_differ
    assert REQUEST.key("video", "a") != REQUEST.key("picture", "a") != REQUEST.key("picture", "b")


def test_an_empty_folder_gives_tables_with_only_headings(folder: Path) -> None:
    assert run_batch(folder) == Tally(0, 0, 0, 0, 0)
    assert TABLES < {path.name for path in (folder.parent / "out").iterdir()}
    assert list(read_table(folder, "errors").columns) == ["path", "error"]
    assert all(read_table(folder, name[:-4]).empty for name in TABLES)


def test_every_face_and_file_has_its_row(folder: Path) -> None:
    write_grey_picture(folder / "b" / "dark.png", 5)
    write_grey_picture(folder / "a.png", 250)
    assert run_batch(folder) == Tally(2, 0, 2, 0, 0)
    files, faces = read_table(folder, "files"), read_table(folder, "faces")
    assert files["path"].tolist() == faces["path"].tolist() == ["a.png", "b/dark.png"]
    assert (
        files[["kind", "width", "height", "faces"]].values.tolist() == [["picture", 96, 64, 1]] * 2
    )
    assert faces["expression"].tolist() == [EXPRESSIONS[-1], EXPRESSIONS[0]]
    analysis = FakeModels().analyzer.analyze(read_image(folder / "a.png"))
    assert list(faces.columns) == ["path", *analysis.to_frame().columns]
    pandas.testing.assert_frame_equal(
        faces.iloc[:1, 1:], analysis.to_frame(), check_dtype=False, atol=1e-4
    )
    for sha256, path in zip(files["sha256"], ("a.png", "b/dark.png"), strict=True):
        key = REQUEST.key("picture", sha256)
        record = json.loads((folder.parent / "out" / "results" / f"{key}.json").read_bytes())
        made_by = record.pop("provenance")
        expected = FakeModels().analyzer.analyze(read_image(folder / path)).to_record()
        assert record == expected
        assert made_by["sha256"] == sha256 and made_by["content_date"] is None
        assert made_by["size_bytes"] == (folder / path).stat().st_size
        assert made_by["models"]["detector"]["name"] == DEFAULTS.detector
        assert made_by["settings"]["detection"]["confidence"] == 0.5 and made_by["version"]


def test_what_may_be_missing_is_noted_in_the_table(folder: Path) -> None:
    (folder / "large.png").write_bytes(png_bytes(np.zeros((960, 1280, 3), np.uint8)))
    write_grey_picture(folder / "small.png", 9)
    worker = FakeModels()
    worker.analyzer = Analyzer(
        FakeDetector(Faces.empty()), FakeClassifier(EXPRESSIONS), sight=Sight((320, 240))
    )
    run_batch(folder, worker)
    large, small = read_table(folder, "files")["notes"]
    assert "may be missing" in large and pandas.isna(small)


def test_a_video_has_tracks_and_readings_that_can_be_imported(folder: Path) -> None:
    write_video(folder / "clip.mp4", noisy_frames(20))
    write_grey_picture(folder / "z.png", 100)
    assert run_batch(folder) == Tally(1, 1, 2, 0, 0)
    files, tracks, readings = (read_table(folder, n) for n in ("files", "tracks", "readings"))
    row = files.iloc[0]
    assert row[["path", "kind", "frames", "faces"]].tolist() == ["clip.mp4", "video", 20, 1]
    assert row["duration_s"] == pytest.approx(2, abs=0.1) and bool(row["is_whole"])
    spells = read_table(folder, "spells")
    assert list(spells.columns) == ["path", "begin_s", "end_s", "label", "face"]
    assert (spells["end_s"] > spells["begin_s"]).all() and set(spells["face"]) == {1}
    assert (spells["end_s"] - spells["begin_s"]).sum() <= row["duration_s"] + 1e-6
    assert b"video," in (folder.parent / "out" / "files.csv").read_bytes()
    assert b",20,2.0,True," in (folder.parent / "out" / "files.csv").read_bytes()
    seconds = tracks[[f"{name}_s" for name in (*EXPRESSIONS, "unsure")]].sum(axis=1)
    assert 0 < seconds[0] <= 2 and tracks["readings"][0] == len(readings)
    assert set(readings["path"]) == {"clip.mp4"} and (readings["face"] == 1).all()
    key = REQUEST.key("video", row["sha256"])
    data = (folder.parent / "out" / "results" / f"{key}.parquet").read_bytes()
    recording, kept = read("x.parquet", data)
    assert recording.title == "clip.mp4" and recording.started is None
    assert recording.provenance.sha256 == row["sha256"] and recording.settings["per_second"] is None
    assert np.array_equal(kept.at_s, readings["time_s"])
    record = json.loads((folder.parent / "out" / "results" / f"{key}.json").read_bytes())
    keys = {"frames", "duration_s", "is_whole", "damage", "video", "tracks", "notes"}
    keys |= {"provenance"}
    assert set(record) == keys


def test_a_video_without_faces_and_a_truncated_one(folder: Path) -> None:
    write_video(folder / "a.mp4", [solid_image(0)] * 5)
    front = {"movflags": "+faststart"}
    truncate(write_video(folder / "b.mp4", noisy_frames(60), options=front), 0.6)
    nobody = FakeModels()
    nobody.analyzer = Analyzer(FakeDetector(Faces.empty()), FakeClassifier(EXPRESSIONS))
    assert run_batch(folder, nobody) == Tally(0, 2, 0, 0, 0)
    files = read_table(folder, "files")
    assert isinstance(files["damage"][1], str) and pandas.isna(files["damage"][0])
    assert not list((folder.parent / "out").rglob("*.parquet"))


def test_bad_files_are_rows_of_the_error_table(folder: Path) -> None:
    for n in range(9):
        write_grey_picture(folder / f"{n}.png", n)
    (folder / "4.png").write_bytes(b"GIF89a")
    (folder / "empty.mp4").touch()
    os.mkfifo(folder / "pipe.jpg")
    assert run_batch(folder) == Tally(8, 0, 8, 0, 3)
    errors = read_table(folder, "errors")
    assert errors["path"].tolist() == ["4.png", "empty.mp4", "pipe.jpg"]
    assert all(text.endswith(".") for text in errors["error"]) and "GIF" in errors["error"][0]
    assert len(read_table(folder, "files")) == 8


def test_files_of_other_kinds_are_counted_and_named(folder: Path) -> None:
    write_grey_picture(folder / "a.png", 1)
    (folder / "=notes.txt").write_text("hello")
    (folder / "b").mkdir()
    (folder / "b" / ".DS_Store").touch()
    assert run_batch(folder) == Tally(1, 0, 1, 0, 0, skipped=2)
    skipped = read_table(folder, "skipped")
    assert skipped["path"].tolist() == ["'=notes.txt", "b/.DS_Store"]
    assert ".txt" in skipped["reason"][0] and "hidden" in skipped["reason"][1]
    assert read_table(folder, "errors").empty


def test_tables_about_another_folder_are_replaced_only_on_request(tmp_path: Path) -> None:
    results = Results(tmp_path / "out")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("a")
    results.claim(tmp_path / "a")
    results.claim(tmp_path / "link")
    with pytest.raises(StoreError, match="--overwrite"):
        results.claim(tmp_path / "b")
    results.claim(tmp_path / "b", overwrites=True)
    with pytest.raises(StoreError, match="another folder"):
        Results(tmp_path / "out").claim(tmp_path / "a")
    notes = contents(tmp_path / "out").values()
    assert not any(bytes(tmp_path) in note for note in notes), "folders tell who somebody is"


def test_an_unexpected_exception_is_a_row_of_the_error_table(folder: Path) -> None:
    write_grey_picture(folder / "a.png", 1)
    broken = FakeModels()
    broken.analyzer = None  # type: ignore[assignment]
    assert run_batch(folder, broken) == Tally(0, 0, 0, 0, 1)
    assert "AttributeError" in read_table(folder, "errors")["error"][0]


def test_the_same_bytes_are_analysed_once_and_have_two_rows(folder: Path) -> None:
    for name in ("a.png", "b/a.png", "c.jpg", "d.mp4"):
        write_grey_picture(folder / name, 7)
    worker = FakeModels()
    assert run_batch(folder, worker) == Tally(3, 0, 3, 0, 1)
    assert worker.given_names == ["a.png", "d.mp4"], "the same bytes are another file as a video"
    assert read_table(folder, "faces")["path"].tolist() == ["a.png", "b/a.png", "c.jpg"]


def test_a_second_run_analyses_only_new_and_failed_files(folder: Path) -> None:
    for n in range(4):
        write_grey_picture(folder / f"{n}.png", n)
    (folder / "bad.png").write_bytes(b"GIF89a")
    worker = FakeModels()
    run_batch(folder, worker)
    before = contents(folder.parent / "out")
    assert run_batch(folder, worker) == Tally(4, 0, 4, 4, 1)
    assert worker.given_names == ["0.png", "1.png", "2.png", "3.png", "bad.png", "bad.png"]
    assert contents(folder.parent / "out") == before
    write_grey_picture(folder / "bad.png", 9)
    (folder / "0.png").rename(folder / "9.png")
    assert run_batch(folder, worker) == Tally(5, 0, 5, 4, 0)
    assert worker.given_names[6:] == ["bad.png"], "a renamed file has its result already"
    assert read_table(folder, "files")["path"].tolist() == [
        "1.png",
        "2.png",
        "3.png",
        "9.png",
        "bad.png",
    ]


def test_a_file_that_changes_during_the_run_is_reported(folder: Path) -> None:
    path = write_grey_picture(folder / "a.png", 1)

    class Slow(FakeModels):
        def analyse(self, item: Item) -> FileResult:
            write_grey_picture(path, 2)
            os.utime(path, ns=(0, 0))
            return super().analyse(item)

    assert run_batch(folder, Slow()).failed == 1
    assert "changed" in read_table(folder, "errors")["error"][0]
    assert run_batch(folder) == Tally(1, 0, 1, 0, 0)


def test_a_file_that_disappears_during_the_run_is_reported(folder: Path) -> None:
    write_grey_picture(folder / "a.png", 1)
    batch = Batch(folder, Results(folder.parent / "out"), REQUEST)
    (folder / "a.png").unlink()
    batch.analyse(inline_engine, FakeModels())
    assert batch.write_tables() == Tally(0, 0, 0, 0, 1)


@pytest.mark.parametrize(
    "damage", [b"{", b"[]", b"{}", b"\xff"], ids=["half", "list", "empty", "no text"]
)
def test_a_damaged_result_is_reported(folder: Path, damage: bytes) -> None:
    write_grey_picture(folder / "a.png", 1)
    write_grey_picture(folder / "b.png", 2)
    run_batch(folder)
    key = REQUEST.key("picture", read_table(folder, "files")["sha256"][0])
    path = folder.parent / "out" / "results" / f"{key}.json"
    path.write_bytes(damage)
    assert run_batch(folder) == Tally(1, 0, 1, 2, 1)
    assert f"delete results/{key}.json" in read_table(folder, "errors")["error"][0]
    path.unlink()
    assert run_batch(folder).failed == 0


HOSTILE = ("=cmd|' !A0.png", "line1\nline2.png", "\x1b[31mred.png", "photo\u202egnp.png", "-1.png")


def test_names_are_text_in_every_table(folder: Path) -> None:
    for n, name in enumerate((*HOSTILE, os.fsdecode(b"odd\xff.png"))):
        (folder / name).write_bytes(png_bytes(solid_image(n)))
    (folder / os.fsdecode(b"=\xff.mp4")).write_bytes(b"nothing")
    write_video(folder / "clip.mp4", noisy_frames(12)).rename(
        folder / os.fsdecode(b"@odd\xfe\n.mp4")
    )
    assert run_batch(folder) == Tally(6, 1, 7, 0, 1)
    for name in ("files", "faces", "errors", "tracks", "readings"):
        for path in read_table(folder, name)["path"]:
            assert not path.startswith(("=", "-", "@"))
            assert not set(path) & set("\n\x1b\u202e"), path
    assert "'=cmd|' !A0.png" in read_table(folder, "files")["path"].tolist()
    [parquet] = (folder.parent / "out" / "results").glob("*.parquet")
    assert read("x", parquet.read_bytes())[0].title == "@odd\ufffd\ufffd.mp4"


def test_tables_written_in_parts_are_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_video(folder / "a.mp4", noisy_frames(12))
    for n in range(5):
        write_grey_picture(folder / f"{n}.png", n)
    (folder / "bad.png").touch()
    run_batch(folder)
    whole = contents(folder.parent / "out")
    monkeypatch.setattr("ferapp.system.csv_tables._ROWS", 2)
    monkeypatch.setattr("ferapp.sessions.formats.exchange._ROWS_AT_ONCE", 3)
    run_batch(folder)
    assert contents(folder.parent / "out") == whole


def test_a_full_disk_stops_the_batch_and_keeps_finished_results(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(4):
        write_grey_picture(folder / f"{n}.png", n)
    count = 0
    fsync = os.fsync

    def full(handle: int) -> None:
        nonlocal count
        count += 1
        if count > 4:  # two calls per result: the file and its folder
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(ferapp.system.files.os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        run_batch(folder)
    monkeypatch.undo()
    assert len(list((folder.parent / "out" / "results").iterdir())) == 2
    assert run_batch(folder).done_before == 2


def test_tables_that_can_t_be_written_leave_the_old_ones(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_grey_picture(folder / "a.png", 1)
    run_batch(folder)
    before = contents(folder.parent / "out")
    write_grey_picture(folder / "b.png", 2)
    batch = Batch(folder, Results(folder.parent / "out"), REQUEST)
    batch.analyse(inline_engine, FakeModels())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ferapp.system.files.os.fsync", full)
    with pytest.raises(StoreError, match=r"errors\.csv could not be written"):
        batch.write_tables()
    after = contents(folder.parent / "out")
    assert {name: after[name] for name in before} == before and len(after) == len(before) + 1


def test_two_batches_do_not_write_to_one_folder(tmp_path: Path) -> None:
    left = [tmp_path / ".0123456789abcdef.part", tmp_path / "results" / ".0123456789abcdef.part"]
    with Results(tmp_path).alone():
        with pytest.raises(StoreError, match="Another batch"), Results(tmp_path).alone():
            pass
    for path in left:
        path.touch()
    (tmp_path / ".mine.part").touch()
    with Results(tmp_path).alone():
        assert not any(path.exists() for path in left) and (tmp_path / ".mine.part").exists()

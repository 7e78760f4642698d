"""Many files: what is found, what is written, and what survives whom."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pandas
import pytest
from typer.testing import CliRunner

import ferapp.system.files
from ferapp.batch.engines import on_processes, on_ray
from ferapp.batch.folder import list_media
from ferapp.batch.items import FileResult, Item, Request
from ferapp.batch.results import Results
from ferapp.batch.run import Batch, Tally
from ferapp.batch.worker import analyse_file
from ferapp.cli.app import app
from ferapp.emotions import EXPRESSIONS
from ferapp.errors import MissingExtra, ModelError, StoreError, UserError
from ferapp.inference.manifest import manifest
from ferapp.media.images import jpeg_bytes, png_bytes, read_image
from ferapp.pipeline.analyzer import Analyzer
from ferapp.sessions.formats.exchange import read
from ferapp.sessions.store import LOCAL_OWNER, Store
from ferapp.settings import AnalysisSettings, ClipSettings, DetectionSettings, StreamSettings
from ferapp.types import Faces
from tests.support.batches import Scripted, contents, in_this_process, items
from tests.support.cli import ferapp as run_ferapp
from tests.support.fakes import FakeClassifier, FakeDetector
from tests.support.places import ROOT, SAMPLES
from tests.support.videos import cut, noisy, solid, written

DEFAULTS = manifest().defaults
REQUEST = Request(DEFAULTS.detector, DEFAULTS.classifier, ClipSettings())
ON_LINUX = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
TABLES = {"errors.csv", "faces.csv", "files.csv", "readings.csv", "tracks.csv"}


class FakeModels:
    """The real worker with models that find one face and see how dark it is."""

    def __init__(self, request: Request = REQUEST) -> None:
        box, score = np.array([[20, 10, 60, 50]], np.float32), np.array([0.9], np.float32)
        detector = FakeDetector(Faces(box, score))
        self.analyzer = Analyzer(detector, FakeClassifier(EXPRESSIONS))
        self.request = request
        self.given: list[str] = []

    def load(self) -> None:
        pass

    def analyse(self, item: Item) -> FileResult:
        self.given.append(item.path.name)
        return analyse_file(item, self.analyzer, self.request)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def grey(path: Path, value: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(png_bytes(solid(value)))
    return path


def run(folder: Path, worker: FakeModels | Scripted | None = None) -> Tally:
    """With the tables beside the folder."""
    batch = Batch(folder, Results(folder.parent / "out"), REQUEST)
    batch.analyse(in_this_process, worker or FakeModels())
    return batch.write_tables()


def table(folder: Path, name: str) -> pandas.DataFrame:
    path = folder.parent / "out" / f"{name}.csv"
    assert path.read_bytes().count(b"\xef\xbb\xbf") == 1
    return pandas.read_csv(path, encoding="utf-8-sig")


def test_what_a_folder_holds_in_the_order_of_paths(folder: Path) -> None:
    names = ["B.JPG", "a.jpg/x.PnG", "a.mp4", "a/b.jpeg", "a/b/c.WebM", "a-b.png"]
    others = ["a/notes.txt", ".hidden.jpg", "a/.git/x.jpg", "out/x.jpg", "jpg"]
    for name in names + others:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    files = list_media(folder, without=folder / "out")
    assert [file.name for file in files] == sorted(names)
    assert [file.kind for file in files if file.name.startswith("a/")] == ["picture", "video"]


def test_links_and_what_is_no_file(folder: Path) -> None:
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "sub" / "a.jpg").touch()
    (folder.parent / "outside").mkdir()
    (folder.parent / "outside" / "secret.jpg").touch()
    for name, target in {
        "file.jpg": "sub/a.jpg",
        "again": "sub",
        "once more": "sub",
        "sub/deep/up": "../..",
        "out.jpg": "../outside/secret.jpg",
        "out": "../outside",
        "gone.jpg": "nowhere.jpg",
        "gone": "nowhere",
        "loop.jpg": "loop.jpg",
        "null.jpg": "/dev/null",
        "notes.txt": "../outside/secret.jpg",
    }.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.mp4")
    files = {file.name: file for file in list_media(folder, without=folder / "results")}
    good = {name for name, file in files.items() if file.kind}
    assert good == {"sub/a.jpg", "file.jpg", "again/a.jpg"}
    reasons = {name: file.reason for name, file in files.items() if not file.kind}
    for name, told in {
        "once more": "another link",
        "sub/deep/up": "leads back",
        "again/deep/up": "leads back",
        "out.jpg": "out of the folder",
        "out": "out of the folder",
        "gone.jpg": "does not exist",
        "loop.jpg": "back to itself",
        "null.jpg": "out of the folder",
        "pipe.mp4": "pipe",
    }.items():
        assert told in reasons.pop(name)
    assert not reasons


def test_a_tree_that_is_deeper_than_calls_may_be(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=handle)
        below = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(os.open("x.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    files = list_media(folder, without=folder / "results")
    subprocess.run(["rm", "-r", folder / "d"], check=True)  # pytest could not
    assert files[0].name.count("/") == 1500 and files[0].kind == "picture"


def asking(request: Request = REQUEST, **changes: object) -> Request:
    return dataclasses.replace(request, **changes)


FRAMES = AnalysisSettings(DetectionSettings(0.6))


@pytest.mark.parametrize(
    ("other", "pictures_differ", "videos_differ"),
    [
        pytest.param(asking(threads=4), False, False, id="threads"),
        pytest.param(asking(settings=ClipSettings(per_second=2)), False, True, id="per second"),
        pytest.param(
            asking(settings=ClipSettings(StreamSettings(FRAMES))), True, True, id="confidence"
        ),
        pytest.param(asking(classifier="seresnet-48"), True, True, id="classifier"),
        pytest.param(asking(detector="haar"), True, True, id="detector"),
    ],
)
def test_a_key_is_of_all_that_changes_a_result(
    other: Request, pictures_differ: bool, videos_differ: bool
) -> None:
    assert (other.key("picture", "a") != REQUEST.key("picture", "a")) == pictures_differ
    assert (other.key("video", "a") != REQUEST.key("video", "a")) == videos_differ
    assert REQUEST.key("video", "a") != REQUEST.key("picture", "a") != REQUEST.key("picture", "b")


def test_no_file_gives_tables_with_headings_alone(folder: Path) -> None:
    assert run(folder) == Tally(0, 0, 0, 0, 0)
    assert TABLES < {path.name for path in (folder.parent / "out").iterdir()}
    assert list(table(folder, "errors").columns) == ["path", "error"]
    assert all(table(folder, name[:-4]).empty for name in TABLES)


def test_every_face_and_file_has_its_row(folder: Path) -> None:
    grey(folder / "b" / "dark.png", 5)
    grey(folder / "a.png", 250)
    assert run(folder) == Tally(2, 0, 2, 0, 0)
    files, faces = table(folder, "files"), table(folder, "faces")
    assert files["path"].tolist() == faces["path"].tolist() == ["a.png", "b/dark.png"]
    assert (
        files[["kind", "width", "height", "faces"]].values.tolist() == [["picture", 96, 64, 1]] * 2
    )
    assert faces["expression"].tolist() == [EXPRESSIONS[-1], EXPRESSIONS[0]]
    found = FakeModels().analyzer.analyze(read_image(folder / "a.png"))
    assert list(faces.columns) == ["path", *found.to_frame().columns]
    pandas.testing.assert_frame_equal(
        faces.iloc[:1, 1:], found.to_frame(), check_dtype=False, atol=1e-4
    )
    for sha256, path in zip(files["sha256"], ("a.png", "b/dark.png"), strict=True):
        key = REQUEST.key("picture", sha256)
        record = json.loads((folder.parent / "out" / "results" / f"{key}.json").read_bytes())
        expected = FakeModels().analyzer.analyze(read_image(folder / path)).to_record()
        assert record == expected


def test_a_video_has_tracks_and_readings_that_can_be_imported(folder: Path) -> None:
    written(folder / "clip.mp4", noisy(20))
    grey(folder / "z.png", 100)
    assert run(folder) == Tally(1, 1, 2, 0, 0)
    files, tracks, readings = (table(folder, n) for n in ("files", "tracks", "readings"))
    row = files.iloc[0]
    assert row[["path", "kind", "frames", "faces"]].tolist() == ["clip.mp4", "video", 20, 1]
    assert row["duration_s"] == pytest.approx(2, abs=0.1) and bool(row["is_whole"])
    assert b"video," in (folder.parent / "out" / "files.csv").read_bytes()
    assert b",20,2.0,True," in (folder.parent / "out" / "files.csv").read_bytes()
    seconds = tracks[[f"{name}_s" for name in (*EXPRESSIONS, "unsure")]].sum(axis=1)
    assert 0 < seconds[0] <= 2 and tracks["readings"][0] == len(readings)
    assert set(readings["path"]) == {"clip.mp4"} and (readings["face"] == 1).all()
    key = REQUEST.key("video", row["sha256"])
    data = (folder.parent / "out" / "results" / f"{key}.parquet").read_bytes()
    recording, kept = read("x.parquet", data)
    assert recording.title == "clip.mp4" and recording.started.timestamp() == 0
    assert np.array_equal(kept.at_s, readings["time_s"])
    record = json.loads((folder.parent / "out" / "results" / f"{key}.json").read_bytes())
    assert set(record) == {"frames", "duration_s", "is_whole", "damage", "video", "tracks"}


def test_a_video_without_a_face_and_one_that_is_cut_short(folder: Path) -> None:
    written(folder / "a.mp4", [solid(0)] * 5)
    front = {"movflags": "+faststart"}
    cut(written(folder / "b.mp4", noisy(60), options=front), 0.6)
    nobody = FakeModels()
    nobody.analyzer = Analyzer(FakeDetector(Faces.empty()), FakeClassifier(EXPRESSIONS))
    assert run(folder, nobody) == Tally(0, 2, 0, 0, 0)
    files = table(folder, "files")
    assert isinstance(files["damage"][1], str) and pandas.isna(files["damage"][0])
    assert not list((folder.parent / "out").rglob("*.parquet"))


def test_one_bad_among_many_is_a_row(folder: Path) -> None:
    for n in range(9):
        grey(folder / f"{n}.png", n)
    (folder / "4.png").write_bytes(b"GIF89a")
    (folder / "empty.mp4").touch()
    os.mkfifo(folder / "pipe.jpg")
    assert run(folder) == Tally(8, 0, 8, 0, 3)
    errors = table(folder, "errors")
    assert errors["path"].tolist() == ["4.png", "empty.mp4", "pipe.jpg"]
    assert all(text.endswith(".") for text in errors["error"]) and "GIF" in errors["error"][0]
    assert len(table(folder, "files")) == 8


def test_what_nobody_thought_of_is_a_row(folder: Path) -> None:
    grey(folder / "a.png", 1)
    broken = FakeModels()
    broken.analyzer = None  # type: ignore[assignment]
    assert run(folder, broken) == Tally(0, 0, 0, 0, 1)
    assert "AttributeError" in table(folder, "errors")["error"][0]


def test_the_same_bytes_are_analysed_once_and_have_two_rows(folder: Path) -> None:
    for name in ("a.png", "b/a.png", "c.jpg", "d.mp4"):
        grey(folder / name, 7)
    worker = FakeModels()
    assert run(folder, worker) == Tally(3, 0, 3, 0, 1)
    assert worker.given == ["a.png", "d.mp4"], "as a video they are something else"
    assert table(folder, "faces")["path"].tolist() == ["a.png", "b/a.png", "c.jpg"]


def test_a_second_run_does_only_what_is_new_or_was_bad(folder: Path) -> None:
    for n in range(4):
        grey(folder / f"{n}.png", n)
    (folder / "bad.png").write_bytes(b"GIF89a")
    worker = FakeModels()
    run(folder, worker)
    before = contents(folder.parent / "out")
    assert run(folder, worker) == Tally(4, 0, 4, 4, 1)
    assert worker.given == ["0.png", "1.png", "2.png", "3.png", "bad.png", "bad.png"]
    assert contents(folder.parent / "out") == before
    grey(folder / "bad.png", 9)
    (folder / "0.png").rename(folder / "9.png")
    assert run(folder, worker) == Tally(5, 0, 5, 4, 0)
    assert worker.given[6:] == ["bad.png"], "what is renamed is known"
    assert table(folder, "files")["path"].tolist() == [
        "1.png",
        "2.png",
        "3.png",
        "9.png",
        "bad.png",
    ]


def test_a_file_that_changes_meanwhile_is_told(folder: Path) -> None:
    path = grey(folder / "a.png", 1)

    class Slow(FakeModels):
        def analyse(self, item: Item) -> FileResult:
            grey(path, 2)
            os.utime(path, ns=(0, 0))
            return super().analyse(item)

    assert run(folder, Slow()).failed == 1
    assert "changed" in table(folder, "errors")["error"][0]
    assert run(folder) == Tally(1, 0, 1, 0, 0)


def test_a_file_that_goes_meanwhile_is_told(folder: Path) -> None:
    grey(folder / "a.png", 1)
    batch = Batch(folder, Results(folder.parent / "out"), REQUEST)
    (folder / "a.png").unlink()
    batch.analyse(in_this_process, FakeModels())
    assert batch.write_tables() == Tally(0, 0, 0, 0, 1)


@pytest.mark.parametrize(
    "damage", [b"{", b"[]", b"{}", b"\xff"], ids=["half", "list", "empty", "no text"]
)
def test_a_damaged_result_is_told(folder: Path, damage: bytes) -> None:
    grey(folder / "a.png", 1)
    grey(folder / "b.png", 2)
    run(folder)
    key = REQUEST.key("picture", table(folder, "files")["sha256"][0])
    path = folder.parent / "out" / "results" / f"{key}.json"
    path.write_bytes(damage)
    assert run(folder) == Tally(1, 0, 1, 2, 1)
    assert f"delete results/{key}.json" in table(folder, "errors")["error"][0]
    path.unlink()
    assert run(folder).failed == 0


HOSTILE = ("=cmd|' !A0.png", "line1\nline2.png", "\x1b[31mred.png", "photo\u202egnp.png", "-1.png")


def test_names_are_text_in_every_table(folder: Path) -> None:
    for n, name in enumerate((*HOSTILE, os.fsdecode(b"odd\xff.png"))):
        (folder / name).write_bytes(png_bytes(solid(n)))
    (folder / os.fsdecode(b"=\xff.mp4")).write_bytes(b"nothing")
    written(folder / "clip.mp4", noisy(12)).rename(folder / os.fsdecode(b"@odd\xfe\n.mp4"))
    assert run(folder) == Tally(6, 1, 7, 0, 1)
    for name in ("files", "faces", "errors", "tracks", "readings"):
        for path in table(folder, name)["path"]:
            assert not path.startswith(("=", "-", "@"))
            assert not set(path) & set("\n\x1b\u202e"), path
    assert "'=cmd|' !A0.png" in table(folder, "files")["path"].tolist()
    [parquet] = (folder.parent / "out" / "results").glob("*.parquet")
    assert read("x", parquet.read_bytes())[0].title == "@odd\ufffd\ufffd.mp4"


def test_tables_that_are_written_in_parts_are_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(folder / "a.mp4", noisy(12))
    for n in range(5):
        grey(folder / f"{n}.png", n)
    (folder / "bad.png").touch()
    run(folder)
    whole = contents(folder.parent / "out")
    monkeypatch.setattr("ferapp.system.csv_tables._ROWS", 2)
    monkeypatch.setattr("ferapp.batch.tables._ROWS_AT_ONCE", 3)
    run(folder)
    assert contents(folder.parent / "out") == whole


def test_a_full_disk_stops_with_a_sentence_and_keeps_what_is_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(4):
        grey(folder / f"{n}.png", n)
    count = 0
    fsync = os.fsync

    def full(handle: int) -> None:
        nonlocal count
        count += 1
        if count > 4:  # a file and its folder each
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(ferapp.system.files.os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        run(folder)
    monkeypatch.undo()
    assert len(list((folder.parent / "out" / "results").iterdir())) == 2
    assert run(folder).done_before == 2


def test_a_table_that_can_not_be_written_leaves_the_old_ones(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grey(folder / "a.png", 1)
    run(folder)
    before = contents(folder.parent / "out")
    grey(folder / "b.png", 2)
    batch = Batch(folder, Results(folder.parent / "out"), REQUEST)
    batch.analyse(in_this_process, FakeModels())

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


def outcomes(worker: Scripted, names: list[str], workers: int = 2) -> dict[str, FileResult]:
    engine = on_processes(worker, items(worker.notes, *names), workers=workers)
    return {outcome.key: outcome for outcome in engine}


def test_a_worker_that_dies_is_replaced_and_its_file_done_again(tmp_path: Path) -> None:
    names = [f"{n}.jpg" for n in range(6)] + ["dies-once.jpg", "bad.jpg", "dies.jpg", "9.jpg"]
    worker = Scripted(tmp_path)
    told = outcomes(worker, names)
    assert set(told) == set(names)
    assert {key for key, outcome in told.items() if outcome.error} == {"bad.jpg", "dies.jpg"}
    assert "crashed" in told["dies.jpg"].error
    assert worker.given.count("dies-once.jpg") == worker.given.count("dies.jpg") == 2
    assert worker.given.count("0.jpg") == 1 and not active_children()


def test_workers_without_models_stop_the_batch(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="weights are gone"):
        outcomes(Scripted(tmp_path, is_loadable=False), ["a.jpg"], 1)
    assert not active_children()


def test_an_engine_takes_little_ahead_and_can_be_closed(tmp_path: Path) -> None:
    taken = 0

    def counted() -> Iterator[Item]:
        nonlocal taken
        for item in items(tmp_path, *(f"{n}.jpg" for n in range(50))):
            taken += 1
            yield item

    engine = on_processes(Scripted(tmp_path), counted(), workers=1)
    assert next(engine).record and taken <= 3
    engine.close()
    assert taken <= 3 and not active_children()


def test_nothing_to_do_starts_nothing(tmp_path: Path) -> None:
    assert outcomes(Scripted(tmp_path), []) == {}
    assert list(on_ray(Scripted(tmp_path), [], workers=1, threads=1)) == []


def test_without_ray_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in list(os.environ):
        monkeypatch.setenv(name, os.environ[name])
    with pytest.raises(MissingExtra, match=r"\.\[batch\]"):
        list(on_ray(Scripted(tmp_path), items(tmp_path, "a.jpg"), workers=1, threads=1))


@pytest.fixture(scope="module")
def pictures_and_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About two seconds of work."""
    folder = tmp_path_factory.mktemp("many")
    photos = [read_image(path) for path in sorted(SAMPLES.glob("*.jpg"))]
    for n in range(16):
        crop = np.ascontiguousarray(photos[n % len(photos)][n:, n:])
        (folder / f"{n:02}.jpg").write_bytes(jpeg_bytes(crop))
    (folder / "bad.jpg").write_bytes(b"nothing")
    astronaut = read_image(SAMPLES / "astronaut.jpg")
    for name in ("10 clip.mp4", "a/clip.mkv"):
        (folder / name).parent.mkdir(exist_ok=True)
        views = [np.ascontiguousarray(astronaut[:480, x : x + 480]) for x in range(20)]
        written(folder / name, views, rate=15)
    return folder


@pytest.fixture(scope="module")
def undisturbed(
    pictures_and_clips: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed")
    run = run_ferapp("batch", pictures_and_clips, "--out", out, "--json", "--workers", 2)
    assert run.returncode == 1 and "1 of 19 files" in run.stderr
    told = json.loads(run.stdout)
    assert told.pop("faces") >= 18 and told == {
        "pictures": 16,
        "videos": 2,
        "done_before": 0,
        "failed": 1,
        "out": str(out),
    }
    return contents(out)


def started(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ferapp", "batch", *map(str, args), "--workers", "2"],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def workers_of(pid: int) -> list[int]:
    """The worker processes that a process started, from whichever thread."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            with contextlib.suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def eventually(is_so: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def results(out: Path) -> int:
    return len(list((out / "results").glob("*.json")))


@ON_LINUX
@pytest.mark.parametrize("whom", ["batch", "session"])
def test_a_batch_that_is_killed_goes_on_where_it_was(
    pictures_and_clips: Path, undisturbed: dict[str, bytes], tmp_path: Path, whom: str
) -> None:
    process = started(pictures_and_clips, "--out", tmp_path)
    eventually(lambda: results(tmp_path) >= 4)
    workers = workers_of(process.pid)
    (os.kill if whom == "batch" else os.killpg)(process.pid, signal.SIGKILL)
    process.communicate()
    done = results(tmp_path)
    assert 4 <= done < 18 and len(workers) == 2
    eventually(lambda: not any(map(is_running, workers)))
    assert not (tmp_path / "files.csv").exists()
    run = run_ferapp("batch", pictures_and_clips, "--out", tmp_path, "--json")
    assert json.loads(run.stdout)["done_before"] == done
    assert contents(tmp_path) == undisturbed


@ON_LINUX
def test_a_worker_that_is_killed_from_outside_costs_nothing(
    pictures_and_clips: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    process = started(pictures_and_clips, "--out", tmp_path, "--json")
    eventually(lambda: results(tmp_path) >= 4)
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    assert json.loads(out)["failed"] == 1, "the bad one"
    assert contents(tmp_path) == undisturbed


@ON_LINUX
def test_an_interruption_ends_quickly_and_keeps_what_is_done(
    pictures_and_clips: Path, tmp_path: Path
) -> None:
    process = started(pictures_and_clips, "--out", tmp_path)
    eventually(lambda: results(tmp_path) >= 3)
    workers = workers_of(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    begin = time.monotonic()
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and time.monotonic() - begin < 5
    assert "Finished results are kept" in err and "Traceback" not in err and not out
    assert results(tmp_path) >= 3 and not any(map(is_running, workers))


def test_again_there_is_nothing_to_do(
    pictures_and_clips: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    for name, data in undisturbed.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    told = CliRunner().invoke(app, ["batch", str(pictures_and_clips), "--out", str(tmp_path)])
    assert told.exit_code == 1 and "16 pictures and 2 videos" in told.stdout
    assert "18 were done before" in told.stdout
    assert contents(tmp_path) == undisturbed


def test_readings_become_sessions(
    undisturbed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{tmp_path}/sessions.db")
    for name, data in undisturbed.items():
        if name.endswith(".parquet"):
            (tmp_path / "a.parquet").write_bytes(data)
            told = CliRunner().invoke(app, ["sessions", "import", str(tmp_path / "a.parquet")])
            assert told.exit_code == 0, told.output
    with Store.open() as store:
        sessions = store.overviews(LOCAL_OWNER)
    assert {session.recording.title for session in sessions} == {"10 clip.mp4", "clip.mkv"}
    assert {session.recording.source for session in sessions} == {"video"}


def test_an_empty_folder_says_so(folder: Path) -> None:
    run = run_ferapp("batch", folder, "--out", folder / "out")
    assert run.returncode == 0 and "no pictures or videos" in run.stderr and not run.stdout


@pytest.mark.parametrize(
    ("args", "status", "told"),
    [
        pytest.param(("nowhere", "--out", "{}/out"), 2, "does not exist", id="folder"),
        pytest.param(("README.md", "--out", "{}/out"), 2, "is a file", id="a file"),
        pytest.param(("docs",), 2, "--out", id="usage"),
        pytest.param(("docs", "--out", "docs"), 2, "a folder other than", id="the same"),
        pytest.param(("docs", "--out", "{}", "--engine", "gpu"), 2, "local or ray", id="engine"),
        pytest.param(("docs", "--out", "{}", "--padding", "9"), 2, "padding lies", id="padding"),
        pytest.param(("docs", "--out", "README.md"), 1, "can't be made", id="out is a file"),
        pytest.param(("docs", "--out", "/proc/x"), 1, "can't be made", id="out can't be written"),
        pytest.param(("docs", "--out", "{}", "--detector", "x"), 1, "no detector", id="detector"),
        pytest.param(("docs", "--out", "{}", "--detector", "yunet"), 1, "fetch yunet", id="here"),
    ],
)
def test_what_is_wrong_is_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    status: int,
    told: str,
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("FERAPP_CACHE_DIR", str(tmp_path / "cache"))
    given = [arg.format(tmp_path) for arg in args]
    run = CliRunner().invoke(app, ["batch", *given], env={"COLUMNS": "200"})
    assert run.exit_code == status and not run.stdout
    # The entry point prints what a user can mend.
    assert told in run.stderr if status == 2 else isinstance(run.exception, UserError)
    assert status == 2 or told in str(run.exception)


def test_engines_load_nothing_before_they_are_asked() -> None:
    code = "import sys, ferapp.batch.engines; print({'ray', 'onnxruntime'} & {*sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.stdout.strip() == "set()"

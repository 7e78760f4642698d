"""docs/formats.md: its columns are those that are written, and its examples run."""

import csv
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
from pyarrow import parquet

from ferapp.batch.annotated import AnnotatedFolder
from ferapp.emotions import EXPRESSIONS
from ferapp.pipeline.analyzer import Analyzer
from ferapp.sessions.formats.exchange import csv_parts, read, to_csv, to_json, to_parquet
from ferapp.sessions.formats.spells import to_spells_csv
from ferapp.sessions.session import Marker
from ferapp.settings import AnalysisSettings
from ferapp.types import Faces
from ferapp.ui.pictures.results import _table
from tests.support.batch_runs import run_batch, write_grey_picture
from tests.support.fakes import FakeClassifier, FakeDetector, FakeShapeReader
from tests.support.places import ROOT
from tests.support.programs import run_pspp, run_r
from tests.support.sessions import gappy_readings, some_recording, with_baseline
from tests.support.videos import numbered_frames, solid_image, write_video

PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
SECTIONS = {
    title.strip(): text
    for title, text in re.findall(r"^#+ (.+?)\n(.*?)(?=^#+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
RECORDING = some_recording(names={1: "Zoë", 2: "NA"}, markers=(Marker(1.0, "start"),))
READINGS = with_baseline(gappy_readings(), from_s=1.0)
# How the page writes the columns of expressions, and what they are called.
FOR_EXPRESSIONS = {
    "`p_…`": [f"p_{label}" for label in EXPRESSIONS],
    "`s_…`": [f"s_{label}" for label in EXPRESSIONS],
    "one per expression": list(EXPRESSIONS),
    "`landmark_0_x`, `landmark_0_y` to `landmark_67_x`, `landmark_67_y`": [
        f"landmark_{i}_{axis}" for i in range(68) for axis in "xy"
    ],
    "one per expression with `_s`": [f"{label}_s" for label in EXPRESSIONS],
}


def documented(section: str, table: int = 0) -> list[str]:
    """The names in the first column of a table of a section."""
    tables = re.findall(r"(?:^\|.*\n)+", SECTIONS[section], re.MULTILINE)
    names: list[str] = []
    for row in tables[table].splitlines()[2:]:
        cell = row.split("|")[1].strip()
        names += FOR_EXPRESSIONS.get(cell) or re.findall(r"`([^`]+)`", cell)
    return names


def heading(data: bytes) -> list[str]:
    return next(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def test_columns_of_sessions_are_those_of_the_page() -> None:
    names = documented("Session table")
    assert heading(to_csv(RECORDING, READINGS)) == names
    assert parquet.read_schema(io.BytesIO(to_parquet(RECORDING, READINGS))).names == names
    assert list(json.loads(to_json(RECORDING, READINGS))["readings"]) == names


def test_columns_of_spells_are_those_of_the_page() -> None:
    assert heading(to_spells_csv(RECORDING, READINGS)) == documented("Spells")


def test_keys_of_sessions_are_those_of_the_page() -> None:
    whole = json.loads(to_json(RECORDING, READINGS))
    assert list(whole) == documented("Session JSON")
    assert sorted(whole["recording"]) == sorted(documented("Session JSON", 1))
    schema = parquet.read_schema(io.BytesIO(to_parquet(RECORDING, READINGS)))
    described = json.loads(schema.metadata[b"ferapp"])
    assert described == {name: whole[name] for name in ("ferapp", "recording")}
    assert set(whole["recording"]["markers"][0]) == {"at_s", "name", "end_s"}
    assert set(whole["recording"]["baseline"][0]) == {"face", "from_s", "until_s"}


def test_values_that_the_page_calls_never_missing_are_never_missing() -> None:
    frame = pandas.read_csv(io.BytesIO(to_csv(RECORDING, READINGS)))
    rows = re.findall(r"^\| (`.+?`) \|.*\| never \|$", SECTIONS["Session table"], re.MULTILINE)
    never = {name.strip("`") for name in rows}
    assert {"time_s", "face", "score", "is_corrected"} <= never
    assert {name for name in frame if not frame[name].isna().any()} <= never | {
        "name",
        "duration_s",
    }
    assert not frame[sorted(never)].isna().any().any()


def test_columns_of_videos_are_those_of_the_page() -> None:
    times_s = np.append(np.unique(READINGS.at_s), 99.0)
    found = heading(b"".join(csv_parts(RECORDING, READINGS, times_s)))
    assert found == documented("Session table") + documented("Video table")


@pytest.mark.parametrize("is_full", [False, True], ids=["plain", "everything"])
def test_columns_of_analyze_are_those_of_the_page(tmp_path: Path, is_full: bool) -> None:
    names = documented("Table of analyze")
    detector = FakeDetector(Faces(np.array([[20, 10, 60, 50]], np.float32), np.float32([0.9])))
    analyzer = Analyzer(detector, FakeClassifier(EXPRESSIONS), shape_reader=FakeShapeReader())
    classes = EXPRESSIONS[:-1] if is_full else ()
    settings = AnalysisSettings(classes=classes, with_landmarks=is_full)
    analysis = analyzer.analyze(solid_image(99), settings)
    folder = AnnotatedFolder(tmp_path)
    folder.add("a.jpg", "0" * 64, solid_image(99), analysis)
    folder.close()
    found = heading((tmp_path / "faces.csv").read_bytes())
    # The smile cascade needs real faces; a column for it is added as that of the classes is.
    with_landmarks = set(documented("With landmarks"))
    names += with_landmarks if is_full else ()
    left_out = {"is_smiling"} | ({EXPRESSIONS[-1]} if is_full else {"share_kept"})
    assert sorted(found) == sorted(set(names) - left_out)
    assert "is_smiling" in names
    of_page = list(
        _table([SimpleNamespace(analysis=analysis, picture=SimpleNamespace(name="a.jpg"))])
    )
    of_folder = {"path", "annotated", "sha256", "file_id", "settings"}
    assert set(of_page) == set(found) - of_folder | {"picture", "file"}


def test_tables_of_batches_are_those_of_the_page(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_grey_picture(folder / "a.png", 99)
    write_video(folder / "b.mp4", numbered_frames(3))
    (folder / "c.txt").write_text("c")
    (folder / "d.png").write_bytes(b"d")
    run_batch(folder)
    written = {path.name: heading(path.read_bytes()) for path in (tmp_path / "out").glob("*.csv")}
    session = documented("Session table")
    assert {name for name in SECTIONS if name.endswith(".csv")} == set(written)
    for name, found in written.items():
        more = session if name == "readings.csv" else []
        assert found == documented(name) + more, name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a session as the page's examples expect it."""
    (tmp_path / "session.csv").write_bytes(to_csv(RECORDING, READINGS))
    (tmp_path / "session.parquet").write_bytes(to_parquet(RECORDING, READINGS))
    return tmp_path


def example(section: str) -> str:
    found = re.search(r"```\w+\n(.*?)```", SECTIONS[section], re.DOTALL)
    assert found is not None
    return found[1]


def assert_comes_back(path: Path) -> None:
    recording, readings = read(path.name, path.read_bytes())
    assert recording.names == RECORDING.names and recording.labels == EXPRESSIONS
    np.testing.assert_allclose(readings.at_s, READINGS.at_s, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(readings.probabilities, READINGS.probabilities)
    np.testing.assert_array_equal(readings.is_corrected, READINGS.is_corrected)
    assert readings.expression.tolist() == READINGS.expression.tolist()
    assert readings.flaw.tolist() == READINGS.flaw.tolist()


def mean_happiness() -> dict[int, float]:
    place = EXPRESSIONS.index("happiness")
    return {f: float(np.nanmean(READINGS.of(f).probabilities[:, place])) for f in (1, 2)}


def assert_says(printed: str) -> None:
    """The example prints the mean of each face, and counts unsure readings too."""
    for face, mean in mean_happiness().items():
        assert any(
            abs(float(number) - mean) < 1e-5
            for number in re.findall(rf"\b{face}\D+?(0\.\d+)", printed)
        ), printed
    assert "unsure" in printed


def test_the_example_for_r_runs(folder: Path) -> None:
    printed = run_r("options(digits = 6)\n" + example("In R"), folder)
    assert_says(printed)
    assert_comes_back(folder / "from-r.csv")


@pytest.mark.parametrize("program", ["pandas", "polars"])
def test_the_examples_for_python_run(
    folder: Path,
    program: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip(program, reason=f"{program} is not installed")
    monkeypatch.chdir(folder)
    exec(example(f"In {program}"), {})
    assert_says(capsys.readouterr().out)
    assert_comes_back(folder / f"from-{program}.csv")
    if program == "pandas":
        frame = pandas.read_parquet("session.parquet")
        assert frame["face"].dtype == np.int64 and len(frame) == len(READINGS)


def test_the_example_for_spss_runs(folder: Path) -> None:
    printed = run_pspp(example("In SPSS"), folder)
    for face, mean in mean_happiness().items():
        assert re.search(rf"{face}\D+0?\.{round(mean * 100):02d}", printed), printed
    assert_comes_back(folder / "from-spss.csv")


def test_the_page_says_which_example_is_not_run() -> None:
    programs = {title.removeprefix("In ") for title in SECTIONS if title.startswith("In ")}
    assert programs == {"R", "pandas", "polars", "SPSS", "MATLAB"}
    assert "not run by our tests" in SECTIONS["In MATLAB"]
    for name in programs:
        assert len(example(f"In {name}").splitlines()) <= 16

"""Sessions that go out, through a program that people analyse them with, and in again.

R's package arrow is not in Debian, so its Parquet is tried only where somebody has installed it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas
import pytest
from typer.testing import CliRunner

from ferapp.cli.app import app
from ferapp.sessions.session import Readings
from ferapp.sessions.store import LOCAL_OWNER, Store
from tests.support.programs import run_pspp, run_r
from tests.support.sessions import gappy_readings, some_readings, some_recording

# pandas, R, SPSS and others read the second and third as missing unless they are guarded.
# No double quotes: R's fread keeps them doubled, and write.table puts backslashes before them.
NAMES = {1: "Zoë O'Neil, 李 👩‍🔬", 2: "NA", 3: "None"}
SESSIONS = {
    # R, pandas and polars guess other types for columns with and without empty cells.
    "gappy": (gappy_readings(), {face: NAMES[face] for face in (1, 2)}),
    "whole": (some_readings(30, faces=3), NAMES),
    "nameless": (some_readings(30), {}),
    "short": (some_readings(1), {1: "NA"}),
}
PRECISE = 1e-12
"""R writes 15 digits of a time."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{tmp_path}/sessions.db")
    with Store.open() as opened:
        yield opened


def ferapp(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["sessions", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def export(store: Store, folder: Path, form: str) -> None:
    for id, (readings, names) in SESSIONS.items():
        store.enter(some_recording(id=id, title=id, names=names), readings, LOCAL_OWNER)
    ferapp("export", "all", "--out", folder, "--format", form)


def assert_back(store: Store, folder: Path, form: str) -> None:
    """What the programs have written as ``back-ID`` is what went out."""
    for id, (wanted, names) in SESSIONS.items():
        new = ferapp("import", folder / f"back-{id}.{form}").strip()
        found = store.readings(new, LOCAL_OWNER)
        recording = next(o.recording for o in store.overviews(LOCAL_OWNER) if o.recording.id == new)
        assert recording.names == names and recording.labels == some_recording().labels
        for name, values in vars(wanted).items():
            # R writes fifteen digits.
            if name in ("at_s", "duration_s"):
                np.testing.assert_allclose(vars(found)[name], values, rtol=0, atol=PRECISE)
            else:
                np.testing.assert_array_equal(vars(found)[name], values, err_msg=f"{id}.{name}")


R = {
    "write.csv": ((), 'write.csv(read.csv(f, encoding="UTF-8"), back)'),
    "write.csv with na.strings": (
        (),
        'write.csv(read.csv(f, na.strings=c("", "NA")), back, row.names=FALSE)',
    ),
    "write.csv2": ((), "write.csv2(read.csv(f), back)"),
    "write.table, commas": ((), 'write.table(read.csv(f), back, sep=",")'),
    "write.table, tabs": ((), 'write.table(read.csv(f), back, sep="\\t", row.names=FALSE)'),
    "readr": (("readr",), "write_csv(read_csv(f, show_col_types=FALSE), back)"),
    "readr 2": (("readr",), "write_csv2(read_csv(f, show_col_types=FALSE), back)"),
    "readr for Excel": (("readr",), "write_excel_csv(read_csv(f, show_col_types=FALSE), back)"),
    "fwrite": (("data.table",), 'fwrite(fread(f, encoding="UTF-8"), back)'),
    "fwrite 2": (("data.table",), 'fwrite(fread(f), back, sep=";", dec=",", na="NA")'),
    "haven": (
        ("readr", "haven"),
        'write_sav(read_csv(f, show_col_types=FALSE), "x.sav"); write.csv(read_sav("x.sav"), back)',
    ),
    "haven, Stata": (
        ("readr", "haven"),
        'd <- read_csv(f, show_col_types=FALSE); write_dta(d, "x.dta"); '
        'write_csv(read_dta("x.dta"), back)',
    ),
}


@pytest.mark.parametrize("program", R)
def test_readings_survive_r(store: Store, tmp_path: Path, program: str) -> None:
    packages, command = R[program]
    export(store, tmp_path, "csv")
    run_r(
        'for (f in list.files(pattern="^[^b].*[.]csv$")) '
        f'{{ back <- paste0("back-", f); {command} }}',
        tmp_path,
        *packages,
    )
    assert_back(store, tmp_path, "csv")


def test_readings_survive_r_in_a_locale_without_letters(store: Store, tmp_path: Path) -> None:
    """There R makes three points of the byte order mark, and keeps bytes that are not ASCII."""
    export(store, tmp_path, "csv")
    run_r(
        'for (f in list.files(pattern="^[^b].*[.]csv$")) '
        'write.csv(read.csv(f), paste0("back-", f))',
        tmp_path,
        locale="C",
    )
    assert '"X...time_s"' in (tmp_path / "back-short.csv").read_text("utf-8")
    assert_back(store, tmp_path, "csv")


def test_a_session_as_json_survives_r(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path, "json")
    run_r(
        'for (f in c("gappy.json", "whole.json", "nameless.json")) '
        'write(toJSON(fromJSON(f), auto_unbox=TRUE, digits=NA), paste0("back-", f))\n'
        # A list of one is a number there, unless one asks for more.
        'file.copy("short.json", "back-short.json")',
        tmp_path,
        "jsonlite",
    )
    assert_back(store, tmp_path, "json")


def test_readings_as_parquet_survive_r(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path, "parquet")
    run_r(
        'for (f in list.files(pattern="^[^b].*[.]parquet$")) '
        'write_parquet(as.data.frame(read_parquet(f)), paste0("back-", f))',
        tmp_path,
        "arrow",
    )
    assert_back(store, tmp_path, "parquet")


def in_pandas(options: dict[str, object]) -> Callable[[Path, Path], None]:
    return lambda f, back: pandas.read_csv(f).to_csv(back, **options)


def in_pandas_parquet(**options: object) -> Callable[[Path, Path], None]:
    def convert(f: Path, back: Path) -> None:
        pandas.read_parquet(f, **options).to_parquet(back)

    return convert


def in_polars(f: Path, back: Path) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    if f.suffix == ".csv":
        polars.read_csv(f).write_csv(back)
    else:
        polars.read_parquet(f).write_parquet(back)


def in_polars_with_word(f: Path, back: Path) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    polars.read_csv(f, infer_schema_length=None).write_csv(back, null_value="null", separator=";")


def in_duckdb(f: Path, back: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    kind = "(header)" if f.suffix == ".csv" else "(format parquet)"
    duckdb.sql(f"copy (from '{f}') to '{back}' {kind}")


PYTHON: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "pandas": ("csv", in_pandas({"index": False})),
    "pandas, index": ("csv", in_pandas({})),
    "pandas, NA": ("csv", in_pandas({"na_rep": "NA", "quoting": 2})),
    "pandas, NaN": ("csv", in_pandas({"na_rep": "NaN", "sep": ";", "decimal": ","})),
    "pandas, UTF-16": ("csv", in_pandas({"encoding": "utf-16", "sep": "\t", "index": False})),
    "pandas, Parquet": ("parquet", in_pandas_parquet()),
    "pandas, nullable": ("parquet", in_pandas_parquet(dtype_backend="numpy_nullable")),
    "pandas, pyarrow": ("parquet", in_pandas_parquet(dtype_backend="pyarrow")),
    "polars": ("csv", in_polars),
    "polars, null": ("csv", in_polars_with_word),
    "polars, Parquet": ("parquet", in_polars),
    "duckdb": ("csv", in_duckdb),
    "duckdb, Parquet": ("parquet", in_duckdb),
}


@pytest.mark.parametrize("program", PYTHON)
def test_readings_survive_python(store: Store, tmp_path: Path, program: str) -> None:
    form, convert = PYTHON[program]
    export(store, tmp_path, form)
    for id in SESSIONS:
        convert(tmp_path / f"{id}.{form}", tmp_path / f"back-{id}.{form}")
    assert_back(store, tmp_path, form)


def sav(folder: Path, id: str) -> Path:
    """A session as a file of SPSS."""
    pyreadstat = pytest.importorskip("pyreadstat", reason="pyreadstat is not installed")
    path = folder / f"{id}.sav"
    pyreadstat.write_sav(pandas.read_csv(folder / f"{id}.csv"), path)
    return path


def test_readings_survive_a_file_of_spss(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path, "csv")
    for id in SESSIONS:
        path = sav(tmp_path, id)
        frame, _ = pytest.importorskip("pyreadstat").read_sav(path)
        frame.to_csv(tmp_path / f"back-{id}.csv")
    assert_back(store, tmp_path, "csv")


def test_readings_survive_spss(store: Store, tmp_path: Path) -> None:
    """As the program itself saves them: a missing number is a blank."""
    export(store, tmp_path, "csv")
    for id in SESSIONS:
        sav(tmp_path, id)
        run_pspp(
            f"GET FILE='{id}.sav'.\n"
            f"SAVE TRANSLATE /OUTFILE='back-{id}.csv' /TYPE=CSV /FIELDNAMES /REPLACE.",
            tmp_path,
        )
    assert ", ," in (tmp_path / "back-gappy.csv").read_text("utf-8")
    assert_back(store, tmp_path, "csv")


def test_a_file_of_spss_itself_is_named(store: Store, tmp_path: Path) -> None:
    export(store, tmp_path, "csv")
    result = CliRunner().invoke(app, ["sessions", "import", str(sav(tmp_path, "gappy"))])
    assert result.exit_code == 1 and "gappy.sav can't be opened: it is an SPSS" in result.stderr


def test_expressions_keep_their_names_in_r(store: Store, tmp_path: Path) -> None:
    """It writes a point for each sign that a name can't have."""
    labels = ("big smile", "küçük-smile", "neutral")
    readings = some_readings(40, labels=labels)
    readings.expression[:3] = labels
    recording = some_recording(id="a", labels=labels)
    store.enter(recording, readings, LOCAL_OWNER)
    ferapp("export", "all", "--out", tmp_path, "--format", "csv")
    run_r('write.csv(read.csv("a.csv"), "back.csv")', tmp_path)
    assert "p_big.smile" in (tmp_path / "back.csv").read_text("utf-8")
    new = ferapp("import", tmp_path / "back.csv").strip()
    found = {o.recording.id: o.recording for o in store.overviews(LOCAL_OWNER)}[new]
    assert found.labels == labels
    np.testing.assert_array_equal(
        store.readings(new, LOCAL_OWNER).probabilities, readings.probabilities
    )


def test_a_gappy_session_has_what_programs_stumble_over() -> None:
    readings: Readings = SESSIONS["gappy"][0]
    assert any(flaw is None for flaw in readings.flaw) and any(readings.flaw)
    assert np.isnan(readings.probabilities).any()

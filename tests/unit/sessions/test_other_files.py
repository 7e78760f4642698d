"""Files of other programs that can't be imported are named, with the way out."""

import gzip
import io
import pickle
import zipfile
from collections.abc import Callable

import numpy as np
import pandas
import pyarrow as pa
import pytest
from pyarrow import feather

from ferapp.errors import DataError
from ferapp.sessions.formats.exchange import read, table, to_csv, to_json
from ferapp.sessions.report.html import to_html
from tests.support.sessions import some_readings, some_recording

FRAME = table(some_recording(), some_readings(3))
NUMBERS = FRAME.drop(columns=["name", "expression", "flaw"])


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in names:
            packed.writestr(name, to_csv(some_recording(), some_readings(3)))
    return out.getvalue()


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def workbook() -> bytes:
    pytest.importorskip("openpyxl", reason="openpyxl is not installed")
    return written(lambda out: FRAME.to_excel(out, engine="openpyxl"))


def arrow_stream() -> bytes:
    out = io.BytesIO()
    data = pa.Table.from_pandas(FRAME)
    with pa.ipc.new_stream(out, data.schema) as stream:
        stream.write_table(data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "make", "kind", "advice"),
    [
        pytest.param("a.xlsx", workbook, "an Excel workbook", "CSV UTF-8", id="xlsx"),
        pytest.param(
            "a.xls",
            lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99),
            "an old Excel workbook",
            "CSV UTF-8",
            id="xls",
        ),
        pytest.param(
            "a.ods",
            lambda: zipped("mimetype", "content.xml"),
            "a LibreOffice workbook",
            "CSV UTF-8",
            id="ods",
        ),
        pytest.param("a.zip", lambda: zipped("a.csv"), "a packed folder", "Unpack", id="zip"),
        pytest.param(
            "a.dta",
            lambda: written(lambda out: NUMBERS.to_stata(out)),
            "a Stata file",
            "export delimited",
            id="Stata 114",
        ),
        pytest.param(
            "a.dta",
            lambda: written(lambda out: NUMBERS.to_stata(out, version=118)),
            "a Stata file",
            "export delimited",
            id="Stata 118",
        ),
        pytest.param(
            "a.feather",
            lambda: written(lambda out: feather.write_feather(FRAME, out)),
            "a Feather or Arrow file",
            "Parquet",
            id="Feather",
        ),
        pytest.param("a.arrow", arrow_stream, "an Arrow stream", "Parquet", id="Arrow stream"),
        pytest.param(
            "a.rds", lambda: gzip.compress(b"X\n\0\0\0\3"), "a file of R", "write.csv", id="rds"
        ),
        pytest.param("a.rda", lambda: b"RDX3\nX\n", "a file of R", "write.csv", id="R, plain"),
        pytest.param(
            "a.csv.gz",
            lambda: gzip.compress(to_csv(some_recording(), some_readings(3))),
            "a compressed file",
            "Unpack",
            id="gzip",
        ),
        pytest.param(
            "a.npy", lambda: written(lambda out: np.save(out, [1])), "a NumPy file", "CSV", id="npy"
        ),
        pytest.param(
            "a.mat",
            lambda: b"MATLAB 5.0 MAT-file" + bytes(99),
            "a MATLAB file",
            "writetable",
            id="mat",
        ),
        pytest.param(
            "a.json",
            lambda: FRAME.to_json(orient="records").encode(),
            "JSON of another program",
            "CSV",
            id="JSON of pandas",
        ),
        pytest.param(
            "a.html",
            lambda: to_html(some_recording(), some_readings(3)),
            "a web page, such as a report",
            "CSV, Parquet or JSON",
            id="our report",
        ),
    ],
)
@pytest.mark.parametrize("renamed", [False, True], ids=["own name", "as CSV"])
def test_a_file_of_another_program_is_named_with_the_way_out(
    name: str, make: Callable[[], bytes], kind: str, advice: str, renamed: bool
) -> None:
    data = make()
    if renamed and (name.endswith((".ods", ".rds")) or (name.endswith(".dta") and data[0] != 60)):
        pytest.skip("its beginning is that of other files, too")
    with pytest.raises(DataError) as caught:
        read("a.csv" if renamed else name, data)
    text = str(caught.value)
    assert f"can't be opened: it is {kind}. " in text and advice in text and "\n" not in text


def test_a_file_of_spss_is_named() -> None:
    # One that SPSS could open is made in test_other_programs.
    for start in (b"$FL2@(#)", b"$FL3@(#)"):
        with pytest.raises(DataError, match=r"it is an SPSS file\. In SPSS, choose Save As"):
            read("a.csv", start + bytes(200))


def test_a_pickle_is_not_opened() -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("it was opened",))

    with pytest.raises(DataError, match=r"not a table|UTF-8"):
        read("a.pkl", pickle.dumps(Trap()))


@pytest.mark.parametrize("write", [to_csv, to_json])
def test_a_session_under_any_name_is_read(write: Callable[..., bytes]) -> None:
    for name in ("a.xlsx", "a.sav", "a.dta", "a.rds", "a.zip", "a"):
        assert len(read(name, write(some_recording(), some_readings(3)))[1]) == 3


def test_other_tables_of_pandas_are_no_sessions() -> None:
    frame = pandas.DataFrame({"a": [1]})
    for data in (frame.to_csv(), frame.to_json(), frame.to_xml(parser="etree")):
        with pytest.raises(DataError):
            read("a", data.encode())

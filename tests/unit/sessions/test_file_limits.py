"""Session files that are small and claim much: a message names the limit."""

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import pyarrow as pa
import pytest
from pyarrow import parquet

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import DataError
from ferapp.sessions.formats import confined, reading
from ferapp.sessions.formats.confined import open_session
from ferapp.sessions.formats.exchange import read, table, to_csv, to_json, to_parquet
from ferapp.sessions.formats.limits import OF_STRANGERS, Limits
from ferapp.sessions.session import Marker, Readings
from tests.support.sessions import (
    assert_same_readings,
    gappy_readings,
    object_array,
    some_readings,
    some_recording,
)

WRITERS = {"csv": to_csv, "parquet": to_parquet, "json": to_json}


def refusal(data: bytes, limits: Limits = OF_STRANGERS) -> str:
    with pytest.raises(DataError) as caught:
        read("talk", data, limits=limits)
    return str(caught.value)


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_cells_are_counted_before_they_are_read(
    write: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(some_recording(), some_readings(40))
    monkeypatch.setattr(parquet.ParquetFile, "read", lambda *_, **__: pytest.fail("it was read"))
    monkeypatch.setattr(reading, "read_columns", lambda *_: pytest.fail("it was read"))
    if write is to_json:
        monkeypatch.setattr(reading, "parse_json", lambda _: pytest.fail("it was parsed"))
    text = refusal(data, Limits(cells=1100))
    if write is to_json:
        assert "values; the limit is 1,100" in text
        return
    assert "it has 1,200 values in 40 readings of 30 columns; the limit is 1,100" in text


def test_a_file_of_many_bytes_is_refused() -> None:
    assert "it has 12 bytes; the limit is 10" in refusal(b" " * 12, Limits(file_bytes=10))


def test_what_parquet_packs_is_counted_unpacked() -> None:
    readings = some_readings(2)
    readings.flaw[:] = ["x" * 3_000_000, "y" * 3_000_000]
    data = to_parquet(some_recording(), readings)
    assert len(data) < 100_000
    assert "unpack to 5 MB; the limit is 1 MB" in refusal(data, Limits(unpacked_bytes=2**20))


def test_numbers_written_as_one_long_text_stay_small() -> None:
    count = 20_000
    frame = table(some_recording(), some_readings(count)).drop(columns="score")
    coded = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), ["1" * 1_000_000])
    whole = pa.Table.from_pandas(frame).append_column("score", coded)
    out = io.BytesIO()
    parquet.write_table(whole, out, store_schema=False)
    most = pa.default_memory_pool().max_memory()
    refusal(out.getvalue())
    assert pa.default_memory_pool().max_memory() - most < 100_000_000


def test_numbers_written_as_texts_are_read() -> None:
    frame = table(some_recording(), some_readings(9))
    out = io.BytesIO()
    frame.assign(score=frame["score"].astype(str)).to_parquet(out)
    np.testing.assert_allclose(read("a", out.getvalue())[1].score, some_readings(9).score)


def test_a_column_of_lists_is_refused() -> None:
    frame = table(some_recording(), some_readings(2))
    out = io.BytesIO()
    frame.assign(score=pandas.Series([[1.0] * 9, [2.0]])).to_parquet(out)
    assert "its column score holds something else than numbers" in refusal(out.getvalue())


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        (b"{}," * 2_000_001, "2,000,003 lists and objects; the limit is 2,000,000"),
        (b"[]," * 2_000_001, "2,000,003 lists and objects; the limit is 2,000,000"),
        (b"0," * 20_000_001, "20,000,001 values; the limit is 20,000,000"),
    ],
)
def test_json_is_refused_before_it_is_parsed(
    inside: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "parse_json", lambda _: pytest.fail("it was parsed"))
    assert reason in refusal(b'{"a": [' + inside + b"0]}")


def known(**changes: Any) -> bytes:
    whole = json.loads(to_json(some_recording(), some_readings(2)))
    whole["recording"] |= changes
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"settings": {f"k{n}": ["x" * 200] * 100 for n in range(4)}}, "bytes of settings"),
        ({"models": {f"m{n}": {} for n in range(17)}}, "17 models; the limit is 16"),
        ({"models": {"a": {f"k{n}": "" for n in range(17)}}}, "17 entries about a model"),
        ({"markers": [{"at_s": 0, "name": ""}] * 10_001}, "10,001 markers; the limit is 10,000"),
        ({"labels": [f"l{n}" for n in range(65)]}, "65 expressions; the limit is 64"),
    ],
)
def test_the_description_is_limited(changes: dict[str, Any], reason: str) -> None:
    assert reason in refusal(known(**changes))


def many(**columns: list[object]) -> Readings:
    readings = some_readings(2001)
    readings.face[:] = np.arange(2001)
    for name, values in columns.items():
        vars(readings)[name][:] = object_array(values)
    return readings


def test_the_texts_of_the_table_are_limited() -> None:
    names = {face: f"n{face}" for face in range(2001)}
    assert "names; the limit is 2,000" in refusal(to_csv(some_recording(names=names), many()))
    flaws = many(flaw=[f"dark {n}" for n in range(2001)])
    assert "2,001 different flaws; the limit is 1,000" in refusal(to_csv(some_recording(), flaws))


def test_a_description_as_long_as_a_book_is_refused() -> None:
    columns = pa.Table.from_pandas(table(some_recording(), some_readings(2)))
    out = io.BytesIO()
    parquet.write_table(columns.replace_schema_metadata({"ferapp": b" " * 2**23 + b" "}), out)
    assert "8,388,609 bytes in its description; the limit is 8,388,608" in refusal(out.getvalue())


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_session_is_read_in_another_process_without_loss(
    write: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = some_recording(names={1: "Zoë"}, markers=(Marker(1.0, "m"),), labels=EXPRESSIONS)
    data = write(recording, gappy_readings())
    wanted, readings = read("talk.csv", data)
    monkeypatch.setattr(reading, "read", lambda *_, **__: pytest.fail("it was read here"))
    monkeypatch.setattr(confined, "PART", 33)
    with open_session("talk.csv", data) as file:
        parts = list(file.parts)
    assert vars(file.recording) | {"id": ""} == vars(wanted) | {"id": ""}
    assert [len(part) for part in parts] == [33, 33, 14] and file.count == 80
    assert_same_readings(Readings.join(parts), readings)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (b"crash", "crashed"),
        (b"hang", "given up"),
        (b"memory", "more memory than a session may take"),
        (b"lies", "crashed"),
    ],
)
def test_a_reader_that_breaks_down_costs_one_file(
    fault: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confined, "_READER", "tests.support.broken_reader")
    monkeypatch.setattr(confined, "_LIMIT_S", 3 if fault == b"hang" else 30)
    with pytest.raises(DataError, match=rf"talk.csv can't be opened.*{reason}"):
        with open_session("talk.csv", fault) as file:
            list(file.parts)

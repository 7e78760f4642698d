"""Export and import of sessions, and hostile files."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas
import pyarrow as pa
import pytest
from pyarrow import parquet

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import DataError
from ferapp.labels import label_colours
from ferapp.sessions.formats import columns, exchange
from ferapp.sessions.formats.exchange import (
    csv_parts,
    read,
    table,
    to_csv,
    to_json,
    to_parquet,
    write_parquet,
)
from ferapp.sessions.formats.limits import Limits
from ferapp.sessions.formats.metadata import from_metadata, metadata
from ferapp.sessions.report.affect import has_affect
from ferapp.sessions.session import Marker, Readings, SessionInfo
from tests.support.sessions import (
    assert_same_readings,
    object_array,
    some_readings,
    some_recording,
    with_baseline,
)

Writer = Callable[[SessionInfo, Readings], bytes]
WRITERS = [
    pytest.param(to_csv, id="csv"),
    pytest.param(to_parquet, id="parquet"),
    pytest.param(to_json, id="json"),
]
NAMES = (*EXPRESSIONS[:-1], '=küçümseme, "😀" \'')


def gappy(count: int) -> Readings:
    """Two faces with rows that have no reading, no label, a guarded or a foreign flaw."""
    readings = some_readings(-(-count // 2), faces=2, labels=NAMES).at(np.arange(count))
    is_missing = np.arange(count) % 7 == 3
    flaws = ["=cmd|' /C calc'!A0", "'=twice", "'plain", "-", "yüz çok karanlık 😀", "too, dark"]
    readings.probabilities[is_missing] = np.nan
    readings.smoothed[is_missing | (np.arange(count) == 0)] = np.nan
    readings.expression[is_missing] = None
    readings.expression[1::5] = NAMES[-1]
    readings.flaw[is_missing] = object_array(flaws[i % len(flaws)] for i in range(is_missing.sum()))
    readings.is_corrected[::3] = True
    readings.xyxy[::4] *= np.float32(-1 / 3e7)
    return readings


@pytest.mark.parametrize("count", [0, 1, 500])
@pytest.mark.parametrize("write", WRITERS)
def test_readings_survive_a_round_trip(write: Writer, count: int) -> None:
    readings = gappy(count)
    _, found = read("any name", write(some_recording(labels=NAMES), readings))
    assert_same_readings(found, readings)


@pytest.mark.parametrize("labels", [("HAPPY", "Angry", "calm"), ("happy", "joy", "boredom")])
@pytest.mark.parametrize("write", WRITERS)
def test_the_classes_of_another_model_come_back_as_they_were(
    write: Writer, labels: tuple[str, ...]
) -> None:
    readings = some_readings(20, labels=labels)
    info, found = read("any name", write(some_recording(labels=labels), readings))
    assert info.labels == labels and set(found.expression) <= {*labels, None}
    assert_same_readings(found, readings)
    assert has_affect(info.labels) == ("boredom" not in labels)
    assert len({*label_colours(info.labels).values()}) == 3


@pytest.mark.parametrize("write", WRITERS)
def test_every_float32_survives_a_round_trip(write: Writer, rng: np.random.Generator) -> None:
    readings = some_readings(2000)
    bits = rng.integers(1, np.float32(1).view(np.int32), readings.probabilities.shape)
    readings = replace(
        readings,
        probabilities=bits.astype(np.int32).view(np.float32),
        at_s=np.sort(rng.uniform(0, 1e5, 2000)),
    )
    assert_same_readings(read("", write(some_recording(), readings))[1], readings)


@pytest.mark.parametrize("write", WRITERS[1:])
def test_the_description_comes_back_under_a_new_id(write: Writer) -> None:
    recording = some_recording(
        title="=cmd|' /C calc'!A0 Yüz İığş 😀",
        source="video",
        started=datetime(2026, 2, 3, 4, 5, 6, 7, timezone(timedelta(hours=3))),
        settings={"analysis": {"padding": 0.0, "classes": [], "unsure_below": None}},
        markers=(Marker(0.25, "başla"), Marker(2.0, "<b>end</b>")),
        consent="Herkes kabul etti.\nversion 2",
    )
    first, second = (read("x", write(recording, some_readings(2)))[0] for _ in range(2))
    assert replace(first, id=recording.id) == recording
    assert len({recording.id, first.id, second.id}) == 3


@pytest.mark.parametrize(
    ("name", "title"),
    [
        pytest.param("Deneme 3.csv", "Deneme 3", id="plain"),
        pytest.param("C:\\secret\\talk.csv", "talk", id="folder of Windows"),
        pytest.param("/home/ada/talk.csv", "talk", id="folder"),
        pytest.param("=1+1\n\u202ex.csv", "=1+1\ufffd\ufffdx", id="hostile"),
        pytest.param("x" * 500, "x" * 200, id="long"),
        pytest.param("", "session", id="none"),
    ],
)
def test_a_csv_takes_its_title_from_the_file(name: str, title: str) -> None:
    recording, _ = read(name, to_csv(some_recording(), some_readings(1)))
    assert (recording.title, recording.source, recording.labels) == (title, "live", EXPRESSIONS)
    assert recording.unsure_below == 0.5
    assert recording.started is None, "a table does not say when it was recorded"


def test_the_table_is_tidy() -> None:
    frame = table(some_recording(labels=NAMES), gappy(20))
    assert list(frame.columns[:13]) == (
        "time_s face name x1 y1 x2 y2 width height score expression flaw is_corrected".split()
    )
    shares = [f"{kind}_{name}" for kind in "ps" for name in NAMES]
    assert list(frame.columns[13:]) == [*shares, "duration_s"]
    assert frame["time_s"].dtype == np.float64
    assert frame["p_neutral"].dtype == np.float32
    assert frame["flaw"].iloc[0] is None


def test_spreadsheets_see_no_formula() -> None:
    text = to_csv(some_recording(labels=NAMES), gappy(50)).decode("utf-8-sig")
    frame = pandas.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    for column in ("expression", "flaw"):
        assert not frame[column].str.startswith(("=", "+", "-", "@")).any()


def test_other_programs_can_read_the_parquet() -> None:
    frame = pandas.read_parquet(io.BytesIO(to_parquet(some_recording(), some_readings(5))))
    assert frame.shape == (5, 30)
    assert frame["p_anger"].dtype == np.float32


def test_rows_are_sorted_by_time() -> None:
    readings = some_readings(3, faces=2)
    shuffled = readings.at(np.array([4, 5, 0, 1, 2, 3]))
    assert_same_readings(read("", to_csv(some_recording(), shuffled))[1], readings)


def test_a_parquet_of_another_program_needs_no_metadata() -> None:
    out = io.BytesIO()
    table(some_recording(), some_readings(4)).to_parquet(out)
    recording, found = read("talk.parquet", out.getvalue())
    assert recording.title == "talk"
    assert_same_readings(found, some_readings(4))


def packed(**changes: Any) -> bytes:
    """A JSON session of two readings with changes to its columns."""
    whole = json.loads(to_json(some_recording(), some_readings(2)))
    whole["readings"] |= changes
    return json.dumps(whole).encode()


def known(**changes: Any) -> bytes:
    """The same with changes to the description of the session."""
    whole = json.loads(to_json(some_recording(), some_readings(2)))
    whole["recording"] |= changes
    return json.dumps(whole).encode()


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


CSV = to_csv(some_recording(), some_readings(2))
PARQUET = to_parquet(some_recording(), some_readings(2))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "no probabilities", id="empty"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0", "not a table", id="picture"),
        pytest.param(b"a,b\r\n1,2\r\n", "no probabilities", id="another CSV"),
        pytest.param(b"p_joy\r\n0.5\r\n", "no column time_s", id="CSV without columns"),
        pytest.param(b"p_a,p_a\r\n", "column p_a is there twice", id="CSV with a label twice"),
        pytest.param(b'"p_' + b"a" * 200_000, "not a table", id="CSV with an endless heading"),
        pytest.param(CSV + b"1,2\r\n", r"column x1 .*row 4", id="CSV with a short row"),
        pytest.param(CSV.replace(b",640,", b",wide,"), "not a table", id="CSV with a word"),
        pytest.param(CSV.replace(b",640,", b",,"), "width has missing values", id="CSV with a gap"),
        pytest.param(CSV.replace(b"time_s", b"time_\xff"), "not a table", id="CSV that is no text"),
        pytest.param(PARQUET[:-20], "not a table", id="cut Parquet"),
        pytest.param(b"PAR1" + b"\xff" * 100 + b"PAR1", "not a table", id="false Parquet"),
        pytest.param(b"{", "not a table", id="broken JSON"),
        pytest.param(b'{"a":' + b"[" * 200_000, "not a table", id="deep JSON"),
        pytest.param(b'{"a": NaN}', "no NaN", id="NaN"),
        pytest.param(b'{"ferapp": true}', "not a session of ferapp", id="no version"),
        pytest.param(b'{"ferapp": 2}', "newer version of ferapp", id="newer"),
        pytest.param(b'{"ferapp": 1}', "should be an object", id="nothing known"),
        pytest.param(b'{"ferapp": 1, "recording": {}}', "lacks the labels", id="too little known"),
        pytest.param(packed(time_s=[0]), "different lengths", id="lengths"),
        pytest.param(packed(time_s="ab"), "not in columns", id="no list"),
        pytest.param(packed(time_s=[-1, 0]), "seconds, from 0", id="time before 0"),
        pytest.param(packed(time_s=[0, 1e300]), "seconds, from 0", id="time without end"),
        pytest.param(packed(time_s=[0, None]), "time_s has missing values", id="no time"),
        pytest.param(packed(time_s=[0, {}]), "not a table", id="a dict as time"),
        pytest.param(packed(x1=[0, 1e300]), "finite", id="endless box"),
        pytest.param(packed(score=[0, 1e300]), "finite", id="endless score"),
        pytest.param(packed(face=[1, -1]), "whole numbers, from 0", id="negative face"),
        pytest.param(packed(face=[1, 2**40]), "whole numbers, from 0", id="large face"),
        pytest.param(packed(face=[1, 2**70]), "not a table", id="huge face"),
        pytest.param(packed(width=[1, 1e400]), "no Infinity", id="endless width"),
        pytest.param(packed(p_fear=[0, 1.1]), "between 0 and 1", id="above 1"),
        pytest.param(packed(s_fear=[0, -0.1]), "between 0 and 1", id="below 0"),
        pytest.param(packed(p_fear=[0, 1e300]), "between 0 and 1", id="endless share"),
        pytest.param(packed(p_fear=[0, None]), "all be present or all be missing", id="half a row"),
        pytest.param(packed(expression=["joy", None]), "expression joy", id="unknown label"),
        pytest.param(packed(expression=[1, 2]), "not a table", id="numbers as labels"),
        pytest.param(packed(flaw=["\ud800", None]), "not a table", id="half a letter"),
        pytest.param(known(source="camera"), "source", id="unknown source"),
        pytest.param(known(started="now"), "not a date", id="no date"),
        pytest.param(known(started="2026-01-01"), "no time zone", id="no time zone"),
        pytest.param(
            known(started="0001-01-01T00:00:00+14:00"), "not a date", id="before all dates"
        ),
        pytest.param(known(labels=[]), "no probabilities", id="no labels"),
        pytest.param(known(labels=["a"] * 65), "65 expressions; the limit", id="too many labels"),
        pytest.param(known(labels=["a", "a\n"]), "names, all different", id="label of two lines"),
        pytest.param(known(labels=[["a"]]), "text", id="labels that are lists"),
        pytest.param(known(unsure_below=2), "between 0 and 1", id="threshold"),
        pytest.param(known(title=5), "text", id="title"),
        pytest.param(known(models=["a"]), "should be an object", id="models"),
        pytest.param(known(settings={"a": nested(50)}), "settings", id="deep settings"),
        pytest.param(known(settings={"a": [0] * 5000}), "settings", id="long settings"),
        pytest.param(known(markers=[{"at_s": -1, "name": ""}]), "number", id="marker before 0"),
        pytest.param(known(markers=[{"at_s": 1}]), "text", id="marker without name"),
    ],
)
def test_invalid_files_are_refused_with_a_message(data: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        read("talk.csv", data)
    assert str(caught.value).startswith("talk.csv can't be opened: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("write", WRITERS)
def test_too_many_readings_are_refused(write: Writer) -> None:
    few = Limits(readings=9)
    assert len(read("", write(some_recording(), some_readings(9)), limits=few)[1]) == 9
    with pytest.raises(DataError, match="it has 10 readings; the limit is 9"):
        read("", write(some_recording(), some_readings(10)), limits=few)


def test_one_long_text_in_every_row_stays_small() -> None:
    frame = table(some_recording(), some_readings(20_000))
    out = io.BytesIO()
    schema = columns.schema(EXPRESSIONS, columns.CODED)
    coded = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), ["x" * 1_000_000])
    plain = frame.drop(columns="flaw")
    small = pa.Table.from_pandas(plain, pa.schema([f for f in schema if f.name != "flaw"]))
    parquet.write_table(small.append_column("flaw", coded), out, store_schema=False)
    most = pa.default_memory_pool().max_memory()
    _, found = read("", out.getvalue())
    assert set(found.flaw) == {"x" * 80}
    assert pa.default_memory_pool().max_memory() - most < 100_000_000


@pytest.mark.parametrize("write", WRITERS)
def test_texts_are_shortened_and_put_on_one_line(write: Writer) -> None:
    readings = some_readings(2)
    readings.flaw[:] = object_array(["dark\u202e\nroom", "x" * 500])
    recording = some_recording(title="a\nb" + "y" * 300, markers=(Marker(0.0, "m\n"),))
    found, back = read("name", write(recording, readings))
    assert list(back.flaw) == ["dark\ufffd\ufffdroom", "x" * 80]
    assert len(found.title) <= 200
    assert "\n" not in found.title + "".join(marker.name for marker in found.markers)


def test_the_description_of_a_session_is_plain_values() -> None:
    known = json.loads(json.dumps(metadata(some_recording(), some_readings(3))))
    assert "id" not in known and known["baseline"] == []
    assert replace(from_metadata(known), id="5f2c9d1e") == some_recording()


@pytest.mark.parametrize("count", [0, 1, 40])
def test_frames_without_a_face_have_rows_that_an_import_leaves_out(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ferapp.sessions.formats.exchange._ROWS_AT_ONCE", 16)
    recording, readings = some_recording(labels=NAMES), gappy(count)
    times_s = np.unique(np.concatenate([readings.at_s, readings.at_s + 0.01, [99.5]]))
    text = b"".join(csv_parts(recording, readings, times_s))
    rows = pandas.read_csv(io.BytesIO(text), encoding="utf-8-sig")
    assert rows.columns.tolist() == [*table(recording, readings).columns, "frame"]
    assert rows["frame"].nunique() == len(times_s) and rows["frame"].is_monotonic_increasing
    np.testing.assert_allclose(times_s[rows["frame"]], rows["time_s"], atol=1e-12)
    empty = rows[rows["face"].isna()]
    assert len(empty) == len(set(times_s) - set(readings.at_s))
    assert empty.drop(columns=["time_s", "frame", "duration_s"]).isna().all().all()
    assert (rows["duration_s"] > 0).all()
    assert ".0," not in text.decode().split("\r\n")[1].split(",", 1)[1][:3], "faces stay whole"
    whole = io.BytesIO()
    write_parquet(whole, recording, readings, times_s)
    assert parquet.read_table(io.BytesIO(whole.getvalue())).num_rows == len(rows)
    for data in (text, whole.getvalue()):
        assert_same_readings(read("a.csv", data)[1], readings)


WITH_NAMES = {1: "=Zoë, \"李\" 'x'", 2: "'plain"}


@pytest.mark.parametrize("write", WRITERS)
def test_names_and_numbers_survive_a_round_trip(write: Writer) -> None:
    readings = some_readings(3, faces=3)
    found, back = read("any name", write(some_recording(names=WITH_NAMES), readings))
    assert found.names == WITH_NAMES
    assert_same_readings(back, readings)


def test_a_name_stands_beside_every_reading_of_its_face() -> None:
    frame = table(some_recording(names={2: "Ada"}), some_readings(2, faces=2))
    assert frame[["face", "name"]].values.tolist() == [[1, None], [2, "Ada"]] * 2
    text = to_csv(some_recording(names={1: "=1+1"}), some_readings(2)).decode("utf-8-sig")
    assert text.splitlines()[1].startswith("0.0,1,'=1+1,")


@pytest.mark.parametrize("write", WRITERS)
def test_files_from_before_names_are_read(write: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = some_readings(4, faces=2)

    def old_schema(labels: Sequence[str], text: pa.DataType) -> pa.Schema:
        return pa.schema([field for field in columns.schema(labels, text) if field.name != "name"])

    def old_table(recording: SessionInfo, part: Readings) -> pandas.DataFrame:
        return table(recording, part).drop(columns="name")

    with monkeypatch.context() as patch:
        patch.setattr(exchange, "table", old_table)
        patch.setattr(exchange, "schema", old_schema)
        data = write(some_recording(), readings)
    assert b"name," not in data[:200] and b'"name":[' not in data
    found, back = read("old", data)
    assert found.names == {}
    assert_same_readings(back, readings)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        pytest.param(["Ada", "Eve"], "face 1 has two names", id="two names of one face"),
        pytest.param([5, 6], "not a table", id="numbers"),
        pytest.param(["\ud800", None], "not a table", id="half a letter"),
    ],
)
def test_impossible_names_in_a_file_are_refused(names: list[object], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read("talk.json", packed(name=names))


def test_a_name_of_two_faces_in_a_file_is_refused() -> None:
    data = packed(face=[1, 2], name=["Ada", "ADA "])
    with pytest.raises(DataError, match="two of its faces have the same name"):
        read("talk.json", data)


def test_hostile_names_in_a_file_become_short_lines() -> None:
    found, _ = read("talk.json", packed(face=[1, 2], name=["a\u202e\nb" + "x" * 500, "\u200b"]))
    assert found.names == {1: "a\ufffd b" + "x" * 56}


def test_a_face_without_a_name_in_some_rows_keeps_it() -> None:
    """A spreadsheet may have lost cells."""
    assert read("talk.json", packed(name=[None, "Ada"]))[0].names == {1: "Ada"}


@pytest.mark.parametrize("write", [to_json, to_parquet])
def test_a_file_says_from_when_the_baseline_counts(
    write: Callable[[SessionInfo, Readings], bytes],
) -> None:
    readings = with_baseline(some_readings(30, rate=10.0), from_s=1.2)
    data = write(some_recording(), readings)
    if write is to_json:
        found = json.loads(data)["recording"]
    else:
        found = json.loads(parquet.read_schema(io.BytesIO(data)).metadata[b"ferapp"])["recording"]
    assert found["baseline"] == [{"face": 1, "from_s": 1.2, "until_s": None}]
    _, back = read("name", data)
    np.testing.assert_array_equal(back.is_corrected, readings.is_corrected)

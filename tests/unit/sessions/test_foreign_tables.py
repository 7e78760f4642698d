"""Tables of a session as other programs write them: made by hand, one habit at a time."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import DataError
from ferapp.sessions.formats.exchange import csv_parts, read, table, to_csv, to_json, to_parquet
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.system.csv_tables import MISSING
from tests.support.sessions import (
    assert_same_readings,
    gappy_readings,
    some_readings,
    some_recording,
)

NAMES = {1: "Zoë"}
READINGS = gappy_readings()


def exported_rows(
    readings: Readings = READINGS, recording: SessionInfo | None = None
) -> list[list[str]]:
    """An exported CSV: the heading, then the rows."""
    text = to_csv(recording or some_recording(names=NAMES), readings).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def written(
    rows: list[list[str]], *, separator: str = ",", quoting: int = csv.QUOTE_MINIMAL
) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, quoting=quoting, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def read_with_notes(data: bytes, name: str = "talk.csv") -> tuple[SessionInfo, Readings, list[str]]:
    notes: list[str] = []
    recording, readings = read(name, data, on_note=notes.append)
    return recording, readings, notes


def assert_read(data: bytes, wanted: Readings = READINGS, names: dict[int, str] = NAMES) -> str:
    """Read a table, compare everything, and return what was told."""
    recording, readings, notes = read_with_notes(data)
    assert_same_readings(readings, wanted)
    assert recording.names == names
    return " ".join(notes)


def refusal(data: bytes, name: str = "talk.csv") -> str:
    with pytest.raises(DataError) as caught:
        read(name, data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def with_column(name: str, cells: list[str], rows: list[list[str]]) -> list[list[str]]:
    return [[name, *rows[0]], *([cell, *row] for cell, row in zip(cells, rows[1:], strict=True))]


WORDS = sorted(MISSING | {"na", "Na", "NULL", "Null", " ", "      ", " NA", "NA ", ""})


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL], ids=["plain", "quoted"])
@pytest.mark.parametrize("word", WORDS)
def test_a_word_for_what_is_missing_is_missing_in_every_column(word: str, quoting: int) -> None:
    rows = exported_rows()
    filled = [rows[0], *([cell or word for cell in row] for row in rows[1:])]
    if word.strip() in ("Na", "na", "Null"):
        # No program writes these for a missing text; as a name they stay.
        name = rows[0].index("name")
        for row, old in zip(filled[1:], rows[1:], strict=True):
            row[name] = old[name]
    assert assert_read(written(filled, quoting=quoting)) == ""


@pytest.mark.parametrize("name", [*sorted(MISSING), "Nan", "none", "'NA", "''None", "Null"])
@pytest.mark.parametrize("write", [to_csv, to_parquet, to_json])
def test_a_person_may_be_called_like_a_missing_value(
    name: str, write: Callable[[SessionInfo, Readings], bytes]
) -> None:
    names = {1: name, 2: "Ada"}
    data = write(some_recording(names=names), READINGS)
    assert_read(data, names=names)
    assert_read(write(some_recording(names={2: name}), READINGS), names={2: name})


def test_a_typed_name_that_is_such_a_word_stays_if_the_file_leaves_missing_cells_empty() -> None:
    """Also without the apostrophe: typed into a spreadsheet, or from an earlier version."""
    rows = exported_rows(recording=some_recording(names={1: "Ada", 2: "Eve"}))
    place = rows[0].index("name")
    for row in rows[1:]:
        row[place] = {"Ada": "NA", "Eve": "None"}[row[place]]
    assert_read(written(rows), names={1: "NA", 2: "None"})


def test_the_word_of_a_file_is_no_name_though_texts_are_empty() -> None:
    """R's read.csv leaves "" in columns of texts and makes a column of nothing else NA."""
    rows = exported_rows(recording=some_recording())
    texts = {rows[0].index(name) for name in ("expression", "flaw")}
    cells = [
        [cell or ("" if place in texts else "NA") for place, cell in enumerate(row)] for row in rows
    ]
    assert_read(written(cells), names={})


@pytest.mark.parametrize("label", ["None", "NA", "null", "missing"])
def test_an_expression_may_be_called_like_a_missing_value(label: str) -> None:
    labels = ("joy", label)
    readings = some_readings(30, labels=labels)
    readings.expression[::4] = label
    readings.expression[1::4] = None
    for write in (to_csv, to_parquet, to_json):
        _, found = read("a", write(some_recording(labels=labels), readings))
        assert found.expression.tolist() == readings.expression.tolist()


def test_readers_with_their_usual_settings_keep_such_a_name() -> None:
    """pandas takes "NA" for missing in every column."""
    data = to_csv(some_recording(names={1: "NA", 2: "None"}), READINGS)
    frame = pandas.read_csv(io.BytesIO(data))
    assert_read(frame.to_csv(na_rep="NA").encode(), names={1: "NA", 2: "None"})


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        pytest.param("", "one without a heading", id="R and pandas"),
        *((name, name) for name in ("Unnamed: 0", "...1", "X", "rownames", "rn", "index")),
    ],
)
def test_an_index_in_front_is_ignored_and_reported(heading: str, told: str) -> None:
    rows = exported_rows()
    cells = [str(n) for n in range(1, len(rows))]
    note = assert_read(written(with_column(heading, cells, rows)))
    assert note == f"talk.csv has columns that were ignored: {told}."


def test_columns_of_ones_own_are_ignored_and_reported() -> None:
    rows = exported_rows()
    more = {"p_value": "0.01", "s_id": "3", "age\u202e": "x", "Ort": 'a "b"\nc\n\nd', "Note": ""}
    for name, cell in more.items():
        rows = with_column(name, [cell] * (len(rows) - 1), rows)
    note = assert_read(written(rows))
    assert note == "talk.csv has columns that were ignored: Note, Ort, age\ufffd, s_id, p_value."


def test_many_ignored_columns_are_counted() -> None:
    rows = exported_rows()
    for number in range(40):
        rows = with_column(f"x{number:03d}", ["1"] * (len(rows) - 1), rows)
    assert assert_read(written(rows)).endswith("x039, x038, x037, x036, x035, 35 more.")


def test_the_number_of_a_frame_is_known() -> None:
    rows = exported_rows()
    assert assert_read(written(with_column("frame", ["0"] * (len(rows) - 1), rows))) == ""


def test_the_readings_of_a_batch_are_one_session_only_if_they_are_of_one_file() -> None:
    rows = exported_rows()
    one, two = ([name] * (len(rows) - 1) for name in ("a.mp4", "b.mp4"))
    assert assert_read(written(with_column("path", one, rows))) == ""
    both = with_column("path", one, rows) + with_column("path", two, rows)[1:]
    assert "the readings of 2 files" in refusal(written(both))
    frame = table(some_recording(), READINGS).assign(path=["a", "b"] * (len(READINGS) // 2))
    out = io.BytesIO()
    frame.to_parquet(out)
    assert "the readings of 2 files" in refusal(out.getvalue())


def test_columns_may_come_in_any_order() -> None:
    frame = pandas.DataFrame(exported_rows()[1:], columns=exported_rows()[0])
    order = np.random.default_rng(5).permutation(frame.columns[:13]).tolist()
    shares = [name for name in frame.columns[13:]]
    assert_read(frame[shares[8:] + order + shares[:8]].to_csv(index=False).encode())


def test_row_names_without_a_heading_are_ignored() -> None:
    """R's write.table writes them, and one heading less than columns."""
    header, *rows = exported_rows()
    cells = [[cell or "NA" for cell in row] for row in rows]
    named = [header, *([str(n), *row] for n, row in enumerate(cells, 1))]
    assert "one without a heading" in assert_read(written(named))


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["unix", "dos", "mac"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "mark"])
@pytest.mark.parametrize("blank", [0, 2], ids=["joined", "blank lines"])
def test_files_put_together_are_one_table(line_end: str, mark: bytes, blank: int) -> None:
    rows = exported_rows()
    cut = len(rows) // 2
    parts = [written([rows[0], *part]) for part in (rows[1:cut], rows[cut:])]
    ended = [part.replace(b"\n", line_end.encode()) for part in parts]
    joint = line_end.encode() * blank
    data = mark + ended[0] + joint + mark + ended[1] + joint
    row = cut + 1 + blank
    note = assert_read(data)
    assert note == f"talk.csv has its heading again in row {row}, which was left out."


def test_a_first_file_without_an_end_of_line_is_no_obstacle() -> None:
    rows = exported_rows()
    first, second = written(rows[:10]), written([rows[0], *rows[10:]])
    mark = b"\xef\xbb\xbf"
    assert "heading again in row 11" in assert_read(mark + first.rstrip(b"\n") + mark + second)


def test_a_backslash_in_a_heading_is_no_obstacle_where_files_meet() -> None:
    rows = exported_rows()
    rows[0] = [*rows[0], r"\1 \g<2>"]
    rows[1:] = [[*row, ""] for row in rows[1:]]
    first, second = written(rows[:10]), written([rows[0], *rows[10:]])
    mark = b"\xef\xbb\xbf"
    assert "heading again in row 11" in assert_read(mark + first.rstrip(b"\n") + mark + second)


@pytest.mark.parametrize("word", ["NA", "NaN", "null", ""])
def test_frames_without_a_face_are_left_out_whatever_stands_in_their_cells(word: str) -> None:
    times_s = np.append(np.unique(READINGS.at_s), [90.0, 91.0])
    frame = pandas.read_csv(
        io.BytesIO(b"".join(csv_parts(some_recording(names=NAMES), READINGS, times_s)))
    )
    assert frame["face"].isna().sum() == 2
    assert assert_read(frame.to_csv(index=False, na_rep=word).encode()) == ""


def test_a_column_of_another_kind_in_parquet_is_named() -> None:
    for name, cells in (("time_s", "later"), ("p_fear", "low"), ("is_corrected", "maybe")):
        out = io.BytesIO()
        table(some_recording(), READINGS).assign(**{name: cells}).to_parquet(out)
        assert f"its column {name} holds something else than" in refusal(out.getvalue())


def test_another_heading_inside_the_table_is_refused_with_its_row() -> None:
    rows = exported_rows()
    text = refusal(written([*rows[:5], rows[0][::-1], *rows[5:]]))
    assert "row 6" in text and "which is not a number" in text


def test_rows_that_are_there_twice_are_merged_and_counted() -> None:
    header, *rows = exported_rows()
    for again in (rows, rows[:1], rows[::-1], rows * 2):
        note = assert_read(written([header, *rows, *again]))
        assert note == f"talk.csv has {len(again)} row{'s' * (len(again) > 1)} twice; " + (
            "each was imported once."
        )


@pytest.mark.parametrize("write", [to_csv, to_parquet, to_json])
def test_rows_that_contradict_each_other_are_refused_with_their_numbers(
    write: Callable[[SessionInfo, Readings], bytes],
) -> None:
    first = 2 if write is to_csv else 1
    one = some_readings(6)
    other = replace(one, probabilities=one.probabilities.copy())
    other.probabilities[3, 2] /= 2
    text = refusal(write(some_recording(), Readings.join([one, other])), "two")
    assert (
        f"its rows {first + 3} and {first + 9} are both about face 1 at 0.2 s, but differ in "
        "p_surprise" in text
    )


@pytest.mark.parametrize(
    "field", ["xyxy", "score", "expression", "flaw", "is_corrected", "size_wh"]
)
def test_a_contradiction_in_any_column_is_seen(field: str) -> None:
    one = some_readings(3)
    other = replace(one, **{field: vars(one)[field].copy()})
    value = {"expression": "fear", "flaw": "too dark", "is_corrected": True}.get(field, 7)
    vars(other)[field][1] = value
    assert "its rows 3 and 6 are both" in refusal(
        to_csv(some_recording(), Readings.join([one, other]))
    )


def test_rows_of_two_sessions_are_not_taken_for_one() -> None:
    rows = exported_rows(some_readings(20)), exported_rows(some_readings(20, seed=3))
    assert "rows 2 and 22 are both about face 1" in refusal(written(rows[0] + rows[1][1:]))


def test_times_that_another_program_has_rounded_are_the_same() -> None:
    rows = exported_rows(some_readings(20), some_recording())
    again = [[f"{float(row[0]):.15g}", *row[1:]] for row in rows[1:]]
    assert [a != b for a, b in zip(again, rows[1:], strict=True)].count(True) > 3
    assert "20 rows twice" in assert_read(written(rows + again), some_readings(20), {})


def test_empty_rows_and_columns_of_a_spreadsheet_are_ignored() -> None:
    rows = [[*row, "", "", ""] for row in exported_rows()]
    empty = [[""] * len(rows[0])] * 3
    note = assert_read(written(rows[:4] + empty + rows[4:] + empty))
    assert note == "talk.csv has columns that were ignored: 3 without a heading."


def test_cells_left_out_or_added_at_the_end_of_a_row_are_empty() -> None:
    header, *rows = exported_rows()
    uneven = []
    for number, row in enumerate(rows):
        while row[-1] == "":
            row.pop()
        uneven.append(row + [""] * (number % 3 if len(row) == len(header) else 0))
    assert len({len(row) for row in uneven}) > 2
    assert_read(written([header, *uneven]))


def test_a_row_with_too_many_cells_is_refused_with_its_number() -> None:
    rows = exported_rows()
    rows[7].append("0.5")
    count = len(rows[0])
    assert f"row 8 has {count + 1} cells below {count} headings" in refusal(written(rows))


@pytest.mark.parametrize(
    "words", [("TRUE", "FALSE"), ("T", "F"), ("1.0", "0.0"), ("1.00", ".00"), ("1", "0")]
)
def test_true_and_false_of_statistics_programs_are_read(words: tuple[str, str]) -> None:
    rows = exported_rows()
    place = rows[0].index("is_corrected")
    for row in rows[1:]:
        row[place] = words[row[place] == "False"]
    assert_read(written(rows))


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        pytest.param(["1e+05", "1E5", "1.0e+05", "100000", "+100000"], 100_000, id="R"),
        pytest.param([".5", "0.50", "5e-01", "5E-1", " 0.5 "], 0.5, id="SPSS"),
    ],
)
def test_numbers_are_read_in_every_notation(cells: list[str], wanted: float) -> None:
    for cell in cells:
        rows = exported_rows(some_readings(1))
        rows[1][0] = cell
        assert read("a.csv", written(rows))[1].at_s.tolist() == [wanted]
        assert read("a.csv", written(rows, quoting=csv.QUOTE_ALL))[1].at_s.tolist() == [wanted]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_a_western_code_page_is_read_and_reported(encoding: str) -> None:
    note = assert_read(written(exported_rows()).decode().encode(encoding))
    assert (
        note == "talk.csv is not in UTF-8 and was read as Windows-1252; check the names of faces."
    )


def test_a_damaged_letter_is_no_code_page() -> None:
    data = written(exported_rows())
    assert "UTF-8" in refusal(data.replace("ë".encode(), b"\xc3", 1))


def test_a_separator_named_in_the_first_line_is_used() -> None:
    assert_read(b"sep=|\r\n" + written(exported_rows(), separator="|"))
    assert_read(b"sep=;\n\n" + written(exported_rows(), separator=";"))


def test_a_space_behind_each_separator_is_no_part_of_a_name() -> None:
    readings = some_readings(20)
    readings.flaw[4] = "too dark"
    rows = exported_rows(readings)
    assert_read("\n".join(", ".join(row) for row in rows).encode(), readings)


@pytest.mark.parametrize("mark", ["\ufeff\ufeff", "ï»¿", "ï..", "X.U.FEFF.", "X...", "<U+FEFF>"])
def test_a_mark_that_a_program_did_not_know_is_no_part_of_a_name(mark: str) -> None:
    rows = exported_rows()
    rows[0][0] = f"{mark}time_s"
    assert_read(written(rows))


def spelt(change: Callable[[str], str], readings: Readings, labels: tuple[str, ...]) -> bytes:
    rows = exported_rows(readings, some_recording(labels=labels))
    return written([[change(name) for name in rows[0]], *rows[1:]])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(str.upper, id="capitals"),
        pytest.param(lambda name: name[:8], id="SPSS and SAS of old"),
        pytest.param(lambda name: name[:8].upper(), id="both"),
        pytest.param(str.title, id="title"),
    ],
)
def test_headings_in_another_spelling_are_read_and_reported(change: Callable[[str], str]) -> None:
    recording, found, notes = read_with_notes(spelt(change, READINGS, EXPRESSIONS))
    assert recording.labels == EXPRESSIONS
    np.testing.assert_array_equal(found.probabilities, READINGS.probabilities)
    np.testing.assert_array_equal(found.smoothed, READINGS.smoothed)
    assert found.expression.tolist() == READINGS.expression.tolist()
    assert "spells headings in its own way" in notes[0]


@pytest.mark.parametrize("sign", [".", "_", ""])
def test_expressions_with_signs_that_a_program_has_no_place_for_keep_their_name(sign: str) -> None:
    labels = ("big smile", "slight-smile", "kötü")
    readings = some_readings(40, labels=labels)
    readings.expression[:3] = labels
    data = spelt(lambda n: n.replace(" ", sign).replace("-", sign), readings, labels)
    recording, found, notes = read_with_notes(data)
    assert recording.labels == labels and "spells expressions in its headings" in notes[-1]
    assert found.expression.tolist() == readings.expression.tolist()
    np.testing.assert_array_equal(found.probabilities, readings.probabilities)


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        pytest.param("time_s", "-1", r"from 0 on \(row 5, column time_s\)", id="before 0"),
        pytest.param("x2", "Inf", r"finite numbers \(row 5, column x2\)", id="infinite box"),
        pytest.param("score", "-Inf", r"finite numbers \(row 5, column score\)", id="score"),
        pytest.param("p_fear", "1.5", r"0 and 1 \(row 5, column p_fear\)", id="share"),
        pytest.param("p_fear", "Inf", r"0 and 1 \(row 5, column p_fear\)", id="infinite share"),
        pytest.param("s_fear", "NA", r"all be missing \(row 5\)", id="half a row"),
        pytest.param("score", "", r"score has missing values .*row 5", id="no score"),
        pytest.param("width", "", r"column width has missing values \(first in row 5\)", id="gap"),
        pytest.param("time_s", "NA", r"column time_s has .*row 5", id="no time"),
        pytest.param("face", "1.5", r"whole numbers; row 5 has 1.5", id="half a face"),
        pytest.param("face", "1e300", r"whole numbers; row 5 has 1e\+300", id="huge face"),
        pytest.param("face", "-1", r"from 0 on \(row 5, column face\)", id="negative face"),
        pytest.param("x1", "wide", "in row 5, its column x1 has 'wide'", id="word"),
        pytest.param("x1", "50 %", "in row 5, its column x1 has '50 %'", id="percent"),
        pytest.param("x1", "#DIV/0!", "in row 5, its column x1 has '#DIV/0!'", id="formula"),
        pytest.param("x1", "05.Jan", "in row 5, its column x1 has '05.Jan'", id="date"),
        pytest.param("is_corrected", "2", "row 5, its column is_corrected has '2'", id="two"),
        pytest.param("is_corrected", "NA", r"is_corrected has .*row 5", id="neither"),
        pytest.param("expression", "joy", r"expression joy .*\(row 5\)", id="expression"),
    ],
)
def test_a_wrong_cell_is_refused_with_its_row_and_column(
    column: str, cell: str, reason: str
) -> None:
    rows = exported_rows(some_readings(9))
    rows[4][rows[0].index(column)] = cell
    with pytest.raises(DataError, match=reason):
        read("talk.csv", written(rows))
    # The same below a heading that was left out and a blank line.
    shifted = written([*rows[:2], rows[0], *rows[2:]]).replace(b"\n", b"\n\n", 1)
    with pytest.raises(DataError, match=reason.replace("row 5", "row 7")):
        read("talk.csv", shifted)


def test_a_column_that_is_there_twice_is_refused() -> None:
    for name in ("time_s", "p_fear"):
        rows = exported_rows(some_readings(3))
        rows = with_column(name, ["0"] * 3, rows)
        assert f"its column {name} is there twice" in refusal(written(rows))


def test_missing_values_in_json_of_r_are_missing() -> None:
    whole = json.loads(to_json(some_recording(names=NAMES), READINGS))
    for name, cells in whole["readings"].items():
        if name.startswith(("p_", "s_")):
            whole["readings"][name] = ["NA" if cell is None else cell for cell in cells]
    assert_read(json.dumps(whole).encode())


def test_texts_made_of_missing_values_in_parquet_are_missing() -> None:
    """``astype(str)`` makes "nan" or "None" of them."""
    for word in ("nan", "None", "<NA>"):
        frame = table(some_recording(names=NAMES), READINGS)
        for name in ("name", "expression", "flaw"):
            frame[name] = [word if cell is None else cell for cell in frame[name]]
        out = io.BytesIO()
        frame.to_parquet(out)
        assert_read(out.getvalue())


def test_numbers_that_are_none_in_parquet_are_missing() -> None:
    """polars keeps NaN apart from what is missing."""
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = polars.from_pandas(table(some_recording(names=NAMES), READINGS), nan_to_null=False)
    assert frame["p_fear"].is_nan().any()
    out = io.BytesIO()
    frame.with_row_index().write_parquet(out)
    assert "index" in assert_read(out.getvalue())

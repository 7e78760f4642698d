"""CSV files of sessions that a spreadsheet has opened and saved."""

import csv
import io

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import DataError
from ferapp.sessions.formats.exchange import read, to_csv
from ferapp.sessions.session import Readings
from tests.support.places import shared_path
from tests.support.sessions import assert_same_readings, gappy_readings, some_recording


def saved_by_spreadsheet(
    readings: Readings,
    *,
    separator: str = ";",
    decimal: str = ",",
    words: tuple[str, str] = ("WAHR", "FALSCH"),
    whole: str = "{}",
    line_end: str = "\r\n",
) -> str:
    """What a spreadsheet of another language writes for an exported CSV."""
    text = to_csv(some_recording(), readings).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator=line_end)
    writer.writerow(rows[0])
    texts = {rows[0].index(name) for name in ("expression", "flaw")}
    for row in rows[1:]:
        cells = {"True": words[0], "False": words[1]}
        new = [
            cell if n in texts else cells.get(cell, cell.replace(".", decimal))
            for n, cell in enumerate(row)
        ]
        new[1] = whole.format(new[1])
        writer.writerow(new)
    return out.getvalue()


def assert_read(data: bytes, wanted: Readings) -> None:
    recording, found = read("talk.csv", data)
    assert recording.labels == EXPRESSIONS
    assert_same_readings(found, wanted)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("TRUE", "FALSE"), id="en"),
        pytest.param(("WAHR", "FALSCH"), id="de"),
        pytest.param(("VRAI", "FAUX"), id="fr"),
        pytest.param(("VERDADERO", "FALSO"), id="es"),
        pytest.param(("VERO", "FALSO"), id="it"),
        pytest.param(("VERDADEIRO", "FALSO"), id="pt"),
        pytest.param(("PRAWDA", "FAŁSZ"), id="pl"),
        pytest.param(("WAAR", "ONWAAR"), id="nl"),
        pytest.param(("SANT", "FALSKT"), id="sv"),
        pytest.param(("SAND", "FALSK"), id="da"),
        pytest.param(("SANN", "USANN"), id="nb"),
        pytest.param(("TOSI", "EPÄTOSI"), id="fi"),
        pytest.param(("PRAVDA", "NEPRAVDA"), id="cs"),
        pytest.param(("IGAZ", "HAMIS"), id="hu"),
        pytest.param(("DOĞRU", "YANLIŞ"), id="tr"),
        pytest.param(("ADEVĂRAT", "FALS"), id="ro"),
        pytest.param(("ИСТИНА", "ЛОЖЬ"), id="ru"),
        pytest.param(("ІСТИНА", "ХИБНІСТЬ"), id="uk"),
        pytest.param(("Wahr", "falsch"), id="other case"),
        pytest.param(("1", "0"), id="numbers"),
    ],
)
def test_true_and_false_are_read_in_every_language(words: tuple[str, str]) -> None:
    readings = gappy_readings()
    assert_read(saved_by_spreadsheet(readings, words=words).encode("utf-8-sig"), readings)


@pytest.mark.parametrize(
    ("separator", "decimal"), [(";", ","), (";", "."), ("\t", ","), ("\t", "."), (",", ",")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"], ids=["dos", "unix", "mac"])
def test_every_separator_and_decimal_sign_is_read(
    separator: str, decimal: str, encoding: str, line_end: str
) -> None:
    readings = gappy_readings()
    text = saved_by_spreadsheet(readings, separator=separator, decimal=decimal, line_end=line_end)
    assert_read(text.encode(encoding), readings)


def test_unicode_text_of_the_other_byte_order_is_read() -> None:
    text = "\ufeff" + saved_by_spreadsheet(gappy_readings(), separator="\t")
    assert_read(text.encode("utf-16-be"), gappy_readings())


def test_whole_numbers_with_a_decimal_sign_are_whole() -> None:
    assert_read(saved_by_spreadsheet(gappy_readings(), whole="{},0").encode(), gappy_readings())


def refusal(data: bytes) -> str:
    with pytest.raises(DataError) as caught:
        read("talk.csv", data)
    return str(caught.value)


LABELS = ";".join(f"{kind}_{name}" for kind in "ps" for name in ("a", "b"))
HEADER = f"time_s;face;x1;y1;x2;y2;width;height;score;expression;flaw;is_corrected;{LABELS}"
ROW = "{};1;{};2;3;4;640;480;{};a;;FALSCH;{};0;1;0"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(ROW.format("1.234,5", "2", "1", "1"), "points and commas", id="grouped"),
        pytest.param(ROW.format("0.5", "2", "0,5", "1"), "points and commas", id="both"),
        pytest.param(ROW.format("1,234", "2", "1", "1"), "1,234 may be a fraction", id="comma"),
        pytest.param(ROW.format("1", "2.345", "1", "1"), "2.345 may be a fraction", id="point"),
        pytest.param(ROW.format("0,5", "05. Jan", "1", "1"), "x1 has '05. Jan'", id="date"),
        pytest.param(
            ROW.format("0,5", "2", "1", "1").replace("FALSCH", "JEIN"),
            "is_corrected has 'JEIN', which is neither true nor false",
            id="unknown word",
        ),
        pytest.param(ROW.format("0,5", "2", "#NAME?", "1"), "score has '#NAME?'", id="formula"),
        pytest.param(
            ROW.format("0,5", "2", "1", "1").replace(";1;", ";1,5;", 1),
            "face must hold whole numbers",
            id="half a face",
        ),
    ],
)
def test_ambiguous_and_wrong_cells_are_refused_with_the_reason(row: str, reason: str) -> None:
    assert reason in refusal(f"{HEADER}\r\n{row}\r\n".encode("utf-8-sig"))


def test_the_only_row_is_read_if_nothing_is_ambiguous() -> None:
    data = f"{HEADER}\r\n{ROW.format('0,167', '534,5528', '0,9', '1')}\r\n".encode()
    _, readings = read("talk.csv", data)
    assert readings.at_s.tolist() == [0.167] and readings.xyxy[0, 0] == np.float32(534.5528)


@pytest.mark.parametrize("separator", ["|", " "])
def test_another_separator_is_named(separator: str) -> None:
    text = saved_by_spreadsheet(gappy_readings(), separator=separator)
    assert "not separated by commas, semicolons or tabs" in refusal(text.encode())


def test_an_old_code_page_is_named() -> None:
    text = saved_by_spreadsheet(gappy_readings(), words=("PRAWDA", "FAŁSZ"))
    assert "CSV UTF-8" in refusal(text.encode("cp1250"))


def test_half_a_file_of_unicode_text_is_refused() -> None:
    assert "talk.csv can't be opened" in refusal(
        saved_by_spreadsheet(gappy_readings()).encode("utf-16")[:-1]
    )


def test_a_decimal_comma_that_comes_late_is_named() -> None:
    whole = ROW.format("1", "2", "1", "1")
    rows = [whole] * 20_000 + [ROW.format("0,5", "2", "1", "1")]
    assert "time_s has '0,5'" in refusal("\n".join([HEADER, *rows]).encode())


def test_a_table_of_a_german_spreadsheet_is_read() -> None:
    path = shared_path("data/bugs") / "excel_de.csv"
    _, readings = read(path.name, path.read_bytes())
    assert len(readings) == 138 and readings.at_s[0] == 0.167
    assert readings.probabilities[0].sum() == pytest.approx(1, abs=1e-5)

"""Files that other programs open safely."""

import csv
import io

import numpy as np
import pandas
import pytest

from ferapp.system.csv_tables import csv_bytes, remove_guard
from ferapp.system.text import make_printable, one_line, to_ascii


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("party.jpg", "party.jpg", id="plain"),
        pytest.param("a\nb.jpg", "a\ufffdb.jpg", id="newline"),
        pytest.param("a\0b.jpg", "a\ufffdb.jpg", id="NUL"),
        pytest.param("\x1b[31mred.jpg", "\ufffd[31mred.jpg", id="terminal escape"),
        pytest.param("photo\u202egpj.exe", "photo\ufffdgpj.exe", id="direction override"),
        pytest.param("Z" + "\u0301" * 200, "Z\u0301\u0301", id="piled accents"),
        pytest.param("e\u0301.jpg", "e\u0301.jpg", id="one accent"),
        pytest.param("yüz_İığş.jpg", "yüz_İığş.jpg", id="Turkish"),
        pytest.param("תמונה.jpg", "תמונה.jpg", id="Hebrew"),
        pytest.param("a\udcff.jpg", "a\ufffd.jpg", id="bytes that are no text"),
        ("a\u200bb\u2060c\ufeff", "a\ufffdb\ufffdc\ufffd"),
        ("a\U000e0041b", "a\ufffdb"),
        # Joiners are part of Persian words and of many emoji, and of no Latin word.
        ("می\u200cخواهم 👩\u200d🔬.jpg", "می\u200cخواهم 👩\u200d🔬.jpg"),
        ("pay\u200dpal", "pay\ufffdpal"),
    ],
)
def test_names_become_one_readable_line(name: str, shown: str) -> None:
    assert one_line(name) == shown


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Ada", "Ada"),
        ("Zoë Łukasz Çağrı İğ", "Zoe Lukasz Cagri Ig"),
        ("Søren Ægir Großmann", "Soren Aegir Grossmann"),
        ("Nguyễn Hồng Đào", "Nguyen Hong Dao"),
        ("O\u2019Brien\u2013Smith", "O'Brien-Smith"),
        ("李", ""),
        ("Ada 李", ""),
        ("👩‍🔬", ""),
        ("", ""),
    ],
)
def test_accents_are_left_out_where_a_font_has_only_ascii(text: str, plain: str) -> None:
    assert to_ascii(text) == plain


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+SUM(1)", "-2+3", "@SUM(A1)", "\tx"])
def test_formulas_are_escaped(name: str) -> None:
    text = csv_bytes(pandas.DataFrame({"file": [name], "p": [-0.5]})).decode("utf-8-sig")
    row = next(csv.DictReader(io.StringIO(text)))
    assert row["file"].startswith("'")
    assert row["p"] == "-0.5", "numbers stay numbers"


def test_csv_survives_a_round_trip() -> None:
    table = pandas.DataFrame({"file": ['a,b;"c" 😀', "yüz"], "p": [0.25, 0.75], "n": [1, 2]})
    data = csv_bytes(table)
    assert data.startswith(b"\xef\xbb\xbf"), "spreadsheets need the mark to read UTF-8"
    pandas.testing.assert_frame_equal(pandas.read_csv(io.BytesIO(data)), table)


def test_an_empty_table_keeps_its_headings() -> None:
    assert csv_bytes(pandas.DataFrame({"file": [], "p": []})) == b"\xef\xbb\xbffile,p\r\n"


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_exact_numbers_survive_a_round_trip(kind: type, rng: np.random.Generator) -> None:
    values = (10.0 ** rng.uniform(-30, 30, 2000)).astype(kind)
    text = csv_bytes(pandas.DataFrame({"p": values}), exact=True).decode("utf-8-sig")
    cells = text.split("\r\n")[1:-1]
    assert np.array_equal(np.array([kind(cell) for cell in cells]), values)
    assert max(map(len, cells)) <= (15 if kind is np.float32 else 24), "no digit too many"


@pytest.mark.parametrize("text", ["=1", "'=1", "''=1", "'", "'a", "a'=1", "", "-", "'-", "yüz"])
def test_the_guard_can_be_removed(text: str) -> None:
    cell = csv_bytes(pandas.DataFrame({"a": [text], "b": [1]})).decode("utf-8-sig")
    row = next(csv.DictReader(io.StringIO(cell)))
    assert not row["a"].startswith(("=", "-"))
    assert remove_guard(row["a"]) == text


@pytest.mark.parametrize("text", ["a\u200bb", "a\ufeffb", "a\u00adb", "a\u202eb", "a\nb"])
def test_messages_about_models_replace_invisible_characters(text: str) -> None:
    assert make_printable(text) == "a\ufffdb"

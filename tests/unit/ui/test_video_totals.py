"""The table over several videos."""

import pytest

from ferapp.pipeline.record import Track
from ferapp.system.csv_tables import csv_bytes
from ferapp.ui.video.totals import Totals, shown_table, totals_table

TWO = [
    Track(1, 0.0, 8.0, 80, {"neutral": 6.0, "happiness": 2.0}),
    Track(2, 0.0, 2.0, 20, {"happiness": 2.0}, unreadable_s=0.5),
]


def test_faces_of_one_video_are_added_up() -> None:
    row = Totals.of("a.mp4", 10.0, TWO)
    assert (row.faces, row.read_s, row.unreadable_s) == (2, 10.0, 0.5)
    assert row.share("neutral") == pytest.approx(0.6) and row.share("fear") == 0.0


def test_a_video_without_a_face_has_a_row_of_zeros() -> None:
    [row] = totals_table([Totals.of("empty.mp4", 4.0, [])], ["neutral"]).to_dict("records")
    assert row["faces"] == 0 and row["read_s"] == 0 and row["share_neutral"] == 0.0


def test_the_table_names_every_label_of_any_video() -> None:
    rows = [Totals.of("a.mp4", 10.0, TWO[:1]), Totals.of("b.mp4", 2.0, TWO[1:])]
    table = shown_table(rows, ["neutral", "happiness"])
    assert table["neutral"].tolist() == ["75 %", "< 1 %"]
    assert table["faces read for"].tolist() == ["00:08.0", "00:02.0"]


def test_a_file_name_is_no_formula_in_the_file() -> None:
    table = totals_table([Totals.of('=HYPERLINK("x")', 1.0, TWO)], [])
    assert b"'=HYPERLINK" in csv_bytes(table)

"""The table of spells, for annotation programs: begin, end, label, face and name."""

import io
from dataclasses import replace

import numpy as np
import pandas
import pytest

from ferapp.errors import DataError
from ferapp.sessions.formats.exchange import read
from ferapp.sessions.formats.spells import SPELL_COLUMNS, spells_table, to_spells_csv
from ferapp.sessions.lengths import with_lengths
from ferapp.sessions.report.summary import summary
from ferapp.sessions.session import Readings
from tests.support.sessions import face_readings, some_readings, some_recording

JOY, SAD, UNSURE = "happiness", "sadness", None


def rows(readings: Readings, **changes: object) -> list[tuple[object, ...]]:
    found = spells_table(some_recording(**changes), readings)
    assert tuple(found.columns) == SPELL_COLUMNS
    return list(found.itertuples(index=False, name=None))


TABLES = {
    "nobody": (face_readings(), []),
    "one frame lasts as long as it was shown": (face_readings((3, JOY)), [(3, 3.04, JOY, 1, None)]),
    "spells that meet share a time": (
        face_readings((0, JOY), (1, JOY), (2, SAD)),
        [(0, 2, JOY, 1, None), (2, 3, SAD, 1, None)],
    ),
    "unsure is in no row": (
        face_readings((0, JOY), (1, UNSURE), (2, JOY)),
        [(0, 1, JOY, 1, None), (2, 3, JOY, 1, None)],
    ),
    "unreadable is in no row": (
        face_readings((0, UNSURE), (1, JOY), (2, UNSURE), flaws={0: "dark", 2: "blurred"}),
        [(1, 2, JOY, 1, None)],
    ),
    "two faces are in the order of time": (
        Readings.join([face_readings((0, JOY), (1, SAD)), face_readings((0, SAD), face=2)]),
        [(0, 0.04, SAD, 2, None), (0, 1, JOY, 1, None), (1, 2, SAD, 1, None)],
    ),
}


@pytest.mark.parametrize(("readings", "expected"), TABLES.values(), ids=TABLES)
def test_spells_have_a_row_each(readings: Readings, expected: list[tuple[object, ...]]) -> None:
    assert rows(readings) == expected


def test_an_import_says_that_it_is_a_table_of_spells() -> None:
    with pytest.raises(DataError, match="table of spells"):
        read("a.spells.csv", to_spells_csv(some_recording(), face_readings((0, JOY))))


def test_pictures_have_no_spells() -> None:
    assert rows(face_readings((0, JOY), (1, JOY)), source="pictures") == []


def test_names_are_in_the_table_and_safe_in_a_spreadsheet() -> None:
    recording = some_recording(names={1: "=Zoë"})
    text = to_spells_csv(recording, face_readings((0, JOY))).decode("utf-8-sig")
    assert text.splitlines() == ["begin_s,end_s,label,face,name", "0.0,0.04,happiness,1,'=Zoë"]


@pytest.mark.parametrize("rate", [0.1, 1 / 3, 15.0, 29.97, 1000.0])
@pytest.mark.parametrize("seed", range(3))
def test_spells_never_overlap_and_add_up_to_the_summary(rate: float, seed: int) -> None:
    readings = some_readings(600, faces=2, rate=rate, seed=seed)
    gone = np.random.default_rng(seed).random(len(readings)) < 0.1
    readings.probabilities[np.random.default_rng(seed + 9).random(len(readings)) < 0.1] = np.nan
    readings = with_lengths(readings.at(~gone))
    text = io.BytesIO(to_spells_csv(some_recording(), readings))
    table = pandas.read_csv(text, encoding="utf-8-sig")
    assert table["begin_s"].is_monotonic_increasing and (table["end_s"] > table["begin_s"]).all()
    for face in (1, 2):
        own = table[table["face"] == face]
        assert (own["begin_s"].to_numpy()[1:] >= own["end_s"].to_numpy()[:-1]).all()
        seconds = summary(readings.of(face)).seconds
        found = (own["end_s"] - own["begin_s"]).groupby(own["label"]).sum().to_dict()
        assert found == pytest.approx(
            {label: s for label, s in seconds.items() if label is not None}, abs=1e-3
        )


@pytest.mark.parametrize("length_s", [1e-12, 1e-300])
def test_a_file_that_claims_lengths_of_nothing_has_no_empty_spells(length_s: float) -> None:
    tiny = replace(face_readings((0, JOY), (1, JOY)), duration_s=np.full(2, length_s))
    assert rows(tiny) == []

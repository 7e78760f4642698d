"""Sessions that were made at random go through files and the store, and nothing of them is lost."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import make_url

from ferapp.emotions import EXPRESSIONS
from ferapp.sessions.database import open_database
from ferapp.sessions.face_edits import clean_name
from ferapp.sessions.formats.exchange import read, to_csv, to_json, to_parquet
from ferapp.sessions.session import Marker, Readings, SessionInfo
from ferapp.sessions.store import LOCAL_OWNER, Store
from ferapp.system.csv_tables import MISSING
from tests.support.sessions import assert_same_readings, object_array, some_readings, some_recording

Writer = Callable[[SessionInfo, Readings], bytes]
WHOLE = [pytest.param(to_parquet, id="parquet"), pytest.param(to_json, id="json")]
WORDS = [
    *("talk", "Müller–Łukasz", "李小龙", "مقابلة", "ראיון", "ตัวอย่าง", "👩‍👩‍👧", "👍🏽", "e\u0301"),
    *("=1+1", "'quoted'", '"', ",", ";", "NA", "None", "null", "\\N", "<b>", "&amp;", "%s", "{}"),
    *("\u200f", "\u200e", "\u061c", "\u00a0", "می\u200cخواهم", "0.5", "1e5", "TRUE"),
]


def some_text(rng: random.Random, longest: int) -> str:
    text = " ".join(rng.choices(WORDS, k=rng.randint(1, 60)))
    return text[: rng.randint(1, longest)].strip() or "x"


def some_session(seed: int) -> tuple[SessionInfo, Readings]:
    rng = random.Random(seed)
    faces = rng.randint(1, 4)
    labels = EXPRESSIONS if rng.random() < 0.5 else ("joy", "None", "big smile", "😀, \"x\"; 'y'")
    readings = some_readings(rng.choice([1, 2, 60]), faces=faces, labels=labels, seed=seed)
    is_flawed = np.random.default_rng(seed).random(len(readings)) < 0.3
    readings.probabilities[is_flawed] = readings.smoothed[is_flawed] = np.nan
    readings.expression[is_flawed] = None
    readings.flaw[is_flawed] = object_array(
        rng.choice(["too dark", "too; small", "zu, dunkel", "太暗"]) for _ in range(is_flawed.sum())
    )
    names: dict[int, str] = {}
    for face in range(1, faces + 1):
        name = clean_name(rng.choice([*sorted(MISSING), some_text(rng, 50)]))
        if name and name.casefold() not in {other.casefold() for other in names.values()}:
            names[face] = name
    zone = timezone(timedelta(minutes=rng.choice([0, 345, -210, 765, -720])))
    recording = some_recording(
        id=f"{seed:032x}",
        title=some_text(rng, 200),
        source=rng.choice(["live", "video"]),
        started=datetime(2026, rng.randint(1, 12), 3, 4, 5, 6, rng.randint(0, 999_999), zone),
        labels=labels,
        unsure_below=rng.random(),
        duration_s=100.0,
        settings={"padding": 0.0, "classes": list(labels), "nothing": None, "deep": {"a": [1]}},
        markers=tuple(
            Marker(n / 7, some_text(rng, 200), n / 7 + 0.1 if n % 3 else None)
            for n in range(rng.choice([0, 1, 2, 200]))
        ),
        consent="Everyone agrees.\nHerkes kabul etti. (2)",
        names=names,
    )
    return recording, readings


def assert_same(found: tuple[SessionInfo, Readings], wanted: tuple[SessionInfo, Readings]) -> None:
    assert replace(found[0], id=wanted[0].id) == wanted[0]
    assert_same_readings(found[1], wanted[1])


@pytest.mark.parametrize("write", WHOLE)
def test_nothing_is_lost_in_a_file(write: Writer) -> None:
    for seed in range(40):
        session = some_session(seed)
        notes: list[str] = []
        assert_same(read("any name", write(*session)), session)
        read("any name", write(*session), on_note=notes.append)
        assert notes == []


def test_a_csv_loses_nothing_that_it_has_a_place_for() -> None:
    for seed in range(40):
        wanted, readings = some_session(seed)
        notes: list[str] = []
        found, back = read("any name", to_csv(wanted, readings), on_note=notes.append)
        assert (found.names, found.labels, notes) == (wanted.names, wanted.labels, [])
        assert_same_readings(back, readings)


@pytest.mark.parametrize("write", WHOLE)
def test_nothing_is_lost_in_the_store_and_a_file(tmp_path: Path, write: Writer) -> None:
    with Store(open_database(make_url(f"sqlite:///{tmp_path}/a.db"))) as store:
        for seed in range(12):
            wanted, readings = some_session(seed)
            store.enter(wanted, readings, LOCAL_OWNER)
            [kept] = [o for o in store.overviews(LOCAL_OWNER) if o.recording.id == wanted.id]
            data = write(kept.recording, store.readings(wanted.id, LOCAL_OWNER))
            store.delete(wanted.id, LOCAL_OWNER)
            recording, back = read("a", data)
            store.enter(recording, back, LOCAL_OWNER)
            [kept] = [o for o in store.overviews(LOCAL_OWNER) if o.recording.id == recording.id]
            assert replace(kept.recording, id=wanted.id) == wanted
            assert_same_readings(store.readings(recording.id, LOCAL_OWNER), readings)


@pytest.mark.parametrize("write", WHOLE)
def test_a_long_title_and_ten_thousand_markers_come_back(write: Writer) -> None:
    title = ("Gespräch über die Gefühle, ראיון 👩‍👩‍👧 " * 9)[:200]
    markers = tuple(Marker(n / 100, f"{n} " + "x" * 190) for n in range(10_000))
    wanted = some_recording(title=title, markers=markers)
    found, _ = read("a", write(wanted, some_readings(3)))
    assert found.title == title and found.markers == markers


@pytest.mark.parametrize("write", WHOLE)
def test_marks_of_arabic_and_hebrew_stay_but_overrides_do_not(write: Writer) -> None:
    title = "\u200fראיון\u200e (1)\u061c"
    found, _ = read("a", write(some_recording(title=title + "\u202e"), some_readings(1)))
    assert found.title == title + "\ufffd"

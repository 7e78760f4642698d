"""Comparing conditions, against values computed by hand."""

import io
from dataclasses import replace

import numpy as np
import pandas
import pytest

from ferapp.sessions.session import Readings
from ferapp.sessions.statistics.conditions import (
    compare_conditions,
    comparison_table,
    condition_curves,
    to_comparison_csv,
)
from ferapp.sessions.statistics.profiles import FaceProfile, face_profiles
from tests.support.sessions import face_readings, some_recording

EDGES = np.array([0.0, 2.0, 4.0])
JOY, OTHER = 0.9, 0.1 / 7


def profiles(id: str, *faces: tuple[str | None, ...], labels: tuple[str, ...] = ()) -> list:
    """A session in which each face shows these labels, each for a second."""
    known = {"labels": labels} if labels else {}
    parts = [
        face_readings(*((float(n), name) for n, name in enumerate(names)), face=number, **known)
        for number, names in enumerate(faces, 1)
    ]
    whole = Readings.join(parts)
    whole = replace(whole, duration_s=np.ones(len(whole)))
    recording = some_recording(id=id, duration_s=float(max(map(len, faces))), **known)
    return face_profiles(recording, whole.at(np.argsort(whole.at_s, kind="stable")), EDGES)


def test_a_profile_is_weighted_with_the_time() -> None:
    [its] = profiles("a", ("happiness", "happiness", "happiness", "neutral"))
    assert its.means["probability"]["happiness"] == pytest.approx((3 * JOY + OTHER) / 4)
    assert its.means["label"]["happiness"] == 0.75 and its.means["label"]["unsure"] == 0
    assert (its.readings, its.read_s) == (4, 4.0)
    assert its.curve["happiness"] == pytest.approx([JOY, (JOY + OTHER) / 2])


def test_the_last_reading_counts_where_no_length_is_known() -> None:
    rows = [(0.2 * n, "happiness" if n < 20 else "neutral") for n in range(40)]
    readings = replace(face_readings(*rows), duration_s=np.full(40, np.nan))
    [its] = face_profiles(some_recording(), readings, EDGES)
    assert its.read_s == pytest.approx(8.0)
    assert its.means["label"]["happiness"] == pytest.approx(0.5)


def test_a_face_that_was_never_read_has_no_profile() -> None:
    readings = face_readings((0, None), (1, None), flaws={0: "dark", 1: "dark"})
    assert face_profiles(some_recording(), readings, EDGES) == []


def test_faces_count_as_observations() -> None:
    found = compare_conditions(
        {"film": profiles("a", ("happiness",) * 2, ("neutral",) * 2, ("neutral",) * 2)},
        measure="label",
    )
    place = found.classes.index("happiness")
    assert found.means["film"].mean[place] == pytest.approx(1 / 3)
    assert found.means["film"].n[place] == 3 and not found.differences


def test_sessions_count_the_same_however_many_faces_they_have() -> None:
    faces = [
        *profiles("a", ("happiness",) * 2, ("happiness",) * 2, ("happiness",) * 2),
        *profiles("b", ("neutral",) * 2),
    ]
    by_face = compare_conditions({"film": faces}, measure="label")
    by_session = compare_conditions({"film": faces}, measure="label", unit="session")
    place = by_face.classes.index("happiness")
    assert by_face.means["film"].mean[place] == 0.75 and by_face.means["film"].n[place] == 4
    assert by_session.means["film"].mean[place] == 0.5 and by_session.means["film"].n[place] == 2


def test_differences_are_those_from_the_first_condition() -> None:
    found = compare_conditions(
        {
            "rest": profiles("a", ("neutral",) * 2, ("neutral",) * 2),
            "film": profiles("b", ("happiness",) * 2, ("happiness",) * 2),
        }
    )
    place = found.classes.index("happiness")
    assert found.reference == "rest" and list(found.differences) == ["film"]
    difference = found.differences["film"]
    assert difference.mean[place] == pytest.approx(JOY - OTHER)
    assert difference.low[place] == pytest.approx(JOY - OTHER)


def test_one_face_has_no_interval() -> None:
    found = compare_conditions({"a": profiles("a", ("fear",) * 2), "b": profiles("b", ("anger",))})
    assert np.isnan(found.means["a"].low).all() and np.isnan(found.differences["b"].low).all()
    assert (found.means["a"].n == 1).all()


def test_names_of_one_class_are_compared_and_unknown_classes_are_missing() -> None:
    ours = profiles("a", ("happiness", "fear"))
    theirs = profiles("b", ("happy", "happy"), labels=("happy", "boredom"))
    found = compare_conditions({"a": ours, "b": theirs}, measure="label")
    place, boredom = found.classes.index("happiness"), found.classes.index("boredom")
    assert [found.means[name].mean[place] for name in "ab"] == [0.5, 1.0]
    assert found.means["a"].n[boredom] == 0 and np.isnan(found.means["a"].mean[boredom])
    assert found.classes[-1] == "unsure"


def test_twice_as_many_readings_of_the_same_face_make_no_interval_narrower() -> None:
    def interval(readings_per_second: int) -> np.ndarray:
        faces: list[FaceProfile] = []
        for number, name in enumerate(("happiness", "neutral", "fear")):
            rows = [(n / readings_per_second, name) for n in range(2 * readings_per_second)]
            its = replace(
                face_readings(*rows), duration_s=np.full(len(rows), 1 / readings_per_second)
            )
            faces += face_profiles(some_recording(id=str(number), duration_s=2.0), its, EDGES)
        means = compare_conditions({"all": faces}).means["all"]
        return means.high - means.low

    np.testing.assert_allclose(interval(1), interval(30), atol=1e-6)


def test_curves_of_conditions_have_one_axis() -> None:
    curves = condition_curves(
        {
            "short": profiles("a", ("fear",) * 2),
            "long": profiles("b", ("fear",) * 4, ("anger",) * 2),
        }
    )
    assert curves["short"]["fear"][0] == pytest.approx(JOY) and np.isnan(curves["short"]["fear"][1])
    assert curves["long"]["fear"] == pytest.approx([(JOY + OTHER) / 2, JOY])


def test_the_csv_says_what_was_averaged_drawn_and_compared() -> None:
    found = compare_conditions(
        {"=rest": profiles("a", ("fear",) * 2), "film": profiles("b", ("anger",))}, unit="session"
    )
    table = pandas.read_csv(io.BytesIO(to_comparison_csv(found)))
    assert len(table) == 16 == len(comparison_table(found))
    assert {*table["measure"]} == {"probability"} and {*table["unit"]} == {"session"}
    assert {*table["condition"]} == {"'=rest", "film"}, "no spreadsheet takes it for a formula"
    first = table[table["condition"] == "'=rest"]
    assert first["difference"].isna().all() and (table["n"] == 1).all()

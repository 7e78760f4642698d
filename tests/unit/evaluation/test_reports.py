"""Tables by source, by group, and in light and noise."""

from pathlib import Path

import numpy as np
import pytest

from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import LabelledFaces
from ferapp.evaluation.reports.by_source import figures_by_source
from ferapp.evaluation.reports.corruptions import CORRUPTIONS, corrupted, evaluate_corrupted
from ferapp.evaluation.reports.groups import compare_groups
from ferapp.evaluation.reports.readings import Readings, read_sources
from tests.support.class_folders import put
from tests.support.fakes import FakeClassifier
from tests.support.labelled import png

# The fake takes dark faces for its first label, bright ones for its last.
CLASSIFIER = FakeClassifier(("sadness", "happiness"))


def face_set(folder: Path, header: str, *rows: str) -> Path:
    """Faces with a table; the first cell of a row is the grey value of the face."""
    folder.mkdir()
    lines = [f"image,{header}"]
    for number, row in enumerate(rows):
        grey, cells = row.split(",", 1)
        (folder / f"{number}.png").write_bytes(png(int(grey)))
        lines.append(f"{number}.png,{cells}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_each_source_has_its_row(tmp_path: Path) -> None:
    posed = face_set(
        tmp_path / "posed",
        "source,person,label",
        "250,ck,1,happy",
        "10,ck,1,happy",
        "10,jaffe,1,sad",
    )
    put(tmp_path / "web" / "happy", 3, 250)
    put(tmp_path / "web" / "sad", 1, 250)
    readings = read_sources([posed, tmp_path / "web"], "Test", CLASSIFIER)
    rows = figures_by_source(readings, unsure_below=0.5)
    assert {name: (one.n, one.persons, one.accuracy) for name, one in rows.items()} == {
        "ck": (2, 1, 0.5),
        "jaffe": (1, 1, 1.0),
        "web": (4, None, 0.75),
    }
    assert rows["web"].recall == (0.0, 1.0) and readings.labels == ("sadness", "happiness")


def test_the_same_number_in_two_sources_is_two_people(tmp_path: Path) -> None:
    rows = ("250,1,happy", "10,1,sad")
    sets = [face_set(tmp_path / name, "person,label", *rows) for name in ("a", "b")]
    readings = read_sources(sets, "Test", CLASSIFIER)
    assert set(readings.columns["person"]) == {"a/1", "b/1"}


def test_what_no_classifier_knows_is_named(tmp_path: Path) -> None:
    source = face_set(tmp_path / "a", "label", "250,happy", "10,bored")
    readings = read_sources([source], "Test", CLASSIFIER)
    assert [str(one) for one in readings.left_out] == [
        "bored (1 picture): the classifier has no such class"
    ]


def readings(right: dict[str, list[int]], persons: int | None = None) -> Readings:
    """Faces of one class by group: 1 for each that is read rightly."""
    groups = [name for name, hits in right.items() for _ in hits]
    hits = np.array([hit for group in right.values() for hit in group], float)
    columns = {"skin": tuple(groups)}
    if persons:
        count = {name: len(group) // persons for name, group in right.items()}
        columns["person"] = tuple(
            f"{name}{place // count[name]}" for name, g in right.items() for place in range(len(g))
        )
    return Readings(
        ("a", "b"),
        np.zeros(len(hits), np.intp),
        np.stack([hits, 1 - hits], axis=1).astype(np.float32),
        columns,
        (),
    )


def test_equal_groups_are_no_evidence() -> None:
    result = compare_groups(
        readings({"dark": [1, 1, 1, 0] * 10, "light": [1, 0, 1, 1] * 10}), "skin", unsure_below=0
    )
    assert result.p_value > 0.9 and result.differences == {"dark": 0, "light": 0}
    assert result.shuffled == "faces"


def test_a_group_that_is_read_worse_is_found() -> None:
    result = compare_groups(
        readings({"dark": [1, 0] * 30, "light": [1] * 60}), "skin", unsure_below=0
    )
    assert result.p_value < 0.001
    assert result.differences == {"dark": pytest.approx(-0.25), "light": pytest.approx(0.25)}
    assert result.groups["dark"].accuracy == 0.5


def test_few_people_are_no_evidence_however_many_faces() -> None:
    """Two people of each group: one of the six ways to share them out is as far apart, and its
    mirror image."""
    apart = {"dark": [0] * 50, "light": [1] * 50}
    by_faces, by_persons = (
        compare_groups(readings(apart, persons), "skin", unsure_below=0) for persons in (None, 2)
    )
    assert by_faces.p_value < 0.001
    assert by_persons.shuffled == "persons" and by_persons.p_value == pytest.approx(1 / 3, abs=0.03)


def test_harder_expressions_are_no_difference_between_groups() -> None:
    """Class 1 is never read rightly, and one group shows it more often."""
    classes = np.array([0] * 30 + [1] * 10 + [0] * 10 + [1] * 30)
    shown = Readings(
        ("a", "b"),
        classes,
        np.tile(np.array([0.9, 0.1], np.float32), (80, 1)),
        {"skin": ("dark",) * 40 + ("light",) * 40},
        (),
    )
    result = compare_groups(shown, "skin", unsure_below=0)
    assert result.groups["dark"].accuracy == 0.75 and result.groups["light"].accuracy == 0.25
    assert result.p_value == 1 and result.differences == {"dark": 0, "light": 0}


def test_faces_without_a_group_do_not_count() -> None:
    result = compare_groups(
        readings({"dark": [1, 0], "": [0, 0, 0], "light": [1, 1]}), "skin", unsure_below=0
    )
    assert result.ungrouped == 3 and list(result.groups) == ["dark", "light"]
    assert result.to_json()["groups"][0]["group"] == "dark"


@pytest.mark.parametrize(
    ("column", "message"),
    [("age", "no column|No table has a column age; there are: skin"), ("skin", "2 to 50 groups")],
)
def test_columns_that_name_no_groups_give_a_message(column: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        compare_groups(readings({"dark": [1, 0]}), column, unsure_below=0)


CHANGES = {one.name: one for one in CORRUPTIONS}


def changed(name: str, value: int = 100, seed: int = 0) -> np.ndarray:
    return corrupted(np.full((48, 48, 3), value, np.uint8), (48, 48), CHANGES[name], seed)


@pytest.mark.parametrize(
    ("name", "mean"),
    [
        ("none", 100),
        ("half as bright", 50),
        ("dim (× 0.3)", 30),
        ("dark (× 0.15)", 15),
        ("gamma 2.2", 255 * (100 / 255) ** 2.2),
        ("too bright (× 1.6, clipped)", 160),
        ("contrast × 0.4", 100),
        ("light from one side (0.2 to 1.2)", 70),
        ("seen at 24 px", 100),
        ("noise (15 levels)", 100),
        ("dim room (× 0.3, noise of 6 levels)", 30),
    ],
)
def test_a_face_gets_as_bright_as_the_name_of_the_change_says(name: str, mean: float) -> None:
    assert changed(name).mean() == pytest.approx(mean, abs=0.6)
    assert len(CHANGES) == 11


@pytest.mark.parametrize(
    ("name", "sigma"), [("noise (15 levels)", 15), ("dim room (× 0.3, noise of 6 levels)", 6)]
)
def test_noise_is_grey_and_the_same_for_the_same_face(name: str, sigma: float) -> None:
    face = changed(name)
    assert face[..., 0].std() == pytest.approx(sigma, rel=0.1)
    assert (face == face[..., :1]).all()
    assert (face == changed(name)).all() and (face != changed(name, seed=1)).any()


def test_bright_places_are_clipped() -> None:
    assert (changed("too bright (× 1.6, clipped)", 200) == 255).all()


def test_faces_are_changed_at_the_size_of_the_network() -> None:
    large = np.full((120, 120, 3), 100, np.uint8)
    assert corrupted(large, (48, 48), CHANGES["none"], 0).shape == (48, 48, 3)


def test_a_dark_room_makes_a_classifier_of_brightness_wrong() -> None:
    faces = LabelledFaces(
        [np.full((48, 48, 3), 200, np.uint8)] * 3,
        np.array([[1, 0]] * 3, np.float32),
        ("happiness", "sadness"),
        "",
    )
    result = evaluate_corrupted(faces, CLASSIFIER)
    assert list(result) == list(CHANGES)
    assert result["none"].accuracy == 1 and result["dim (× 0.3)"].accuracy == 0

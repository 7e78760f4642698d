"""The rows of the laboratory: how they are judged, kept and held against the files that ship."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import DataError
from ferapp.evaluation.data_sets import load_split
from ferapp.evaluation.laboratory.rows import (
    CHECKED,
    LabRow,
    Training,
    judge,
    judge_majority,
    measure,
    read_rows,
    write_rows,
)
from ferapp.evaluation.laboratory.systems import MAJORITY, SYSTEMS
from ferapp.inference.manifest import manifest
from ferapp.inference.registry import load_classifier
from tests.support.labelled import FEAR, HAPPY, write_split
from tests.support.places import ROOT

FERPLUS = ROOT.parent / "shared" / "data" / "ferplus.zip"


def judged(rng: np.random.Generator, n: int = 200) -> tuple[LabRow, np.ndarray, np.ndarray]:
    classes = rng.integers(0, 8, n)
    shares = rng.dirichlet(np.ones(8), n).astype(np.float32)
    return judge("x", EXPRESSIONS, classes, shares, unsure_below=0.5), classes, shares


def test_precision_and_f1_are_those_of_scikit_learn(rng: np.random.Generator) -> None:
    row, classes, shares = judged(rng)
    given = shares.argmax(axis=1)
    expected = precision_score(classes, given, average="macro", zero_division=0)
    assert row.precision == pytest.approx(expected)
    assert row.f1 == pytest.approx(f1_score(classes, given, average="macro"))


def test_the_figure_of_seven_classes_never_says_contempt(rng: np.random.Generator) -> None:
    row, classes, shares = judged(rng)
    kept = classes != 7
    assert row.seven == pytest.approx((shares[kept, :7].argmax(axis=1) == classes[kept]).mean())


def test_the_commonest_class_is_what_any_system_has_to_beat(tmp_path: Path) -> None:
    write_split(tmp_path, "Train", [HAPPY] * 3 + [FEAR])
    write_split(tmp_path, "Test", [HAPPY, FEAR, FEAR, FEAR])
    train, test = (load_split(tmp_path, s, majority_only=True) for s in ("Train", "Test"))
    row = judge_majority(MAJORITY, train, test)
    assert row.figures.accuracy == 0.25 and row.figures.macro_recall == 0.5


def test_rows_are_the_same_after_reading(rng: np.random.Generator, tmp_path: Path) -> None:
    row, _, _ = judged(rng)
    row = replace(row, training=Training(0, "abc", 1.5, 10, {"0": 0.5}))
    write_rows({"x": row}, "some data", tmp_path / "lab.json")
    kept = read_rows(tmp_path / "lab.json")["x"]
    assert kept.to_json() == row.to_json() and kept.training == row.training


def test_a_damaged_file_of_rows_is_named(tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text('{"rows": [{"name": "x"}]}')
    with pytest.raises(DataError, match=r"lab\.json can't be read"):
        read_rows(tmp_path / "lab.json")
    assert read_rows(tmp_path / "none.json") == {}


SHIPPED = [model.name for model in manifest().models if model.name in SYSTEMS]


def test_there_are_rows_of_all_that_ship_and_of_nothing_else() -> None:
    assert list(read_rows()) == [MAJORITY, *SHIPPED, manifest().defaults.classifier]


def test_shipped_rows_have_everything_that_the_protocol_asks_for() -> None:
    for row in read_rows().values():
        assert row.figures.n == 3153 and row.labels == EXPRESSIONS
        if row.name != MAJORITY:
            assert row.bytes == manifest().find(row.name).bytes and row.face_ms and row.machine
        if row.name in SYSTEMS and row.name != MAJORITY:
            assert row.training is not None and "dirty" not in row.training.commit


def test_the_shipped_systems_are_small() -> None:
    assert sum(read_rows()[name].bytes for name in SHIPPED) < 6_000_000


FLOORS = {
    "eigenfaces-mean": 0.25,
    "eigenfaces-svm": 0.40,
    "fisherfaces": 0.40,
    "lbph": 0.50,
    "hog-svm": 0.62,
    "knn": 0.40,
    "mlp": 0.45,
    "cnn-3": 0.72,
}


@pytest.mark.parametrize("name", SHIPPED)
def test_no_system_is_worse_than_it_should_be(name: str) -> None:
    assert read_rows()[name].figures.accuracy >= FLOORS[name]


@pytest.mark.skipif(not FERPLUS.exists(), reason="needs FER+")
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_rows_are_what_the_files_give(name: str) -> None:
    """Measured again on the first faces; another processor may round one or two differently."""
    faces = load_split(FERPLUS, "Test", majority_only=True)
    row = measure(name, load_classifier(name), 0, faces.at(np.arange(CHECKED)))
    assert row.hits_of_first == pytest.approx(read_rows()[name].hits_of_first, abs=2)


def test_the_documented_table_is_the_measured_one() -> None:
    text = (ROOT / "docs" / "lab.md").read_text(encoding="utf-8")
    table = {
        cells[0].strip("` "): cells[1].strip()
        for line in text.splitlines()
        if re.match(r"\| `", line) and (cells := line.strip("| ").split("|"))
    }
    measured = {
        name: f"{row.figures.accuracy:.1%} ({row.figures.accuracy_interval[0]:.1%} to "
        f"{row.figures.accuracy_interval[1]:.1%})"
        for name, row in read_rows().items()
    }
    assert table == measured


def test_rows_are_plain_json(rng: np.random.Generator) -> None:
    row, _, _ = judged(rng)
    assert json.loads(json.dumps(row.to_json(), allow_nan=False))["name"] == "x"

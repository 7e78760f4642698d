"""FER+ in its official layout: what is read, what is dropped, and messages for broken sets."""

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import DataError
from ferapp.evaluation.data_sets import has_split, is_ferplus, load_split
from ferapp.evaluation.labelled_faces import in_order_of, keep_classes
from ferapp.evaluation.layouts.ferplus import drop_single_votes, has_majority
from tests.support.labelled import FEAR, HAPPY, png, write_split
from tests.support.places import shared_path

TORN = [5, 5, 0, 0, 0, 0, 0, 0, 0, 0]
UNKNOWN = [2, 0, 0, 0, 0, 0, 0, 0, 8, 0]
NO_FACE = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]
SINGLES = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
ROWS = [HAPPY, TORN, UNKNOWN, NO_FACE, SINGLES, FEAR]


@pytest.fixture
def ferplus(tmp_path: Path) -> Path:
    root = tmp_path / "ferplus"
    for split in ("Train", "Valid", "Test"):
        write_split(root, split, ROWS)
    return root


def zipped(folder: Path) -> Path:
    path = folder.parent / "ferplus.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, Path("some", "prefix") / file.relative_to(folder))
    return path


def test_single_votes_are_dropped() -> None:
    assert drop_single_votes(np.array([HAPPY], np.float32)).tolist() == [[0, 8] + [0] * 8]


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        pytest.param(HAPPY, True, id="majority"),
        pytest.param(TORN, False, id="half is not over half"),
        pytest.param(UNKNOWN, False, id="unknown"),
        pytest.param(NO_FACE, False, id="not a face"),
        pytest.param([0] * 10, False, id="nothing left"),
    ],
)
def test_majority(votes: list[int], expected: bool) -> None:
    assert has_majority(np.array([votes], np.float32)).tolist() == [expected]


@pytest.mark.parametrize("is_zip", [False, True], ids=["folder", "zip"])
def test_evaluation_keeps_majorities_and_training_keeps_votes(ferplus: Path, is_zip: bool) -> None:
    source = zipped(ferplus) if is_zip else ferplus
    judged = load_split(source, "Test", majority_only=True)
    assert [judged.labels[c] for c in judged.classes] == ["happiness", "fear"]
    assert [int(i[0, 0, 0]) for i in judged.images_rgb] == [0, 50]

    learnt = load_split(source, "Train", majority_only=False)
    assert learnt.labels == EXPRESSIONS
    np.testing.assert_allclose(learnt.targets.sum(axis=1), 1)
    np.testing.assert_allclose(learnt.targets[1, :2], [0.5, 0.5])
    np.testing.assert_allclose(learnt.targets[2, [2, 6]], [0.3, 0.7])
    assert len(learnt) == 3


def test_the_published_table_is_used_if_there_is_one(ferplus: Path) -> None:
    with (ferplus / "fer2013new.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Usage", "Image name", *EXPRESSIONS, "unknown", "NF"])
        writer.writerow(["PrivateTest", "fer0.png", *FEAR])
        writer.writerow(["PrivateTest", "", *FEAR])
        writer.writerow(["Training", "fer1.png", *HAPPY])
    faces = load_split(ferplus, "Test", majority_only=True)
    assert [faces.labels[c] for c in faces.classes] == ["fear"]


def test_a_folder_named_like_the_data_set_does_no_harm(ferplus: Path) -> None:
    ferplus = ferplus.rename(ferplus.parent / "FER2013Plus")
    assert len(load_split(ferplus.parent, "Test", majority_only=True)) == 2


def test_a_split_without_faces_gives_a_message(ferplus: Path) -> None:
    (ferplus / "FER2013Test" / "label.csv").write_text("")
    with pytest.raises(DataError, match="the split Test has no face"):
        load_split(ferplus, "Test", majority_only=True)


def test_the_hash_identifies_a_data_set(ferplus: Path) -> None:
    before = load_split(ferplus, "Test", majority_only=True).sha256
    assert load_split(ferplus, "Test", majority_only=True).sha256 == before
    (ferplus / "FER2013Test" / "fer0.png").write_bytes(png(99))
    assert load_split(ferplus, "Test", majority_only=True).sha256 != before


def broken_row(root: Path) -> None:
    (root / "FER2013Test" / "label.csv").write_text("fer0.png,box,1,2,3\n")


def broken_votes(root: Path) -> None:
    row = ",".join(["fer0.png", "box", "many", *"000000000"])
    (root / "FER2013Test" / "label.csv").write_text(row)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(broken_row, "label.csv, line 1: expected 12 columns.*found 5", id="narrow"),
        pytest.param(broken_votes, "line 1: expected whole numbers", id="not numbers"),
        pytest.param(
            lambda r: (r / "FER2013Test" / "fer5.png").unlink(),
            "FER2013Test/fer5.png is missing",
            id="missing picture",
        ),
        pytest.param(
            lambda r: (r / "FER2013Test" / "fer0.png").write_bytes(b"\xff\xd8\xff"),
            "FER2013Test/fer0.png: The picture is damaged",
            id="damaged picture",
        ),
        pytest.param(
            lambda r: (r / "FER2013Test" / "label.csv").write_bytes(b"\xff\xfe"),
            "not UTF-8 text",
            id="not text",
        ),
        pytest.param(
            lambda r: (r / "FER2013Test" / "label.csv").unlink(),
            "FER2013Test/label.csv is missing",
            id="missing labels",
        ),
    ],
)
def test_a_broken_data_set_gives_a_message_with_the_place(
    ferplus: Path, spoil, message: str
) -> None:
    spoil(ferplus)
    with pytest.raises(DataError, match=message):
        load_split(ferplus, "Test", majority_only=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda p: p / "nowhere", "no such folder", id="nowhere"),
        pytest.param(
            lambda p: p, "Expected FER2013Train, .*; found none of them", id="another layout"
        ),
        pytest.param(
            lambda p: (p / "a.zip").write_bytes(b"no") and p / "a.zip", "not a zip", id="no zip"
        ),
    ],
)
def test_another_layout_gives_a_message(tmp_path: Path, make, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_split(make(tmp_path), "Test", majority_only=True)


def test_fewer_classes_keep_their_order_and_sum_to_one(ferplus: Path) -> None:
    faces = keep_classes(load_split(ferplus, "Train", majority_only=False), ("surprise", "fear"))
    assert faces.labels == ("surprise", "fear")
    np.testing.assert_allclose(faces.targets, [[0.3, 0.7]])
    with pytest.raises(DataError, match=r"Unknown classes \['joy'\]"):
        keep_classes(faces, ("joy",))


def test_classes_are_chosen_by_any_of_their_names(ferplus: Path) -> None:
    faces = load_split(ferplus, "Train", majority_only=False, classes=("Surprised", "afraid"))
    assert faces.labels == ("surprise", "fear")


def test_faces_get_the_columns_of_a_network_that_calls_them_otherwise(ferplus: Path) -> None:
    faces = load_split(ferplus, "Train", majority_only=False, classes=("surprise", "fear"))
    moved = in_order_of(faces, ("fearful", "surprised"))
    assert moved.labels == ("fearful", "surprised")
    np.testing.assert_array_equal(moved.targets, faces.targets[:, ::-1])
    with pytest.raises(DataError, match=r"Expected the classes \['fear', 'joy'\]"):
        in_order_of(faces, ("fear", "joy"))


def test_a_note_says_what_the_rule_of_ferplus_drops(ferplus: Path) -> None:
    assert load_split(ferplus, "Test", majority_only=True).notes == (
        "By the rule of FER+, 4 pictures whose votes do not have a majority for one expression do "
        "not count.",
    )


def test_a_key_that_changes_nothing_is_mentioned(ferplus: Path) -> None:
    faces = load_split(ferplus, "Test", majority_only=True, key={"1": "happiness"})
    assert faces.notes[-1].startswith("A key changes nothing here")


def test_the_splits_of_ferplus_are_those_with_labels(ferplus: Path) -> None:
    (ferplus / "FER2013Test" / "label.csv").unlink()
    assert is_ferplus(ferplus) and not has_split(ferplus, "Test") and has_split(ferplus, "Train")


def test_counts_of_the_published_rule() -> None:
    """The counts of Barsoum et al. under the rule that all our metrics use."""
    archive = shared_path("data/ferplus.zip")
    test = load_split(archive, "Test", majority_only=True)
    assert np.bincount(test.classes).tolist() == [1090, 893, 396, 384, 273, 18, 83, 16]
    valid = load_split(archive, "Valid", majority_only=True)
    assert np.bincount(valid.classes).tolist() == [1182, 865, 415, 351, 287, 24, 62, 13]

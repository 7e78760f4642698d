"""fer2013.csv and its relatives: pixels as text."""

from pathlib import Path

import numpy as np
import pytest

from ferapp.emotions import KEYS
from ferapp.errors import DataError
from ferapp.evaluation.data_sets import has_split, is_ferplus, load_split
from tests.support.class_folders import left_out, load, pixel_row, pixel_table, tarred, zipped

NAMES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
USAGES = {"Train": "Training", "Valid": "PublicTest", "Test": "PrivateTest"}


@pytest.fixture
def fer2013(tmp_path: Path) -> Path:
    folder = tmp_path / "fer2013"
    folder.mkdir()
    rows = [
        pixel_row(number, usage, 10 * number + place)
        for place, usage in enumerate(USAGES.values())
        for number in range(7)
    ]
    return pixel_table(folder / "fer2013.csv", *rows)


@pytest.mark.parametrize("split", USAGES)
@pytest.mark.parametrize(
    "pack",
    [
        pytest.param(lambda path: path, id="file"),
        pytest.param(lambda path: path.parent, id="folder"),
        pytest.param(lambda path: zipped(path.parent), id="zip"),
        pytest.param(lambda path: tarred(path.parent), id="tar.gz"),
    ],
)
def test_each_split_and_number_of_fer2013(fer2013: Path, split: str, pack) -> None:
    faces = load(pack(fer2013), split)
    assert len(faces) == 7 and not faces.left_out
    for image, column in zip(faces.images_rgb, faces.classes, strict=True):
        assert image.shape == (48, 48, 3) and image.dtype == np.uint8
        number = NAMES.index(faces.labels[column])
        assert image.min() == image.max() == 10 * number + [*USAGES].index(split)
    assert faces.read_as["3"] == "happiness"
    assert has_split(fer2013, split) and not is_ferplus(fer2013)


def test_columns_of_icml_face_data_have_leading_spaces(tmp_path: Path) -> None:
    emotion, pixels, usage = pixel_row(3, "PrivateTest").split(",")
    path = pixel_table(
        tmp_path / "icml.csv", f"{emotion},{usage},{pixels}", header="emotion, Usage, pixels"
    )
    assert load(path).labels == ("happiness",)


def test_of_the_tables_of_the_challenge_that_with_usage_is_read(tmp_path: Path) -> None:
    pixel_table(tmp_path / "icml_face_data.csv", pixel_row(3, "PrivateTest"))
    pixel_table(tmp_path / "train.csv", pixel_row(4, "")[:-1], header="emotion,pixels")
    pixel_table(tmp_path / "test.csv", "1 2 3 4", header="pixels")
    assert load(tmp_path).labels == ("happiness",)
    pixel_table(tmp_path / "fer2013.csv", pixel_row(3, "PrivateTest"))
    with pytest.raises(DataError, match=r"name one of its tables: fer2013.csv, icml_face_data.csv"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        pytest.param('"","emotion","pixels","Usage"', '"1","{}","{}","{}"', id="as R writes it"),
        pytest.param("emotion;pixels;Usage", "{};{};{}", id="semicolons"),
        pytest.param("emotion\tpixels\tUsage", "{}\t{}\t{}", id="tabs"),
        pytest.param("\ufeffEmotion,Pixels,USAGE", "{},{},{}", id="mark and capitals"),
        pytest.param(",emotion,pixels,Usage", "0,{},{},{}", id="pandas index"),
    ],
)
def test_other_ways_to_write_the_table(tmp_path: Path, header: str, row: str) -> None:
    cells = pixel_row(3, "PrivateTest").split(",")
    path = tmp_path / "a.csv"
    path.write_bytes(f"{header}\r\n{row.format(*cells)}\r\n".encode())
    assert load(path).labels == ("happiness",)


def test_names_and_other_keys_in_place_of_numbers(tmp_path: Path) -> None:
    path = pixel_table(
        tmp_path / "a.csv", *(pixel_row(name, "PrivateTest") for name in ("Happy", "boredom", "1"))
    )
    assert load(path).labels == ("happiness", "disgust", "boredom")
    assert load(path, key=KEYS["rafdb"]).labels == ("happiness", "surprise", "boredom")


def test_without_usage_all_rows_are_read(tmp_path: Path) -> None:
    row = pixel_row(3, "").rstrip(",")
    faces = load(pixel_table(tmp_path / "train.csv", row, row, header="emotion,pixels"))
    assert len(faces) == 2 and faces.is_whole
    with pytest.raises(DataError, match="no split Train"):
        load_split(tmp_path / "train.csv", "Train", majority_only=False)


def test_rows_that_cannot_be_read_are_named_by_their_line(tmp_path: Path) -> None:
    path = pixel_table(
        tmp_path / "a.csv",
        pixel_row(3, "PrivateTest"),
        pixel_row(7, "PrivateTest"),
        "3,1 2 300 4,PrivateTest",
        "3,1 2 3,PrivateTest",
        "3,a b c d,PrivateTest",
        "3,,PrivateTest",
        "3",
        pixel_row("", "PrivateTest"),
        pixel_row(3, "Holdout"),
        "",
        pixel_row(3, "Training"),
    )
    faces = load(path)
    assert len(faces) == 1, "the row of another split is not left out"
    bad = (4, "its pixels are not the 0 to 255 of a square picture")
    assert left_out(faces) == {
        "line 4, line 5, line 6, line 7": bad,
        "line 8": (1, "its Usage is empty"),
        "line 10": (1, "its Usage is Holdout"),
        "emotion 7": (1, "it is no number of FER2013; see --key"),
        "emotion an empty cell": (1, "it is no number of FER2013; see --key"),
    }


def test_a_split_without_rows_is_an_error(tmp_path: Path) -> None:
    path = pixel_table(tmp_path / "a.csv", pixel_row(3, "Training"))
    with pytest.raises(DataError, match="it has no split Test, only Train"):
        load(path)


def test_a_split_of_which_no_row_can_be_read_says_why(tmp_path: Path) -> None:
    path = pixel_table(tmp_path / "a.csv", "3,1 2 3,PrivateTest")
    with pytest.raises(DataError, match=r"no face of it can be used.*\nline 2 \(1 picture\): its"):
        load(path)


def test_large_faces_are_read(tmp_path: Path) -> None:
    """Longer cells than Python's csv takes by default."""
    path = pixel_table(tmp_path / "a.csv", pixel_row(3, "PrivateTest", value=200, side=224))
    assert load(path).images_rgb[0].shape == (224, 224, 3)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"a,b\n1,2\n", id="other columns"),
        pytest.param(b"Usage,Image name,neutral\nTraining,a.png,10\n", id="the votes of FER+"),
        pytest.param(b"PK\3\4 no zip", id="damaged zip"),
        pytest.param(b"Rar!\x1a\x07\x01\0", id="rar"),
        pytest.param(b"\xff\xd8\xff\xe0", id="a picture"),
    ],
)
def test_another_file_is_refused_for_what_was_expected(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data.csv: not a zip or tar.*emotion, pixels and Usage"):
        load(path)


def test_a_table_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"emotion,pixels,Usage\nfr\xf6hlich,1,PrivateTest\n")
    with pytest.raises(DataError, match="not UTF-8 text"):
        load(path)

"""Labelled faces that a table names, with groups and with more around them than the face."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferapp.errors import DataError
from tests.support.class_folders import left_out, load, tarred
from tests.support.labelled import png


def table(folder: Path, *lines: str) -> Path:
    """A data set with pictures 0.png to 3.png in a folder, each of its own grey."""
    (folder / "faces").mkdir(parents=True)
    for number in range(4):
        (folder / "faces" / f"{number}.png").write_bytes(png(number * 10))
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_faces_keep_their_labels_and_groups(tmp_path: Path) -> None:
    source = table(
        tmp_path / "set", "image,person,label", "faces/1.png,ann,happy", "faces/2.png,bo,anger"
    )
    for data in (source, tarred(source)):
        faces = load(data)
        assert faces.labels == ("happiness", "anger") and faces.classes.tolist() == [0, 1]
        assert [int(image[0, 0, 0]) for image in faces.images_rgb] == [10, 20]
        assert faces.columns == {"person": ("ann", "bo")} and faces.is_whole
        assert faces.at(np.array([1])).columns == {"person": ("bo",)}
        assert faces.read_as == {"happy": "happiness"}


def test_a_table_from_r_has_quotes_around_everything(tmp_path: Path) -> None:
    source = table(tmp_path / "set", '"image","label"', '"faces/1.png","fear"')
    assert load(source).labels == ("fear",)


def test_the_table_counts_and_not_the_folders_beside_it(tmp_path: Path) -> None:
    """Folders of sources would otherwise be taken for classes."""
    source = table(tmp_path / "set", "image,label", "faces/1.png,fear", "other/0.png,joy")
    (source / "other").mkdir()
    (source / "other" / "0.png").write_bytes(png(5))
    assert load(source).labels == ("happiness", "fear")


def test_padding_is_cut_off(tmp_path: Path) -> None:
    """A face in a picture a fifth longer than itself; its surroundings are white."""
    source = table(
        tmp_path / "set",
        "image,label,framing",
        "faces/1.png,fear,0.2",
        "faces/2.png,fear,given",
        "faces/3.png,joy,",
    )
    padded = np.full((60, 60), 255, np.uint8)
    padded[5:55, 5:55] = 10
    Image.fromarray(padded).save(source / "faces" / "1.png")
    faces = load(source, padding=1.0)
    assert [image.shape[0] for image in faces.images_rgb] == [50, 48, 48]
    assert int(faces.images_rgb[0].max()) == 10


def test_a_table_without_framing_takes_that_of_the_call(tmp_path: Path) -> None:
    source = table(tmp_path / "set", "image,label", "faces/1.png,fear", "faces/2.png,joy")
    assert [image.shape for image in load(source, padding=0.2).images_rgb] == [(40, 40, 3)] * 2


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    source = table(
        tmp_path / "set",
        "image,label,framing",
        "faces/1.png,fear,0",
        "faces/2.png,7,0",
        "faces/3.png,joy,wide",
        "gone.png,joy,0",
        "../../secret.png,joy,0",
        "faces/0.png,,0",
    )
    assert left_out(load(source)) == {
        "faces/2.png": (1, "its label is 7; say with --key what it means"),
        "faces/3.png": (1, "its framing is wide; expected a share of the side, such as 0.2"),
        "gone.png, ../../secret.png": (2, "is missing."),
        "faces/0.png": (1, "its label is empty; say with --key what it means"),
    }
    assert load(source, key={"7": "anger"}).labels == ("anger", "fear")


def test_a_table_without_usable_faces_gives_a_message(tmp_path: Path) -> None:
    source = table(tmp_path / "set", "image,label", "gone.png,joy")
    with pytest.raises(DataError, match=r"no face of labels.csv can be used.\ngone.png"):
        load(source)


def test_of_two_tables_one_has_to_be_named(tmp_path: Path) -> None:
    table(tmp_path / "a", "image,label", "faces/1.png,joy")
    table(tmp_path / "b", "image,label", "faces/1.png,joy")
    with pytest.raises(DataError, match=r"name one of its tables: a/labels.csv, b/labels.csv"):
        load(tmp_path)


def test_a_table_that_is_no_text_gives_a_message(tmp_path: Path) -> None:
    source = table(tmp_path / "set", "image,label")
    (source / "labels.csv").write_bytes(b"image,label\n\xff\xfe.png,joy\n")
    with pytest.raises(DataError, match="not UTF-8"):
        load(source)

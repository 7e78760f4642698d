"""One folder per class, under the names that data sets give them: read whole, or named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ferapp.emotions import KEYS
from ferapp.errors import DataError
from ferapp.evaluation.data_sets import has_split, is_ferplus, load_split
from ferapp.evaluation.labelled_faces import LabelledFaces, Omission, omission_text
from tests.support.class_folders import (
    FER2013,
    fer2013_folders,
    left_out,
    load,
    picture,
    put,
    tarred,
    zipped,
)
from tests.support.labelled import png


def counts(faces: LabelledFaces) -> dict[str, int]:
    """Pictures of each class."""
    found = np.bincount(faces.classes, minlength=len(faces.labels))
    return dict(zip(faces.labels, found.tolist(), strict=True))


OURS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")


@pytest.mark.parametrize(
    "pack",
    [
        pytest.param(lambda folder: folder, id="folder"),
        pytest.param(lambda folder: folder.parent, id="folder around it"),
        pytest.param(lambda folder: folder / "test", id="the split itself"),
        pytest.param(zipped, id="zip"),
        pytest.param(tarred, id="tar.gz"),
        pytest.param(lambda folder: tarred(folder, "w"), id="tar"),
        pytest.param(lambda folder: tarred(folder, "w:xz"), id="tar.xz"),
    ],
)
def test_fer2013_as_kaggle_has_it(tmp_path: Path, pack: Callable[[Path], Path]) -> None:
    folder = fer2013_folders(tmp_path / "data" / "kaggle")
    faces = load(pack(folder))
    assert faces.labels == OURS and counts(faces) == dict.fromkeys(OURS, 1)
    assert faces.read_as == {"angry": "anger", "happy": "happiness", "sad": "sadness"}
    assert not faces.left_out
    values = dict(zip(FER2013, range(0, 70, 10), strict=True))
    for image, column in zip(faces.images_rgb, faces.classes, strict=True):
        name = {"anger": "angry", "happiness": "happy", "sadness": "sad"}.get(OURS[column])
        assert image[0, 0, 0] == values[name or OURS[column]], "each face keeps its class"


@pytest.mark.parametrize("change", [str.upper, str.capitalize, str.lower])
@pytest.mark.parametrize("wrap", [lambda n: n, lambda n: f"1_{n}", lambda n: f"03 - {n}"])
def test_names_in_any_case_and_with_a_number_before_them(
    tmp_path: Path, change: Callable[[str], str], wrap: Callable[[str], str]
) -> None:
    for name in FER2013:
        put(tmp_path / wrap(change(name)))
    faces = load(tmp_path)
    assert counts(faces) == dict.fromkeys(OURS, 1) and not faces.left_out


def test_two_folders_of_one_class_become_one_with_a_note(tmp_path: Path) -> None:
    for name, count in (("happy", 2), ("Happiness", 3), ("joy", 1), ("calm", 1)):
        put(tmp_path / name, count)
    faces = load(tmp_path)
    assert counts(faces) == {"neutral": 1, "happiness": 6}
    assert faces.notes[0] == "Happiness and happy and joy are one class, happiness."
    assert faces.read_as == {"Happiness": "happiness", "calm": "neutral"} | dict.fromkeys(
        ("happy", "joy"), "happiness"
    )


@pytest.mark.parametrize("key", KEYS)
def test_numbers_are_read_by_the_key_of_their_data_set(tmp_path: Path, key: str) -> None:
    for number in KEYS[key]:
        put(tmp_path / "DATASET" / "test" / number, int(number) + 1)
    faces = load(tmp_path, key=KEYS[key])
    assert counts(faces) == {m: int(n) + 1 for n, m in KEYS[key].items()}
    assert faces.read_as == KEYS[key]


def test_numbers_without_a_key_are_refused_by_name(tmp_path: Path) -> None:
    for number in "1234567":
        put(tmp_path / number, 2)
    with pytest.raises(DataError, match=r"1, 2, 3, 4, 5, 6, 7 \(14 pictures\).*--key rafdb, aff"):
        load(tmp_path)


def test_numbers_beside_names_are_left_out_and_counted(tmp_path: Path) -> None:
    for name in ("happy", "sad", "7"):
        put(tmp_path / name, 2)
    count, reason = left_out(load(tmp_path))["7"]
    assert count == 2 and "--key" in reason
    count, reason = left_out(load(tmp_path, key={"1": "anger"}))["7"]
    assert count == 2 and reason == "--key says nothing about it"


def test_a_name_is_what_the_key_says(tmp_path: Path) -> None:
    for name in ("freude", "calm", "sad"):
        put(tmp_path / name)
    faces = load(tmp_path, key={"freude": "happiness", "calm": "contempt"})
    assert faces.labels == ("happiness", "sadness", "contempt")


def test_a_class_that_nobody_knows_keeps_its_name(tmp_path: Path) -> None:
    for name in ("sadness", "Bored", "bored", "happiness"):
        put(tmp_path / name)
    faces = load(tmp_path)
    assert counts(faces) == {"happiness": 1, "sadness": 1, "Bored": 2}
    assert faces.read_as == {"bored": "Bored"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.JPG", "JPEG"),
        ("a.jpeg", "JPEG"),
        ("a.tiff", "TIFF"),
        ("a.TIF", "TIFF"),
        ("a.bmp", "BMP"),
        ("a.webp", "WEBP"),
        ("a.gif", "GIF"),
        ("without ending", "PNG"),
        ("a.dat", "TIFF"),
    ],
)
def test_every_format_that_can_be_read_is_read(tmp_path: Path, name: str, kind: str) -> None:
    put(tmp_path / "happy")
    put(tmp_path / "sad")
    (tmp_path / "sad" / name).write_bytes(picture(kind))
    faces = load(tmp_path)
    assert counts(faces) == {"happiness": 1, "sadness": 2} and not faces.left_out


def test_pictures_in_folders_below_belong_to_the_class(tmp_path: Path) -> None:
    put(tmp_path / "happy" / "person 1", 2)
    put(tmp_path / "happy" / "person 2" / "take 1")
    put(tmp_path / "sad")
    assert counts(load(tmp_path)) == {"happiness": 3, "sadness": 1}


def test_what_is_no_picture_is_named_and_litter_is_not(tmp_path: Path) -> None:
    for name in ("happy", "sad"):
        put(tmp_path / name, 2)
    happy = tmp_path / "happy"
    for litter in (".DS_Store", "Thumbs.db", "desktop.ini", "._0.png"):
        (happy / litter).write_bytes(b"\0litter")
    (happy / ".cache").mkdir()
    (happy / "labels.txt").write_text("0.png happy\n", encoding="utf-8")
    (happy / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    (happy / "empty.jpg").write_bytes(b"")
    (happy / "scan.pgm").write_bytes(b"P5 2 2 255 \x80\x81\x82\x83")
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "loose.png").write_bytes(png(1))
    faces = load(tmp_path)
    assert counts(faces) == {"happiness": 2, "sadness": 2}
    assert faces.notes[0] == "1 text file passed over: happy/labels.txt."
    assert left_out(faces) == {
        "loose.png": (1, "they are in no folder of a class"),
        "happy/bad.png": (1, "The picture is damaged or cut short."),
        "happy/empty.jpg": (1, "The file is empty."),
        "happy/scan.pgm": (1, "It is not a picture that can be read."),
    }


def test_a_picture_that_is_a_dead_link_is_named(tmp_path: Path) -> None:
    """As in data under git-annex that were not fetched."""
    put(tmp_path / "happy")
    put(tmp_path / "sad")
    for name in ("a.png", "b.png"):
        (tmp_path / "sad" / name).symlink_to(tmp_path / ".git" / "annex" / name)
    assert left_out(load(tmp_path)) == {"sad/a.png, sad/b.png": (2, "is missing.")}


def test_links_to_pictures_and_folders_are_followed_once(tmp_path: Path) -> None:
    store = put(tmp_path / "store", 2)
    data = tmp_path / "data"
    put(data / "happy")
    (data / "sad").symlink_to(store, target_is_directory=True)
    (data / "sad" / "loop").symlink_to(data, target_is_directory=True)
    assert counts(load(data)) == {"happiness": 1, "sadness": 2}


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    for name in ("happy", "sad"):
        put(tmp_path / name)
    (tmp_path / "fear").mkdir()
    faces = load(tmp_path)
    assert faces.labels == ("happiness", "sadness")
    assert left_out(faces) == {"fear": (0, "there is no picture in it")}


@pytest.mark.parametrize(
    ("folders", "split"),
    [
        (("train", "val", "test"), "Valid"),
        (("Training", "Validation", "Testing"), "Valid"),
        (("Training", "PublicTest", "PrivateTest"), "Valid"),
        (("Train", "Valid", "Test"), "Valid"),
        (("images/train", "images/validation"), "Valid"),
        (("data/train_set", "data/test_set"), "Test"),
        (("test/test", "train/train"), "Test"),
    ],
)
def test_splits_are_found_under_their_usual_names(
    tmp_path: Path, folders: tuple[str, ...], split: str
) -> None:
    fer2013_folders(tmp_path, folders)
    assert has_split(tmp_path, "Train") and has_split(tmp_path, split)
    faces = load_split(tmp_path, split, majority_only=True)
    assert counts(faces) == dict.fromkeys(OURS, 1) and not faces.is_whole
    assert not is_ferplus(tmp_path)


def test_a_split_that_is_not_there_is_an_error_that_names_the_others(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it has no split Valid, only Test and Train"):
        load(fer2013_folders(tmp_path), "Valid")


def test_pictures_beside_the_splits_are_mentioned(tmp_path: Path) -> None:
    fer2013_folders(tmp_path)
    put(tmp_path / "extra")
    (tmp_path / "docs").mkdir()
    assert "not read: extra." in load(tmp_path).notes[-1]


def test_two_folders_of_one_split_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="test and testing both mean Test; name one of them"):
        load(fer2013_folders(tmp_path, ("test", "testing")))


def test_without_splits_all_faces_are_read_or_refused(tmp_path: Path) -> None:
    folder = fer2013_folders(tmp_path) / "test"
    faces = load(folder)
    assert faces.is_whole and faces.notes[-1].startswith("It has no splits: these are all")
    with pytest.raises(DataError, match=r"has no split Train\. Expected the folders Train and"):
        load_split(folder, "Train", majority_only=False)
    assert not has_split(folder, "Train")


@pytest.mark.parametrize(
    "names", [(), ("happiness",), ("happiness", "sadness")], ids=["none", "one", "empty ones"]
)
def test_folders_without_pictures_or_classes_give_a_message(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=r"[Ee]xpected .*found none"):
        load(tmp_path)


def test_the_hash_identifies_the_pictures_and_their_classes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for root, name in ((first, "happy"), (second, "joy")):
        put(root / name)
        put(root / "sad")
    before = load(first).sha256
    assert load(second).sha256 == before, "only the names of the folders differ"
    put(second / "sad", 2)
    assert load(second).sha256 != before


def test_hostile_names_stay_on_their_line(tmp_path: Path) -> None:
    put(tmp_path / "happy")
    put(tmp_path / "sad")
    (tmp_path / "sad" / "a\n\x1b[31mb.png").write_bytes(b"no")
    text = omission_text(load(tmp_path).left_out)
    assert len(text.splitlines()) == 1 and "\x1b" not in text


def test_many_reasons_are_cut_and_counted() -> None:
    many = [Omission(f"f{n}", 2, f"reason {n}") for n in range(20)]
    lines = omission_text(many).splitlines()
    assert len(lines) == 13 and lines[-1] == "and 16 pictures for 8 other reasons"
    same = [Omission(f"f{n}", 2, "the same") for n in range(20)]
    assert (
        omission_text(same) == "f0, f1, f2, f3, f4, f5, f6, f7 and 12 more (40 pictures): the same"
    )

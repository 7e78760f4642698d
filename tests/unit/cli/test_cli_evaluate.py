"""`evaluate` on data of others: judged whole, or impossible to take for whole."""

import json
from pathlib import Path

import pytest
import typer

from ferapp.cli.evaluate import parse_split
from ferapp.cli.models import _label_notes
from ferapp.cli.options import parse_key
from ferapp.emotions import EXPRESSIONS, KEYS
from tests.support.class_folders import fer2013_folders, pixel_row, pixel_table, put
from tests.support.cli import ferapp
from tests.support.landmarked import write_landmarked


def test_fer2013_is_judged_whole(tmp_path: Path) -> None:
    run = ferapp(
        "evaluate", "emotions", "--data", fer2013_folders(tmp_path, ("test",)), COLUMNS="200"
    )
    assert run.returncode == 0 and not run.stderr, run.stderr
    assert "n 7 " in run.stdout and "PARTIAL" not in run.stdout
    assert "Read as: angry = anger, happy = happiness, sad = sadness." in run.stdout
    assert "No picture is labelled contempt" in run.stdout


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    for name, count in (("happy", 2), ("Joy", 1), ("sad", 2), ("boredom", 5), ("7", 3)):
        put(tmp_path / "Test" / name, count)
    (tmp_path / "Test" / "sad" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    (tmp_path / "Test" / "sad" / "labels.txt").write_text("about")
    return tmp_path


def test_a_part_of_the_data_is_never_taken_for_the_whole(mixed: Path) -> None:
    run = ferapp("evaluate", "emotions", "--data", mixed, COLUMNS="200")
    assert run.returncode == 1
    assert "Test, ONLY 5 of 14 pictures" in run.stdout
    assert "PARTIAL: n 5 of 14   accuracy" in run.stdout
    assert "Joy and happy are one class, happiness." in run.stdout
    assert "1 text file passed over: sad/labels.txt." in run.stdout
    for words in (
        "boredom (5 pictures): the classifier has no such class",
        "7 (3 pictures): data sets number their classes differently; say which with --key rafdb,",
        "sad/bad.png (1 picture): The picture is damaged or cut short.",
        "With --ignore they are left out.",
    ):
        assert words in run.stderr


def test_ignoring_what_is_left_out_still_names_it(mixed: Path) -> None:
    run = ferapp("evaluate", "emotions", "--data", mixed, "--ignore", "--json")
    result = json.loads(run.stdout)
    assert run.returncode == 0 and "boredom (5 pictures)" in run.stderr
    assert (result["n"], result["n_left_out"], result["is_partial"]) == (5, 9, True)
    assert [(row["what"], row["count"]) for row in result["left_out"]] == [
        ("7", 3),
        ("sad/bad.png", 1),
        ("boredom", 5),
    ]
    assert result["read_as"] == {"Joy": "happiness", "happy": "happiness", "sad": "sadness"}


def test_a_key_says_what_numbers_and_names_mean(mixed: Path) -> None:
    key = "RAF-DB,boredom=neutral"
    (mixed / "Test" / "sad" / "bad.png").unlink()
    run = ferapp("evaluate", "emotions", "--data", mixed, "--key", key, "--json")
    result = json.loads(run.stdout)
    assert run.returncode == 0 and (result["n"], result["n_left_out"]) == (13, 0)
    assert not result["is_partial"] and not run.stderr


def test_the_table_of_fer2013_is_read(tmp_path: Path) -> None:
    rows = [pixel_row(number, "PrivateTest") for number in range(7)]
    run = ferapp(
        "evaluate", "emotions", "--json", "--data", pixel_table(tmp_path / "fer2013.csv", *rows)
    )
    assert run.returncode == 0 and json.loads(run.stdout)["n"] == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("rafdb", KEYS["rafdb"]),
        ("RAF-DB", KEYS["rafdb"]),
        ("CK+", KEYS["ck+"]),
        ("FER+", KEYS["ferplus"]),
        ("fer_2013", KEYS["fer2013"]),
        ("affectnet,8=other", KEYS["affectnet"] | {"8": "other"}),
        ("01=Happy, Freude = joy", {"1": "happiness", "freude": "happiness"}),
        ("calm=contempt", {"calm": "contempt"}),
    ],
)
def test_a_key_is_a_data_set_or_pairs(text: str, expected: dict[str, str]) -> None:
    assert parse_key(text) == expected


def test_a_key_that_contradicts_itself_is_refused() -> None:
    assert parse_key("1=happy,1=joy,rafdb,7=calm")["7"] == "neutral"
    with pytest.raises(typer.BadParameter, match="3 is given twice"):
        parse_key("3=happy,3=sad")


@pytest.mark.parametrize(
    ("text", "split"), [("train", "Train"), ("VAL", "Valid"), ("Test", "Test")]
)
def test_a_split_has_its_usual_names(text: str, split: str) -> None:
    assert parse_split(text) == split


@pytest.mark.parametrize("text", ["jaffe", "1=", "=happy", "1=2", "rafdbx"])
def test_another_key_is_wrong_usage(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"expected rafdb, affectnet, ck\+, fer2013"):
        parse_key(text)


def test_adding_a_model_says_what_its_labels_mean() -> None:
    assert _label_notes(EXPRESSIONS) == []
    lines = _label_notes(("happy", "joy", "boredom", "neutral"))
    assert lines[0] == "Read as: happy = happiness, joy = happiness."
    assert lines[1].startswith("happy and joy are one class, happiness:")
    assert lines[2].startswith("Classes of its own: boredom.")


@pytest.fixture
def posed(tmp_path: Path) -> Path:
    """Two people in each of two groups, each happy and sad."""
    folder = tmp_path / "posed"
    rows = ["image,source,person,skin,label"]
    for person, skin in enumerate(("dark", "dark", "light", "light")):
        put(folder / str(person), 2)
        for number, label in enumerate(("joy", "sad")):
            rows.append(f"{person}/{number}.png,acted,{person},{skin},{label}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_landmarks_are_measured_for_people_who_were_held_out_and_for_the_whole_table(
    tmp_path: Path,
) -> None:
    data = write_landmarked(tmp_path / "faces")
    run = ferapp("evaluate", "landmarks", "--data", data, "--json")
    assert run.returncode == 0, run.stderr
    results = json.loads(run.stdout)["results"]
    assert [row["n"] for row in results.values()] == [4, 4, 6, 6]
    given = results["test, given boxes"]
    assert given["n_found"] == 4 and set(given["regions"]) == {
        "jaw",
        "brows",
        "nose",
        "eyes",
        "mouth",
    }
    assert results["test, found boxes"]["n_found"] == 0, "dots are no faces"
    assert results["test, found boxes"]["nme"] is None
    table = ferapp("evaluate", "landmarks", "--data", data, COLUMNS="200")
    assert "seen, given boxes" in table.stdout and table.returncode == 0


def test_the_report_has_a_row_for_each_source(posed: Path, tmp_path: Path) -> None:
    put(tmp_path / "web" / "happy", 3)
    put(tmp_path / "web" / "sad", 2)
    run = ferapp("evaluate", "report", "--data", posed, "--data", tmp_path / "web", "--json")
    result = json.loads(run.stdout)
    assert run.returncode == 0 and result["labels"] == list(EXPRESSIONS), run.stderr
    assert [(row["source"], row["n"], row["persons"]) for row in result["sources"]] == [
        ("acted", 8, 4),
        ("web", 5, None),
    ]
    low, high = result["sources"][0]["accuracy_interval"]
    assert low <= result["sources"][0]["accuracy"] <= high


def test_groups_are_compared_over_people(posed: Path) -> None:
    """All faces are alike, so that there is no difference to find."""
    run = ferapp("evaluate", "groups", "--data", posed, "--by", "skin", COLUMNS="200")
    assert run.returncode == 0, run.stderr
    assert "dark" in run.stdout and "p = 1.0000 (permutation of persons)" in run.stdout
    assert ferapp("evaluate", "groups", "--data", posed, "--by", "age").returncode != 0


def test_corruptions_are_a_table_of_their_own(posed: Path) -> None:
    run = ferapp("evaluate", "emotions", "--data", posed, "--corruptions", "--json")
    result = json.loads(run.stdout)
    assert run.returncode == 0 and len(result["corruptions"]) == 11, run.stderr
    assert result["corruptions"]["none"]["accuracy"] == result["accuracy"]
    shown = ferapp("evaluate", "emotions", "--data", posed, "--corruptions", COLUMNS="200")
    assert "dim room (× 0.3, noise of 6 levels)" in shown.stdout


def test_the_report_names_what_is_left_out(tmp_path: Path) -> None:
    put(tmp_path / "web" / "happy", 1)
    put(tmp_path / "web" / "boredom", 2)
    run = ferapp("evaluate", "report", "--data", tmp_path / "web", COLUMNS="200")
    assert run.returncode == 1 and "boredom (2 pictures)" in run.stderr
    assert ferapp("evaluate", "report", "--data", tmp_path / "web", "--ignore").returncode == 0

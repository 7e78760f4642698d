"""What the classes of other data sets and models mean."""

import re

import pytest

from ferapp.emotions import (
    EXPRESSIONS,
    KEYS,
    SYNONYMS,
    class_of,
    expression_of,
    is_number,
    meaning_by_key,
    merged,
)
from tests.support.places import ROOT


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("happiness", "happiness"),
        ("HAPPY", "happiness"),
        ("Happy", "happiness"),
        ("joy", "happiness"),
        ("Surprised", "surprise"),
        ("angry", "anger"),
        ("disgusted", "disgust"),
        ("fearful", "fear"),
        ("afraid", "fear"),
        ("scared", "fear"),
        ("calm", "neutral"),
        ("contemptuous", "contempt"),
        ("sorrow", "sadness"),
        (" happy ", "happiness"),
        ("3_happy", "happiness"),
        ("03-Happy", "happiness"),
        ("1. sad", "sadness"),
        ("\uff28appy", "happiness"),
        ("boredom", None),
        ("unhappy", None),
        ("not_happy", None),
        ("happy_sad", None),
        ("3", None),
        ("", None),
        ("_", None),
    ],
)
def test_a_name_means_a_class_or_nothing(name: str, expected: str | None) -> None:
    assert expression_of(name) == expected


def test_every_class_means_itself_and_no_name_means_two() -> None:
    assert all(expression_of(name) == name for name in EXPRESSIONS)
    assert set(SYNONYMS) == set(EXPRESSIONS)
    names = [name for others in SYNONYMS.values() for name in others]
    assert len({*names, *EXPRESSIONS}) == len(names) + len(EXPRESSIONS)
    assert all(expression_of(name) == meaning for meaning, own in SYNONYMS.items() for name in own)


def test_unknown_names_are_the_same_class_in_any_case() -> None:
    assert class_of("Boredom") == class_of("boredom ") == "boredom"
    assert merged(["happy", "Joy", "sad", "Boredom", "boredom"]) == {
        "happiness": ["happy", "Joy"],
        "boredom": ["Boredom", "boredom"],
    }


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("rafdb", "surprise fear disgust happiness sadness anger neutral"),
        ("affectnet", "neutral happiness sadness surprise fear disgust anger contempt"),
        ("ck+", "neutral anger contempt disgust fear happiness sadness surprise"),
        ("fer2013", "anger disgust fear happiness sadness surprise neutral"),
        ("ferplus", "neutral happiness surprise sadness anger disgust fear contempt"),
    ],
)
def test_the_numbers_of_the_data_sets(key: str, order: str) -> None:
    """RAF-DB counts from 1, the others from 0; none has the order of another."""
    first = 1 if key == "rafdb" else 0
    assert KEYS[key] == {str(n): name for n, name in enumerate(order.split(), first)}


def test_numbers_mean_nothing_without_a_key() -> None:
    assert is_number("3") and is_number(" 03 ") and not is_number("3_happy") and not is_number("³")
    assert meaning_by_key("03", KEYS["rafdb"]) == "disgust"
    assert meaning_by_key("8", KEYS["rafdb"]) is None
    assert meaning_by_key("HA", {"ha": "happiness"}) == "happiness"


DOCS = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")


def test_the_documented_names_are_those_that_are_understood() -> None:
    section = DOCS.split("### Names of classes")[1].split("### ")[0]
    rows = re.findall(r"^\| (\w+) \| ([\w, ]+) \|$", section, re.MULTILINE)
    assert {
        name: tuple(others.split(", ")) for name, others in rows if name in EXPRESSIONS
    } == SYNONYMS


def test_the_documented_keys_are_those_that_are_understood() -> None:
    for key, numbers in KEYS.items():
        [row] = re.findall(rf"^\| {re.escape(key)} \|(.*)\|$", DOCS, re.MULTILINE)
        cells = [cell.strip() for cell in row.split("|")]
        assert {str(n): cell for n, cell in enumerate(cells) if cell} == numbers

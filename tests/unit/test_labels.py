"""The label of a face and its colour, the same everywhere, whatever a classifier calls things."""

import subprocess
import sys
from itertools import combinations

import pytest

from ferapp.emotions import COLOURS, EXPRESSIONS, SYNONYMS
from ferapp.labels import UNSURE_COLOUR, label_colour, label_colours, label_text

FER2013 = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
LEARNING = ("boredom", "confusion", "engagement", "frustration", "delight", "neutral")
TWICE = ("happy", "joy", "neutral", "calm")


@pytest.mark.parametrize(
    ("expression", "flaw", "text", "colour"),
    [
        pytest.param("anger", None, "anger", COLOURS["anger"], id="an expression"),
        pytest.param("angry", None, "angry", COLOURS["anger"], id="under another name"),
        pytest.param(None, None, "unsure", UNSURE_COLOUR, id="unsure"),
        pytest.param(None, "too dark", "too dark", UNSURE_COLOUR, id="could not be read"),
        pytest.param("anger", "too dark", "too dark", UNSURE_COLOUR, id="the flaw wins"),
    ],
)
def test_a_face_has_one_label_and_one_colour(
    expression: str | None, flaw: str | None, text: str, colour: str
) -> None:
    labels = ("neutral", expression or "anger")
    assert label_text(expression, flaw) == text
    assert label_colour(expression, flaw, labels=labels) == colour


def test_no_expression_has_the_colour_of_unsure() -> None:
    assert UNSURE_COLOUR not in label_colours(EXPRESSIONS).values()


def test_every_other_name_has_the_colour_of_its_class() -> None:
    for expression, others in SYNONYMS.items():
        for name in (expression, *others, *(other.upper() for other in others)):
            assert label_colours((name, "boredom"))[name] == COLOURS[expression]


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(EXPRESSIONS, id="ours"),
        pytest.param(FER2013, id="FER2013"),
        pytest.param(LEARNING, id="five that nobody knows"),
        pytest.param(TWICE, id="two names for one class"),
        pytest.param(("Boredom", "boredom", " boredom"), id="the same but for case and spaces"),
        pytest.param(("退屈", "混乱", "\ud800"), id="not ASCII"),
        pytest.param(tuple(f"class {place}" for place in range(64)), id="as many as a session has"),
    ],
)
def test_no_two_labels_look_alike_in_a_chart(labels: tuple[str, ...]) -> None:
    colours = list(label_colours(labels).values())
    assert len(colours) == len(labels) and UNSURE_COLOUR not in colours
    known = {*COLOURS.values()}
    for one, other in combinations(colours, 2):
        assert one != other
        if not {one, other} <= known:
            assert distance(one, other) > 20, (one, other)


def distance(one: str, other: str) -> int:
    return sum(abs(int(one[at : at + 2], 16) - int(other[at : at + 2], 16)) for at in (1, 3, 5))


def test_a_colour_depends_on_no_order_and_no_process() -> None:
    colours = label_colours(LEARNING)
    assert label_colours(LEARNING[::-1]) == colours
    code = f"from ferapp.labels import label_colours; print(dict(label_colours({LEARNING!r})))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(dict(colours))


def test_more_names_than_colours_still_have_one_each() -> None:
    labels = tuple(f"class {place}" for place in range(3000))
    assert set(label_colours(labels)) == set(labels)


def test_a_name_beside_the_labels_has_a_colour_too() -> None:
    assert label_colour("boredom", labels=EXPRESSIONS) not in label_colours(EXPRESSIONS).values()

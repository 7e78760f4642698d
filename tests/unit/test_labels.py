"""The label of a face, the same everywhere."""

import pytest

from ferapp.emotions import COLOURS, EXPRESSIONS, OTHER_COLOUR
from ferapp.labels import UNSURE_COLOUR, label_colour, label_text


@pytest.mark.parametrize(
    ("expression", "flaw", "text", "colour"),
    [
        pytest.param("anger", None, "anger", COLOURS["anger"], id="an expression"),
        pytest.param("boredom", None, "boredom", OTHER_COLOUR, id="one of an added model"),
        pytest.param(None, None, "unsure", UNSURE_COLOUR, id="unsure"),
        pytest.param(None, "too dark", "too dark", UNSURE_COLOUR, id="could not be read"),
        pytest.param("anger", "too dark", "too dark", UNSURE_COLOUR, id="the flaw wins"),
    ],
)
def test_a_face_has_one_label_and_one_colour(
    expression: str | None, flaw: str | None, text: str, colour: str
) -> None:
    assert (label_text(expression, flaw), label_colour(expression, flaw)) == (text, colour)


def test_no_expression_has_the_colour_of_unsure() -> None:
    assert UNSURE_COLOUR not in [label_colour(name) for name in EXPRESSIONS]

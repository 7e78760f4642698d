"""Positions between emotion words, computed by hand."""

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.sessions.report.affect import (
    FORMULA,
    POSITIONS,
    affect_text,
    has_affect,
    valence_arousal,
)

NAN = np.nan

# Neutral, happiness, surprise, sadness, anger, disgust, fear, contempt.
POINTS = {
    "nobody": (np.empty((0, 8)), np.empty((0, 2))),
    "neutral": ([[1, 0, 0, 0, 0, 0, 0, 0]], [[0, 0]]),
    "happiness": ([[0, 1, 0, 0, 0, 0, 0, 0]], [[0.81, 0.51]]),
    "surprise": ([[0, 0, 1, 0, 0, 0, 0, 0]], [[0.40, 0.67]]),
    "sadness": ([[0, 0, 0, 1, 0, 0, 0, 0]], [[-0.63, -0.27]]),
    "anger": ([[0, 0, 0, 0, 1, 0, 0, 0]], [[-0.51, 0.59]]),
    "disgust": ([[0, 0, 0, 0, 0, 1, 0, 0]], [[-0.60, 0.35]]),
    "fear": ([[0, 0, 0, 0, 0, 0, 1, 0]], [[-0.64, 0.60]]),
    "half neutral": ([[0.5, 0.5, 0, 0, 0, 0, 0, 0]], [[0.405, 0.255]]),
    "happy and sad": ([[0, 0.5, 0, 0.5, 0, 0, 0, 0]], [[0.09, 0.12]]),
    "contempt is left out": ([[0, 0.25, 0, 0, 0, 0, 0, 0.75]], [[0.81, 0.51]]),
    "only contempt": ([[0, 0, 0, 0, 0, 0, 0, 1]], [[NAN, NAN]]),
    "no reading among others": (
        [[0, 1, 0, 0, 0, 0, 0, 0], [NAN] * 8, [1, 0, 0, 0, 0, 0, 0, 0]],
        [[0.81, 0.51], [NAN, NAN], [0, 0]],
    ),
}


@pytest.mark.parametrize(("probabilities", "expected"), POINTS.values(), ids=POINTS)
def test_positions(probabilities: list[list[float]], expected: list[list[float]]) -> None:
    found = valence_arousal(EXPRESSIONS, np.array(probabilities, np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


FER2013 = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def test_other_names_have_the_positions_of_their_classes() -> None:
    """A laughing face has a high valence also from a classifier that says happy."""
    rows = np.full((2, 7), 0.01, np.float32)
    rows[0, 3] = rows[1, 0] = 0.94
    laughing, angry = valence_arousal(FER2013, rows)
    assert laughing[0] > 0.7 and angry[0] < -0.4
    ours = [{"angry": "anger", "happy": "happiness", "sad": "sadness"}.get(n, n) for n in FER2013]
    np.testing.assert_array_equal(valence_arousal(ours, rows), [laughing, angry])


def test_two_names_for_one_class_count_both() -> None:
    found = valence_arousal(("happy", "Joy", "calm"), np.array([[0.25, 0.25, 0.5]], np.float32))
    np.testing.assert_allclose(found, [[0.405, 0.255]], atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        pytest.param((), "no class has a published position", id="none"),
        pytest.param(("contempt",), "no class has a published position", id="contempt alone"),
        pytest.param(("bored", "fear"), "published for bored, and", id="one unknown"),
        pytest.param(("bored", "awake"), "published for bored, awake, and", id="unknown ones"),
        pytest.param(
            ("happy", *"abcdefg"), "published for a, b, c, d, e and 2 more, and", id="many unknown"
        ),
    ],
)
def test_without_the_position_of_every_label_there_is_none_and_the_reason_is_said(
    labels: tuple[str, ...], said: str
) -> None:
    probabilities = np.full((2, len(labels)), 0.5, np.float32)
    assert not has_affect(labels) and said in affect_text(labels)
    assert np.isnan(valence_arousal(labels, probabilities)).tolist() == [[True, True]] * 2


def test_the_formula_names_its_source_and_what_is_left_out() -> None:
    (missing,) = set(EXPRESSIONS) - set(POSITIONS)
    assert f"; {missing} is left out" in affect_text(EXPRESSIONS) and "not measured" in FORMULA
    assert "Russell and Mehrabian (1977" in FORMULA
    assert missing not in affect_text(FER2013), "only what the classifier knows can be left out"

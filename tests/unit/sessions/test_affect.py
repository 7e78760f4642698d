"""Positions between emotion words, computed by hand."""

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.sessions.report.affect import FORMULA, POSITIONS, valence_arousal

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


def test_labels_of_another_model_keep_their_positions() -> None:
    """Labels come in the order of the model; those without a position are left out."""
    found = valence_arousal(("bored", "fear", "happiness"), np.array([[0.6, 0.3, 0.1]], np.float32))
    np.testing.assert_allclose(found, [[(-0.64 * 3 + 0.81) / 4, (0.60 * 3 + 0.51) / 4]], atol=1e-6)


@pytest.mark.parametrize("labels", [(), ("bored", "awake")], ids=["none", "unknown ones"])
def test_without_a_known_label_there_is_no_position(labels: tuple[str, ...]) -> None:
    probabilities = np.full((2, len(labels)), 0.5, np.float32)
    assert np.isnan(valence_arousal(labels, probabilities)).tolist() == [[True, True]] * 2


def test_the_formula_names_its_source_and_what_is_left_out() -> None:
    (missing,) = set(EXPRESSIONS) - set(POSITIONS)
    assert missing in FORMULA and "not measured" in FORMULA
    assert "Russell and Mehrabian (1977" in FORMULA

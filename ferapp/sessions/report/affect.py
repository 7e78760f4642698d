"""Valence and arousal, derived from the probabilities of the expressions.

They are the mean of published positions of emotion words, weighted with the probabilities. They add
no information to the probabilities, and they are not a measurement: nothing here measures how
aroused a person is.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.emotions import class_of
from ferapp.wording import first_of

POSITIONS: Final[dict[str, tuple[float, float]]] = {
    "neutral": (0.0, 0.0),
    "happiness": (0.81, 0.51),
    "surprise": (0.40, 0.67),
    "sadness": (-0.63, -0.27),
    "anger": (-0.51, 0.59),
    "disgust": (-0.60, 0.35),
    "fear": (-0.64, 0.60),
}
"""Pleasure and arousal in [-1, 1] of "happy", "surprised", "sad", "angry", "disgusted", "fearful".

Source: Russell and Mehrabian, 1977, "Evidence for a three-factor theory of emotions", Journal of
Research in Personality 11, 273-294, Table 4. Neutral is the middle of the scales by definition.
Contempt has no entry.
"""

FORMULA: Final = (
    "Valence and arousal are derived, not measured: the mean of the pleasure and arousal of "
    "emotion words in Russell and Mehrabian (1977, Journal of Research in Personality 11, "
    "273-294), weighted with the probabilities of the expressions. Neutral counts as 0 and 0"
)
"""Explanation beside a chart; `affect_text` ends it."""

_WITHOUT_POSITION: Final = "contempt"
_MOST_NAMED: Final = 5


def has_affect(labels: Sequence[str]) -> bool:
    """Whether valence and arousal can be derived: each class means one of FER+, under any name.

    A class whose position nobody has published could be anywhere, so that a mean without it would
    be no estimate. Of the classes of FER+, contempt alone has none; it is left out.

    Example:
        >>> has_affect(["happy", "angry", "calm"]), has_affect(["happy", "boredom"])
        (True, False)
    """
    meanings = {class_of(name) for name in labels}
    return bool(meanings & POSITIONS.keys()) and not _unplaced(labels)


def affect_text(labels: Sequence[str]) -> str:
    """How valence and arousal are derived, or why they are not; to show beside or for a chart."""
    if unplaced := _unplaced(labels):
        return (
            "Valence and arousal are left out: no position is published for "
            f"{first_of(unplaced, _MOST_NAMED)}, and a mean of the other classes would be wrong."
        )
    if not has_affect(labels):
        return "Valence and arousal are left out: no class has a published position."
    if any(class_of(name) == _WITHOUT_POSITION for name in labels):
        return f"{FORMULA}; contempt is left out, and the others are scaled to a sum of 1."
    return f"{FORMULA}."


def _unplaced(labels: Sequence[str]) -> list[str]:
    known = {*POSITIONS, _WITHOUT_POSITION}
    return [name for name in labels if class_of(name) not in known]


def valence_arousal(
    labels: Sequence[str], probabilities: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Expected position over the expressions that have one, their probabilities renormalised.

    Args:
        labels: Names of the expressions, also as others call them.
        probabilities: (n, len(labels)), in [0, 1].

    Returns:
        Valence and arousal, (n, 2) float32 in [-1, 1]; NaN if the probabilities are NaN, if only
        expressions without a position have any, or if not `has_affect`.

    Example:
        >>> labels = ["neutral", "happiness", "contempt"]
        >>> valence_arousal(labels, np.array([[0.25, 0.25, 0.5]], np.float32)).round(3)
        array([[0.405, 0.255]], dtype=float32)
    """
    expected = np.full((len(probabilities), 2), np.nan)
    if not has_affect(labels):
        return expected.astype(np.float32)
    places = [place for place, name in enumerate(labels) if class_of(name) in POSITIONS]
    positions = np.array([POSITIONS[class_of(labels[place])] for place in places])
    weights = probabilities[:, places].astype(np.float64)
    total = weights.sum(axis=1, keepdims=True)
    np.divide(weights @ positions, total, out=expected, where=total > 0)
    return expected.astype(np.float32)

"""Valence and arousal, derived from the probabilities of the expressions.

They are the mean of published positions of emotion words, weighted with the probabilities. They add
no information to the probabilities, and they are not a measurement: nothing here measures how
aroused a person is.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
    "273-294), weighted with the probabilities of the expressions. Neutral counts as 0 and 0; "
    "contempt is left out, and the other probabilities are scaled to a sum of 1."
)
"""Explanation beside a chart."""


def valence_arousal(
    labels: Sequence[str], probabilities: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Expected position over the expressions that have one, their probabilities renormalised.

    Args:
        labels: Names of the expressions.
        probabilities: (n, len(labels)), in [0, 1].

    Returns:
        Valence and arousal, (n, 2) float32 in [-1, 1]; NaN if the probabilities are NaN, or if only
        expressions without a position have any.

    Example:
        >>> labels = ["neutral", "happiness", "contempt"]
        >>> valence_arousal(labels, np.array([[0.25, 0.25, 0.5]], np.float32)).round(3)
        array([[0.405, 0.255]], dtype=float32)
    """
    places = [place for place, name in enumerate(labels) if name in POSITIONS]
    positions = np.array([POSITIONS[labels[place]] for place in places]).reshape(-1, 2)
    weights = probabilities[:, places].astype(np.float64)
    total = weights.sum(axis=1, keepdims=True)
    expected = np.full((len(weights), 2), np.nan)
    np.divide(weights @ positions, total, out=expected, where=total > 0)
    return expected.astype(np.float32)

"""A person's neutral baseline: some faces look sad or angry at rest."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

BASELINE_S: Final = 10.0
"""How long a person has to look neutral."""

# A mean below this says no more than "never", and a ratio of two such means is noise.
_FLOOR: Final = 0.01
_LEAST_READINGS: Final = 20


class NeutralBaseline:
    """Corrects the probabilities of one person for how that person looks at rest.

    While the person looks neutral, the geometric means b of the probabilities are measured. The
    reference r holds the same means over many people's neutral faces. Afterwards

        p'(k) is proportional to p(k) * r(k) / b(k)

    which is the adjustment of a classifier's outputs to other prior probabilities (Saerens,
    Latinne and Decaestecker, 2002, "Adjusting the Outputs of a Classifier to New a Priori
    Probabilities", equation 2.4), with the person's own resting face in place of the priors. Means
    below 1 % count as 1 %. A face that reads exactly as it did at rest then reads as neutral faces
    do on average. Not thread-safe.

    Args:
        reference: r, (k,), geometric means over neutral faces of many people.
        duration_s: How long to observe the person, s.

    Example:
        >>> baseline = NeutralBaseline(np.array([0.9, 0.1], np.float32), duration_s=2)
        >>> at_rest = np.array([0.6, 0.4], np.float32)
        >>> for frame in range(21):
        ...     baseline.observe(at_rest, frame / 10)
        >>> baseline.is_ready
        True
        >>> baseline.correct(at_rest).round(2)
        array([0.9, 0.1], dtype=float32)
    """

    def __init__(self, reference: Floats, *, duration_s: float = BASELINE_S) -> None:
        self._reference = np.maximum(reference, _FLOOR)
        self._duration_s = duration_s
        self._logs: list[Floats] = []
        self._start_s: float | None = None
        self._shift: Floats | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the person has been observed for long enough."""
        return self._shift is not None

    def progress(self, at_s: float) -> float:
        """Share of the duration that has passed at a time, in [0, 1]."""
        if self.is_ready:
            return 1.0
        if self._start_s is None:
            return 0.0
        return min((at_s - self._start_s) / self._duration_s, 1.0)

    def observe(self, probabilities: Floats, at_s: float) -> None:
        """Add one reading of the resting face, (k,), at a time in seconds.

        With too few readings the baseline takes longer to get ready.
        """
        if self.is_ready:
            return
        if self._start_s is None:
            self._start_s = at_s
        self._logs.append(np.log(np.maximum(probabilities, 1e-6)))
        if at_s - self._start_s >= self._duration_s and len(self._logs) >= _LEAST_READINGS:
            own = np.maximum(np.exp(np.mean(self._logs, axis=0)), _FLOOR)
            self._shift = np.asarray(self._reference / own, np.float32)
            self._logs.clear()

    def correct(self, probabilities: Floats) -> Floats:
        """Correct probabilities, (k,), for this person; they stay as they are until `is_ready`."""
        if self._shift is None:
            return probabilities
        adjusted = probabilities * self._shift
        return np.asarray(adjusted / adjusted.sum(), np.float32)

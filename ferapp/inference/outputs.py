"""What a classifier takes and gives: the layout of its input; logits or probabilities."""

from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Layout = Literal["nchw", "nhwc"]
"""Whether the channels of an input come before its height and width, or last."""

Output = Literal["logits", "log_probabilities", "probabilities", "sigmoid"]
"""Before a softmax, after a log-softmax, after a softmax (also in percent), or after a sigmoid."""

# Half precision and eight bits round each number, and some exporters cut the largest off.
_ROUNDING: Final = 0.05
_LEAST_SHARE: Final = 1e-7
_SAME: Final = 1e-6


class Guess(NamedTuple):
    """What outputs look like, and why, in a sentence."""

    output: Output
    reason: str


def guess_output(rows: NDArray[np.float32]) -> Guess:
    """What the outputs for some pictures look like.

    Args:
        rows: As the network gives them, (n, labels), n at least 1.

    Example:
        >>> guess_output(np.array([[0.25, 0.75], [1, 0]], np.float32)).output
        'probabilities'
    """
    least, most, sums = float(rows.min()), float(rows.max()), rows.sum(axis=1, dtype=np.float64)
    for whole in (1, 100):
        if least >= -_ROUNDING * whole and np.abs(sums / whole - 1).max() <= _ROUNDING:
            return Guess("probabilities", f"they lie between 0 and {whole} and add up to {whole}")
    if most <= _ROUNDING and np.abs(np.exp(rows).sum(axis=1) - 1).max() <= _ROUNDING:
        return Guess("log_probabilities", "their exponentials add up to 1")
    if least >= 0 and most <= 1 and most > 0:
        return Guess(
            "sigmoid",
            f"they lie between 0 and 1 and add up to {sums.min():.2g} to {sums.max():.2g}",
        )
    return Guess("logits", f"they lie between {least:.3g} and {most:.3g}")


def contradiction(rows: NDArray[np.float32], output: Output) -> str:
    """Why outputs for some pictures can't be what their entry says; empty if they can."""
    least, most = float(rows.min()), float(rows.max())
    if output == "probabilities" and least < -_ROUNDING * max(most, 0):
        return f"its output holds {least:.3g}, but probabilities are not negative."
    if output == "sigmoid" and (least < -_ROUNDING or most > 1 + _ROUNDING):
        return f"its output holds {least:.3g} to {most:.3g}, but a sigmoid gives 0 to 1."
    if output == "log_probabilities" and most > _ROUNDING:
        return f"its output holds {most:.3g}, but logarithms of probabilities are not positive."
    return ""


def is_constant(rows: NDArray[np.float32]) -> bool:
    """Whether the outputs for different pictures, (n, labels), are the same."""
    return bool(np.ptp(rows, axis=0).max() <= _SAME * max(float(np.abs(rows).max()), _SAME))


def to_logits(rows: NDArray[np.float32], output: Output) -> NDArray[np.float32]:
    """Numbers whose softmax are the probabilities, (n, labels).

    Probabilities need not add up to 1: they count in proportion. Behind a sigmoid are logits.
    """
    if output == "sigmoid":
        inside = np.clip(rows, _LEAST_SHARE, 1 - _LEAST_SHARE, dtype=np.float64)
        return np.asarray(np.log(inside) - np.log1p(-inside), np.float32)
    if output != "probabilities":
        return rows
    least = np.maximum(rows.max(axis=1, keepdims=True) * _LEAST_SHARE, np.finfo(np.float32).tiny)
    return np.asarray(np.log(np.maximum(rows, least)), np.float32)

"""Pictures with enough detail to count as sharp, and without a camera's noise."""

import numpy as np
from numpy.typing import NDArray

_BLOCK_PX = 10


def textured(height: int, width: int, low: int, high: int) -> NDArray[np.uint8]:
    """Squares of random grey in [low, high), (height, width, 3); the same each time."""
    shape = (height // _BLOCK_PX + 1, width // _BLOCK_PX + 1, 1)
    squares = np.random.default_rng(0).integers(low, high, shape)
    large = np.kron(squares, np.ones((_BLOCK_PX, _BLOCK_PX, 3)))
    return large[:height, :width].astype(np.uint8)

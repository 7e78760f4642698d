"""Where one shot of a video ends and another begins."""

from collections import deque
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.vision.crops import Image
from ferapp.vision.opencv import cv2

Floats = NDArray[np.float32]

_SIZE_WH: Final = (64, 36)
_BLOCK: Final = 9
# How far around its place a block is searched for, px of the small picture: things move.
_SEARCH: Final = 4
# A block with less contrast is too flat to be found again, and so is a whole frame.
_LEAST_CONTRAST: Final = 6.0
_LEAST_FRAME_CONTRAST: Final = 20.0
_LEAST_BLOCKS: Final = 4

# A block is found again if its best normalised correlation is above this.
_KEPT: Final = 0.8
# Weights of a logistic regression on 3,705 pairs of frames of made clips at 30, 15 and 8 frames a
# second, 192 of them cuts: the others show pans, flashes, a moving lamp, lights that are switched,
# people who move, and calls in which tiles change. It finds 188 of the cuts, and takes 9 of the
# others for cuts: flashes and fast pans.
_WEIGHT_OF_PHASE: Final = 3.55
_WEIGHT_OF_COLOUR: Final = 12.5
_WEIGHT_OF_LOST: Final = 5.07
_WEIGHT_OF_KEPT: Final = -10.0
_LEAST_SCORE: Final = 8.0
# Most pairs of frames are so much alike that nothing else is looked at.
_LEAST_PHASE: Final = 0.15

_DISSOLVE_S: Final = 0.6
_LEAST_DISSOLVE_PHASE: Final = 0.55
# px of the small picture. After a longer pan the picture differs without a cut.
_MOST_MOVED: Final = 3.0
# A dissolve is gradual: no single frame brings more of the change.
_MOST_AT_ONCE: Final = 0.5


class CutDetector:
    """Finds the frames in which another shot begins.

    At a cut little continues: neither the picture as a whole (phase correlation) nor its colours
    nor its parts, each of which is searched for near its place. Frames without contrast, as between
    a fade-out and a fade-in, are skipped: the frames on both sides of them are compared.

    A dissolve is found by comparing frames half a second apart while the camera stands still (after
    a pan they differ without a cut). It is reported once the new shot dominates.

    A cut within one room that keeps the framing is not detected here. There, people are told apart
    by their appearance (`ferapp.temporal.appearance`).

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> one, other = rng.integers(0, 255, (2, 36, 64, 3), np.uint8)
        >>> cuts = CutDetector()
        >>> [cuts.update(frame, n / 30) for n, frame in enumerate((one, one, other, other))]
        [False, False, True, False]
    """

    def __init__(self) -> None:
        self._recent: deque[_Small] = deque()

    def update(self, image_rgb: Image, at_s: float) -> bool:
        """Whether another shot begins.

        Args:
            image_rgb: The next frame, (h, w, 3) uint8.
            at_s: Its time, s.
        """
        new = _Small(image_rgb, at_s)
        if not new.has_contrast:
            return False
        is_cut = False
        if self._recent:
            shift, phase = _phase(self._recent[-1], new)
            new.moved = self._recent[-1].moved + shift
            new.step = _difference(self._recent[-1], new)
            is_cut = _is_cut(self._recent[-1], new, phase) or self._is_dissolved(new)
        if is_cut:
            self._recent.clear()
        self._recent.append(new)
        # The oldest frame is about as old as a dissolve is long.
        while len(self._recent) > 1 and self._recent[1].at_s <= at_s - _DISSOLVE_S:
            self._recent.popleft()
        return is_cut

    def _is_dissolved(self, new: "_Small") -> bool:
        first = self._recent[0]
        steps = [frame.step for frame in [*self._recent, new][1:]]
        return (
            len(self._recent) > 2
            and float(np.abs(new.moved - first.moved).max()) <= _MOST_MOVED
            and max(steps) <= _MOST_AT_ONCE * _difference(first, new)
            and 1 - (phase := _phase(first, new)[1]) > _LEAST_DISSOLVE_PHASE
            and _is_cut(first, new, phase)
        )


class _Small:
    """A frame in few pixels."""

    def __init__(self, image_rgb: Image, at_s: float) -> None:
        self.at_s = at_s
        self.moved = np.zeros(2)
        self.step = 0.0
        small = cv2.resize(image_rgb, _SIZE_WH, interpolation=cv2.INTER_AREA)
        self.grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)
        lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
        colours: Any = cv2.calcHist([lab], [0, 1, 2], None, [8] * 3, [0, 256] + [64, 192] * 2)
        self.colours = np.sqrt(colours.ravel() / colours.sum())

    @property
    def has_contrast(self) -> bool:
        return float(self.grey.std()) >= _LEAST_FRAME_CONTRAST


_WINDOW: Final = cv2.createHanningWindow(_SIZE_WH, cv2.CV_32F)


def _phase(a: _Small, b: _Small) -> tuple[NDArray[np.float64], float]:
    """How far the picture moved, (2,) px, and how sure that is: 1 for the same picture."""
    # OpenCV multiplies the window into the arrays that it is given.
    shift, response = cv2.phaseCorrelate(a.grey.copy(), b.grey.copy(), _WINDOW)
    return np.array(shift), response


def _difference(a: _Small, b: _Small) -> float:
    """Mean absolute difference, grey levels."""
    return float(np.abs(a.grey - b.grey).mean())


def _is_cut(a: _Small, b: _Small, phase: float) -> bool:
    """Whether too little goes on from a to b, given their phase correlation."""
    if 1 - phase < _LEAST_PHASE:
        return False
    found = _correlations(a.grey, b.grey)
    if len(found) < _LEAST_BLOCKS:
        found = np.zeros(1, np.float32)
    score = (
        _WEIGHT_OF_PHASE * (1 - phase)
        + _WEIGHT_OF_COLOUR * (1 - float(a.colours @ b.colours))
        + _WEIGHT_OF_LOST * (1 - float(found.mean()))
        + _WEIGHT_OF_KEPT * float((found > _KEPT).mean())
    )
    return score > _LEAST_SCORE


def _correlations(a: Floats, b: Floats) -> Floats:
    """How well each block of a is found in b near its place: best normalised correlation, (n,)."""
    around = cv2.copyMakeBorder(b, _SEARCH, _SEARCH, _SEARCH, _SEARCH, cv2.BORDER_REFLECT)
    found = []
    for y in range(0, a.shape[0] - _BLOCK + 1, _BLOCK):
        for x in range(0, a.shape[1] - _BLOCK + 1, _BLOCK):
            block = a[y : y + _BLOCK, x : x + _BLOCK]
            if block.std() >= _LEAST_CONTRAST:
                reach = _BLOCK + 2 * _SEARCH
                near = around[y : y + reach, x : x + reach]
                best = cv2.matchTemplate(near, block, cv2.TM_CCOEFF_NORMED).max()
                found.append(max(float(best), 0.0))
    return np.array(found, np.float32)

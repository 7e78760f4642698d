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
# Blocks are looked for so far away, px of the small picture: what moves or is panned past is found.
_SEARCH: Final = 4
# A block with less contrast than this is too flat to be found again.
_LEAST_CONTRAST: Final = 6.0
_LEAST_FRAME_CONTRAST: Final = 20.0
_LEAST_BLOCKS: Final = 4

# All are exceeded by 119 of 120 made cuts to another scene, and by none of 29,680 other pairs of
# frames of made clips at 30, 15 and 8 frames a second: still, pans, flashes, a moving lamp, lights
# that are switched, somebody who fills half the picture on the way past (benchmarks/tracking.py).
_LEAST_PHASE: Final = 0.55
_LEAST_COLOUR: Final = 0.12
_LEAST_LOST: Final = 0.42

_DISSOLVE_S: Final = 0.6
# px of the small picture; a camera that moves further shows other things without any cut.
_MOST_MOVED: Final = 3.0


class CutDetector:
    """Tells which frames begin another shot.

    A cut is where nothing goes on: neither the picture as a whole (phase correlation), nor its
    colours, nor its parts, each of which is looked for near its place. Frames without contrast, as
    between fading out and fading in, are passed over: what follows is compared with what was
    before.

    A dissolve is where the same holds for two frames half a second apart, although the camera stands
    still: what was panned past is no cut. It is told once the new shot prevails.

    A cut to the same room in the same framing is not seen here: there people are told apart by their
    appearance (`ferapp.temporal.appearance`).

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
            is_cut = _is_cut(self._recent[-1], new, phase) or self._is_dissolved(new)
        if is_cut:
            self._recent.clear()
        self._recent.append(new)
        # The oldest is as old as a dissolve is long.
        while len(self._recent) > 1 and self._recent[1].at_s <= at_s - _DISSOLVE_S:
            self._recent.popleft()
        return is_cut

    def _is_dissolved(self, new: "_Small") -> bool:
        first = self._recent[0]
        return (
            len(self._recent) > 2
            and float(np.abs(new.moved - first.moved).max()) <= _MOST_MOVED
            and _is_cut(first, new, _phase(first, new)[1])
        )


class _Small:
    """A frame in few pixels."""

    def __init__(self, image_rgb: Image, at_s: float) -> None:
        self.at_s = at_s
        self.moved = np.zeros(2)
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


def _is_cut(a: _Small, b: _Small, phase: float) -> bool:
    """Cheapest first; most pairs of frames end at the first."""
    return (
        1 - phase > _LEAST_PHASE
        and 1 - float(a.colours @ b.colours) > _LEAST_COLOUR
        and _lost_share(a.grey, b.grey) > _LEAST_LOST
    )


def _lost_share(a: Floats, b: Floats) -> float:
    """How much of what a shows is not in b, near the same place, in [0, 1].

    The mean over its blocks of one less the best normalised correlation.
    """
    around = cv2.copyMakeBorder(b, _SEARCH, _SEARCH, _SEARCH, _SEARCH, cv2.BORDER_REFLECT)
    lost = []
    for y in range(0, a.shape[0] - _BLOCK + 1, _BLOCK):
        for x in range(0, a.shape[1] - _BLOCK + 1, _BLOCK):
            block = a[y : y + _BLOCK, x : x + _BLOCK]
            if block.std() >= _LEAST_CONTRAST:
                reach = _BLOCK + 2 * _SEARCH
                near = around[y : y + reach, x : x + reach]
                best = cv2.matchTemplate(near, block, cv2.TM_CCOEFF_NORMED).max()
                lost.append(1 - max(float(best), 0.0))
    return float(np.mean(lost)) if len(lost) >= _LEAST_BLOCKS else 1.0

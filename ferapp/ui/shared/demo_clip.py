"""The demo clip: the sample portraits one after the other, for visitors without a camera."""

from functools import cache
from typing import Final

import numpy as np

from ferapp.media.images import read_image
from ferapp.ui.shared.sources import SAMPLES_FOLDER
from ferapp.vision.crops import Image, region

_DEMO: Final = ("astronaut", "grace-hopper", "mona-lisa")
_DEMO_EACH_S: Final = 8.0
# Longer than a face is remembered, so that the next person gets a new number.
_DEMO_PAUSE_S: Final = 1.3


def demo_frame(at_s: float) -> Image:
    """The portraits one after the other, each swaying, (480, 640, 3); time is the only state."""
    if at_s % _DEMO_EACH_S < _DEMO_PAUSE_S:
        return np.full((480, 640, 3), 96, np.uint8)
    clips = demo_clips()
    portrait = clips[int(at_s / _DEMO_EACH_S) % len(clips)]
    height, width = portrait.shape[:2]
    sway = 0.12 * width * np.sin(at_s * 1.5)
    side = 0.75 * height
    x = width / 2 - side * 2 / 3 + sway
    box = np.array([x, 0, x + side * 4 / 3, side], np.float32)
    return region(portrait, box, (640, 480))


@cache
def demo_clips() -> tuple[Image, ...]:
    """The sample portraits."""
    return tuple(read_image(SAMPLES_FOLDER / f"{name}.jpg") for name in _DEMO)

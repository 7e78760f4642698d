"""Readings of faces, their overlay, and its effect on a frame of noise."""

from dataclasses import replace

import numpy as np

from ferapp.emotions import COLOURS
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.sessions.face_edits import FaceEdits
from ferapp.sessions.session import Readings
from tests.support.sessions import face_readings
from tests.support.videos import (
    noisy_frames,
    solid_image,
)

WH = (320, 240)


LEFT_BOX, RIGHT_BOX = (40, 100, 100, 160), (200, 100, 260, 160)


NOISE = noisy_frames(1, WH)[0]


def track(
    *rows: tuple[float, tuple[int, int, int, int]],
    face: int = 1,
    expression: str | None = "happiness",
    wh: tuple[int, int] = WH,
) -> Readings:
    """Readings of one face from (seconds, box)."""
    readings = face_readings(*[(at_s, expression) for at_s, _ in rows], face=face)
    boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
    return replace(readings, xyxy=boxes, size_wh=np.tile(np.array(wh), (len(rows), 1)))


def still_track(
    box: tuple[int, int, int, int], *, until_s: float = 2.0, face: int = 1, rate: int = 10
) -> Readings:
    times = np.arange(round(until_s * rate) + 1) / rate
    return track(*[(float(at_s), box) for at_s in times], face=face)


def overlay(
    *tracks: Readings,
    shown: frozenset[int] | None = None,
    hides_others: bool = True,
    doubtful: tuple[float, tuple[int, int, int, int]] | None = None,
    every_s: float = 0.1,
    edits: FaceEdits | None = None,
) -> Overlay:
    times = np.array([doubtful[0]] if doubtful else [], np.float64)
    boxes = np.array([doubtful[1]] if doubtful else [], np.float32).reshape(-1, 4)
    shares = boxes / np.tile(np.array(WH, np.float32), 2)
    readings = Readings.join(tracks or [face_readings()])
    return Overlay(
        readings,
        times,
        shares,
        every_s=every_s,
        shown=shown,
        hides_others=hides_others,
        edits=edits,
    )


NOTHING = overlay()


ONLY_OTHERS = frozenset({99})
"""A choice of faces that hides all those of the test."""


def interior(image: np.ndarray, box: tuple[int, int, int, int], margin: int = 12) -> np.ndarray:
    """The inside of a box without its lines."""
    x1, y1, x2, y2 = box
    return image[y1 + margin : y2 - margin, x1 + margin : x2 - margin].astype(int)


def detail(image: np.ndarray, box: tuple[int, int, int, int]) -> float:
    """Mean difference of neighbouring pixels."""
    part = interior(image, box)
    return float(np.abs(np.diff(part, axis=0)).mean() + np.abs(np.diff(part, axis=1)).mean())


def is_hidden(image: np.ndarray, box: tuple[int, int, int, int] = LEFT_BOX) -> bool:
    """Whether the noise in a box is blurred."""
    before, after = detail(NOISE, box), detail(image, box)
    assert before > 15
    assert after < 0.3 * before or after > 0.7 * before, "neither hidden nor shown"
    return after < 0.3 * before


GREY = solid_image(40, WH)


def drawn_extent(image: np.ndarray) -> tuple[int, int, int, int]:
    """The extent of lines and captions on a grey frame."""
    y, x = np.nonzero((image != 40).any(axis=2))
    return int(x.min()), int(y.min()), int(x.max()), int(y.max())


def has_colour(image: np.ndarray, expression: str) -> bool:
    rgb = [int(COLOURS[expression][n : n + 2], 16) for n in (1, 3, 5)]
    return bool((image == rgb).all(axis=2).any())

"""Readings and sessions for tests: many plausible ones, and a few given by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from ferapp.emotions import EXPRESSIONS
from ferapp.sessions.session import Readings, SessionInfo

FRAME_WH = (640, 480)


def assert_same_readings(found: Readings, wanted: Readings) -> None:
    """Every column has the same values, of the same kind."""
    for name, values in vars(wanted).items():
        assert vars(found)[name].dtype == values.dtype, name
        np.testing.assert_array_equal(vars(found)[name], values, err_msg=name)


def face_readings(
    *rows: tuple[float, str | None],
    face: int = 1,
    flaws: dict[int, str] | None = None,
    labels: Sequence[str] = EXPRESSIONS,
) -> Readings:
    """Readings of one face from (seconds, expression); those with a flaw have no probabilities.

    Args:
        rows: The expression has a probability of 0.9, and the others share the rest evenly; with
            None, all have the same.
        face: Number of the face.
        flaws: By the index of the row.
        labels: Names of the expressions.
    """
    flaws = flaws or {}
    n, k = len(rows), len(labels)
    probabilities = np.full((n, k), 1 / k, np.float32)
    for place, (_, expression) in enumerate(rows):
        if place in flaws:
            probabilities[place] = np.nan
        elif expression is not None:
            probabilities[place] = 0.1 / (k - 1)
            probabilities[place, labels.index(expression)] = 0.9
    return Readings(
        at_s=np.array([at_s for at_s, _ in rows], np.float64),
        face=np.full(n, face),
        size_wh=np.tile(np.array(FRAME_WH), (n, 1)),
        xyxy=np.tile(np.array([100, 80, 220, 240], np.float32), (n, 1)),
        score=np.full(n, 0.9, np.float32),
        probabilities=probabilities,
        smoothed=probabilities.copy(),
        expression=object_array(expression for _, expression in rows),
        flaw=object_array(flaws.get(place) for place in range(n)),
        is_corrected=np.zeros(n, np.bool_),
    )


def some_readings(
    count: int,
    *,
    faces: int = 1,
    rate: float = 15.0,
    labels: Sequence[str] = EXPRESSIONS,
    seed: int = 0,
) -> Readings:
    """A random walk of `count` frames in which each face is read, by time and then by face."""
    rng = np.random.default_rng(seed)
    n, k = count * faces, len(labels)
    steps = rng.normal(0, 0.25, (count, faces, k))
    logits = np.zeros((faces, k))
    walk = np.empty((count, faces, k))
    for frame in range(count):
        # Pulled back to the middle, or one expression would win forever.
        logits = 0.98 * logits + steps[frame]
        walk[frame] = logits
    shares = np.exp(2 * walk)
    smoothed = (shares / shares.sum(axis=2, keepdims=True)).reshape(n, k).astype(np.float32)
    noisy = smoothed * rng.uniform(0.8, 1.2, (n, k))
    probabilities = (noisy / noisy.sum(axis=1, keepdims=True)).astype(np.float32)
    sides = rng.uniform(80, 120, n)
    left = 20 + np.tile(np.arange(faces), count) % 4 * 150 + rng.uniform(0, 10, n)
    top = rng.uniform(100, 200, n)
    return Readings(
        at_s=np.repeat(np.arange(count) / rate, faces),
        face=np.tile(np.arange(1, faces + 1), count),
        size_wh=np.tile(np.array(FRAME_WH), (n, 1)),
        xyxy=np.stack([left, top, left + sides, top + sides], axis=1).astype(np.float32),
        score=rng.uniform(0.7, 1, n).astype(np.float32),
        probabilities=probabilities,
        smoothed=smoothed,
        expression=object_array(
            labels[row.argmax()] if row.max() >= 0.5 else None for row in smoothed
        ),
        flaw=np.full(n, None, object),
        is_corrected=np.zeros(n, np.bool_),
        duration_s=np.full(n, 1 / rate),
    )


def gappy_readings(count: int = 40) -> Readings:
    """Two faces; some rows have no probabilities, no label, or a flaw with separators in it."""
    readings = some_readings(count, faces=2)
    readings.probabilities[3::7] = readings.smoothed[3::7] = np.nan
    readings.expression[3::7] = None
    readings.flaw[3::7] = "too; dark, and blurred"
    readings.is_corrected[::3] = True
    readings.xyxy[::4] *= np.float32(-1 / 3e7)  # written with an exponent
    return readings


def with_baseline(readings: Readings, *, from_s: float, until_s: float = np.inf) -> Readings:
    """The readings, as if a neutral baseline counted from one time until another."""
    is_corrected = (readings.at_s >= from_s - 1e-9) & (readings.at_s < until_s - 1e-9)
    return replace(readings, is_corrected=is_corrected)


def some_recording(**changes: object) -> SessionInfo:
    """A session, with changes."""
    defaults: dict[str, object] = {
        "id": "5f2c9d1e",
        "title": "A talk",
        "source": "live",
        "started": datetime(2025, 3, 1, 12, 30, tzinfo=UTC),
        "labels": EXPRESSIONS,
        "unsure_below": 0.5,
        "settings": {"smoothing_s": 0.5},
        "models": {"classifier": {"name": "a", "sha256": "0" * 64}},
        "version": "0.0.0",
        "consent": "Everyone in the picture agrees. (1)",
    }
    return SessionInfo(**(defaults | changes))


def object_array(values: object) -> np.ndarray:
    items = list(values)
    column = np.empty(len(items), object)
    column[:] = items
    return column

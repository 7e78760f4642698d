"""Makes ``ferapp/samples/example-session.parquet``: the sample portraits as a short film, analysed.

``python -m tests.support.example_session`` writes it anew.
"""

import time
from dataclasses import replace
from typing import Final

import numpy as np

from ferapp.media.images import read_image
from ferapp.pipeline.build import load_analyzer
from ferapp.pipeline.record import new_recording, readings_of_frame
from ferapp.pipeline.stream import Stream
from ferapp.sessions.formats.exchange import to_parquet
from ferapp.sessions.lengths import of_session
from ferapp.sessions.session import Marker, Readings, SessionInfo
from ferapp.settings import StreamSettings
from ferapp.vision.crops import Image, region
from tests.support.places import SAMPLES

FILE: Final = SAMPLES / "example-session.parquet"
FRAMES_PER_SECOND: Final = 5
SECONDS: Final = 60
# Which portrait is in view from when to when, and at which of three places.
CAST: Final = (
    ("astronaut", 0, 0.0, 26.0),
    ("grace-hopper", 1, 8.0, 40.0),
    ("mona-lisa", 2, 18.0, 52.0),
    ("grace-hopper", 0, 30.0, 60.0),
    ("astronaut", 1, 44.0, 60.0),
)
NAMES: Final = {1: "Astronaut", 2: "Officer", 3: "Painting"}
EVENTS: Final = (
    *(Marker(from_s, "someone joins") for _, _, from_s, _ in CAST[1:]),
    Marker(18.0, "three in view", 26.0),
    Marker(44.0, "three in view", 52.0),
)
# The detector takes a fold of a curtain for a face now and then.
LEAST_S: Final = 10.0


def example(seconds: float = SECONDS) -> tuple[SessionInfo, Readings]:
    """The session, or its first seconds."""
    analyzer, settings = load_analyzer(), StreamSettings(detect_every=1)
    stream = Stream(analyzer, time.perf_counter)
    portraits = {name: read_image(SAMPLES / f"{name}.jpg") for name, *_ in CAST}
    rng = np.random.default_rng(0)
    frames = [
        stream.process(_frame(portraits, at_s, rng), at_s, settings)
        for at_s in np.arange(0, seconds, 1 / FRAMES_PER_SECOND).tolist()
    ]
    recording = new_recording(
        "Example: three sample portraits",
        "video",
        labels=analyzer.labels,
        unsure_below=settings.analysis.threshold(analyzer.unsure_below),
        settings=settings,
        detector=analyzer.detector_name,
        classifier=analyzer.classifier_name,
        consent="Works in the public domain; see samples/README.md.",
        duration_s=float(seconds),
    )
    recording = replace(
        recording, names=NAMES, markers=tuple(sorted(EVENTS, key=lambda event: event.at_s))
    )
    whole = of_session(recording, Readings.join([readings_of_frame(frame) for frame in frames]))
    kept = [face for face in whole.faces if whole.of(face).duration_s.sum() >= LEAST_S]
    whole = whole.at(np.isin(whole.face, kept))
    # Numbered anew, in the order in which they came.
    return recording, replace(whole, face=np.searchsorted(kept, whole.face) + 1)


def _frame(portraits: dict[str, Image], at_s: float, rng: np.random.Generator) -> Image:
    """The portraits that are in view, each swaying and coming nearer, (360, 810, 3)."""
    frame = np.full((360, 810, 3), 96, np.uint8)
    for name, place, from_s, to_s in CAST:
        if not from_s <= at_s < to_s:
            continue
        portrait = portraits[name]
        height, width = portrait.shape[:2]
        side = height * (0.78 + 0.12 * np.sin(at_s / 5 + place))
        left = width / 2 - side * 0.375 + 0.04 * width * np.sin(at_s * 1.3 + place)
        box = np.array([left, 0, left + side * 0.75, side], np.float32)
        light = 0.85 + 0.15 * np.sin(at_s / 3 + 2 * place)
        shown = region(portrait, box, (270, 360))
        shown = shown * light + rng.normal(0, 2, shown.shape)
        frame[:, place * 270 : (place + 1) * 270] = np.clip(shown, 0, 255).astype(np.uint8)
    return frame


if __name__ == "__main__":
    FILE.write_bytes(to_parquet(*example()))

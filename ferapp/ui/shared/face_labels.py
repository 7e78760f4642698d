"""Boxes and labels on the frames of a stream."""

import numpy as np

from ferapp.emotions import COLOURS, OTHER_COLOUR
from ferapp.pipeline.stream import FaceReading, StreamFrame
from ferapp.vision.annotate import UNSURE_COLOUR, annotated, percent
from ferapp.vision.crops import Image


def drawn(image: Image, result: StreamFrame) -> Image:
    """A copy of the frame with the boxes and labels that were read from it."""
    faces = result.faces
    xyxy = np.array([face.xyxy for face in faces], np.float32).reshape(-1, 4)
    return annotated(
        image, xyxy, [caption(face) for face in faces], [_colour(face) for face in faces]
    )


def caption(face: FaceReading) -> str:
    """What is written on a face: its number, and its expression or why it has none."""
    if face.baseline_progress is not None:
        return f"{face.id} look neutral {percent(face.baseline_progress)}"
    if face.flaw is not None:
        return f"{face.id} {face.flaw}"
    if face.expression is None or face.smoothed is None:
        return f"{face.id} unsure"
    return f"{face.id} {face.expression}"


def _colour(face: FaceReading) -> str:
    if face.flaw is not None or face.expression is None:
        return UNSURE_COLOUR
    return COLOURS.get(face.expression, OTHER_COLOUR)

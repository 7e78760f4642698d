"""Boxes and labels on the frames of a stream."""

from math import ceil

import numpy as np

from ferapp.labels import label_colour, label_text
from ferapp.pipeline.people import FaceReading
from ferapp.pipeline.stream import StreamFrame
from ferapp.vision.annotate import annotate, percent
from ferapp.vision.crops import Image


def draw_labels(image: Image, result: StreamFrame) -> Image:
    """A copy of the frame with the boxes and labels of its faces."""
    faces, status = result.faces, result.baseline
    countdown = ceil(status.left_s) if status and status.phase == "countdown" else None
    xyxy = np.array([face.xyxy for face in faces], np.float32).reshape(-1, 4)
    colours = [label_colour(face.expression, face.flaw, labels=result.labels) for face in faces]
    captions = [caption(face, countdown=countdown) for face in faces]
    return annotate(image, xyxy, captions, colours)


def caption(face: FaceReading, *, countdown: int | None = None) -> str:
    """The caption of a face: its number, and its expression or why it has none.

    Args:
        face: The face.
        countdown: Seconds until a neutral baseline is taken; None if none will be.
    """
    if countdown is not None:
        return f"{face.id} look neutral in {countdown or 1}"
    if face.baseline_progress is not None:
        return f"{face.id} hold still {percent(face.baseline_progress)}"
    return f"{face.id} {label_text(face.expression, face.flaw)}"

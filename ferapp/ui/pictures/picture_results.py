"""The results of a visitor's pictures, and where the visitor hid faces in them.

Both are in the visitor's session, which no other visitor sees, and go with their picture.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.types import FrameAnalysis
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.sources import Source
from ferapp.vision.boxes import iou

Floats = NDArray[np.float32]

SAME_PLACE_IOU: Final = 0.3
"""A hidden place and a face that overlap by more than this are the same."""


@dataclass(frozen=True)
class PictureResult:
    """The result for one picture.

    Attributes:
        id: Different for each analysis.
        picture: The picture.
        analysis: Its faces; None if the picture could not be read.
        reason: Why it could not be read; else empty.
        duration_s: How long reading and analysing took.
        thumbnail: A small copy as a JPEG file; None if the picture could not be read.
    """

    id: str
    picture: Source
    analysis: FrameAnalysis | None
    reason: str
    duration_s: float
    thumbnail: bytes | None = None

    def with_threshold(self, unsure_below: float | None) -> "PictureResult":
        """The same with another threshold for "unsure"; None keeps the one it has."""
        if self.analysis is None or unsure_below is None:
            return self
        return replace(self, analysis=replace(self.analysis, unsure_below=unsure_below))


def hidden_boxes(picture_id: str) -> Floats:
    """Where the visitor hid faces in a picture, (n, 4), px."""
    boxes = (session_keys.HIDDEN_BOXES.get() or {}).get(picture_id)
    return np.empty((0, 4), np.float32) if boxes is None else boxes


def hide(picture_id: str, xyxy: Floats) -> None:
    """Remember where faces are hidden: places, because another detector finds other faces."""
    session_keys.HIDDEN_BOXES.setdefault({})[picture_id] = xyxy


def hidden_faces(analysis: FrameAnalysis, places: Floats) -> set[int]:
    """Which faces are at hidden places, (n, 4), px."""
    overlap = iou(analysis.faces.xyxy, places)
    return {i for i in range(len(analysis)) if overlap[i].max(initial=0) > SAME_PLACE_IOU}


def places_to_hide(analysis: FrameAnalysis, places: Floats, faces: Collection[int]) -> Floats:
    """The boxes of the faces, and the hidden places at which no face was found, (m, 4), px.

    Args:
        analysis: Of the picture.
        places: Hidden before, (n, 4), px.
        faces: To be hidden from now on.
    """
    overlap = iou(analysis.faces.xyxy, places)
    elsewhere = places[overlap.max(axis=0, initial=0) <= SAME_PLACE_IOU]
    return np.concatenate([elsewhere, analysis.faces.xyxy[sorted(faces)]])


def forget_all_but(ids: Collection[str]) -> None:
    """Drop what is kept of pictures that are no longer there."""
    for key in (
        session_keys.SHOWN_PICTURE,
        session_keys.SHOWN_CROPS,
        session_keys.COMPARISON,
    ):
        kept = key.get()
        if kept is not None and kept[0][0] not in ids:
            key.clear()
    hidden = session_keys.HIDDEN_BOXES.get() or {}
    session_keys.HIDDEN_BOXES.set({id: boxes for id, boxes in hidden.items() if id in ids})

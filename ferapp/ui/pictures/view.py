"""What the page shows of one picture: the picture, and the faces on the cards.

Both are made together, so that a picture is decoded once for a view. Pixels are held only during a
turn: as many decoded pictures are in memory as there are turns, whoever looks at the page.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.media.images import jpeg_bytes, read_image
from ferapp.types import FrameAnalysis
from ferapp.ui.pictures.picture_results import Floats, PictureResult, hidden_faces
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.resources import turns
from ferapp.vision.annotate import annotate, captions, colours, hide_faces, mark_landmarks
from ferapp.vision.boxes import squares
from ferapp.vision.crops import Image, fit_within, region

CARD_PX: Final = 112
"""Side of the crops for the cards."""

_SHOWN_PX: Final = 1600


@dataclass(frozen=True)
class View:
    """What the page shows of one picture.

    Attributes:
        jpeg: The picture as a file, without boxes, which the page draws itself.
        crops: The faces as squares, (n, CARD_PX, CARD_PX, 3).
    """

    jpeg: bytes
    crops: NDArray[np.uint8]


def view_of(result: PictureResult, places: Floats) -> View:
    """The view of a picture that could be read, made once per result and choice.

    Args:
        result: Of the picture.
        places: Where it is blurred, (m, 4), px.
    """
    if _stored_view(result, places) is None:
        with turns().hold_turn():
            make_view(result, places, read_image(result.picture.read()))
    view = _stored_view(result, places)
    assert view is not None
    return view


def make_view(result: PictureResult, places: Floats, image: Image) -> None:
    """Make what is missing of a view and keep it in place of the last; only during a turn.

    Args:
        result: Of the picture.
        places: Where it is blurred, (m, 4), px.
        image: The picture itself, (h, w, 3).
    """
    picture, faces = _sources(result, places)
    kept = session_keys.SHOWN_PICTURE.get()
    if kept is None or kept[0] != picture:
        jpeg = jpeg_bytes(fit_within(hide_faces(image, places), _SHOWN_PX))
        session_keys.SHOWN_PICTURE.set((picture, jpeg))
    kept_crops = session_keys.SHOWN_CROPS.get()
    if kept_crops is None or kept_crops[0] != faces:
        session_keys.SHOWN_CROPS.set((faces, _crops(image, result.analysis)))


def _stored_view(result: PictureResult, places: Floats) -> View | None:
    """The view as it was made before; None if something of it is missing."""
    sources = _sources(result, places)
    picture, crops = session_keys.SHOWN_PICTURE.get(), session_keys.SHOWN_CROPS.get()
    if picture is None or crops is None or (picture[0], crops[0]) != sources:
        return None
    return View(picture[1], crops[1])


def _sources(result: PictureResult, places: Floats) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What the picture and the crops are made from, as keys."""
    return (result.picture.id, places.tobytes()), (result.picture.id, result.id)


def draw(result: PictureResult, image: Image, places: Floats) -> Image:
    """The picture, (h, w, 3), with boxes and captions, and blurred at the places, (m, 4) px."""
    analysis, image = result.analysis, hide_faces(image, places)
    if analysis is None or not len(analysis):
        return image
    blurred = hidden_faces(analysis, places)
    shown = [i for i in range(len(analysis)) if i not in blurred]
    if analysis.landmarks is not None:
        image = mark_landmarks(image, analysis.landmarks[shown])
    texts, inks = captions(analysis), colours(analysis)
    xyxy = analysis.faces.xyxy[shown]
    return annotate(image, xyxy, [texts[i] for i in shown], [inks[i] for i in shown])


def _crops(image: Image, analysis: FrameAnalysis | None) -> NDArray[np.uint8]:
    xyxy = analysis.faces.xyxy if analysis else np.empty((0, 4), np.float32)
    boxes = squares(xyxy, padding=0.15)
    crops = np.empty((len(boxes), CARD_PX, CARD_PX, 3), np.uint8)
    for crop, square in zip(crops, boxes, strict=True):
        crop[:] = region(image, square, (CARD_PX, CARD_PX))
    return crops

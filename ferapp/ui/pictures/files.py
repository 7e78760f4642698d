"""What is made of a visitor's pictures: the annotated one, the crops, and the files to take away.

Files are made when they are asked for, on a thread that knows no session: what is hidden has to be
given to it beforehand.
"""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.media.images import jpeg_bytes, png_bytes, read_image
from ferapp.types import FrameAnalysis
from ferapp.ui.pictures.picture_results import PictureResult, hidden_boxes, remembered
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.resources import turns
from ferapp.vision.annotate import annotated, captions, colours, hidden
from ferapp.vision.boxes import iou, squares
from ferapp.vision.crops import Image, fitted, region

Floats = NDArray[np.float32]

SAME_PLACE_IOU: Final = 0.3
"""A hidden place and a face that overlap by more than this are the same."""

CARD_PX: Final = 160
"""Side of the crops for the cards."""

_SHOWN_PX: Final = 1600


def json_bytes(outcomes: Sequence[PictureResult]) -> bytes:
    """Everything that was found, one object a picture."""
    rows = [
        {"picture": number, "file": o.picture.name}
        | (o.analysis.to_record() if o.analysis is not None else {"error": o.reason})
        for number, o in enumerate(outcomes, 1)
    ]
    return json.dumps(rows, ensure_ascii=False, indent=2, allow_nan=False).encode("utf-8")


def png_of(outcome: PictureResult, places: Floats) -> Callable[[], bytes]:
    """Makes the annotated picture at full size, blurred at the places, (m, 4) px."""

    def make() -> bytes:
        with turns().taken():
            return png_bytes(_drawn(outcome, places))

    return make


def zip_of(outcomes: Sequence[tuple[PictureResult, Floats]]) -> Callable[[], bytes]:
    """Makes all annotated pictures, each blurred at its places, (m, 4) px."""

    def make() -> bytes:
        out = io.BytesIO()
        # JPEG is compressed already, and about as large as what was uploaded.
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for number, (outcome, places) in enumerate(outcomes, 1):
                if outcome.analysis is not None:
                    with turns().taken():
                        data = jpeg_bytes(_drawn(outcome, places))
                    archive.writestr(f"ferapp-{number:03d}.jpg", data)
        return out.getvalue()

    return make


def picture_bytes(outcome: PictureResult, analysis: FrameAnalysis | None = None) -> bytes:
    """The annotated picture as the page shows it, made once per result and choice."""
    threshold = analysis.unsure_below if analysis else None
    places = hidden_boxes(outcome.picture.id)
    return remembered(
        session_keys.SHOWN_PICTURE,
        outcome,
        (threshold, places.tobytes()),
        lambda: jpeg_bytes(fitted(_drawn(outcome, places), _SHOWN_PX)),
    )


def _drawn(outcome: PictureResult, places: Floats) -> Image:
    """The picture, (h, w, 3), with boxes and captions, and blurred at the places, (m, 4) px."""
    image, analysis = read_image(outcome.picture.read()), outcome.analysis
    image = hidden(image, places)
    if analysis is None or not len(analysis):
        return image
    overlap = iou(analysis.faces.xyxy, places)
    seen = [i for i in range(len(analysis)) if overlap[i].max(initial=0) <= SAME_PLACE_IOU]
    texts, inks = captions(analysis), colours(analysis)
    xyxy = analysis.faces.xyxy[seen]
    return annotated(image, xyxy, [texts[i] for i in seen], [inks[i] for i in seen])


def crops(outcome: PictureResult, analysis: FrameAnalysis) -> NDArray[np.uint8]:
    """The faces as squares for the cards, (n, side, side, 3), made once per picture and result."""
    shape = (len(analysis), CARD_PX, CARD_PX, 3)

    def make() -> bytes:
        image = read_image(outcome.picture.read())
        faces = [
            region(image, square, (CARD_PX, CARD_PX))
            for square in squares(analysis.faces.xyxy, padding=0.15)
        ]
        return np.stack(faces).tobytes()

    kept = remembered(session_keys.SHOWN_CROPS, outcome, None, make)
    return np.frombuffer(kept, np.uint8).reshape(shape).copy()
